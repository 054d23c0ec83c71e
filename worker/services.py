"""What the tasks of one process work with, built once, after any fork."""

import threading
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from fixative.access.links import Links
from fixative.catalog.catalog import Catalog
from fixative.catalog.live import LiveModels
from fixative.catalog.registry import Registry
from fixative.jobs.submit import Submitter
from fixative.media.bucket import Bucket
from fixative.media.decoding.process import Decoder
from fixative.media.derive import Deriver
from fixative.media.fetch import Fetcher
from fixative.media.files import Files
from fixative.media.inputs import Inputs
from fixative.media.keys import Keys
from fixative.media.last_shown import LastShown
from fixative.media.manifest import Recorder
from fixative.media.purge import Purger
from fixative.media.save import Storer
from fixative.media.show import JobViews
from fixative.notify.notifier import Notifier
from fixative.notify.post import Poster
from fixative.notify.signing import Secrets
from fixative.postgres.engine import Database
from fixative.postgres.leases import LeaseKeeper
from fixative.recovery.epoch import EpochGuard
from fixative.recovery.history import History
from fixative.recovery.record_archive import Archives
from fixative.recovery.record_store import RecordStore, open_store
from fixative.recovery.recorder import RecordKeeper
from fixative.recovery.replay import Replayer
from fixative.replicate.client import Replicate
from fixative.replicate.models import Models
from fixative.replicate.pace import Pace, pace_of
from fixative.settings import Settings
from fixative.shared import Shared, connect
from worker.publisher import Publisher

Part = TypeVar("Part")


_making = threading.RLock()


class once(cached_property[Part]):  # noqa: N801 - used as a decorator
    """A part made by the first thread that asks, while the others wait."""

    def __get__(self, instance: Any, owner: type | None = None) -> Part:  # type: ignore[override]
        """The part; `cached_property` alone has no lock from Python 3.12 on."""
        with _making:
            part: Part = super().__get__(instance, owner)
            return part


@dataclass(frozen=True)
class Services:
    """Everything a task may call. Parts are made when first asked for."""

    settings: Settings
    connections: int  # to Postgres, at most
    # Set when the process is asked to end: long tasks stop at their next step.
    stopping: threading.Event = field(default_factory=threading.Event)

    @once
    def database(self) -> Database:
        return Database.of(self.settings, connections=self.connections)

    @once
    def leases(self) -> LeaseKeeper:
        return LeaseKeeper(self.database)

    @once
    def publisher(self) -> Publisher:
        return Publisher(self.settings)

    @once
    def replicate(self) -> Replicate:
        url = self.settings.replicate_base_url
        token = self.settings.replicate_api_token
        reads = pace_of(self.shared, self.settings, "reads")
        return Replicate(url, token, reads=reads, creates=self.creates)

    @once
    def creates(self) -> Pace:
        return pace_of(self.shared, self.settings, "creates")

    @once
    def shared(self) -> Shared:
        return Shared(connect(self.settings.redis_url.get_secret_value()))

    @once
    def submitter(self) -> Submitter:
        return Submitter(
            database=self.database,
            replicate=self.replicate,
            models=Models(self.replicate),
            pace=self.creates,
            leases=self.leases,
            may_submit=self.epoch.may_submit,
            prepare_input=self.inputs.prepare,
            webhook_url=self.settings.webhook_url,
            max_run_seconds=self.settings.fixative_max_run_seconds,
        )

    @once
    def catalog(self) -> Catalog:
        registry = Registry(self.settings.models_config)
        return Catalog(
            registry,
            LiveModels(self.replicate),
            self.settings.fixative_unknown_models,
            self.settings.fixative_max_run_seconds,
        )

    @once
    def inputs(self) -> Inputs:
        return Inputs(
            files=self.files,
            fetcher=self.fetcher,
            replicate=self.replicate,
            links=Links.of(self.settings),
            public_url=self.settings.fixative_public_url,
        )

    @once
    def epoch(self) -> EpochGuard:
        return EpochGuard(self.database, self.bucket, self.keys.config("epoch.json"))

    @once
    def fetcher(self) -> Fetcher:
        allowed = self.settings.allowed_output_hosts
        return Fetcher(allowed, self.settings.fixative_max_output_bytes)

    @once
    def files(self) -> Files:
        return Files(self.database, self.bucket, self.keys)

    @once
    def storer(self) -> Storer:
        return Storer(
            database=self.database,
            bucket=self.bucket,
            fetcher=self.fetcher,
            replicate=self.replicate,
            keys=self.keys,
            leases=self.leases,
        )

    @once
    def deriver(self) -> Deriver:
        return Deriver(
            database=self.database,
            bucket=self.bucket,
            keys=self.keys,
            leases=self.leases,
            decoder=self.decoder,
        )

    @once
    def decoder(self) -> Decoder:
        return Decoder()

    @once
    def notifier(self) -> Notifier:
        public_url = self.settings.fixative_public_url or ""  # without one, links are paths
        return Notifier(
            database=self.database,
            poster=Poster(self.settings.allowed_webhook_hosts),
            secrets=Secrets.of(self.settings),
            views=JobViews(self.settings, Links.of(self.settings), lambda: public_url),
            stopping=self.stopping,
        )

    @once
    def recorder(self) -> Recorder:
        return Recorder(
            database=self.database,
            bucket=self.bucket,
            keys=self.keys,
            leases=self.leases,
            elsewhere=self.records.record_ended,
        )

    @once
    def records(self) -> RecordKeeper:
        return RecordKeeper(self.database, self.store, self.archives)

    @once
    def archives(self) -> Archives:
        return Archives(
            database=self.database,
            store=self.store,
            archive_days=self.settings.fixative_records_archive_days,
            keep_days=self.settings.fixative_records_keep_days,
        )

    @once
    def store(self) -> RecordStore:
        return open_store(self.settings)

    @once
    def replayer(self) -> Replayer:
        return Replayer(self.database, self.bucket, self.keys, self.settings)

    @once
    def purger(self) -> Purger:
        return Purger(
            database=self.database,
            bucket=self.bucket,
            keys=self.keys,
            leases=self.leases,
            files=self.files,
            records=self.records,
            last_shown=LastShown(self.shared),
            retention_days=self.settings.fixative_retention_days,
        )

    @once
    def history(self) -> History:
        return History(
            database=self.database,
            replicate=self.replicate,
            stopping=self.stopping,
            imports=self.settings.fixative_import,
            send=self.publisher.publish,
        )

    @once
    def bucket(self) -> Bucket:
        return Bucket(self.settings)

    @once
    def keys(self) -> Keys:
        return Keys(self.settings.s3_prefix, self.settings.fixative_env)

    def close(self) -> None:
        """Close what was opened; call it when the process ends."""
        for part in ("decoder", "leases", "store", "bucket", "replicate", "shared", "database"):
            if part in self.__dict__:
                getattr(self, part).close()
