"""Whether a browser may show a file or must save it: nothing that could carry a script is shown."""

SHOWN = ("image/", "video/", "audio/")
TEXTS_SHOWN = frozenset({"text/plain", "application/json"})
SCRIPTABLE = frozenset({"image/svg+xml"})


def disposition(content_type: str) -> str:
    """`inline` or `attachment`, the first word of Content-Disposition."""
    plain = content_type.partition(";")[0].strip().lower()
    shown = plain in TEXTS_SHOWN or (plain.startswith(SHOWN) and plain not in SCRIPTABLE)
    return "inline" if shown else "attachment"
