"""The files API: what clients upload to use as input. Kept in memory for a day."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from replicate_emulator import ids, times

MAX_BYTES: Final = 100 * 1024 * 1024
_DAY: Final = 24 * 3600 * times.SECOND


@dataclass(frozen=True, slots=True)
class Upload:
    """An uploaded file."""

    id: str
    name: str
    content_type: str
    data: bytes
    metadata: Mapping[str, Any]
    created: int


class Uploads:
    """The account's uploaded files that have not expired."""

    def __init__(self, public_url: str) -> None:
        self._public_url = public_url
        self._files: dict[str, Upload] = {}

    def add(self, name: str, content_type: str, data: bytes, metadata: Mapping[str, Any]) -> Upload:
        """Keep a file."""
        upload = Upload(ids.resource_id(), name, content_type, data, metadata, times.now())
        self._files[upload.id] = upload
        return upload

    def get(self, file_id: str) -> Upload | None:
        """The file with that id, or None."""
        return next((item for item in self.newest_first() if item.id == file_id), None)

    def newest_first(self) -> list[Upload]:
        """All files; those of yesterday are dropped on the way."""
        oldest = times.now() - _DAY
        self._files = {key: item for key, item in self._files.items() if item.created > oldest}
        return list(self._files.values())[::-1]

    def remove(self, file_id: str) -> None:
        """Forget a file, if it is there."""
        self._files.pop(file_id, None)

    def as_json(self, upload: Upload) -> dict[str, Any]:
        """The file as the API shows it."""
        sha256 = hashlib.sha256(upload.data).hexdigest()
        return {
            "id": upload.id,
            "name": upload.name,
            "content_type": upload.content_type,
            "size": len(upload.data),
            "etag": sha256[:32],
            "checksums": {"sha256": sha256},
            "metadata": upload.metadata,
            "created_at": times.write(upload.created, 6),
            "expires_at": times.write(upload.created + _DAY, 6),
            "urls": {"get": f"{self._public_url}/v1/files/{upload.id}"},
        }
