"""One account on one Replicate: its state, and the few things that change all of it."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from replicate_emulator import ids, times
from replicate_emulator.catalog import Catalog
from replicate_emulator.config import Config
from replicate_emulator.dice import Dice
from replicate_emulator.ledger import Ledger
from replicate_emulator.life import Life
from replicate_emulator.limits import Bucket
from replicate_emulator.media.studio import Studio
from replicate_emulator.model_list import EXAMPLES
from replicate_emulator.models import MADE_AT, Model
from replicate_emulator.orders import Order
from replicate_emulator.predictions import Prediction
from replicate_emulator.stats import Stats
from replicate_emulator.trainings import Training
from replicate_emulator.uploads import Uploads
from replicate_emulator.views import Views
from replicate_emulator.webhooks import Webhooks, webhook_body


class World:
    """Everything the routes work on.

    `tokens` are the only ones accepted, any when there are none; `data_dir` keeps encoded media
    over restarts.
    """

    def __init__(
        self, public_url: str, tokens: tuple[str, ...] = (), data_dir: Path | None = None
    ) -> None:
        self.public_url = public_url
        self.studio = Studio(data_dir)
        self.refusal = asyncio.Event()  # set for the server, which owns the socket
        self._tokens = tokens
        self._begin()

    async def reset(self) -> None:
        """Forget everything but encoded media, and take the settings of the start."""
        await self.stop()
        self._begin()

    async def stop(self) -> None:
        """End all that goes on by itself."""
        self.life.stop()
        await self.webhooks.stop()

    def configure(self, changes: Mapping[str, Any]) -> None:
        """Change settings. ConfigError names what does not fit, and nothing is changed."""
        self.config.update(changes)
        if "seed" in changes:
            self.dice.reseed()
        if "models" in changes:
            self.catalog.change(self.config.models)
        if self.config.refuse_seconds and "refuse_seconds" in changes:
            self.refusal.set()

    def create(self, order: Order, cancel_after: int | None) -> Prediction:
        """Bring a prediction into being."""
        created = self._creation_time()
        prediction = Prediction(
            id=ids.resource_id(),
            model=order.model,
            input=order.input,
            created=created,
            deployment=order.deployment,
            webhook=order.webhook,
            events=order.events,
            deadline=None if cancel_after is None else created + cancel_after * times.SECOND,
            start_seconds=self._start_seconds(order.model, order.input),
            run_seconds=self._run_seconds(order.model, order.input),
            listed_from=self._hidden_until(created, "list_lag"),
            readable_from=self._hidden_until(created, "get_404"),
        )
        self.life.begin(prediction)
        return prediction

    def find(self, prediction_id: str) -> Prediction | None:
        """The account's prediction or the model author's example with that id, or None."""
        return self.ledger.get(prediction_id) or self.examples.get(prediction_id)

    def train(self, model: Model, destination: str, values: Mapping[str, Any]) -> Training:
        """Begin a training."""
        training = Training(
            id=ids.resource_id(),
            model=model,
            destination=destination,
            input=values,
            created=times.now(),
            start_seconds=self._start_seconds(model, values),
            run_seconds=self._run_seconds(model, values),
        )
        self.trainings.add(training)
        return training

    def fabricate(
        self, count: int, span_seconds: float, models: list[Model], **common: Any
    ) -> None:
        """Add `count` predictions that ended some time ago, evenly over the span up to now."""
        self.ledger.add_many(self._past(count, span_seconds, models, **common))

    def by_status(self) -> Counter[str]:
        """How many predictions there are in each status."""
        return Counter(prediction.status for prediction in self.ledger)

    def _begin(self) -> None:
        self.config = Config(tokens=list(self._tokens))
        self.dice = Dice(self.config)
        self.catalog = Catalog()
        self.stats = Stats()
        self.ledger: Ledger[Prediction] = Ledger()
        self.trainings: Ledger[Training] = Ledger()
        self.examples = {item.id: item for item in self._examples()}
        self.uploads = Uploads(self.public_url)
        self.create_bucket, self.read_bucket = Bucket(), Bucket()
        self.fetched: set[str] = set()
        self.views = Views(self.config, self.dice, self.studio, self.public_url)
        self.webhooks = Webhooks(self.config, self.dice, self.stats.webhooks, self._webhook_body)
        self.life = Life(self.ledger, self.webhooks, self.stats)

    def _webhook_body(self, prediction: Prediction) -> bytes:
        return webhook_body(self.views.prediction(prediction, source=False))

    def _creation_time(self) -> int:
        # Replicate's created_at has milliseconds on one backend, nanoseconds on another.
        now = times.now()
        return now - now % (1, 1_000, 1_000_000)[now // 1_000 % 3]

    def _start_seconds(self, model: Model, values: Mapping[str, Any]) -> float:
        asked = values.get("_queue_seconds")
        if asked is not None:
            return float(asked)
        return self._latency(model, "start", model.start_seconds)

    def _run_seconds(self, model: Model, values: Mapping[str, Any]) -> float:
        asked = values.get("_seconds")
        if asked is None and model.full_name == "emulator/sleep":
            asked = values.get("seconds")
        if asked is not None:
            return float(asked)
        return self._latency(model, "run", model.run_seconds)

    def _latency(self, model: Model, phase: str, usual: float) -> float:
        configured = self.config.latency
        everyone = configured.get("*", {}).get(phase, usual)
        return self.dice.about(configured.get(model.full_name, {}).get(phase, everyone))

    def _hidden_until(self, created: int, fault: str) -> int:
        if not self.dice.strikes(fault):
            return 0
        return created + int(self.config.seconds[fault] * times.SECOND)

    def _past(
        self, count: int, span_seconds: float, models: list[Model], **common: Any
    ) -> Iterator[Prediction]:
        end = times.now()
        step = int(span_seconds * times.SECOND) // max(1, count)
        for place, model in enumerate(islice(cycle(models), count)):
            created = end - (count - place) * step
            yield _ended(model, created, **common)

    def _examples(self) -> Iterator[Prediction]:
        for name, values in EXAMPLES.items():
            model = self.catalog.models[name]
            yield _ended(model, MADE_AT, input=values, source="web", status="succeeded")


def _ended(model: Model, created: int, **more: Any) -> Prediction:
    """A prediction that has gone its way undisturbed."""
    started = created + int(model.start_seconds * times.SECOND)
    return Prediction(
        id=ids.resource_id(),
        model=model,
        created=created,
        started=started,
        completed=started + int(model.run_seconds * times.SECOND),
        run_seconds=model.run_seconds,
        **more,
    )
