"""Signatures of what we tell: Standard Webhooks, with a secret for each owner."""

import base64
import hmac
import uuid
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Self

from standardwebhooks import Webhook

from fixative.postgres.tables import Owner
from fixative.settings import Settings

PURPOSE = b"fixative webhook v1\n"
GRACE = timedelta(hours=24)  # after a rotation, for whoever still has the secret of before


class Secrets:
    """The owners' webhook secrets, made from this installation's own: nothing of them is stored.

    They change when FIXATIVE_SIGNING_KEY does, or without one FIXATIVE_ADMIN_KEY; and one owner's
    with its generation.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The secrets of this installation."""
        return cls(settings.signing_secret)

    def of_owner(self, owner: Owner) -> str:
        """The owner's newest secret, as verifiers take it: `whsec_` and base64."""
        return self._made(owner, owner.webhook_generation)

    def headers(
        self, owner: Owner, message_id: uuid.UUID, at: datetime, body: bytes
    ) -> dict[str, str]:
        """The three headers of Standard Webhooks for a body sent at this moment.

        In the day after a rotation it is signed with the secret of before too, the newest first.
        """
        generations = [owner.webhook_generation]
        if (until := good_until(owner)) and at < until:
            generations.append(owner.webhook_generation - 1)
        signers = (Webhook(self._made(owner, generation)) for generation in generations)
        signatures = (signer.sign(str(message_id), at, body.decode()) for signer in signers)
        return {
            "webhook-id": str(message_id),
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": " ".join(signatures),
        }

    def _made(self, owner: Owner, generation: int) -> str:
        # The first is what it was when there were no others.
        number = generation.to_bytes(4) if generation else b""
        made = hmac.new(self._key, PURPOSE + owner.id.bytes + number, sha256).digest()
        return f"whsec_{base64.b64encode(made).decode()}"


def good_until(owner: Owner) -> datetime | None:
    """Until when the secret of before the last rotation signs too; None: there is none."""
    return owner.webhook_rotated_at and owner.webhook_rotated_at + GRACE
