"""The pages put together: who may see them, what browsers may load, how errors look."""

from http import HTTPStatus

from flask import Blueprint, Response, g, make_response, redirect, render_template, request, url_for
from werkzeug.exceptions import Forbidden, HTTPException, TooManyRequests, Unauthorized
from werkzeug.wrappers import Response as AnyResponse

from api.auth import caller
from api.dashboard import (
    dead,
    gallery,
    home,
    job,
    keys,
    models,
    recovery,
    sign_in,
    submit,
    system,
)
from api.dashboard.filters import FILTERS
from api.dashboard.parts import Parts
from api.dashboard.sessions import Sessions
from api.errors import Unprocessable, told_of
from fixative.errors import FixativeError

NAME = "ui"
# In the order of the menu: endpoint, name, and the scope without which it is not shown.
PAGES = (
    ("ui.home", "Home", "read"),
    ("ui.gallery", "Gallery", "read"),
    ("ui.submit", "Submit", "submit"),
    ("ui.models", "Models", "read"),
    ("ui.recovery", "Recovery", "admin"),
    ("ui.dead", "Dead letters", "admin"),
    ("ui.keys", "Keys", "admin"),
    ("ui.system", "System", "admin"),
)
STATIC = f"{NAME}.static"
OPEN = frozenset({STATIC, f"{NAME}.sign_in", f"{NAME}.sign_in_form"})
CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# Nothing but our own files: no inline script or style, no other host, no frame.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " media-src 'self'; connect-src 'self'; font-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def dashboard(parts: Parts) -> Blueprint:
    """The pages under /ui/."""
    pages = Blueprint(
        NAME, __name__, url_prefix="/ui", template_folder="templates", static_folder="static"
    )
    public_url = parts.settings.fixative_public_url or ""
    secret = parts.settings.signing_secret
    sessions = Sessions(secret, secure=public_url.startswith("https:"))
    for page in (home, gallery, job, submit, models, recovery, dead, keys, system):
        page.add(pages, parts)
    sign_in.add(pages, parts, sessions)
    _guard(pages, parts, sessions)
    _tell_templates(pages, parts, sessions)
    pages.register_error_handler(HTTPException, _http_error)
    pages.register_error_handler(FixativeError, _our_error)
    pages.register_error_handler(Unprocessable, _unfit)
    return pages


def _guard(pages: Blueprint, parts: Parts, sessions: Sessions) -> None:
    """Who is not signed in comes to the form; what changes something comes from a form of ours."""

    @pages.before_request
    def look_who_asks() -> AnyResponse | None:
        if request.endpoint in OPEN:
            return None
        g.by_link = False
        try:
            presented = sessions.presented_in(request)
            g.caller = parts.keys.caller_of(request, "read", presented=presented)
        except (Unauthorized, Forbidden):
            return _to_sign_in()
        if request.method in CHANGES and not sessions.is_own_form(request):
            raise Forbidden("this form is not of this session: load the page again")
        return None

    @pages.after_request
    def say_what_may_be_loaded(answer: Response) -> Response:
        answer.headers.update(HEADERS)
        if request.endpoint == STATIC:
            answer.headers["Cache-Control"] = "max-age=300"
        return answer


def _tell_templates(pages: Blueprint, parts: Parts, sessions: Sessions) -> None:
    """Give every template what any may show."""
    for name, filter_ in FILTERS.items():
        pages.add_app_template_filter(filter_, name)

    @pages.context_processor
    def known_to_all() -> dict[str, object]:
        return {
            "may": lambda scope: "caller" in g and scope in caller().scopes,
            "signed_in": "caller" in g,
            "form_token": sessions.form_token(request),
            "link": parts.links.signed,
            "environment": parts.settings.fixative_env,
            "pages": PAGES,
        }


def _to_sign_in() -> AnyResponse:
    """To the form, and back here afterwards; a part of a page has its page go there."""
    if "HX-Request" in request.headers:
        return Response(status=HTTPStatus.NO_CONTENT, headers={"HX-Refresh": "true"})
    return redirect(url_for(f"{NAME}.sign_in", next=request.full_path.rstrip("?")))


def _http_error(error: HTTPException) -> AnyResponse:
    answer = _error(HTTPStatus(error.code or 500), error.description or "")
    if isinstance(error, TooManyRequests):
        answer.headers["Retry-After"] = str(error.retry_after)
    return answer


def _our_error(error: FixativeError) -> AnyResponse:
    return _error(*told_of(error))


def _unfit(error: Unprocessable) -> AnyResponse:
    told = (f"{'.'.join(map(str, each.loc))}: {each.msg}" for each in error.errors)
    return _error(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(told))


def _error(status: HTTPStatus, detail: str) -> AnyResponse:
    """A page; to what asked for a part of one, a line to show."""
    template = "part_error.html" if "HX-Request" in request.headers else "error.html"
    return make_response(render_template(template, status=status, detail=detail), status)
