"""Signatures of what we tell: Standard Webhooks, with a secret for each owner."""

import base64
import hmac
import uuid
from datetime import datetime
from hashlib import sha256
from typing import Self

from standardwebhooks import Webhook

from fixative.settings import Settings

PURPOSE = b"fixative webhook v1\n"


class Secrets:
    """The owners' webhook secrets, made from this installation's own: nothing of them is stored.

    They change when FIXATIVE_SIGNING_KEY does, or without one FIXATIVE_ADMIN_KEY.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The secrets of this installation."""
        return cls(settings.signing_secret)

    def of_owner(self, owner_id: uuid.UUID) -> str:
        """The owner's secret, as verifiers take it: `whsec_` and base64."""
        made = hmac.new(self._key, PURPOSE + owner_id.bytes, sha256).digest()
        return f"whsec_{base64.b64encode(made).decode()}"

    def headers(
        self, owner_id: uuid.UUID, message_id: uuid.UUID, at: datetime, body: bytes
    ) -> dict[str, str]:
        """The three headers of Standard Webhooks for a body sent at this moment."""
        signer = Webhook(self.of_owner(owner_id))
        return {
            "webhook-id": str(message_id),
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": signer.sign(str(message_id), at, body.decode()),
        }
