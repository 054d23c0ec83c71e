"""What every answer tells a browser, unless it says something of its own: to trust it little."""

from flask import Flask, Response

from fixative.settings import Settings

A_YEAR = 365 * 24 * 3600
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",  # a link to media carries its signature
}
FOR_WHO_ASKED = "private, no-cache"  # with an ETag: it may be kept, and is asked about each time
FOR_NOBODY = "no-store"


def register_safe_headers(app: Flask, settings: Settings) -> None:
    """Give these headers to every answer, errors included; HSTS where browsers come by https."""
    by_https = (settings.fixative_public_url or "").startswith("https:")

    @app.after_request
    def tell(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        kept = FOR_WHO_ASKED if "ETag" in response.headers else FOR_NOBODY
        response.headers.setdefault("Cache-Control", kept)
        if by_https:
            response.headers["Strict-Transport-Security"] = f"max-age={A_YEAR}"
        return response
