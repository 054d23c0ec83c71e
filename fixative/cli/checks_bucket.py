"""What `fixative doctor` looks at in the bucket: its rules, and whether it agrees with the rows."""

from collections.abc import Iterator

from fixative.cli.checks import Finding
from fixative.cli.s3 import s3_of
from fixative.errors import FixativeError
from fixative.media.audit import LONGEST_SECONDS, audit
from fixative.media.bucket import Bucket
from fixative.media.keys import Keys
from fixative.media.rules import Rules
from fixative.postgres.engine import Database
from fixative.settings import Settings

MOST_SHOWN = 20


def check_rules(
    settings: Settings, *, fix: bool, versioning: bool, tiering_days: int | None
) -> Iterator[Finding]:
    """Whether the bucket has the rules that are asked for; with `fix`, it is given them."""
    rules = Rules(_keys(settings).root, versioning=versioning, tiering_days=tiering_days)
    s3, bucket = s3_of(settings), settings.s3_bucket
    try:
        missing = rules.missing(s3, bucket)
        if missing and fix:
            rules.install(s3, bucket)
            missing = rules.missing(s3, bucket)
    except FixativeError as error:
        yield Finding("Rules", False if fix else None, str(error))
        return
    if missing:
        hint = "" if fix else ": `fixative doctor --fix` installs them"
        yield Finding("Rules", False if fix else None, f"without {', '.join(missing)}{hint}")
    else:
        names = ", ".join(rule["ID"] for rule in rules.lifecycle)
        yield Finding("Rules", True, names)


def check_audit(settings: Settings) -> Iterator[Finding]:
    """Every object has its row, and every row its object."""
    database = Database.of(
        settings,
        connections=1,
        application="fixative-doctor",
        patience=LONGEST_SECONDS,
        recycle=LONGEST_SECONDS,
    )
    bucket = Bucket(settings)
    try:
        found = audit(database, bucket, _keys(settings))
    except FixativeError as error:
        yield Finding("Audit", False, str(error))
        return
    finally:
        bucket.close()
        database.close()
    told = (
        f"{found.objects} objects; {len(found.orphans)} without a row, "
        f"{len(found.missing)} rows without their object, {len(found.wrong_size)} of another size"
    )
    yield Finding("Audit", found.clean, told)
    for what, keys in (
        ("no row", found.orphans),
        ("no object", found.missing),
        ("size", found.wrong_size),
    ):
        for key in keys[:MOST_SHOWN]:
            yield Finding(what, False, key)


def _keys(settings: Settings) -> Keys:
    return Keys(settings.s3_prefix, settings.fixative_env)
