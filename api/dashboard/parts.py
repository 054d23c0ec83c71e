"""What pages are made of."""

from dataclasses import dataclass

from api.auth import Keys
from api.limits import InboundLimits
from api.readiness import Readiness
from api.statuses import Statuses
from api.submissions import Submissions
from fixative.access.links import Links
from fixative.media.bucket import Bucket
from fixative.media.files import Files
from fixative.postgres.engine import Database
from fixative.recovery.record_store import RecordStore
from fixative.replicate.client import Replicate
from fixative.replicate.pace import Pace
from fixative.settings import Settings
from worker.publisher import Publisher


@dataclass(frozen=True)
class Parts:
    """The parts of the API that pages use too."""

    settings: Settings
    database: Database
    publisher: Publisher
    bucket: Bucket
    replicate: Replicate
    keys: Keys
    limits: InboundLimits
    links: Links
    statuses: Statuses
    submissions: Submissions
    files: Files
    readiness: Readiness
    records: RecordStore
    creates: Pace
    reads: Pace
