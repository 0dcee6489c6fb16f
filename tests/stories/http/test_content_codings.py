"""Content codings are left alone, unless the caller cannot take the one a stored answer lies in."""

import gzip
import zlib

import pytest
from aiohttp import web

from tests.origin import origin

CODED = gzip.compress(b"hello " * 100, mtime=0)


def coded(coding="gzip", body=CODED, **fields):
    headers = {"Content-Encoding": coding, "Cache-Control": "max-age=60", "ETag": '"1"'}
    headers |= {name.replace("_", "-"): value for name, value in fields.items()}
    return lambda _seen: web.Response(body=body, headers=headers)


def mirror(url):
    return {"upstreams": {"mirror": {"adapter": "http", "base_url": url}}}


async def raw(house, accept_encoding=None, **fields):
    """An answer as it was sent."""
    headers = {} if accept_encoding is None else {"Accept-Encoding": accept_encoding}
    async with house.session.get(
        f"{house.url}/mirror/x",
        headers={**headers, **fields},
        skip_auto_headers=("Accept-Encoding",),
        auto_decompress=False,
    ) as response:
        return response.status, response.headers, await response.read()


@pytest.mark.parametrize("accept_encoding", [None, "gzip", "gzip;q=0.1, br", "*"])
async def test_who_can_take_it_gets_it_as_it_came(larder, accept_encoding):
    async with origin(coded()) as there, larder(**mirror(there.url)) as house:
        await raw(house, accept_encoding)
        _, headers, body = await raw(house, accept_encoding)

        assert "larder; hit" in headers["Cache-Status"]
        assert headers["Content-Encoding"] == "gzip"
        assert headers["ETag"] == '"1"'
        assert body == CODED


@pytest.mark.parametrize("accept_encoding", ["identity", "", "br", "gzip;q=0"])
async def test_who_cannot_gets_the_content_itself(larder, accept_encoding):
    async with origin(coded()) as there, larder(**mirror(there.url)) as house:
        await raw(house, "gzip")
        for _ in range(3):  # by the long way, and again as by the express lane
            status, headers, body = await raw(house, accept_encoding)

            assert (status, body) == (200, b"hello " * 100)
            assert "larder; hit" in headers["Cache-Status"]
            assert "Content-Encoding" not in headers
            assert headers["Content-Length"] == "600"
            assert headers["ETag"] == 'W/"1"'
            assert "Accept-Encoding" in headers["Vary"]
        assert (await raw(house, "gzip"))[2] == CODED
        assert len(there.seen) == 1


async def test_it_is_known_again_by_its_weak_tag(larder):
    async with origin(coded()) as there, larder(**mirror(there.url)) as house:
        await raw(house, "gzip")
        status, _, body = await raw(house, "identity", **{"If-None-Match": 'W/"1"'})

        assert (status, body) == (304, b"")
        assert len(there.seen) == 1


@pytest.mark.parametrize(
    "answer",
    [
        coded(Cache_Control="max-age=60, no-transform"),
        coded(coding="br"),
        coded(coding="gzip, gzip"),
        coded(body=CODED[:-3]),
        coded(body=b"no gzip"),
    ],
    ids=["no-transform", "a coding that Larder cannot undo", "coded twice", "cut off", "not what it says"],
)
async def test_what_may_not_or_cannot_be_undone_stays_as_it_came(larder, answer):
    async with origin(answer) as there, larder(**mirror(there.url)) as house:
        first = await raw(house, "gzip")
        second = await raw(house, "identity")

        assert second[1]["Content-Encoding"] == first[1]["Content-Encoding"]
        assert second[2] == first[2]
        assert len(there.seen) == 1


async def test_deflate_can_be_undone_too(larder):
    async with origin(coded(coding="deflate", body=zlib.compress(b"hello"))) as there:
        async with larder(**mirror(there.url)) as house:
            await raw(house, "deflate")

            assert (await raw(house, "identity"))[2] == b"hello"
