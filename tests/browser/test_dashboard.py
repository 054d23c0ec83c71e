"""The dashboard in a browser, on the running system: what people do by it, and how it looks."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.browsing import NARROW, PAGES, PATIENCE, SCHEMES, WIDE
from tests.browser.sights import bury, wait_for

pytestmark = pytest.mark.wide

expect.set_options(timeout=PATIENCE)
FLUX = "black-forest-labs/flux-schnell"


def test_one_signs_in_is_told_of_a_wrong_key_and_signs_out(visitor_of, system):
    visitor = visitor_of()
    page = visitor.page
    page.goto("/ui/gallery")
    page.get_by_label("Key").fill("fx_" + "a" * 43)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("This key opens nothing.")
    visitor.faults.clear()  # the browser says of a 401 that it is one

    visitor.sign_in(system.run["admin_key"])
    page.get_by_role("button", name="Sign out").click()

    page.wait_for_url(re.compile("/ui/login"))
    page.goto("/ui/")
    page.wait_for_url(re.compile("/ui/login"))


def test_a_submitted_form_becomes_a_picture_without_a_reload(operator, jobs):
    page = operator.page
    operator.go("/ui/submit")
    page.get_by_role("link", name=FLUX).click()
    page.get_by_label("prompt").fill("a lighthouse, by a form")
    page.get_by_label("aspect_ratio").select_option("16:9")
    page.get_by_label("num_outputs").fill("2")
    page.get_by_label("Label").fill("by-form")
    expect(page.locator("#price")).to_contain_text("at most $0.006")
    loads = []
    page.get_by_role("button", name="Submit").click()
    page.wait_for_url(re.compile("/ui/jobs/"))
    page.on("load", lambda: loads.append(page.url))

    expect(page.locator("figure img")).to_have_count(2)
    expect(page.locator(".of-job .status")).to_have_text("succeeded")
    operator.until("() => [...document.images].every((image) => image.naturalWidth)")
    assert loads == []


def test_what_does_not_fit_is_said_beside_its_field(operator):
    page = operator.page
    operator.go(f"/ui/submit?model={FLUX}")
    page.get_by_label("num_outputs").fill("9")
    page.get_by_role("button", name="Submit").click()

    expect(page.locator("#in-prompt-fault")).to_contain_text("required")
    expect(page.get_by_label("num_outputs")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("num_outputs")).to_have_value("9")
    operator.faults.clear()  # the browser says of a 422 that it is one


def test_the_gallery_is_filtered(operator, jobs):
    page = operator.page
    operator.go("/ui/gallery")
    assert page.locator(".card").count() >= len(jobs)
    page.get_by_label("Words").fill("copper bells")
    page.get_by_role("button", name="Filter").click()

    expect(page.locator(".card")).to_have_count(1)
    assert jobs[4] in page.locator(".card a").get_attribute("href")


def test_a_sound_plays_on_its_card_and_stops(operator, jobs):
    page = operator.page
    operator.go("/ui/gallery?q=copper")
    button = page.get_by_role("button", name="Play slow copper bells")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")


def test_a_preview_moves_while_it_is_pointed_at(operator, system, jobs):
    page = operator.page
    wait_for(system, jobs[3], "preview")
    operator.go("/ui/gallery?q=river")
    image = page.locator(".card img")
    expect(image).to_have_attribute("data-moving", re.compile("preview"))
    page.locator(".card a").hover()
    expect(image).to_have_attribute("src", re.compile("preview"))
    page.mouse.move(0, 0)
    expect(image).to_have_attribute("src", re.compile("thumbnail"))


@pytest.mark.parametrize(("place", "element"), [(3, "video"), (4, "audio")])
def test_a_jobs_media_play(operator, jobs, place, element):
    page = operator.page
    operator.go(f"/ui/jobs/{jobs[place]}")
    page.locator(element).evaluate("(media) => { media.muted = true; return media.play(); }")
    operator.until(f"() => document.querySelector('{element}').currentTime > 0.1")


def test_new_jobs_appear_at_home_by_themselves(operator, system, jobs):
    operator.go("/ui/")
    job_id = system.submit(prompt="just now")

    expect(operator.page.locator(f"#card-{job_id}")).to_be_visible()


def test_a_running_job_is_cancelled_and_tried_again(operator, system):
    page, job_id = operator.page, system.submit("emulator/sleep", seconds=600)
    operator.go(f"/ui/jobs/{job_id}")
    expect(page.locator(".of-job .status")).to_have_text("processing")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".of-job .status")).to_have_text("canceled")

    page.get_by_role("button", name="Retry, pay again").click()
    expect(page.locator(".of-job .status")).to_have_text("processing")


def test_a_dead_letter_is_looked_for_and_requeued(operator, system, jobs):
    page = operator.page
    bury(system, jobs[1])
    operator.go(f"/ui/dead?job={jobs[1]}")
    expect(page.locator(".letter")).to_have_count(1)
    page.get_by_role("button", name="Requeue", exact=True).click()
    page.wait_for_url(re.compile("/ui/dead$"))
    operator.go(f"/ui/dead?job={jobs[1]}")
    expect(page.get_by_text("No dead letter is like that.")).to_be_visible()
    operator.go(f"/ui/dead?job={jobs[1]}&requeued=true")
    expect(page.locator(".letter")).to_have_count(1)


def test_all_letters_of_a_task_are_requeued(operator, system, jobs):
    page = operator.page
    bury(system, None, "fixative.purge_expired")
    operator.go("/ui/dead?task=fixative.purge_expired")
    page.get_by_role("button", name="Requeue all of this task").click()
    page.wait_for_url(re.compile("/ui/dead$"))
    operator.go("/ui/dead?task=fixative.purge_expired")
    expect(page.get_by_text("No dead letter is like that.")).to_be_visible()


def test_a_sync_is_begun_and_watched_to_its_end(operator, jobs):
    page = operator.page
    operator.go("/ui/recovery")
    expect(page.get_by_role("heading", name="Records, by day")).to_be_visible()
    before = page.locator("#syncs tbody tr").count()
    page.get_by_label("Predictions to read").fill("5")
    page.get_by_role("button", name="Sync with Replicate").click()
    expect(page.locator("#syncs tbody tr")).to_have_count(before + 1)
    expect(page.locator("#syncs tbody tr .status").first).to_have_text(
        re.compile("complete|partial")
    )


def test_a_key_is_made_shown_once_opens_and_is_revoked(operator, visitor_of, system, jobs):
    page = operator.page
    operator.go("/ui/keys")
    page.get_by_text("Make a key").click()
    page.get_by_role("textbox", name="Owner").fill("by-form")
    page.get_by_role("button", name="Make it").click()
    key = page.locator("#new-key").inner_text()
    operator.go("/ui/keys")
    assert key not in page.content()

    other = visitor_of()
    other.sign_in(key)
    assert other.page.get_by_role("link", name="Keys").count() == 0

    page.locator("tr", has_text="by-form").get_by_role("button", name="Revoke").click()
    expect(page.locator("tr", has_text="by-form").first).to_contain_text("revoked")


def test_a_model_is_paused_and_resumed(operator, jobs):
    page = operator.page
    operator.go("/ui/system")
    page.get_by_label("Model").fill("emulator/echo")
    page.get_by_role("button", name="Pause").click()
    held = page.locator(".hold", has_text="model:emulator/echo")
    held.get_by_role("button", name="Resume").click()
    expect(held).to_have_count(0)


def look_at(visitor, path):
    """What is wrong with a page: too wide in a window, or in somebody's way."""
    visitor.go(path)
    found = []
    for width, scheme in ((NARROW, "dark"), (NARROW, "light"), (WIDE, "light"), (WIDE, "dark")):
        visitor.look(width=width, scheme=scheme)
        found += [(path, width, scheme, "too wide", each) for each in visitor.overflow()]
        if (width == WIDE) == (scheme == SCHEMES[0]):  # both layouts, and both sets of colours
            found += [(path, width, scheme, each) for each in visitor.barriers()]
    return found


