"""Submitting a job for the caller: the same behind every route by which one is submitted."""

from dataclasses import dataclass

from api.auth import caller
from api.statuses import Status, Statuses
from fixative.catalog.catalog import Catalog
from fixative.jobs.accept import Accepted, JobRequest
from fixative.jobs.take_in import take_in
from fixative.jobs.telling import check_webhook
from fixative.postgres.engine import Database
from fixative.settings import Settings
from worker.publisher import Publisher


@dataclass(frozen=True)
class Submissions:
    """What submitting needs."""

    settings: Settings
    database: Database
    publisher: Publisher
    catalog: Catalog
    statuses: Statuses

    def take(
        self,
        asked: JobRequest,
        *,
        idempotency_key: str | None,
        cache: bool = False,
        is_repeat: bool = False,
    ) -> tuple[Accepted, Status]:
        """The job of a request, safe in Postgres and hinted, and how it stands.

        Raises as `take_in` does.
        """
        check_webhook(asked.webhook, self.settings.allowed_webhook_hosts)
        with take_in(
            self.database,
            self.catalog,
            asked,
            caller().owner_id,
            api_key_id=caller().key_id,
            idempotency_key=idempotency_key,
            cache=cache,
            is_repeat=is_repeat,
        ) as (session, accepted):
            job, statuses = accepted.job, self.statuses
            status = Status(
                statuses.show_new(job) if accepted.is_new else statuses.show(session, job)
            )
        self.publisher.publish(accepted.hints)
        return accepted, status
