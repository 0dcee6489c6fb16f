"""Certificates: an authority of a test's own, and what it certifies."""

import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_PEM = serialization.Encoding.PEM


class Authority:
    """One whom clients trust, or do not."""

    def __init__(self, name: str) -> None:
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])

    @cached_property
    def _key(self) -> ec.EllipticCurvePrivateKey:
        return ec.generate_private_key(ec.SECP256R1())

    @cached_property
    def _own(self) -> x509.Certificate:
        builder = self._begun(self._name, self._key.public_key(), 1)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        return builder.sign(self._key, hashes.SHA256())

    def trusting(self) -> ssl.SSLContext:
        """How a client connects that trusts it, and nobody else."""
        return ssl.create_default_context(cadata=self._own.public_bytes(_PEM).decode())

    def certifies(self, address: str, days: int) -> ssl.SSLContext:
        """How the server at this address speaks, for so many days yet; what has expired has fewer than none."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._begun(x509.Name([]), key.public_key(), days)
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
        made = builder.add_extension(names, critical=True).sign(self._key, hashes.SHA256())
        secret = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "server.pem"
            file.write_bytes(made.public_bytes(_PEM) + secret)
            context.load_cert_chain(file)
        return context

    def _begun(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, days: int) -> x509.CertificateBuilder:
        today = datetime.now(UTC)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(key)
        builder = builder.serial_number(x509.random_serial_number())
        return builder.not_valid_before(today - timedelta(9)).not_valid_after(today + timedelta(days))
