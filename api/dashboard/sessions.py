"""Signed in: the key lies in a cookie that only we can read, and is looked at in every request.

So a key that is revoked or ends closes its sessions, and nothing of a session is stored here.
"""

import base64
import hmac
from hashlib import sha256

from cryptography.fernet import Fernet, InvalidToken
from flask import Request, Response

COOKIE = "fixative_session"
PATH = "/ui"
PURPOSE = b"fixative session v1\n"
SECONDS = 12 * 3600


class Sessions:
    """Reads and writes the cookie; `secure` where browsers come by https."""

    def __init__(self, secret: bytes, *, secure: bool) -> None:
        self._key = hmac.new(secret, PURPOSE, sha256).digest()
        self._sealed = Fernet(base64.urlsafe_b64encode(self._key))
        self._secure = secure

    def begin(self, answer: Response, presented: str) -> None:
        """Sign in with this key."""
        answer.set_cookie(
            COOKIE,
            self._sealed.encrypt(presented.encode()).decode(),
            max_age=SECONDS,
            path=PATH,
            secure=self._secure,
            httponly=True,
            samesite="Lax",
        )

    def end(self, answer: Response) -> None:
        """Sign out."""
        answer.delete_cookie(COOKIE, path=PATH, secure=self._secure, httponly=True, samesite="Lax")

    def presented_in(self, request: Request) -> str:
        """The key of the session; empty without one, or once it is over."""
        try:
            cookie = request.cookies.get(COOKIE, "").encode()
            return self._sealed.decrypt(cookie, ttl=SECONDS).decode()
        except (InvalidToken, UnicodeError):
            return ""

    def form_token(self, request: Request) -> str:
        """What every form of this session holds, and no other site knows."""
        cookie = request.cookies.get(COOKIE, "").encode()
        return hmac.new(self._key, cookie, sha256).hexdigest()

    def is_own_form(self, request: Request) -> bool:
        """Whether a form that changes something came from a page of this session."""
        told = request.headers.get("X-Form-Token") or request.form.get("form_token", "")
        return hmac.compare_digest(told.encode(), self.form_token(request).encode())
