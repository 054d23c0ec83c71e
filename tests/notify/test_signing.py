"""An owner's secret is rotated: for a day the old one verifies too, and the new one at once."""

import base64
import hmac
from hashlib import sha256

import pytest
from sqlalchemy import update
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from fixative.access.owners import rotate_webhook_secret
from fixative.notify.signing import GRACE, PURPOSE
from fixative.postgres.tables import Owner


@pytest.fixture
def rotated(database, owner_id, secret):
    """Rotate the owner's secret; the new one."""

    def rotate():
        with database.begin() as session:
            rotate_webhook_secret(session, owner_id)
        return secret()

    return rotate


@pytest.fixture
def a_day_passes(database):
    """The last rotation was a day ago."""

    def pass_():
        with database.begin() as session:
            earlier = {"webhook_rotated_at": Owner.webhook_rotated_at - GRACE}
            session.execute(update(Owner).values(earlier))

    return pass_


@pytest.fixture
def accepted_by(listener, notifier_for, ended, sweep):
    """Which of these secrets verify what is told now."""

    def tell(*secrets):
        listener.told.clear()
        ended(listener.url)
        sweep(notifier_for(listener))
        [(headers, body)] = listener.told
        return [_verifies(secret, body, headers) for secret in secrets]

    return tell


def _verifies(secret, body, headers):
    try:
        Webhook(secret).verify(body, headers)
    except WebhookVerificationError:
        return False
    return True


def test_one_that_was_never_rotated_is_the_one_it_always_was(services, owner_id, secret):
    made = hmac.new(services.settings.signing_secret, PURPOSE + owner_id.bytes, sha256).digest()
    assert secret() == f"whsec_{base64.b64encode(made).decode()}"


def test_for_a_day_the_old_one_verifies_too_and_then_only_the_new(
    secret, rotated, a_day_passes, accepted_by
):
    old = secret()
    assert accepted_by(old) == [True]

    new = rotated()

    assert new != old
    assert accepted_by(old, new) == [True, True]
    a_day_passes()
    assert accepted_by(old, new) == [False, True]


def test_the_newest_signs_first(secret, rotated, listener, accepted_by):
    rotated()
    accepted_by()

    [(headers, body)] = listener.told
    first, second = headers["webhook-signature"].split(" ")

    assert _verifies(secret(), body, {**headers, "webhook-signature": first})
    assert not _verifies(secret(), body, {**headers, "webhook-signature": second})


def test_one_that_got_out_is_worth_nothing_after_two_rotations(secret, rotated, accepted_by):
    leaked, between, newest = secret(), rotated(), rotated()

    assert accepted_by(leaked, between, newest) == [False, True, True]
