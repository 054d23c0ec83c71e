"""AWS's stores of secrets, as moto serves them: a process of its own."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3

KEYS = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}
STARTED = re.compile(r"http://127\.0\.0\.1:\d+")


@dataclass(frozen=True)
class Stores:
    """Where they answer, and what an operator does there."""

    url: str

    @property
    def variables(self) -> dict[str, str]:
        """What boto3 needs to come here."""
        return {
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": self.url,
            "AWS_ENDPOINT_URL_SSM": self.url,
            **{name.upper(): value for name, value in KEYS.items()},
        }

    def put_secret(self, name: str, value: str | bytes, region: str = "us-east-1") -> str:
        """Make it, or put another in its place; its ARN."""
        client = self._client("secretsmanager", region)
        told = {"SecretBinary" if isinstance(value, bytes) else "SecretString": value}
        try:
            return client.create_secret(Name=name, **told)["ARN"]
        except client.exceptions.ResourceExistsException:
            return client.put_secret_value(SecretId=name, **told)["ARN"]

    def put_parameter(self, name: str, value: str) -> None:
        """The same for a parameter, encrypted."""
        self._client("ssm", "us-east-1").put_parameter(
            Name=name, Value=value, Type="SecureString", Overwrite=True
        )

    def _client(self, service: str, region: str) -> Any:
        return boto3.client(service, region_name=region, endpoint_url=self.url, **KEYS)


@contextmanager
def aws_stores() -> Iterator[Stores]:
    """A server of our own, empty."""
    command = [sys.executable, "-u", "-m", "moto.server", "--host", "127.0.0.1", "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        found = next(filter(None, map(STARTED.search, process.stderr)), None)
        assert found, "moto did not start"
        yield Stores(found[0])
    finally:
        process.terminate()
        process.wait(60)
        process.stderr.close()
