"""What is written of the objects that hold secrets has none of them, in errors neither."""

from functools import cached_property

import pytest

from fixative.errors import WrongSetting
from fixative.settings import load_settings
from worker.services import Services

HIDDEN = {
    "REPLICATE_API_TOKEN": "r8_hidden-token",
    "REPLICATE_WEBHOOK_SECRET": "whsec_aGlkZGVuLXdlYmhvb2s=",
    "FIXATIVE_ADMIN_KEY": "hidden-admin-key-1234",
    "FIXATIVE_SIGNING_KEY": "hidden-signing-key-12",
    "AWS_SECRET_ACCESS_KEY": "hidden-key-of-s3",
}
PASSWORDS = {
    "DATABASE_URL": "postgresql://x:hidden-password@127.0.0.1:1/x",
    "REDIS_URL": "redis://:hidden-password@127.0.0.1:1/0",
}


@pytest.fixture
def environ_of_secrets(environ, monkeypatch):
    told = {**environ, **HIDDEN, **PASSWORDS}
    for name, value in told.items():
        monkeypatch.setenv(name, value)  # Celery's own configuration looks there
    return told


def test_settings_and_everything_made_of_them_show_no_secret(environ_of_secrets):
    services = Services(load_settings(environ_of_secrets), connections=1)
    names = [name for name, part in vars(Services).items() if isinstance(part, cached_property)]
    parts = [services.settings, services, *(getattr(services, name) for name in names)]
    assert len(names) > 20
    within = [part for whole in parts for part in getattr(whole, "__dict__", {}).values()]

    written = "\n".join(f"{part!r} {part!s}" for part in (*parts, *within))

    services.close()
    shown = [secret for secret in (*HIDDEN.values(), "hidden-password") if secret in written]
    assert shown == []


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", ""),
        ("FIXATIVE_ADMIN_KEY", "hidden"),
        ("REPLICATE_WEBHOOK_SECRET", " , "),
        ("REPLICATE_BASE_URL", "hidden://user:hidden@host"),
        ("FIXATIVE_PUBLIC_URL", "hidden"),
        ("FIXATIVE_POLL_SECONDS", "hidden"),
    ],
)
def test_a_wrong_setting_is_named_without_its_value(environ_of_secrets, variable, value):
    with pytest.raises(WrongSetting) as wrong:
        load_settings({**environ_of_secrets, variable: value})

    assert str(wrong.value).startswith(f"{variable}: ")
    assert "hidden" not in str(wrong.value)
