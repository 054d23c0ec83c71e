"""Whole jobs, read and shown: for answers, and for whoever is told of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from fixative.access.links import Links
from fixative.jobs.dead_letters import letters_of
from fixative.jobs.store import current_attempt, media_of
from fixative.media.outputs import Pointer, fill
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
        self._base_url = base_url
        self._allowed = settings.allowed_output_hosts

    def show(self, session: Session, job: Job) -> dict[str, Any]:
        """The job as its session sees it, in the wire shape."""
        return self.finish(self.sketch(session, job))

    def sketch(self, session: Session, job: Job) -> Sketch:
        """The same without links."""
        media = media_of(session, job)
        shown = job_view(
            job,
            current_attempt(session, job),
            media,
            letters_of(session, job),
            address=str,
            allowed=self._allowed,
            kept_days=kept_days(session, job, self._settings.fixative_retention_days),
        )
        return Sketch(shown, list(_links(shown, media)))

    def finish(self, sketch: Sketch) -> dict[str, Any]:
        """The sketch's own job, its links put in."""
        fill(sketch.job, [(where, self.address(path)) for where, path in sketch.links])
        return sketch.job

    def address(self, path: str) -> str:
        """The durable address of a path of ours: a link that needs no key."""
        return self._base_url() + self._links.signed(path)


def _links(shown: dict[str, Any], media: list[Media]) -> Iterator[tuple[Pointer, str]]:
    for index, item in enumerate(media):
        path = media_path(item.job_id, item.name)
        yield ["media", index, "url"], path
        if shown["output"] is not None:
            yield from ((["output", *pointer], path) for pointer in item.pointers)
