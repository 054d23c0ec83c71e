"""What was asked of the emulator, so that a test can prove what its client did."""

import hashlib
from collections import Counter
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from replicate_emulator.predictions import Prediction


class Stats:
    """Counts requests, creates, webhooks and the bill."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.webhooks: Counter[str] = Counter()
        self.creates = 0
        self._by_job: Counter[str] = Counter()
        self._by_input: Counter[str] = Counter()
        self._seconds = 0.0
        self._dollars = 0.0

    def created(self, prediction: Prediction) -> None:
        """A prediction came into being, whatever its creator was told."""
        self.creates += 1
        canonical = orjson.dumps(prediction.input, option=orjson.OPT_SORT_KEYS)
        self._by_input[hashlib.sha256(canonical).hexdigest()] += 1
        if prediction.webhook:
            query = parse_qs(urlsplit(prediction.webhook).query)
            self._by_job.update(query.get("job", ())[:1])

    def ended(self, prediction: Prediction) -> None:
        """A prediction ended; its running time is billed however it ended."""
        seconds = prediction.predict_seconds()
        self._seconds += seconds
        self._dollars += seconds * prediction.model.dollars_per_second

    def as_json(self, by_status: Counter[str]) -> dict[str, Any]:
        """The counts as GET /_emulator/stats shows them."""
        return {
            "creates": {
                "total": self.creates,
                "by_job": self._by_job,
                "by_input": self._by_input,
                "by_status": by_status,
            },
            "requests": self.requests,
            "webhooks": self.webhooks,
            "bill": {
                "predict_seconds": round(self._seconds, 6),
                "dollars": round(self._dollars, 6),
            },
        }
