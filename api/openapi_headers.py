"""The headers of answers, as the OpenAPI document has them: each described once."""

from typing import Any

TEXT = {"type": "string"}
NUMBER = {"type": "integer", "minimum": 0}
DIGITS = "[0-9]+"

# What is said of each, its schema, and an example; where it is in the document it may be absent.
_MAY_COME: dict[str, tuple[str, dict[str, Any], Any]] = {
    "Accept-Ranges": ("Parts may be asked for", {"type": "string", "const": "bytes"}, "bytes"),
    "Age": ("With `Fixative-Stale`: for how many seconds nobody knows better", NUMBER, 12),
    "Cache-Control": ("How long it may be kept, and by whom", TEXT, "private, no-cache"),
    "Content-Disposition": (
        "Whether a browser may show it, and the name to keep it by",
        TEXT,
        "inline; filename=original.webp",
    ),
    "ETag": (
        "For If-None-Match; absent where it may not be the truth any more",
        {"type": "string", "pattern": '^(W/)?"[^"]+"$'},
        '"9f86d081884c7d659a2feaa0c55ad015"',
    ),
    "Fixative-Cache": (
        "To `cache`: whether an earlier job answers",
        {"type": "string", "enum": ["hit", "miss"]},
        "hit",
    ),
    "Fixative-Stale": (
        "As it was last shown: Postgres, which knows how it stands, is away",
        {"type": "string", "const": "true"},
        "true",
    ),
    "Idempotent-Replay": (
        "What was taken in first under this Idempotency-Key",
        {"type": "string", "const": "true"},
        "true",
    ),
    "Preference-Applied": (
        "The answer was held back, as Prefer asked",
        {"type": "string", "pattern": f"^wait={DIGITS}$"},
        "wait=30",
    ),
    "RateLimit-Limit": ("Requests in the nearest window, where there is a limit", NUMBER, 60),
    "RateLimit-Remaining": ("How many more may come in it", NUMBER, 59),
    "RateLimit-Reset": ("Seconds until there is room", NUMBER, 41),
    "Warning": ("With `Fixative-Stale`", TEXT, '110 - "Response is Stale"'),
}
_COMES: dict[str, tuple[str, dict[str, Any], Any]] = {
    "Content-Range": (
        "Which part it is, of how many bytes",
        {"type": "string", "pattern": rf"^bytes ({DIGITS}-{DIGITS}|\*)/{DIGITS}$"},
        "bytes 0-1023/48213",
    ),
    "Content-Security-Policy": ("It reaches no other host", TEXT, "default-src 'none'"),
    "Location": ("Where it is", TEXT, "https://fixative.example/jobs/…"),
    "Retry-After": ("Seconds to wait before the next try", NUMBER, 2),
    "WWW-Authenticate": ("How to say who asks", TEXT, "Bearer"),
    "X-Request-Id": (
        "Names the request in our logs; yours, if it came with one",
        {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,128}$"},
        "019a3c1e5b7d7c3a9f002d1e6a4b8c70",
    ),
}


def headers() -> dict[str, Any]:
    """All of them, by name, for the document's components."""
    return {
        name: {
            "description": description,
            "required": name in _COMES,
            "schema": schema,
            "example": example,
        }
        for name, (description, schema, example) in sorted({**_MAY_COME, **_COMES}.items())
    }


def described(*names: str) -> dict[str, Any]:
    """The headers of an answer, where each is described."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
