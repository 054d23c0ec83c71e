"""The API, put together."""

from importlib.metadata import version

from flask import request
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI
from redis import Redis
from werkzeug.middleware.proxy_fix import ProxyFix

from api.addresses import Id, base_url
from api.answer_schemas import Problem
from api.answers import Json
from api.auth import Keys, register_auth
from api.body import StrictRequest, register_draining
from api.dashboard.parts import Parts
from api.dashboard.site import dashboard
from api.document import complete
from api.errors import raise_unprocessable, register_errors
from api.exposition import Exposition
from api.holding import Holding
from api.limits import InboundLimits, register_limit_headers
from api.openapi import SECURITY_SCHEMES
from api.passed_paths import PassedPart, PassedPath
from api.readiness import Readiness
from api.request_ids import register_request_ids
from api.routes.admin import admin_routes
from api.routes.aliases import alias_routes
from api.routes.batches import batches_routes
from api.routes.dead_letters import dead_letter_routes
from api.routes.events import event_routes
from api.routes.files import files_routes
from api.routes.health import health_routes
from api.routes.job_operations import job_operation_routes
from api.routes.jobs import jobs_routes
from api.routes.media import media_routes
from api.routes.models import models_routes
from api.routes.money import money_routes
from api.routes.notifications import notification_routes
from api.routes.operation import operation_routes
from api.routes.overview import overview_routes
from api.routes.owners import owner_routes
from api.routes.pages import pages_routes
from api.routes.passthrough import passthrough_routes
from api.routes.prediction_stream import prediction_stream_routes
from api.routes.predictions import prediction_routes
from api.routes.recovery import recovery_routes
from api.routes.signing import signing_routes
from api.routes.v1_files import v1_file_routes
from api.routes.webhooks import webhook_routes
from api.safe_headers import register_safe_headers
from api.statuses import Statuses
from api.submissions import Submissions
from api.waiting import Watcher
from api.webhook_secret import WebhookSecret
from fixative.access.links import Links
from fixative.access.tokens import Tokens
from fixative.catalog.catalog import Catalog
from fixative.catalog.live import LiveModels
from fixative.catalog.registry import Registry
from fixative.errors import NotFound
from fixative.media.bucket import Bucket
from fixative.media.files import Files
from fixative.media.keys import Keys as BucketKeys
from fixative.media.last_shown import LastShown
from fixative.media.show import JobViews
from fixative.notify.signing import Secrets
from fixative.postgres.engine import Database
from fixative.recovery.record_store import open_store
from fixative.replicate.client import Replicate
from fixative.replicate.kept_reads import KeptReads
from fixative.replicate.output_stream import OutputStreams
from fixative.replicate.pace import pace_of
from fixative.settings import Settings
from fixative.shared import Shared
from worker.publisher import Publisher

INFO = Info(
    title="Fixative",
    version=version("fixative"),
    description="Submit a Replicate prediction once, pay once, keep its output for good.",
)


class Api(OpenAPI):
    """Flask, with bodies read strictly and JSON written as ours.

    Whoever runs it ends the `watcher` when the process is to end, so that nobody waits on.
    """

    request_class = StrictRequest
    json_provider_class = Json
    watcher: Watcher

    def generate_spec_json(self) -> None:
        """The OpenAPI document, of all routes that are registered by now."""
        super().generate_spec_json()  # type: ignore[no-untyped-call]
        complete(self.spec_json)


def create_app(
    settings: Settings,
    *,
    database: Database,
    publisher: Publisher,
    redis: Redis,
    bucket: Bucket,
    replicate: Replicate,
) -> Api:
    """The WSGI application, on what it is given; it asks nothing of anybody before a request.

    Raises WrongSetting when MODELS_CONFIG is wrong.
    """
    app = Api(
        "api",
        info=INFO,
        security_schemes=SECURITY_SCHEMES,
        # The library adds an error of its own under this status to every route that has none
        # there; with 500, which `resource` describes for all, it adds nothing.
        validation_error_status=500,
        validation_error_model=Problem,
        validation_error_callback=raise_unprocessable,
        doc_ui=False,
        static_folder=None,
    )
    app.url_map.converters |= {"id": Id, "passed": PassedPath, "part": PassedPart}
    admin_key = settings.fixative_admin_key.get_secret_value()
    keys, links = Keys(database, admin_key, Tokens.of(settings)), Links.of(settings)
    shared = Shared(redis)
    register_errors(app)
    register_request_ids(app)
    register_draining(app)
    register_safe_headers(app, settings)
    app.before_request(_refuse_nul)
    register_limit_headers(app)
    limits = InboundLimits(settings, shared)
    register_auth(app, keys, links, limits)

    views = JobViews(settings, links, lambda: base_url(settings))
    statuses, watcher = Statuses(database, views, LastShown(shared)), Watcher(database)
    app.watcher, holding = watcher, Holding(watcher, statuses)
    registry, live = Registry(settings.models_config), LiveModels(replicate)
    catalog = Catalog(
        registry, live, settings.fixative_unknown_models, settings.fixative_max_run_seconds
    )
    submissions = Submissions(settings, database, publisher, catalog, statuses)
    files = Files(database, bucket, BucketKeys(settings.s3_prefix, settings.fixative_env))
    readiness = Readiness(database, redis, bucket)
    secret = WebhookSecret(settings.replicate_webhook_secret, replicate)
    streams = OutputStreams(settings.replicate_base_url)
    creates, reads = pace_of(shared, settings, "creates"), pace_of(shared, settings, "reads")
    exposition = Exposition(settings, database, publisher, (creates, reads), registry)
    for routes in (
        jobs_routes(settings, database, publisher, submissions, statuses=statuses, holding=holding),
        job_operation_routes(database, bucket, publisher, statuses),
        batches_routes(settings, database, publisher, catalog),
        event_routes(database, watcher, keys),
        media_routes(database, bucket),
        files_routes(settings, files, links),
        models_routes(catalog, database),
        money_routes(database),
        overview_routes(database),
        alias_routes(submissions, statuses),
        prediction_routes(settings, database, publisher, submissions=submissions, holding=holding),
        prediction_stream_routes(statuses, watcher, streams),
        v1_file_routes(settings, files, links),
        passthrough_routes(settings, replicate, reads, KeptReads(shared)),
        webhook_routes(database, publisher, secret),
        signing_routes(database, Secrets.of(settings)),
        notification_routes(database),
        admin_routes(database, admin_key),
        owner_routes(settings, database),
        dead_letter_routes(database, publisher),
        operation_routes(database, publisher, replicate, statuses, creates=creates, reads=reads),
        recovery_routes(database, publisher, watcher.places),
        health_routes(readiness, keys, exposition),
        pages_routes(),
    ):
        app.register_api(routes)
    parts = Parts(
        settings=settings,
        database=database,
        publisher=publisher,
        bucket=bucket,
        replicate=replicate,
        keys=keys,
        limits=limits,
        links=links,
        statuses=statuses,
        submissions=submissions,
        files=files,
        readiness=readiness,
        records=open_store(settings),
        creates=creates,
        reads=reads,
    )
    app.register_blueprint(dashboard(parts))
    _believe_proxies(app, settings.fixative_trusted_proxies)
    # Now, not in the first request: its making is not thread-safe.
    app.generate_spec_json()
    return app


def _believe_proxies(app: Api, proxies: int) -> None:
    """Of what so many proxies pass on, the client's address is believed and nothing else."""
    if proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=0)  # type: ignore[method-assign]


def _refuse_nul() -> None:
    """No address of ours has a NUL, and Postgres would choke on one."""
    if "\0" in request.path:
        raise NotFound("no such address")
