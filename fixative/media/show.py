"""Whole jobs, read and shown: for answers, and for whoever is told of them."""

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from fixative.access.links import Links
from fixative.jobs.dead_letters import letters_of
from fixative.jobs.store import current_attempt, media_of
from fixative.media.retention import kept_days
from fixative.media.view import job_view
from fixative.postgres.tables import Job
from fixative.settings import Settings


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
        return job_view(
            job,
            current_attempt(session, job),
            media_of(session, job),
            letters_of(session, job),
            address=self.address,
            allowed=self._allowed,
            kept_days=kept_days(session, job, self._settings.fixative_retention_days),
        )

    def address(self, path: str) -> str:
        """The durable address of a path of ours: a link that needs no key."""
        return self._base_url() + self._links.signed(path)
