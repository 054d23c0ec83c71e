"""A token has one system: two tokens are two systems, which may share servers."""

import httpx
import pytest

from tests.system.conftest import System


@pytest.fixture
def beside(tmp_path, outside, another_replicate):
    """Start a second system in the bucket of the first, with the token of another account."""
    started = []

    def run(first):
        at = first.run["s3"]
        started.append(
            System(
                tmp_path / "second",
                **{
                    **outside,
                    "REPLICATE_API_TOKEN": "r8_another",
                    "REPLICATE_BASE_URL": another_replicate,
                    "FIXATIVE_ALLOWED_OUTPUT_HOSTS": another_replicate,
                    "S3_BUCKET": at["bucket"],
                    "S3_ENDPOINT_URL": at["endpoint_url"],
                    "S3_PREFIX": "second",
                    "AWS_REGION": at["region"],
                    "AWS_ACCESS_KEY_ID": at["access_key"],
                    "AWS_SECRET_ACCESS_KEY": at["secret_key"],
                },
            )
        )
        return started[-1]

    yield run
    for system in started:
        system.stop()


def created(origin):
    return httpx.get(f"{origin}/_emulator/stats").raise_for_status().json()["creates"]["total"]


def test_two_systems_in_one_bucket_pay_with_a_token_each_and_know_nothing_of_each_other(
    start, outside, replicate, another_replicate, beside
):
    first = start(**outside, S3_PREFIX="first")
    second = beside(first)

    jobs = {system: [system.submit() for _ in range(5)] for system in (first, second)}
    for system, ids in jobs.items():
        ended = system.all_ended(ids)
        assert {job["status"] for job in ended} == {"succeeded"}
        system.assert_stored(ended[0])

    assert (created(replicate), created(another_replicate)) == (5, 5)
    assert second.api.get(f"/jobs/{jobs[first][0]}").status_code == 404
    places = {key.partition("/")[0] for key in first.objects()}
    assert {"first", "second"} <= places
