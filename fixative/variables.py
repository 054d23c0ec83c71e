"""One variable of the environment: as a value, in a file, or in one of AWS's stores.

A secret that did not come as a value can be read again while we run.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from pydantic import SecretStr

from fixative.errors import WrongSetting
from fixative.references import fetch, is_reference
from fixative.rotating import RotatingSecret

DEFAULT_REGION = "us-east-1"
FILE_SECONDS = 1.0  # a look at a small file costs nothing
STORE_SECONDS, STORE_AGAIN_SECONDS = 300.0, 5.0  # a call to AWS takes a while, and is paid


def read_variable(environ: Mapping[str, str], name: str) -> str | None:
    """The variable's value, that of the file that NAME_FILE names, or what lies in AWS's stores.

    None when unset or empty. Raises WrongSetting, naming the variable, when it cannot be read.
    """
    value, path = environ.get(name), environ.get(f"{name}_FILE")
    if not value and path:
        return _in_file(f"{name}_FILE", Path(path))
    if value and is_reference(value):
        try:
            return fetch(value, environ.get("AWS_REGION") or DEFAULT_REGION)
        except WrongSetting as error:
            raise WrongSetting(f"{name}: {error}") from None
    return value or None


def read_secret(environ: Mapping[str, str], name: str) -> SecretStr | None:
    """The same, to be read again while we run unless it came as a value."""
    value = read_variable(environ, name)
    if value is None:
        return None
    told = environ.get(name)
    if told and not is_reference(told):
        return SecretStr(value)
    look, again = (STORE_SECONDS, STORE_AGAIN_SECONDS) if told else (FILE_SECONDS, 0.0)
    read = partial(read_variable, dict(environ), name)
    return RotatingSecret(name, value, read, look_seconds=look, again_seconds=again)


def _in_file(variable: str, path: Path) -> str | None:
    try:
        return path.read_text().strip() or None
    except OSError as error:
        raise WrongSetting(f"{variable}: {error.strerror}: {path}") from None
    except UnicodeDecodeError:
        raise WrongSetting(f"{variable}: not text: {path}") from None
