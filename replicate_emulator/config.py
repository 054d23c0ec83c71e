"""Everything about the emulator that can be changed while it runs."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from replicate_emulator.model_list import ACCOUNT

FAULTS = (
    "401",
    "402",
    "429",
    "500",
    "read_500",
    "hang",
    "reset",
    "create_then_500",
    "create_then_hang",
    "create_then_reset",
    "create_late",
    "list_lag",
    "get_404",
    "webhook_dropped",
    "webhook_doubled",
    "webhook_reordered",
    "webhook_late",
    "webhook_unsigned",
    "output_gone",
    "output_truncated",
    "output_cut",
    "output_slow",
    "output_fails_once",
    "stream_gone",
    "stream_cut",
)
_SECONDS = {
    "hang": 120.0,
    "create_late": 5.0,
    "list_lag": 5.0,
    "get_404": 1.0,
    "webhook_late": 5.0,
    "output_slow": 10.0,
}
_PHASES = ("start", "run")


class ConfigError(ValueError):
    """A key that does not exist, or a value that does not fit; the text names it."""


@dataclass(slots=True)
class Config:
    """The settings, with Replicate's documented values where it documents any.

    `faults` holds probabilities from 0 to 1; `seconds` how long those that take time last.
    `latency` maps `owner/name`, or `*` for all, to `{"start": seconds, "run": seconds}`.
    `models` maps `owner/name` to what is other than in the catalogue: see the README.
    `blackout_seconds` and `refuse_seconds` count from the moment they are set.
    """

    seed: int = 1
    account: str = ACCOUNT
    tokens: list[str] = field(default_factory=list)
    latency: dict[str, dict[str, float]] = field(default_factory=dict)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    creates_per_minute: float = 600.0
    reads_per_minute: float = 3000.0
    low_credit: bool = False
    retention_seconds: float = 3600.0
    retention_from: Literal["completed", "created"] = "completed"
    # The public part of the docs' own example: nothing is protected by it.
    webhook_secret: str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105
    webhook_timeout_seconds: float = 10.0
    webhook_retry_seconds: list[float] = field(default_factory=lambda: [2.0, 4.0, 8.0, 16.0, 30.0])
    blackout_seconds: float = 0.0
    refuse_seconds: float = 0.0
    faults: dict[str, float] = field(default_factory=lambda: dict.fromkeys(FAULTS, 0.0))
    seconds: dict[str, float] = field(default_factory=lambda: dict(_SECONDS))
    _set_at: float = field(default=0.0, init=False)

    def update(self, changes: Mapping[str, Any]) -> None:
        """Take the changes over, all or none; nested objects are merged. Else ConfigError."""
        merged = {name: self._merged(name, value) for name, value in changes.items()}
        for name, value in merged.items():
            setattr(self, name, value)
        if merged.keys() & {"blackout_seconds", "refuse_seconds"}:
            self._set_at = time.monotonic()

    def in_blackout(self) -> bool:
        """Whether every request is to be met by a reset right now."""
        return self._lasts(self.blackout_seconds) or self.is_refusing()

    def is_refusing(self) -> bool:
        """Whether no connection is to be taken right now."""
        return self._lasts(self.refuse_seconds)

    def as_json(self) -> dict[str, Any]:
        """The settings as GET /_emulator/config shows them."""
        return {name: value for name, value in asdict(self).items() if name != "_set_at"}

    def _lasts(self, seconds: float) -> bool:
        return seconds > 0 and time.monotonic() < self._set_at + seconds

    def _merged(self, name: str, value: Any) -> Any:
        known = {item.name for item in fields(self) if item.init}
        if name not in known:
            raise ConfigError(f"unknown key: {name}")
        current = getattr(self, name)
        match name:
            case "faults":
                return current | _numbers(name, value, FAULTS, highest=1.0)
            case "seconds":
                return current | _numbers(name, value, tuple(_SECONDS))
            case "latency":
                return current | _latencies(value)
            case "models":
                return current | _model_changes(value)
        if isinstance(current, float):
            return _number(name, value)
        if not _FITS.get(name, lambda new: type(new) is type(current))(value):
            raise ConfigError(f"{name}: the value does not fit")
        return value


_FITS: dict[str, Callable[[Any], bool]] = {
    "retention_from": lambda value: value in ("completed", "created"),
    "tokens": lambda value: _all_are(str, value),
    "webhook_retry_seconds": lambda value: _all_are((int, float), value),
}


def _all_are(kind: type | tuple[type, ...], value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, kind) for item in value)


def _number(name: str, value: Any, highest: float = float("inf")) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= highest:
        raise ConfigError(f"{name}: a number from 0 to {highest:g} wanted")
    if name.endswith("_per_minute") and value == 0:
        raise ConfigError(f"{name}: more than 0 wanted")
    return float(value)


def _numbers(
    name: str, value: Any, known: tuple[str, ...], highest: float = float("inf")
) -> dict[str, float]:
    if not isinstance(value, dict):
        raise ConfigError(f"{name}: an object wanted")
    found = {str(key).replace("-", "_"): number for key, number in value.items()}
    for key in found.keys() - set(known):
        raise ConfigError(f"unknown key: {name}.{key}")
    return {key: _number(f"{name}.{key}", number, highest) for key, number in found.items()}


def _latencies(value: Any) -> dict[str, dict[str, float]]:
    if not isinstance(value, dict):
        raise ConfigError("latency: an object wanted")
    return {
        str(model): _numbers(f"latency.{model}", phases, _PHASES) for model, phases in value.items()
    }


def _model_changes(value: Any) -> dict[str, dict[str, Any]]:
    if not isinstance(value, dict) or not all(
        isinstance(change, dict) for change in value.values()
    ):
        raise ConfigError("models: an object of objects wanted")
    for model, change in value.items():
        for name, given in change.items():
            if name not in _CHANGES:
                raise ConfigError(f"unknown key: models.{model}.{name}")
            if not _CHANGES[name](given):
                raise ConfigError(f"models.{model}.{name}: the value does not fit")
    return value


_COUNTS = ("image_count", "input_token_count", "output_token_count")
_CHANGES: dict[str, Callable[[Any], bool]] = {
    "inputs": lambda value: (
        isinstance(value, dict) and all(s is None or isinstance(s, dict) for s in value.values())
    ),
    "required": lambda value: _all_are(str, value),
    "counts": lambda value: isinstance(value, list) and set(value) <= set(_COUNTS),
    "wraps": lambda value: isinstance(value, bool),
    "visibility": lambda value: value in ("public", "private"),
    "release": lambda value: type(value) is int and value > 0,
}
