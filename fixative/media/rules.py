"""Rules of the bucket: what S3 itself sweeps, keeps twice, or moves to a cheaper tier."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from fixative.errors import BucketError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SWEPT_AFTER_DAYS = 1
KEPT_VERSIONS_DAYS = 30
NONE_YET = "NoSuchLifecycleConfiguration"


@dataclass(frozen=True)
class Rules:
    """Which rules a bucket is to have; the first two cost nothing and lose nothing.

    `versioning` keeps what is overwritten or deleted for 30 days; `tiering_days` moves what is
    older into S3's Intelligent-Tiering.
    """

    root: str
    versioning: bool = False
    tiering_days: int | None = None

    @property
    def lifecycle(self) -> list[dict[str, Any]]:
        """As S3 takes them."""
        rules = [
            self._rule("temp", f"{self.root}temp/", Expiration={"Days": SWEPT_AFTER_DAYS}),
            self._rule(
                "unfinished",
                self.root,
                AbortIncompleteMultipartUpload={"DaysAfterInitiation": SWEPT_AFTER_DAYS},
            ),
        ]
        if self.versioning:
            days = {"NoncurrentDays": KEPT_VERSIONS_DAYS}
            rules.append(self._rule("versions", self.root, NoncurrentVersionExpiration=days))
        if self.tiering_days is not None:
            tier = {"Days": self.tiering_days, "StorageClass": "INTELLIGENT_TIERING"}
            rules.append(self._rule("tiering", self.root, Transitions=[tier]))
        return rules

    def _rule(self, name: str, prefix: str, **does: Any) -> dict[str, Any]:
        """A rule under a name that no other prefix of the same bucket has."""
        of = f" {self.root.rstrip('/')}" if self.root else ""
        filters = {"Prefix": prefix}
        return {"ID": f"fixative-{name}{of}", "Filter": filters, "Status": "Enabled", **does}

    def missing(self, s3: "S3Client", bucket: str) -> list[str]:
        """The names of rules that the bucket has not. Raises BucketError."""
        try:
            found = {rule.get("ID") for rule in _lifecycle_of(s3, bucket)}
            versions = s3.get_bucket_versioning(Bucket=bucket).get("Status") == "Enabled"
        except (ClientError, BotoCoreError) as error:
            raise BucketError(f"{bucket}: {error}") from error
        lacking = [rule["ID"] for rule in self.lifecycle if rule["ID"] not in found]
        return lacking + (["fixative-versioning"] if self.versioning and not versions else [])

    def install(self, s3: "S3Client", bucket: str) -> None:
        """Give the bucket these rules beside those of others that it has. Raises BucketError."""
        try:
            ours = {rule["ID"] for rule in self.lifecycle}
            others = [rule for rule in _lifecycle_of(s3, bucket) if rule.get("ID") not in ours]
            s3.put_bucket_lifecycle_configuration(
                Bucket=bucket,
                LifecycleConfiguration={"Rules": [*others, *self.lifecycle]},  # type: ignore[list-item]
            )
            if self.versioning:
                s3.put_bucket_versioning(
                    Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
                )
        except (ClientError, BotoCoreError) as error:
            raise BucketError(f"{bucket}: {error}") from error


def _lifecycle_of(s3: "S3Client", bucket: str) -> list[Any]:
    try:
        return list(s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"])
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == NONE_YET:
            return []
        raise
