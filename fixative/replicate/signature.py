"""Webhook signatures: Standard Webhooks over the raw bytes, and one error for all that fails."""

from collections.abc import Iterable, Mapping

from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from fixative.errors import BadSignature


def verify(secrets: Iterable[str], headers: Mapping[str, str], raw: bytes) -> str:
    """The webhook's id, if its time (300 s either way) and its signature by one of them are right.

    Raises BadSignature for anything missing, malformed, stale or wrong.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    why = BadSignature("no secret to verify it with")
    for secret in secrets:
        try:
            Webhook(secret).verify(raw, lower, json_parse=False)
        # The library lets malformed base64 and entries without a comma escape as ValueError.
        except (WebhookVerificationError, ValueError) as error:
            why = BadSignature(str(error))
        else:
            return lower["webhook-id"]
    raise why
