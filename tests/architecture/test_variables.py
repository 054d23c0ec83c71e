"""Settings, .env.example and the contract name the same variables."""

import re

from fixative.settings import Settings

SETTINGS = {name.upper() for name in Settings.model_fields}
OF_THE_COMMAND = {"FIXATIVE_API_URL", "FIXATIVE_API_KEY"}
ADDED = {  # adding is free
    "CELERY_BROKER_URL",
    "FIXATIVE_PREPARED_STATEMENTS",
    "FIXATIVE_SIGNING_KEY",
    "FIXATIVE_RECORDS_ARCHIVE_DAYS",
    "FIXATIVE_RECORDS_KEEP_DAYS",
    "FIXATIVE_LOG_PROMPTS",
    "FIXATIVE_TRUSTED_PROXIES",
    "FIXATIVE_KEY_PER_MINUTE",
    "FIXATIVE_KEY_PER_HOUR",
    "FIXATIVE_IP_PER_MINUTE",
    "FIXATIVE_IP_PER_HOUR",
    "FIXATIVE_JWT_JWKS_URL",
    "FIXATIVE_JWT_AUDIENCE",
    "FIXATIVE_JWT_ISSUER",
    "FIXATIVE_JWT_OWNER_CLAIM",
    "FIXATIVE_JWT_SCOPE_CLAIM",
    "FIXATIVE_UNKNOWN_MODELS",
}


def test_env_example_says_of_every_variable_in_one_line_what_it_is(root):
    text = (root / ".env.example").read_text()
    explained = re.findall(r"^# \S.+\n#(\w+)=$", text, re.MULTILINE)
    compose = set(re.findall(r"\$\{(\w+)", (root / "docker-compose.yml").read_text()))

    assert sorted(explained) == sorted(SETTINGS | OF_THE_COMMAND | compose)


def test_every_setting_is_a_variable_of_the_contract(wire_contract):
    named = set(re.findall(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+", wire_contract))
    assert {name for name in SETTINGS if not name.startswith("AWS_")} - ADDED <= named
