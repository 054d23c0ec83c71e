"""What every request passes before a route sees it: blackout, token, pace; and the counting."""

import time
from collections.abc import Awaitable, Callable

from aiohttp import web

from replicate_emulator import errors
from replicate_emulator.answers import WORLD, cut_connection, problem_answer
from replicate_emulator.errors import ConnectionCut, Problem
from replicate_emulator.world import World

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_LOW_CREDIT_PER_MINUTE = 6.0
_OPEN = "/v1/search"  # The one operation of the API that documents no security.
_CONTROL = ("/_emulator", "/favicon.ico")


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns what was raised into what is answered, and counts it by route and status."""
    world = request.app[WORLD]
    stats = world.stats
    try:
        response = await handler(request)
    except Problem as problem:
        response = problem_answer(problem)
    except web.HTTPMethodNotAllowed:
        response = problem_answer(Problem(405, f'Method "{request.method}" not allowed.'))
    except web.HTTPNotFound:
        response = problem_answer(errors.not_found())
    except ConnectionCut:
        cut_connection(request)
        stats.requests[f"{_route(request)} cut"] += 1
        return web.Response(status=500)  # goes nowhere: the connection is gone
    except web.HTTPException as answer:
        stats.requests[f"{_route(request)} {answer.status}"] += 1
        raise
    stats.requests[f"{_route(request)} {response.status}"] += 1
    return response


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Lets a request to the API through when its token and the pace allow it."""
    if request.path.startswith(_CONTROL) or request.path == "/":
        return await handler(request)
    world = request.app[WORLD]
    if world.config.in_blackout():
        raise ConnectionCut
    if not request.path.startswith("/v1/"):
        return await handler(request)
    if request.path != _OPEN:
        _check_token(world, request)
    remaining = _check_pace(world, request)
    if request.method == "GET" and world.dice.strikes("read_500"):
        raise errors.server_error()
    response = await handler(request)
    if not response.prepared:
        response.headers["ratelimit-remaining"] = str(remaining)
        response.headers["ratelimit-reset"] = "1"
    return response


def _check_token(world: World, request: web.Request) -> None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    known = world.config.tokens
    fits = scheme.lower() in ("bearer", "token") and token and (not known or token in known)
    if not fits or world.dice.strikes("401"):
        raise errors.unauthenticated()


def _check_pace(world: World, request: web.Request) -> int:
    """How many more such requests may follow at once. Problem 429 when this is one too many."""
    creates = is_create(request)
    bucket = world.create_bucket if creates else world.read_bucket
    per_minute = world.config.creates_per_minute if creates else world.config.reads_per_minute
    low_credit = creates and world.config.low_credit
    if low_credit:
        per_minute = min(per_minute, _LOW_CREDIT_PER_MINUTE)
    now = time.monotonic()
    wait = bucket.take(per_minute, now)
    if wait or world.dice.strikes("429"):
        raise errors.throttled(wait, low_credit=low_credit)
    return bucket.remaining(per_minute, now)


def is_create(request: web.Request) -> bool:
    """Whether the request is one that creates a prediction."""
    return request.method == "POST" and request.path.endswith("/predictions")


def _route(request: web.Request) -> str:
    # Never the path itself: what is in it may open something, even where it leads nowhere.
    resource = request.match_info.route.resource
    return f"{request.method} {resource.canonical if resource else '-'}"
