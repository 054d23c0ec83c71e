"""A plain copy: httpx in, boto3 out, as anybody would write it, with nothing checked or kept."""

import io
from collections.abc import Iterator
from typing import Any

import httpx


def copy(client: httpx.Client, s3: Any, bucket: str, key: str, url: str) -> None:
    """Stream the file at `url` to the bucket."""
    with client.stream("GET", url) as response:
        response.raise_for_status()
        s3.upload_fileobj(io.BufferedReader(_Body(response.iter_raw()), 2**20), bucket, key)


class _Body(io.RawIOBase):
    """The chunks as a file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._left = self._left or next(self._chunks, b"")
        piece, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(piece)] = piece
        return len(piece)