def test_the_form_to_sign_in_keeps_nobody_out_and_fits_its_window(visitor_of):
    assert look_at(visitor_of(), "/ui/login") == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_keeps_nobody_out_and_fits_its_window(operator, jobs, name):
    assert look_at(operator, PAGES[name]) == []


@pytest.mark.parametrize("place", [1, *range(3, 8), -1])
def test_a_jobs_page_keeps_nobody_out_whatever_came_of_it(operator, jobs, place):
    assert look_at(operator, f"/ui/jobs/{jobs[place]}") == []


def test_forms_that_are_open_or_refused_keep_nobody_out(operator, jobs):
    page = operator.page
    operator.go("/ui/keys")
    for summary in ("Make a key", "Make an owner", "Set or lift a budget"):
        page.get_by_text(summary).click()
    assert operator.barriers() == []
    page.get_by_label("US dollars").fill("much")
    page.get_by_role("button", name="Save").last.click()
    expect(page.locator("#budget-amount-fault")).to_be_visible()
    assert operator.barriers() == []
    operator.faults.clear()  # the browser says of a 422 that it is one


def test_an_error_is_a_page_that_keeps_nobody_out(operator):
    assert look_at(operator, "/ui/jobs/none") == []
    expect(operator.page.get_by_role("heading")).to_have_text("404 Not Found")
    operator.faults.clear()  # the browser says of a 404 that it is one
