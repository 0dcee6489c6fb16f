"""A stand-in for Smarty that says in the headers of its answers what a test wants."""

import asyncio

from aiohttp import web

ROW = {"delivery_line_1": "12 Example Pl", "components": {}, "analysis": {"dpv_match_code": "Y"}}


class Marked:
    """A Smarty whose answers come slowly and say something in their headers."""

    def __init__(self, fields, status=200):
        self.fields = fields
        self.status = status
        self.asked = []

    async def answer(self, request):
        things = await request.json() if request.method == "POST" else [dict(request.query)]
        self.asked.append((request.method, [thing["street"] for thing in things]))
        await asyncio.sleep(0.2)
        rows = [{"input_index": at, "candidate_index": 0, **ROW} for at in range(len(things))]
        return web.json_response(rows, headers=self.fields, status=self.status)
