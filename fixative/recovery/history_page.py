"""One page of history, read into the database: in one transaction, whatever is on it.

What is known and unchanged costs a look, all of it together; strangers are imported in one
statement; the rest goes through `ingest` row by row, each in a savepoint of its own.
"""

import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog
from sqlalchemy import bindparam, select, text
from sqlalchemy.exc import OperationalError, StatementError
from sqlalchemy.orm import Session
from sqlalchemy.types import Text, Uuid

from fixative.errors import MalformedPrediction
from fixative.jobs.fitting import might_have_made, unsettled_attempts
from fixative.jobs.ingest import ingest
from fixative.names import Hint
from fixative.postgres.tables import Job
from fixative.recovery.history_known import Known, fill_in, known_of
from fixative.recovery.history_runs import Tally
from fixative.recovery.importing import import_predictions
from fixative.replicate.prediction import Prediction, read_prediction

# One statement for a page. JSON travels as text, since it is kept as it was written.
NOTE = text("""
    INSERT INTO sync_results (run_id, prediction_id, job_id, result, reason, raw)
    SELECT :run_id, prediction_id, job_id, result, reason, raw::json
    FROM json_to_recordset(CAST(:results AS json))
        AS r(prediction_id text, job_id uuid, result text, reason text, raw text)
    ON CONFLICT DO NOTHING
""").bindparams(bindparam("run_id", type_=Uuid), bindparam("results", type_=Text))
NOT_OURS = frozenset({"stranger", "set_aside", "deleted"})

log = structlog.get_logger(__name__)


@dataclass
class PageReading:
    """The reading of one page: what it came to, and what follows once it is committed."""

    session: Session
    run_id: uuid.UUID
    importing: bool  # whether strangers become jobs
    tally: Tally = field(default_factory=Tally)
    hints: list[Hint] = field(default_factory=list)
    _results: list[dict[str, Any]] = field(default_factory=list)

    def read(self, items: Sequence[Any]) -> None:
        """Read these predictions in.

        A database error of one row skips that row; OperationalError is of all of them, and then
        nothing may be committed.
        """
        self.tally.checked += len(items)
        predictions = {prediction.id: prediction for prediction in self._readable(items)}
        # In this order: what is settled between the two looks is seen by the second.
        unsettled = unsettled_attempts(self.session)
        known = known_of(self.session, predictions)
        ours = self._jobs_named_in(predictions.values())
        strangers = []
        for prediction in predictions.values():
            its = known.get(prediction.id)
            if its is not None and its.agrees(prediction):
                self.tally.processed += not its.deleted
            elif its or prediction.id in ours or might_have_made(unsettled, prediction):
                self._in_savepoint(prediction, partial(self._ingest, prediction, its))
            else:
                strangers.append(prediction)
        if self.importing and strangers:
            self._import(strangers)
        if self._results:
            results = json.dumps(self._results)
            self.session.execute(NOTE, {"run_id": self.run_id, "results": results})

    def _readable(self, items: Sequence[Any]) -> Iterator[Prediction]:
        for raw in items:
            try:
                yield read_prediction(raw)
            except MalformedPrediction as error:
                self._skip(raw, f"malformed: {error}")

    def _jobs_named_in(self, predictions: Iterable[Prediction]) -> set[str]:
        """The predictions whose own webhook names a job that we have."""
        named = {p.id: p.claimed_by[0] for p in predictions if p.claimed_by}
        if not named:
            return set()
        there = set(self.session.scalars(select(Job.id).where(Job.id.in_(set(named.values())))))
        return {id_ for id_, job_id in named.items() if job_id in there}

    def _import(self, strangers: list[Prediction]) -> None:
        """All in one statement; where the database refuses that, one by one."""
        try:
            with self.session.begin_nested():
                self._make_jobs(strangers)
        except OperationalError:
            raise
        except StatementError as error:
            log.warning("history_page_one_by_one", error=_first_line(error))
            for prediction in strangers:
                self._in_savepoint(prediction, partial(self._make_jobs, [prediction]))

    def _make_jobs(self, strangers: list[Prediction]) -> None:
        for made in import_predictions(self.session, strangers):
            result = "created" if made.created else "updated"
            self._done(result, made.prediction_id, made.job_id)

    def _ingest(self, prediction: Prediction, known: Known | None) -> None:
        done = ingest(self.session, prediction, cause="sync")
        if done.result == "stranger" and self.importing:
            self._make_jobs([prediction])
        if done.job is None or done.result in NOT_OURS:
            return
        news = known is None or known.news_in(prediction) or known.lacks_of(prediction)
        if known is not None and news:
            fill_in(self.session, known, prediction)
        if news or done.result == "moved":
            self._done("updated", prediction.id, done.job.id)
        else:
            self.tally.processed += 1
        self.hints += done.hints

    def _in_savepoint(self, prediction: Prediction, work: Callable[[], None]) -> None:
        try:
            with self.session.begin_nested():
                work()
        except OperationalError:
            raise
        except StatementError as error:
            self._skip(prediction.raw, f"database: {_first_line(error)}")

    def _done(self, result: str, prediction_id: str, job_id: uuid.UUID) -> None:
        self.tally.processed += 1
        self.tally.created += result == "created"
        self.tally.updated += result == "updated"
        self._note(prediction_id=prediction_id, job_id=str(job_id), result=result)

    def _skip(self, raw: Any, reason: str) -> None:
        id_ = raw.get("id") if isinstance(raw, dict) else None
        id_ = id_ if isinstance(id_, str) and id_.isalnum() else None
        log.warning("history_prediction_skipped", prediction_id=id_, reason=reason)
        self.tally.skipped += 1
        self._note(prediction_id=id_, result="skipped", reason=reason, raw=_as_json(raw))

    def _note(self, **result: Any) -> None:
        self._results.append(result)


def _as_json(raw: Any) -> str:
    """It as JSON: as it is, or as its text."""
    try:
        return json.dumps(raw, allow_nan=False)
    except ValueError:  # Python reads NaN, and Postgres does not
        return json.dumps(json.dumps(raw))


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].replace("\0", "")
