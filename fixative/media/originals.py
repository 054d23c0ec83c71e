"""The originals of one job: one run over its output, under one lease."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import update

from fixative.errors import (
    MalformedPrediction,
    OutputError,
    OutputExpired,
    OutputUnreachable,
    Refused,
    ReplicateError,
)
from fixative.jobs.store import move, with_warning
from fixative.media.content import SNIFF_BYTES, Content, recognise
from fixative.media.derive import derivable, is_derivable
from fixative.media.fetch import Fetcher
from fixative.media.keys import in_attempt, original_name
from fixative.media.outputs import (
    OutputFile,
    find_files,
    is_structured,
    media_elsewhere,
    text_of,
    with_files_as,
)
from fixative.media.put import MediaPut, Piece
from fixative.media.reader import HashingReader
from fixative.names import DERIVE_MEDIA, RECORD_RESULT, STORE_OUTPUTS, Hint
from fixative.postgres.leases import let_go
from fixative.postgres.media_tables import Media
from fixative.postgres.notes import note
from fixative.postgres.tables import Job
from fixative.replicate.client import Replicate
from fixative.replicate.prediction import read_prediction
from fixative.steps import step

NOTHING: tuple[Any, ...] = (None, "", [], {})
LARGE = 64 * 2**20  # bytes, from which on a file is stored beside the others
NOT_FOUND = 404


@dataclass(frozen=True)
class Originals:
    """What one run needs: where files come from, where they go, and what is there already."""

    fetcher: Fetcher
    replicate: Replicate
    put: MediaPut
    saved: dict[tuple[str, int], Media]

    def store(self) -> list[Hint]:
        """Store what is not stored yet, and end the job's storing; answers the hints that follow.

        Whatever can be saved is saved before an OutputError is raised. May raise BucketError and
        LostLease at any time. Large files of a job that has just begun are left to a run of their
        own, so that small ones are never behind them.
        """
        prediction = self.put.attempt.prediction or {}
        output = prediction.get("output")
        if output in NOTHING and prediction.get("data_removed"):
            raise OutputExpired("Replicate had removed the output before it was seen")
        files = find_files(output, self.fetcher.allowed)
        text = text_of(output, files)
        count = len(files) + (text is not None)
        names, failed = self._save_files(files, count)
        if text is not None:
            self._save_text(text, len(files), count)
        if len(names) + len(failed) < len(files):
            return self._leave_the_large()
        if failed:  # first what may yet come: the job must not fail while a file of it can be had
            raise min(failed, key=lambda error: not error.retryable)
        if is_structured(output):
            self._save_json(with_files_as(output, names, files))
        return self._finish(media_elsewhere(output, files))

    def _save_files(
        self, files: list[OutputFile], count: int
    ) -> tuple[dict[int, str], list[OutputError]]:
        """Save whatever can be saved: the names of that, and what came of the rest.

        A file that is in neither is large, and is left for later.
        """
        names, failed = dict[int, str](), list[OutputError]()
        for file in files:
            try:
                name = self._save_file(file, count)
            except OutputError as error:
                failed.append(error)
            else:
                names |= {file.index: name} if name else {}
        return names, failed

    def _save_file(self, file: OutputFile, count: int) -> str | None:
        """Save one file, unless it is; its name, or None when it is large and left for later."""
        known = self._already("original", file.index)
        if known is not None:
            return known
        step("store.fetch")
        try:
            return self._fetch(file.url, file, count)
        except OutputExpired:
            again = self._url_now(file)
            if again is None:
                raise
            return self._fetch(again, file, count)

    def _fetch(self, url: str, file: OutputFile, count: int) -> str | None:
        with self.fetcher.open(url) as download:
            if (download.announced or 0) >= LARGE and not self.put.job.large:
                return None
            source = HashingReader(self._while_ours(download.chunks))
            content = recognise(source.peek(SNIFF_BYTES), download.declared_type)
            name = original_name(self.put.attempt, file.index, count, content.extension)
            self.put.put(Piece("original", file.index, name, content, file.pointers), source)
        return name

    def _url_now(self, file: OutputFile) -> str | None:
        """Where Replicate says now that the file is; None if it has none."""
        places = {tuple(pointer): now.url for now in self._files_now for pointer in now.pointers}
        return places.get(tuple(file.pointers[0]))

    @cached_property
    def _files_now(self) -> list[OutputFile]:
        """The output's files as Replicate has them now, asked for once a run.

        Raises OutputUnreachable when it does not say: then the files may yet be had.
        """
        try:
            now = read_prediction(self.replicate.get(str(self.put.attempt.prediction_id)))
        except Refused as error:
            if error.status == NOT_FOUND:
                return []
            raise OutputUnreachable(f"Replicate was asked for it again: {error}") from error
        except (ReplicateError, MalformedPrediction) as error:
            raise OutputUnreachable(f"Replicate was asked for it again: {error}") from error
        return find_files(now.raw.get("output"), self.fetcher.allowed)

    def _while_ours(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """The chunks, for as long as the lease holds: an upload that lost it ends half-way."""
        for chunk in chunks:
            self.put.lease.check()
            yield chunk

    def _save_text(self, text: str, index: int, count: int) -> None:
        if self._already("original", index) is None:
            name = original_name(self.put.attempt, index, count, "txt")
            source = HashingReader(iter([text.encode()]))
            self.put.put(Piece("original", index, name, Content("text/plain")), source)

    def _save_json(self, output: Any) -> None:
        if self._already("output", 0) is None:
            written = json.dumps(output, sort_keys=True, ensure_ascii=False)
            source = HashingReader(iter([written.encode()]))
            name = in_attempt(self.put.attempt, "output.json")
            self.put.put(Piece("output", 0, name, Content("application/json")), source)

    def _already(self, role: str, index: int) -> str | None:
        """The name of what an earlier run has stored, if its object is still as recorded."""
        media = self.saved.get((role, index))
        if media is None:
            return None
        return media.name if self.put.bucket.holds(media.key, media.bytes) else None

    def _leave_the_large(self) -> list[Hint]:
        with self.put.database.begin() as session:
            let_go(session, self.put.lease, large=True, tries=0)
        return [Hint(STORE_OUTPUTS, {"job_id": str(self.put.job.id)}, large=True)]

    def _finish(self, elsewhere: list[str]) -> list[Hint]:
        job, put = self.put.job, self.put.pieces
        derive = any(map(is_derivable, self.saved.values())) or any(
            derivable(piece.role, piece.content.kind, piece.content.type) for piece in put
        )
        with self.put.database.begin() as session:
            moved = move(
                session, job.id, "succeeded", cause="task", lease=self.put.lease, derive=derive
            )
            if moved:
                for url in elsewhere:
                    warning = f"not stored, since it lies elsewhere: {url}"
                    warned = update(Job).where(Job.id == job.id)
                    session.execute(warned.values(warnings=with_warning(warning)))
                    note(session, job.id, "warning", detail=warning)
        step("store.finished")
        follows = DERIVE_MEDIA if derive else RECORD_RESULT
        return [Hint(follows, {"job_id": str(job.id)})] if moved else []
