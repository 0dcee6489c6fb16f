"""Tagging: answers that say by a strong ETag what they say, whatever their age; and who has one already is told so."""

from hashlib import blake2b

from policies.http.conditions import is_not_modified
from policies.http.fields import Fields
from proxy.answers import Answer
from proxy.keys import joined
from proxy.typed.visitors import Visitor

_FIELDS = (("Cache-Control", "private, no-cache"), ("Vary", "Authorization"))


def tagged(visitor: Visitor, answer: Answer, *data: bytes) -> Answer:
    """The answer with a tag of its data; or that the caller has it already (RFC 9110 §13.1.2)."""
    digest = blake2b(digest_size=16)
    for part in data:
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    fields: Fields = (("ETag", f'"{digest.hexdigest()}"'), *_FIELDS)
    has = joined(visitor.headers, "if-none-match")
    if has is not None and is_not_modified({"if-none-match": has}, {"etag": fields[0][1]}, stored_date=0, now=0):
        answer.status, answer.fields, answer.body = 304, fields, b""
    else:
        answer.fields = (("Content-Type", "application/json"), *fields)
    return answer
