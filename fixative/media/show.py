"""Whole jobs, read and shown: for answers, and for whoever is told of them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from fixative.access.links import Links
from fixative.jobs.dead_letters import letters_of_each
from fixative.jobs.store import current_attempts, media_of_each
from fixative.media.outputs import Pointer, fill
from fixative.media.prediction_view import prediction_view
from fixative.media.retention import kept_days
from fixative.media.view import job_view, media_path
from fixative.postgres.media_tables import Media
from fixative.postgres.tables import Job
from fixative.settings import Settings


@dataclass(frozen=True)
class Sketch:
    """A job in the wire shape but for its links: where they belong, and the paths they lead to.

    So it can be kept: a link depends on who asks where, and is made when it is shown.
    """

    job: dict[str, Any]
    links: list[tuple[Pointer, str]]


class JobViews:
    """Shows whole jobs, with the links of this installation.

    `base_url` answers what links begin with.
    """

    def __init__(self, settings: Settings, links: Links, base_url: Callable[[], str]) -> None:
        self._settings = settings
        self._links = links
        self.base_url = base_url
        self._allowed = settings.allowed_output_hosts

    def show(self, session: Session, job: Job) -> dict[str, Any]:
        """The job as its session sees it, in the wire shape."""
        return self.finish(self.sketch(session, job))

    def show_new(self, job: Job) -> dict[str, Any]:
        """A job that was just accepted, in the wire shape: there is nothing yet but its row."""
        return job_view(job, None, [], [], address=str, allowed=self._allowed, kept_days=None)

    def sketch(self, session: Session, job: Job) -> Sketch:
        """The same without links."""
        return self._sketches(session, [job])[0]

    def show_predictions(self, session: Session, jobs: Sequence[Job]) -> list[dict[str, Any]]:
        """The jobs as predictions, with as few questions as one takes."""
        sketches = self._sketches(session, jobs) if jobs else []
        return [self.as_prediction(self.finish(sketch)) for sketch in sketches]

    def as_prediction(self, job: dict[str, Any]) -> dict[str, Any]:
        """A job that is in the wire shape in the shape of predictions."""
        return prediction_view(job, self.base_url(), self.address)

    def _sketches(self, session: Session, jobs: Sequence[Job]) -> list[Sketch]:
        attempts, media = current_attempts(session, jobs), media_of_each(session, jobs)
        letters = letters_of_each(session, [job.id for job in jobs])
        default = self._settings.fixative_retention_days
        days = kept_days(session, {job.owner_id for job in jobs}, default)
        sketches = []
        for job in jobs:
            shown = job_view(
                job,
                attempts.get(job.id),
                media[job.id],
                letters[job.id],
                address=str,
                allowed=self._allowed,
                kept_days=days[job.owner_id],
            )
            sketches.append(Sketch(shown, list(_links(shown, media[job.id]))))
        return sketches

    def finish(self, sketch: Sketch) -> dict[str, Any]:
        """The sketch's own job, its links put in."""
        fill(sketch.job, [(where, self.address(path)) for where, path in sketch.links])
        return sketch.job

    def address(self, path: str) -> str:
        """The durable address of a path of ours: a link that needs no key."""
        return self.base_url() + self._links.signed(path)


def _links(shown: dict[str, Any], media: list[Media]) -> Iterator[tuple[Pointer, str]]:
    for index, item in enumerate(media):
        path = media_path(item.job_id, item.name)
        yield ["media", index, "url"], path
        if shown["output"] is not None:
            yield from ((["output", *pointer], path) for pointer in item.pointers)
