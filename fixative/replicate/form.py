"""A file as multipart/form-data, streamed, with its length told before."""

import secrets
from collections.abc import Iterable, Iterator

# What may not stand in a quoted parameter, as browsers write it (the WHATWG's form encoding).
QUOTED = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


class FileForm:
    """A form whose one field, `content`, is a file of so many bytes.

    httpx alone would send a stream in chunks of untold number, which not every server takes.
    """

    def __init__(self, name: str, content_type: str, size: int) -> None:
        boundary = secrets.token_hex(16)
        self._head = (
            f"--{boundary}\r\n"
            f'Content-Disposition: form-data; name="content"; filename="{name.translate(QUOTED)}"'
            f"\r\nContent-Type: {content_type}\r\n\r\n"
        ).encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self.headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(len(self._head) + size + len(self._tail)),
        }

    def around(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The form's bytes, with the file's own between."""
        yield self._head
        yield from chunks
        yield self._tail
