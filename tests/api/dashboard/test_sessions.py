"""Signing in and out, and what opens no page."""

import re

import pytest

from api.dashboard.site import OPEN
from fixative.access.keys import revoke_key
from tests.api.dashboard.conftest import Browser

ID = re.compile(r"<[^>]+>")
A_JOB = "019a3c1e-5b7d-7c3a-9f00-2d1e6a4b8c70"


def pages(app, *methods):
    return [
        (ID.sub(A_JOB, str(rule)), method)
        for rule in app.url_map.iter_rules()
        for method in rule.methods & set(methods)
        if str(rule).startswith("/ui/") and rule.endpoint not in OPEN
    ]


def test_without_a_session_every_page_leads_to_the_form(app, stranger):
    for path, method in pages(app, "GET", "POST"):
        answer = stranger.open(path, method=method)
        assert (answer.status_code, answer.location.partition("?")[0]) == (302, "/ui/login"), path


def test_a_part_of_a_page_has_its_page_loaded_again(stranger):
    answer = stranger.get("/ui/live", headers={"HX-Request": "true"})

    assert (answer.status_code, answer.headers["HX-Refresh"]) == (204, "true")


def test_a_key_opens_the_page_that_was_asked_for(app, new_key):
    browser = Browser(app.test_client())
    asked = browser.get("/ui/gallery?status=failed")
    assert asked.location == "/ui/login?next=/ui/gallery?status%3Dfailed"

    answer = browser.client.post(asked.location, data={"key": new_key()})

    assert answer.location == "/ui/gallery?status=failed"
    assert browser.get(answer.location).status_code == 200


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "/ui/\\evil", ""])
def test_nobody_is_sent_elsewhere(app, new_key, elsewhere):
    assert Browser(app.test_client()).sign_in(new_key(), next=elsewhere).location == "/ui/"


@pytest.mark.parametrize("key", ["", "fx_" + "a" * 43, "ä"])
def test_a_key_of_nobody_opens_nothing(app, key):
    browser = Browser(app.test_client())

    answer = browser.sign_in(key)

    assert answer.status_code == 401
    assert "This key opens nothing." in answer.text
    assert "Set-Cookie" not in answer.headers


def test_a_key_that_may_not_read_is_told_so(app, new_key):
    answer = Browser(app.test_client()).sign_in(new_key("tests", "submit"))

    assert answer.status_code == 403
    assert "lacks the scope read" in answer.text


def test_the_cookie_is_for_the_pages_alone_and_tells_no_key(app, new_key):
    key = new_key()

    cookie = Browser(app.test_client()).sign_in(key).headers["Set-Cookie"]

    assert key not in cookie
    for part in ("HttpOnly", "Path=/ui", "SameSite=Lax"):
        assert part in cookie


def test_where_browsers_come_by_https_the_cookie_goes_no_other_way(new_app, services, new_key):
    https = services.settings.model_copy(update={"fixative_public_url": "https://f.example"})
    browser = Browser(new_app(https).test_client())

    assert "Secure" in browser.sign_in(new_key()).headers["Set-Cookie"]


def test_a_key_that_is_revoked_closes_its_sessions(new_app, new_key, database):
    key = new_key()
    cookie = Browser(new_app().test_client()).sign_in(key).headers["Set-Cookie"].partition(";")[0]

    def seen():
        """Of a process that remembers nobody."""
        return new_app().test_client(use_cookies=False).get("/ui/", headers={"Cookie": cookie})

    assert seen().status_code == 200
    with database.begin() as session:
        revoke_key(session, key[:11])
    assert seen().status_code == 302


def test_who_tries_key_after_key_is_soon_not_listened_to_even_with_the_right_one(app, new_key):
    browser, right = Browser(app.test_client()), new_key()
    tried = [browser.sign_in(f"fx_{number:043}").status_code for number in range(40)]

    assert tried == [401] * 30 + [429] * 10
    refused = browser.sign_in(right)
    assert (refused.status_code, "Set-Cookie" in refused.headers) == (429, False)
    assert int(refused.headers["Retry-After"]) > 0


def test_signed_out_no_page_opens(browser):
    answer = browser.post("/ui/logout")

    assert answer.location == "/ui/login"
    assert browser.get("/ui/").status_code == 302


def test_a_form_of_another_site_changes_nothing(app, browser, submit):
    job_id = submit()

    refused = browser.client.post(f"/ui/jobs/{job_id}/cancel", data={"form_token": "0" * 64})

    assert refused.status_code == 403
    assert "load the page again" in refused.text
    assert "queued" in browser.get(f"/ui/jobs/{job_id}").text


def test_a_page_loads_nothing_from_elsewhere_and_runs_nothing_that_stands_in_it(browser, submit):
    for path in ("/ui/", "/ui/gallery", f"/ui/jobs/{submit()}", "/ui/login"):
        page = browser.get(path)
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["Cache-Control"] == "no-store"
        assert not re.search(r"<script(?! src=)|\son\w+=|style=", page.text)
