"""What a variable may say instead of its value: where in AWS's own stores it lies.

`aws-secretsmanager:NAME` (or an ARN), with `#KEY` for one member of a secret that is a JSON object,
and `aws-ssm:NAME` for a parameter, which is decrypted.
"""

import json
import os
from typing import Any

from fixative.errors import WrongSetting

SECRETS_MANAGER = "aws-secretsmanager:"
PARAMETER_STORE = "aws-ssm:"
CONNECT_SECONDS = READ_SECONDS = 2
ARN_PARTS = 6  # arn:PARTITION:SERVICE:REGION:ACCOUNT:REST


def is_reference(value: str) -> bool:
    """Whether it says where the value lies."""
    return value.startswith((SECRETS_MANAGER, PARAMETER_STORE))


def fetch(reference: str, region: str) -> str:
    """The value that lies there; an ARN's own region counts for more than `region`.

    Raises WrongSetting, saying why and nothing of the value. Takes some seconds at most.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    store, _, place = reference.partition(":")
    ask = _secret if f"{store}:" == SECRETS_MANAGER else _parameter
    try:
        value = ask(place, region)
    except ClientError as error:
        raise WrongSetting(f"{store}: {error.response['Error']['Code']}") from None
    except BotoCoreError as error:
        raise WrongSetting(f"{store}: {type(error).__name__}") from None
    if not value:
        raise WrongSetting(f"{store}: nothing that is text lies there")
    return value


def _secret(place: str, region: str) -> str | None:
    name, _, key = place.partition("#")
    text = _ask("secretsmanager", name, region, "get_secret_value", SecretId=name).get(
        "SecretString"
    )
    return _member(text, key) if text and key else text


def _parameter(name: str, region: str) -> str | None:
    answer = _ask("ssm", name, region, "get_parameter", Name=name, WithDecryption=True)
    value: str | None = answer["Parameter"].get("Value")
    return value


def _member(text: str, key: str) -> str | None:
    try:
        value = json.loads(text)[key]
    except (ValueError, TypeError, KeyError):
        raise WrongSetting(f"aws-secretsmanager: no JSON object with {key!r} lies there") from None
    return value if isinstance(value, str) else None


def _ask(service: str, name: str, region: str, operation: str, **arguments: Any) -> dict[str, Any]:
    """One call with a client of its own: none is shared over a fork, and calls are rare."""
    import boto3
    from botocore.config import Config

    arn = name.split(":")
    # A profile that is named so counts for more than AWS_ACCESS_KEY_ID, which may be another S3's.
    session: Any = boto3.Session(profile_name=os.environ.get("AWS_PROFILE") or None)
    client = session.client(
        service,
        region_name=arn[3] if len(arn) >= ARN_PARTS and arn[0] == "arn" else region,
        config=Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": 2},
        ),
    )
    try:
        answer: dict[str, Any] = getattr(client, operation)(**arguments)
        return answer
    finally:
        client.close()
