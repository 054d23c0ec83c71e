"""An issuer of tokens: keys of its own, an address that shows them, and tokens to order."""

import base64
import hmac
import json
import threading
import time
from functools import cache
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

AUDIENCE = "fixative"
ISSUER = "https://issuer.example"


class Issuer:
    """Tokens are signed with RSA unless told otherwise; `away` makes its address fail."""

    def __init__(self) -> None:
        self.rsa, self.another = _rsa_keys()
        self.ec = ec.generate_private_key(ec.SECP256R1())
        self.ed = ed25519.Ed25519PrivateKey.generate()
        self.shown = [
            _jwk(RSAAlgorithm, self.rsa, kid="rsa", alg="RS256", use="sig"),
            _jwk(ECAlgorithm, self.ec, kid="ec", alg="ES256", use="sig"),
            _jwk(OKPAlgorithm, self.ed, kid="ed"),
            _jwk(RSAAlgorithm, self.rsa, kid="for-encryption", use="enc"),
            {"kty": "oct", "kid": "shared", "k": encoded(b"s" * 32), "alg": "HS256"},
        ]
        self.asked = 0
        self.away = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/jwks"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def token(self, *, key=None, alg="RS256", kid="rsa", headers=None, **claims) -> str:
        """A good token with these claims; one that is None is left out, `exp` is in seconds."""
        claims = {"sub": "gallery", "scope": "read submit", "exp": 60, **claims}
        claims = {"aud": AUDIENCE, "iss": ISSUER, **claims}
        for instant in ("exp", "nbf"):
            if claims.get(instant) is not None:
                claims[instant] += int(time.time())
        payload = {name: value for name, value in claims.items() if value is not None}
        headers = {**({} if kid is None else {"kid": kid}), **(headers or {})}
        signed_with = None if alg == "none" else key or self.rsa
        return jwt.encode(payload, signed_with, algorithm=alg, headers=headers)

    def with_the_public_key_as_secret(self) -> str:
        """What a library that lets the token choose would take."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        public = self.rsa.public_key().public_bytes(serialization.Encoding.PEM, form)
        _, payload, _ = self.token().split(".")
        header = encoded(json.dumps({"alg": "HS256", "kid": "rsa", "typ": "JWT"}).encode())
        signature = hmac.new(public, f"{header}.{payload}".encode(), sha256).digest()
        return f"{header}.{payload}.{encoded(signature)}"

    def token_with_its_own_key(self) -> str:
        """Signed by a stranger, who brings the key to check it with."""
        own = _jwk(RSAAlgorithm, self.another, kid="own", alg="RS256")
        return self.token(key=self.another, kid="own", headers={"jwk": own, "jku": self.url})

    def _handler(self):
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.asked += 1
                self.send_response(503 if issuer.away else 200)
                self.end_headers()
                self.wfile.write(json.dumps({"keys": issuer.shown}).encode())

            def log_message(self, *_):
                pass

        return Handler


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@cache
def _rsa_keys():
    """They take their time to make."""
    return [rsa.generate_private_key(65537, 2048) for _ in range(2)]


def _jwk(algorithm, key, **more):
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), **more}
