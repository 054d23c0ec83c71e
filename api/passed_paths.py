"""Which addresses under /v1 are Replicate's own: all that we do not answer ourselves.

No part of them is empty, or leads out of those before it, so that neither a prediction nor a file
is ever asked of Replicate by another spelling.
"""

from werkzeug.routing import BaseConverter, PathConverter

OURS = r"(?:predictions|webhooks|files)(?:/|\Z)|.*/predictions\Z"
PART = r"(?!\.+(?:/|\Z))[A-Za-z0-9_.~:@+-]+"


class PassedPart(BaseConverter):
    """One part of such an address."""

    regex = PART


class PassedPath(PathConverter):
    """All that follows /v1/ in it."""

    regex = rf"(?!{OURS}){PART}(?:/{PART})*"
