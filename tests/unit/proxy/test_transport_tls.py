"""Transport over TLS: nobody is believed without a certificate, and no end without a closure alert (RFC 9112 §9.8)."""

import asyncio
import os
import socket
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.calling import body_of, line
from tests.raw_origin import turns


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A file with a certificate for this machine, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "an invented origin")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    today = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(today - timedelta(1)).not_valid_after(today + timedelta(1))
    made = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    file = tmp_path_factory.mktemp("tls") / "origin.pem"
    plain = serialization.NoEncryption(), serialization.PrivateFormat.PKCS8, serialization.Encoding.PEM
    file.write_bytes(made.public_bytes(plain[2]) + key.private_bytes(plain[2], plain[1], plain[0]))
    return file


@pytest.fixture
def trusted(certificate, monkeypatch):
    """Lets clients believe the certificate."""
    context = ssl.create_default_context(cafile=certificate)
    monkeypatch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", context)


class Origin:
    """Says one thing to every request, and ends each connection with a closure alert or by cutting it."""

    def __init__(self, said, end):
        self.said, self.end, self.tasks = said, end, []

    async def talk(self, reader, writer):
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(self.said)
                await turns(20)
                if self.end == "cut":
                    with socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno())) as below:
                        below.shutdown(socket.SHUT_WR)
                elif self.end == "closed":
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()
            await turns(20)

    async def ask(self, certificate, count=1, **options):
        """What `count` calls gave."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        connected = lambda *streams: self.tasks.append(asyncio.ensure_future(self.talk(*streams)))  # noqa: E731
        server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
        async with server, line(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}") as call:
            bodies = [await body_of(await call(**options)) for _ in range(count)]
        await asyncio.gather(*self.tasks)
        return bodies


async def test_a_certificate_that_nobody_vouches_for_is_unreachable(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0, ssl=context)
    async with server, line(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}") as call:
        assert await call.failure() == ("unreachable", False)
        await turns(20)


async def test_a_connection_is_used_again(certificate, trusted):
    there = Origin(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "kept")

    assert await there.ask(certificate, 3) == [b"ok"] * 3
    assert len(there.tasks) == 1


@pytest.mark.parametrize(("end", "body"), [("closed", b"abc"), ("cut", None)])
@pytest.mark.parametrize("read", [0, -1])
async def test_a_body_that_ends_with_its_connection_is_whole_only_if_goodbye_was_said(
    certificate, trusted, end, body, read
):
    there = Origin(b"HTTP/1.1 200 OK\r\n\r\nabc", end)

    assert await there.ask(certificate, read=read) == [body]
