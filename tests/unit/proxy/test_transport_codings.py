"""Codings as an upstream sends them: undone to the last octet, or the answer is broken (RFC 9110 §8.4.1)."""

import gzip
import zlib

import pytest

from proxy.upstream.messages import TransportError
from tests.calling import body_of, line
from tests.raw_origin import raw_origin

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
TEXT = bytes(range(256)) * 40
BROKEN = ("broken-answer", True)
READS = pytest.mark.parametrize("read", [1_000_000, 0, -1])


def raw_deflate(data):
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKED = {
    "gzip": gzip.compress(TEXT, mtime=0),
    "x-gzip": gzip.compress(TEXT, mtime=0),
    " GZip ": gzip.compress(TEXT, mtime=0),
    "deflate": zlib.compress(TEXT),
    "Deflate": raw_deflate(TEXT),
}
CODINGS = pytest.mark.parametrize("coding", PACKED)


def said(coding, body, status=b"200 OK"):
    return b"HTTP/1.1 %s\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (
        status,
        coding.encode(),
        len(body),
    ), body


async def outcome(script, read):
    """The body, or None where it is broken; the next request over the same line is well."""
    async with raw_origin(script, OK) as there, line(there.url) as call:
        try:
            body = await body_of(await call(read=read, decode=True))
        except TransportError as error:
            body = None if (error.kind, error.sent) == BROKEN else error
        assert (await call()).body == b"ok"
        return body


@CODINGS
@READS
async def test_a_coding_is_undone_however_it_is_spelt(coding, read):
    assert await outcome(said(coding, PACKED[coding]), read) == TEXT


@CODINGS
@READS
async def test_a_coding_is_undone_however_it_is_cut_into_segments(coding, read):
    head, body = said(coding, PACKED[coding])
    assert await outcome((head, *(body[at : at + 7] for at in range(0, len(body), 7))), read) == TEXT


@CODINGS
@pytest.mark.parametrize("kept", [1, 5, 11, -9, -8, -4, -1])
async def test_a_coding_that_lacks_its_end_is_broken_though_it_is_well_framed(coding, kept):
    for read in (1_000_000, -1):
        assert await outcome(said(coding, PACKED[coding][:kept]), read) is None


async def test_a_coding_that_lacks_its_end_is_broken_where_it_came_with_its_head():
    async with raw_origin(b"".join(said("gzip", PACKED["gzip"][:-1]))) as there, line(there.url) as call:
        for read in (1_000_000, 0):
            assert await call.failure(read=read, decode=True) == BROKEN


@READS
async def test_several_members_are_one_body(read):
    assert await outcome(said("gzip", PACKED["gzip"] * 3), read) == TEXT * 3


@pytest.mark.parametrize("members", [1_000, 1_001])
async def test_so_many_members_and_no_more(members):
    body = await outcome(said("gzip", gzip.compress(b"", mtime=0) * members), 1_000_000)

    assert body == (b"" if members == 1_000 else None)


@CODINGS
@pytest.mark.parametrize("rest", [b"x", b"\0" * 20, b"\x1f\x8b"])
async def test_what_stands_behind_the_end_of_a_coding_breaks_it(coding, rest):
    assert await outcome(said(coding, PACKED[coding] + rest), 1_000_000) is None


@CODINGS
@READS
async def test_nothing_at_all_is_an_empty_body_in_any_coding(coding, read):
    assert await outcome(said(coding, b""), read) == b""


@pytest.mark.parametrize("coding", ["br", "zstd", "aes128gcm", "gzip, gzip", "identity", ""])
async def test_what_cannot_be_undone_stays_as_it_is_and_says_so(coding):
    async with raw_origin(said(coding, b"abc")) as there, line(there.url) as call:
        reply = await call(decode=True)

        assert (reply.headers["content-encoding"], await body_of(reply)) == (coding, b"abc")


async def test_a_part_of_what_is_coded_stays_coded():
    part = PACKED["gzip"][5:20]
    async with raw_origin(said("gzip", part, b"206 Partial Content")) as there, line(there.url) as call:
        reply = await call(decode=True)

        assert (reply.headers["content-encoding"], await body_of(reply)) == ("gzip", part)


@pytest.mark.parametrize("size", [65_535, 65_536, 65_537, 65_536 + 200, 65_536 * 3, 65_536 * 3 + 258])
async def test_whatever_fills_its_pieces_exactly_comes_whole(size):
    assert await outcome(said("gzip", gzip.compress(bytes(size))), -1) == bytes(size)
    assert await outcome(said("gzip", gzip.compress(bytes(size)) * 2), -1) == bytes(2 * size)
    assert await outcome(said("deflate", raw_deflate(b"x" * size)), -1) == b"x" * size
