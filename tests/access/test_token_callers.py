"""Who comes by a token: an owner like any other."""

import pytest

from tests.access.issuer import Issuer

BODY = {"model": "emu/image", "input": {}}


def bearer(presented):
    return {"Authorization": f"Bearer {presented}"}


def test_a_token_and_a_key_of_the_same_name_are_of_the_same_owner(guarded, issuer, new_key):
    client, token = guarded.test_client(), bearer(issuer.token(sub="studio|7"))
    job = client.post("/jobs", json=BODY, headers=token).json
    key = bearer(new_key("studio|7"))
    stranger = bearer(issuer.token(sub="studio|8"))

    seen = [client.get(f"/jobs/{job['id']}", headers=who) for who in (token, key, stranger)]

    assert [answer.status_code for answer in seen] == [200, 200, 404]


def test_the_scope_admin_is_had_by_whose_token_claims_it(guarded, issuer):
    client = guarded.test_client()

    def status(**claims):
        return client.get("/admin/keys", headers=bearer(issuer.token(**claims))).status_code

    assert status(sub="operator", scope=["admin"]) == 200
    assert status(sub="operator", scope="read submit cancel media passthrough") == 403


def test_a_token_opens_nothing_where_no_issuer_is_set(app, issuer, refused):
    refused(app.test_client().get("/jobs", headers=bearer(issuer.token())), 401)


@pytest.mark.parametrize("header", ["Authorization", "X-API-Key"])
def test_a_token_is_taken_from_either_header(guarded, issuer, header):
    presented = issuer.token() if header == "X-API-Key" else f"Bearer {issuer.token()}"

    assert guarded.test_client().get("/jobs", headers={header: presented}).status_code == 200


def test_while_the_issuer_is_away_tokens_wait_and_keys_go_on(guarded_by, new_key, refused):
    away = Issuer()
    away.close()
    client = guarded_by(away).test_client()

    answer = client.get("/jobs", headers=bearer(away.token()))

    refused(answer, 503)
    assert int(answer.headers["Retry-After"]) > 0
    assert client.get("/jobs", headers=bearer(new_key())).status_code == 200
