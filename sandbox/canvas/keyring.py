"""The keys that sign Live Events: previous, current and next are published, and the month turns on demand."""

from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

KEY_BITS = 2048


class SigningKey:
    """One RSA key, made when first needed: three of them would make every start slow."""

    def __init__(self, kid: str) -> None:
        self.kid = kid
        self._private: rsa.RSAPrivateKey | None = None

    def _key(self) -> rsa.RSAPrivateKey:
        if self._private is None:
            self._private = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
        return self._private

    def public(self) -> dict[str, Any]:
        numbers = RSAAlgorithm.to_jwk(self._key().public_key(), as_dict=True)
        return {**numbers, "kid": self.kid, "alg": "RS256", "use": "sig"}

    def sign(self, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, self._key(), algorithm="RS256", headers={"kid": self.kid})


class Keyring:
    """Three published keys, in the order previous, current, next (UPSTREAMS.md §3.1), and one never published."""

    def __init__(self) -> None:
        self._made = 0
        self._published = [self._new(), self._new(), self._new()]
        # Bears the current kid, so that only the signature gives it away.
        self._forger: SigningKey | None = None

    def _new(self) -> SigningKey:
        self._made += 1
        return SigningKey(f"sandbox-key-{self._made}")

    @property
    def current(self) -> SigningKey:
        return self._published[1]

    def forger(self) -> SigningKey:
        if self._forger is None or self._forger.kid != self.current.kid:
            self._forger = SigningKey(self.current.kid)
        return self._forger

    def rotate(self) -> None:
        self._published = [*self._published[1:], self._new()]

    def jwks(self) -> dict[str, Any]:
        return {"keys": [key.public() for key in self._published]}
