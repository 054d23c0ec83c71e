"""What every answer tells a browser: that it is for no frame, and for nobody else to keep."""

import pytest

ANSWERS = {
    "a list": ("GET", "/jobs", 200),
    "nothing there": ("GET", "/nothing/there", 404),
    "a method that is not": ("PUT", "/jobs", 405),
    "a body that is none": ("POST", "/jobs", 422),
    "a part of Replicate's API": ("GET", "/v1/predictions", 200),
    "health": ("GET", "/healthz", 200),
    "the document": ("GET", "/openapi.json", 200),
    "the page to try it": ("GET", "/docs", 200),
    "the form to sign in": ("GET", "/ui/login", 200),
    "an error of the pages": ("GET", "/ui/nothing", 404),
}


@pytest.mark.parametrize(("method", "path", "status"), ANSWERS.values(), ids=ANSWERS)
def test_every_answer_may_be_shown_in_no_frame_guessed_at_or_kept_by_others(
    api, method, path, status
):
    answer = api.open(path, method=method)

    assert answer.status_code == status
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] in {"no-referrer", "same-origin"}
    assert answer.headers["Cache-Control"] in {"no-store", "private, no-cache"}
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy


def test_a_refusal_tells_it_too(stranger):
    answer = stranger.get("/jobs")

    assert answer.status_code == 401
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_a_job_may_be_kept_by_who_asked_and_is_asked_about_each_time(api, submit):
    answer = api.get(f"/jobs/{submit()}")

    assert answer.headers["ETag"]
    assert answer.headers["Cache-Control"] == "private, no-cache"


def test_browsers_that_came_by_https_come_no_other_way_again(new_app, services, app):
    https = services.settings.model_copy(update={"fixative_public_url": "https://f.example"})

    told = new_app(https).test_client().get("/healthz").headers

    assert told["Strict-Transport-Security"] == "max-age=31536000"
    assert "Strict-Transport-Security" not in app.test_client().get("/healthz").headers
