"""A job's input as it is sent: each file in it as a URL that Replicate can fetch."""

import uuid
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from mimetypes import guess_extension
from typing import Any

from fixative.access.links import Links
from fixative.errors import Conflict, InvalidRequest, NotFound, OutputForbidden
from fixative.jobs.sent_input import is_long_data_uri, named_file
from fixative.media.content import Content
from fixative.media.fetch import Fetcher
from fixative.media.files import Files, type_of
from fixative.media.outputs import DATA_URI, Pointer, put_at, strings
from fixative.media.reader import HashingReader
from fixative.postgres.media_tables import File
from fixative.postgres.tables import Job
from fixative.replicate.client import Replicate


@dataclass(frozen=True)
class Inputs:
    """Rewrites inputs. `public_url` is where Replicate reaches us; None: it does not."""

    files: Files
    fetcher: Fetcher
    replicate: Replicate
    links: Links
    public_url: str | None

    def prepare(self, job: Job) -> dict[str, Any] | None:
        """The input as it is to be sent; None when that is the job's own.

        Called again it gives Replicate the same bytes, kept by us in the same rows and objects.
        Raises InvalidRequest, naming the place, for what can never be sent; and BucketError,
        NotSent, NoAnswer, Refused or DatabaseAway for what cannot be now.
        """
        urls: dict[str, str | None] = {}
        values: list[tuple[Pointer, Any]] = []
        for pointer, text in strings(job.input, []):
            if text not in urls:
                urls[text] = self._url_for(job, text, _shown(pointer))
            if urls[text] is not None:
                values.append((pointer, urls[text]))
        return put_at(job.input, values) if values else None

    def _url_for(self, job: Job, text: str, place: str) -> str | None:
        """What is sent instead of this value; None: the value itself."""
        file = None
        if is_long_data_uri(text) and DATA_URI.match(text):
            file = self._taken_out(job, text, place)
        elif file_id := named_file(text):
            file = self._named(job, text, file_id, place)
        return None if file is None else self._address(file, place)

    def _taken_out(self, job: Job, uri: str, place: str) -> File:
        """A data: URI as a file of the job's own."""
        try:
            with self.fetcher.open(uri) as content:
                source = HashingReader(content.chunks)
                content_type = type_of(source, content.declared_type)
        except OutputForbidden as error:
            raise InvalidRequest(place, "is no readable data: URI") from error
        name = f"input{_suffix(content_type)}"
        digest = sha256(uri.encode()).hexdigest()
        file = self.files.announce_for(job, digest, name, content_type)
        return file if file.stored_at else self.files.store(file, source)

    def _named(self, job: Job, url: str, file_id: uuid.UUID, place: str) -> File | None:
        """The job owner's file that the URL names; None when the URL is none of ours."""
        file = self.files.get(file_id)
        if file is None and not self._is_ours(url):
            return None
        if file is None or file.owner_id != job.owner_id:
            raise InvalidRequest(place, f"no file {file_id}, or it is somebody else's")
        try:
            self.files.used(file)
            return self.files.seen(file)
        except Conflict as error:
            raise InvalidRequest(place, str(error)) from error

    def _is_ours(self, url: str) -> bool:
        folders = (f"{self.public_url}/files/", f"{self.public_url}/v1/files/")
        return self.public_url is not None and url.startswith(folders)

    def _address(self, file: File, place: str) -> str:
        """Where Replicate finds the file: with us, or else with itself, for a day."""
        if self.public_url is not None:
            return f"{self.public_url}{self.links.signed(f'/files/{file.id}')}"
        try:
            with closing(self.files.bucket.chunks(file.key)) as chunks:
                return self.replicate.upload(file.name, file.content_type, file.bytes, chunks)
        except NotFound as error:
            raise InvalidRequest(place, f"the bytes of file {file.id} are lost") from error


def _suffix(content_type: str) -> str:
    ours = Content(content_type).extension
    return guess_extension(content_type) or f".{ours}" if ours == "bin" else f".{ours}"


def _shown(pointer: Pointer) -> str:
    return ".".join(map(str, ["input", *pointer]))
