"""The whole system as a role that may make no table: what it does needs rows and no more."""

from tests.deploy.roles import give_roles


def test_a_job_and_its_deletion_need_no_more_than_the_role_of_the_app(
    start, unused_database_url, eventually
):
    system = start("--no-flower", DATABASE_URL=give_roles(unused_database_url)["fixative_app"])

    job = system.ended(system.submit())

    assert job["status"] == "succeeded"
    system.assert_stored(job)
    eventually(lambda: system.api.get("/readyz").status_code == 200)
    assert system.api.delete(f"/jobs/{job['id']}").is_success
    letters = system.api.get("/admin/dead-letters").raise_for_status().json()["items"]
    assert letters == []
