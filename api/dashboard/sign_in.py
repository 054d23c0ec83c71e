"""Signing in with a key, and out."""

from flask import Blueprint, g, make_response, redirect, render_template, request, url_for
from werkzeug.exceptions import Forbidden, Unauthorized
from werkzeug.wrappers import Response

from api.dashboard.parts import Parts
from api.dashboard.sessions import PATH, Sessions
from fixative.access.caller import read_address


def add(pages: Blueprint, parts: Parts, sessions: Sessions) -> None:
    """Add the pages that need no session, and the way out."""

    @pages.get("/login")
    def sign_in() -> str:
        """The form."""
        return render_template("sign_in.html", wrong=None)

    @pages.post("/login")
    def sign_in_form() -> Response:
        """To the page that was asked for, if the key opens it; 429 for who tries key after key."""
        parts.limits.count_sign_in(read_address(request.remote_addr))
        presented = request.form.get("key", "").strip()
        try:
            g.caller = parts.keys.caller_of(request, "read", presented=presented)
        except (Unauthorized, Forbidden) as error:
            wrong = "This key opens nothing." if error.code == 401 else error.description  # noqa: PLR2004
            return make_response(render_template("sign_in.html", wrong=wrong), error.code)
        answer = make_response(redirect(_next()))
        sessions.begin(answer, presented)
        return answer

    @pages.post("/logout")
    def sign_out() -> Response:
        """To the form."""
        answer = make_response(redirect(url_for("ui.sign_in")))
        sessions.end(answer)
        return answer


def _next() -> str:
    """The page to go to: one of ours."""
    wanted = request.args.get("next", "")
    return wanted if wanted.startswith(f"{PATH}/") and "\\" not in wanted else url_for("ui.home")
