"""The five jobs, and how each of them fares."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from fixative.cli.api_client import Api
from fixative.cli.demo.errors import DemoFailed
from fixative.cli.statuses import FINAL

LOOK_SECONDS = 0.15
LONGEST_SECONDS = 120
THUMBNAIL_SECONDS = 30


@dataclass(frozen=True)
class Order:
    """What is asked for."""

    kind: str
    job_type: str
    model: str
    input: dict[str, Any]


ORDERS = (
    Order(
        "image",
        "image",
        "black-forest-labs/flux-schnell",
        {"prompt": "a lighthouse in the fog"},
    ),
    Order("video", "video", "minimax/video-01", {"prompt": "waves, in slow motion"}),
    Order("audio", "audio", "meta/musicgen", {"prompt": "a waltz for two accordions"}),
    Order("text", "text", "meta/meta-llama-3-8b-instruct", {"prompt": "What does the sea keep?"}),
    Order(
        "many files",
        "complete_content",
        "emulator/report",
        {"prompt": "a harbour, hour by hour", "frames": 3},
    ),
)


@dataclass
class Running:
    """A job of ours: which statuses it has had, and since when."""

    order: Order
    job_id: str
    moves: list[tuple[str, datetime]] = field(default_factory=list)
    job: dict[str, Any] = field(default_factory=dict)  # once it is finished

    @property
    def status(self) -> str:
        """The last one we know of."""
        return self.moves[-1][0] if self.moves else "queued"

    @property
    def finished(self) -> bool:
        """Whether nothing more will come."""
        return self.status in FINAL

    @property
    def seconds(self) -> float:
        """From acceptance to the end, or to now."""
        return self._since(self.moves[0][1], len(self.moves)) if self.moves else 0.0

    def seconds_in(self, status: str) -> float | None:
        """How long it stayed there, or has stayed so far; None when it never was there."""
        stays = [
            self._since(at, place + 1)
            for place, (name, at) in enumerate(self.moves)
            if name == status
        ]
        return sum(stays) if stays else None

    def _since(self, start: datetime, following: int) -> float:
        if following < len(self.moves):
            end = self.moves[following][1]
        else:
            end = self.moves[-1][1] if self.finished else datetime.now(UTC)
        return max(0.0, (end - start).total_seconds())


def submit_all(api: Api) -> list[Running]:
    """POST each order."""
    return [Running(order, _submit(api, order)) for order in ORDERS]


def follow(api: Api, running: Sequence[Running]) -> Iterator[None]:
    """Look at all unfinished jobs, again and again, until there are none. Raises DemoFailed."""
    give_up = time.monotonic() + LONGEST_SECONDS
    while unfinished := [one for one in running if not one.finished]:
        if time.monotonic() > give_up:
            one = unfinished[0]
            raise DemoFailed(
                f"the {one.order.kind} job is still {one.status} after {LONGEST_SECONDS} s"
            )
        for one in unfinished:
            one.moves = _moves(api, one.job_id)
        yield
        time.sleep(LOOK_SECONDS)


def collect(api: Api, running: Sequence[Running]) -> None:
    """Read each finished job, with the thumbnail that follows its images. Raises DemoFailed."""
    give_up = time.monotonic() + THUMBNAIL_SECONDS
    for one in running:
        one.job = api.get(f"/jobs/{one.job_id}")
        while lacks_thumbnail(one.job):
            if time.monotonic() > give_up:
                raise DemoFailed(f"the {one.order.kind} job has images, but got no thumbnail")
            time.sleep(LOOK_SECONDS)
            one.job = api.get(f"/jobs/{one.job_id}")


def lacks_thumbnail(job: dict[str, Any]) -> bool:
    """Whether the job has images and none is derived from them yet."""
    has_images = any(
        item["role"] == "original" and item["kind"] == "image" for item in job["media"]
    )
    return has_images and all(item["role"] != "thumbnail" for item in job["media"])


def _submit(api: Api, order: Order) -> str:
    body = {"model": order.model, "input": order.input, "job_type": order.job_type}
    return str(api.post("/jobs", {**body, "label": "demo"})["id"])


def _moves(api: Api, job_id: str) -> list[tuple[str, datetime]]:
    items = api.get(f"/jobs/{job_id}/timeline")["items"]
    return [
        (item["to"], datetime.fromisoformat(item["at"]))
        for item in items
        if item["kind"] == "transition"
    ]
