"""Webhook signatures: Standard Webhooks over the raw bytes, and one error for all that fails."""

from collections.abc import Mapping

from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from fixative.errors import BadSignature


def verify(secret: str, headers: Mapping[str, str], raw: bytes) -> str:
    """The webhook's id, once its signature and its time (300 s either way) are found right.

    Raises BadSignature for anything missing, malformed, stale or wrong.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    try:
        Webhook(secret).verify(raw, lower, json_parse=False)
    # The library lets malformed base64 and entries without a comma escape as ValueError.
    except (WebhookVerificationError, ValueError) as error:
        raise BadSignature(str(error)) from error
    return lower["webhook-id"]
