"""What schemathesis loads beside: it signs webhooks, as Replicate does."""

import os
import uuid
from datetime import UTC, datetime

import schemathesis
from standardwebhooks import Webhook

HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")


def sign(request):
    """Sign a request that goes out, unless it brings some signature of its own."""
    if any(name in request.headers for name in HEADERS):
        return request
    body = request.body if isinstance(request.body, bytes) else (request.body or "").encode()
    name, now = f"msg_{uuid.uuid4().hex}", datetime.now(UTC)
    webhook = Webhook(os.environ["WEBHOOK_SECRET"])
    signature = webhook.sign(name, now, body.decode(errors="replace"))
    signed = (name, str(int(now.timestamp())), signature)
    request.headers.update(zip(HEADERS, signed, strict=True))
    return request


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.path.endswith("/replicate"):
        kwargs["auth"] = sign
