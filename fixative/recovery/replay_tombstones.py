"""Which jobs the bucket knows to be deleted."""

import uuid

from fixative.media.bucket import Bucket
from fixative.media.keys import Keys
from fixative.postgres.tables import Job

FEW = 20  # looked for one by one; when it is more, all are listed once, a thousand at a time


class Tombstones:
    """The bucket's tombstones, for one replay. What is deleted meanwhile the database knows."""

    def __init__(self, bucket: Bucket, keys: Keys) -> None:
        self._bucket = bucket
        self._keys = keys
        self._asked = 0
        self._all: set[str] | None = None

    def among(self, job_ids: set[uuid.UUID]) -> set[uuid.UUID]:
        """Those of these jobs that were deleted. Raises BucketError."""
        self._asked += len(job_ids)
        if self._all is None and self._asked > FEW:
            self._all = {found.key for found in self._bucket.listing(self._keys.tombstones)}
        return {job_id for job_id in job_ids if self._is_there(self._keys.deleted(Job(id=job_id)))}

    def _is_there(self, key: str) -> bool:
        if self._all is None:
            return self._bucket.head(key) is not None
        return key in self._all
