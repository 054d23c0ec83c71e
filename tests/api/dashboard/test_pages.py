"""What the pages show, and what their buttons do."""

import html
import uuid

from fixative.jobs.store import error_of


def test_home_tells_how_it_goes(browser, submit, told):
    ended, running = submit(), submit()
    told(ended, "submitting", "storing", "succeeded", output=["Once ", "upon"])
    told(running, "submitting", "processing")

    page = browser.get("/ui/").text

    assert "Accepted, last hour</dt><dd>2<" in page
    assert "Success</dt><dd>100.0 %" in page
    assert f'href="/ui/jobs/{running}"' in page
    assert "Once upon" in page
    assert browser.get("/ui/minutes").json["succeeded"] == [1]


def test_without_jobs_the_pages_say_so(browser):
    assert "There are no jobs yet." in browser.get("/ui/").text
    assert "There are no jobs yet." in browser.get("/ui/gallery").text
    assert "No job is like that." in browser.get("/ui/gallery?status=failed").text


def test_the_gallery_shows_what_its_filters_let_through_page_by_page(browser, submit):
    jobs = [submit(label="a") for _ in range(50)]
    other = submit(label="b")

    page = browser.get("/ui/gallery?label=a&q=")
    link = html.unescape(page.text.split('hx-get="')[1].split('"')[0])
    rest = browser.get(link, headers={"HX-Request": "true"})

    shown = [job for job in jobs if str(job) in page.text]
    assert len(shown) == 48
    assert str(other) not in page.text
    assert [job for job in jobs if str(job) in rest.text] == jobs[:2]
    assert "<html" not in rest.text


def test_a_filter_that_makes_no_sense_is_named(browser):
    answer = browser.get("/ui/gallery?status=asleep")

    assert answer.status_code == 422
    assert "status" in answer.text


def test_a_jobs_page_tells_what_was_asked_and_what_happened(browser, submit, told):
    job_id = submit(input={"prompt": "<b>a cat</b>"})
    told(job_id, "submitting", "failed", error=error_of("model_error", "no <i>paint</i>"))

    page = browser.get(f"/ui/jobs/{job_id}").text

    assert "&lt;b&gt;a cat&lt;/b&gt;" in html.unescape(page).replace("<", "&lt;").replace(
        ">", "&gt;"
    )
    assert "<b>a cat" not in page
    assert "no &lt;i&gt;paint" in page
    assert "queued → submitting" in page
    assert "hx-trigger" not in page


def test_a_job_that_is_under_way_is_looked_at_again(browser, submit):
    job_id = submit()

    page, part = browser.get(f"/ui/jobs/{job_id}"), browser.get(f"/ui/jobs/{job_id}/live")

    for text in (page.text, part.text):
        assert f'hx-get="/ui/jobs/{job_id}/live" hx-trigger="every 1s"' in text
    assert "<html" not in part.text


def test_its_buttons_cancel_retry_and_delete(browser, submit, api):
    job_id = submit()

    canceled = browser.post(f"/ui/jobs/{job_id}/cancel")
    assert canceled.location == f"/ui/jobs/{job_id}"
    assert api.get(f"/jobs/{job_id}").json["status"] == "canceled"

    refused = browser.post(f"/ui/jobs/{job_id}/retry")
    assert refused.status_code == 409
    browser.post(f"/ui/jobs/{job_id}/retry", pay_again="1")
    assert api.get(f"/jobs/{job_id}").json["status"] == "queued"

    browser.post(f"/ui/jobs/{job_id}/cancel")
    assert browser.post(f"/ui/jobs/{job_id}/delete").location == "/ui/gallery"
    assert browser.get(f"/ui/jobs/{job_id}").status_code == 410


def test_a_button_is_for_whoever_may(browser_of, submit):
    reader = browser_of("tests", "read")
    job_id = submit()

    assert "/cancel" not in reader.get(f"/ui/jobs/{job_id}").text
    assert reader.post(f"/ui/jobs/{job_id}/cancel").status_code == 403
    assert reader.post(f"/ui/jobs/{job_id}/retry").status_code == 403
    assert reader.post(f"/ui/jobs/{job_id}/settle").status_code == 403


def test_anothers_job_is_nobodys(browser_of, submit):
    other, job_id = browser_of("others"), submit()

    for path in (f"/ui/jobs/{job_id}", f"/ui/jobs/{uuid.uuid4()}", "/ui/jobs/x"):
        assert other.get(path).status_code == 404
    assert str(job_id) not in other.get("/ui/gallery").text + other.get("/ui/").text
