"""The policies of deploy/aws grant what the code asks of S3, and nothing else."""

import json
import re
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name

ROOT = Path(__file__).parents[2]
CALL = re.compile(r"""\.(\w+)\(|get_paginator\("(\w+)"\)|generate_presigned_url\(\s*"(\w+)\"""")
# What the operations need, by "Actions, resources, and condition keys for Amazon S3".
ACTIONS = {
    "abort_multipart_upload": "s3:AbortMultipartUpload",
    "complete_multipart_upload": "s3:PutObject",
    "create_multipart_upload": "s3:PutObject",
    "delete_object": "s3:DeleteObject",
    "delete_objects": "s3:DeleteObject",
    "get_bucket_lifecycle_configuration": "s3:GetLifecycleConfiguration",
    "get_bucket_versioning": "s3:GetBucketVersioning",
    "get_object": "s3:GetObject",
    "head_bucket": "s3:ListBucket",
    "head_object": "s3:GetObject",
    "list_objects_v2": "s3:ListBucket",
    "put_bucket_lifecycle_configuration": "s3:PutLifecycleConfiguration",
    "put_bucket_versioning": "s3:PutBucketVersioning",
    "put_object": "s3:PutObject",
    "upload_part": "s3:PutObject",
}
BY_OPERATORS = {ROOT / "fixative/media/rules.py"}  # what only `fixative doctor` does


@pytest.fixture(scope="module")
def operations():
    """All that S3 can be asked, as boto3 names it."""
    model = botocore.session.get_session().get_service_model("s3")
    return {xform_name(name) for name in model.operation_names}


@pytest.fixture(scope="module")
def asked(operations):
    """The actions behind every operation that is called in these files."""

    def read(files):
        text = "\n".join(file.read_text() for file in files)
        called = {name for match in CALL.findall(text) for name in match} & operations
        return {ACTIONS[name] for name in called}

    return read


def granted(policy):
    statements = json.loads((ROOT / "deploy/aws" / policy).read_text())["Statement"]
    actions = [statement["Action"] for statement in statements]
    return {each for some in actions for each in ([some] if isinstance(some, str) else some)}


def test_what_runs_asks_for_what_it_is_granted_and_nothing_else(asked):
    running = [
        file
        for part in ("api", "fixative/jobs", "fixative/media", "fixative/recovery", "worker")
        for file in (ROOT / part).rglob("*.py")
        if file not in BY_OPERATORS
    ]
    assert asked(running) == granted("bucket.json")


def test_who_looks_after_the_rules_of_the_bucket_needs_the_other_policy_too(asked):
    assert asked(BY_OPERATORS) == granted("bucket-rules.json")
    checks = asked((ROOT / "fixative/cli").glob("*.py"))
    assert checks <= granted("bucket.json") | granted("bucket-rules.json")


def test_no_policy_grants_more_than_one_bucket():
    for policy in (ROOT / "deploy/aws").glob("*.json"):
        for statement in json.loads(policy.read_text())["Statement"]:
            assert statement["Effect"] == "Allow"
            assert statement["Resource"] in {"arn:aws:s3:::BUCKET", "arn:aws:s3:::BUCKET/*"}
        assert not any("*" in action for action in granted(policy.name))
