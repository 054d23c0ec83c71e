"""The pages of operators: what they show, what their forms do, and who may."""

import re

import pytest
from sqlalchemy import delete

from api.dashboard.recovery import MOST_COUNTED
from fixative.access.owners import find_owner
from fixative.jobs.dead_letters import bury
from fixative.names import STORE_OUTPUTS, SWEEP, SYNC_HISTORY
from fixative.postgres.money_tables import Balance, Budget
from fixative.postgres.operation_tables import DeadLetter, Pause
from fixative.postgres.sync_tables import SyncRun
from fixative.recovery.record_directory import Directory
from tests.api.dashboard.conftest import Browser

PAGES = ("/ui/recovery", "/ui/dead", "/ui/keys", "/ui/system")
FORMS = (
    *("/ui/recovery", "/ui/dead/requeue", "/ui/dead/x/requeue", "/ui/keys", "/ui/keys/x/rotate"),
    *("/ui/keys/x/revoke", "/ui/keys/owners", "/ui/keys/budgets", "/ui/system/pause"),
    *("/ui/system/resume", "/ui/models/check"),
)
KEY = re.compile(r'<code id="new-key">(fx_[\w-]{43})</code>')


@pytest.fixture
def operator(app, settings):
    browser = Browser(app.test_client())
    browser.sign_in(settings.fixative_admin_key.get_secret_value())
    return browser


@pytest.fixture(autouse=True)
def _no_rows_of_operators(database):
    yield
    with database.begin() as session:
        for table in (DeadLetter, Pause, SyncRun, Balance, Budget):
            session.execute(delete(table))


@pytest.fixture
def letters(database, submit):
    """Two open letters, one of them of a job; the job."""
    job_id = submit()
    with database.begin() as session:
        bury(session, STORE_OUTPUTS, {"job_id": str(job_id)}, ValueError("no <i>answer</i>"))
        bury(session, SWEEP, {}, ValueError("broke"))
    return job_id


def test_they_are_for_administrators_alone(browser, operator):
    home = browser.get("/ui/").text
    for path in PAGES:
        assert path not in home
        assert browser.get(path).status_code == 403
        assert operator.get(path).status_code == 200
    for path in (*FORMS, "/ui/recovery"):
        assert browser.post(path).status_code == 403, path
    for path in ("/ui/recovery/live", "/ui/recovery/records", "/ui/system/live"):
        assert browser.get(path).status_code == 403, path


def test_with_nothing_to_show_they_say_so(operator):
    said = {
        "/ui/recovery": "Nothing was synced yet.",
        "/ui/recovery/records": "There are no records where this server looks for them.",
        "/ui/dead": "Nothing was given up.",
        "/ui/keys": "Nothing bounds what may be spent.",
        "/ui/system": "Nothing is held back.",
        "/ui/models": "none was used in these days",
    }
    for path, words in said.items():
        assert words in operator.get(path).text


def test_letters_are_filtered_and_one_is_requeued(operator, letters, publisher):
    page = operator.get(f"/ui/dead?job={letters}").text
    assert page.count('<article class="panel letter">') == 1
    assert "no &lt;i&gt;answer" in page

    path = re.search(r'action="(/ui/dead/[^"]+/requeue)"', page)[1]
    operator.post(path)

    assert [hint.task for hint in publisher.hints if hint.task == STORE_OUTPUTS]
    assert "No dead letter is like that." in operator.get(f"/ui/dead?job={letters}").text
    assert str(letters) in operator.get("/ui/dead?requeued=true").text


def test_all_letters_of_a_task_or_all_are_requeued(operator, letters):
    operator.post("/ui/dead/requeue", task=SWEEP)
    assert SWEEP not in re.findall(r"<h2>(\S+)", operator.get("/ui/dead").text)

    operator.post("/ui/dead/requeue")
    assert "Nothing was given up." in operator.get("/ui/dead").text


def test_a_filter_that_makes_no_sense_is_named(operator):
    answer = operator.get("/ui/dead?job=x")

    assert answer.status_code == 422
    assert "job" in answer.text
    assert "<html" in answer.text


def test_a_sync_is_begun_and_looked_at_until_it_ends(operator, publisher):
    operator.post("/ui/recovery", bootstrap="on", max_predictions="7")

    assert [hint.task for hint in publisher.hints] == [SYNC_HISTORY]
    part = operator.get("/ui/recovery/live").text
    assert "of 7" in part
    assert "bootstrap" in part
    assert 'hx-trigger="every 1s"' in part


def test_a_sync_of_no_number_is_refused_beside_its_field(operator, publisher):
    for number in ("x", "0", "-1"):
        answer = operator.post("/ui/recovery", max_predictions=number)
        assert answer.status_code == 422
        assert 'id="most-fault"' in answer.text
    assert publisher.hints == []


def test_records_are_counted_by_day_as_far_as_one_counts(new_app, settings, tmp_path):
    records = Directory(tmp_path)
    for n in range(3):
        records.write(f"daily/2026-01-02/accepted/{n}.json", [b"{}"])
    records.write("daily/2026-01-02/processed/0.json", [b"{}"])
    records.write("daily/2026-01-01.jsonl.gz", [b""])
    records.write("daily/notes.txt", [b""])
    app = new_app(settings.model_copy(update={"output_dir": str(tmp_path)}))
    browser = Browser(app.test_client())
    browser.sign_in(settings.fixative_admin_key.get_secret_value())

    page = browser.get("/ui/recovery/records").text

    cells = re.findall(r"<td[^>]*>([^<]*)</td>", page)
    assert cells == ["2026-01-02", "3", "1", "2026-01-01", "archived", "archived"]
    assert f"{MOST_COUNTED}" not in page


def test_where_records_cannot_be_listed_the_page_says_so(new_app, settings, tmp_path):
    (tmp_path / "daily").write_text("no folder")
    app = new_app(settings.model_copy(update={"output_dir": str(tmp_path)}))
    browser = Browser(app.test_client())
    browser.sign_in(settings.fixative_admin_key.get_secret_value())

    assert "does not answer" in browser.get("/ui/recovery/records").text


def test_a_key_is_shown_once_opens_and_is_revoked(operator, app):
    page = operator.post("/ui/keys", owner="made", scopes=["read"], allow="127.0.0.0/8").text
    key = KEY.search(page)[1]
    assert key not in operator.get("/ui/keys").text

    other = Browser(app.test_client())
    assert other.sign_in(key).status_code == 302

    path = re.search(rf'{key[:11]}.*?action="(/ui/keys/[^"]+/revoke)"', page, re.DOTALL)[1]
    operator.post(path)
    assert "revoked" in operator.get("/ui/keys").text


def test_a_rotated_key_is_shown_once_too(operator):
    page = operator.post("/ui/keys", owner="rotated").text
    key = KEY.search(page)[1]
    path = re.search(rf'{key[:11]}.*?action="(/ui/keys/[^"]+/rotate)"', page, re.DOTALL)[1]

    heir = KEY.search(operator.post(path, grace="3600").text)[1]

    assert heir != key
    assert operator.post(path, grace="3600").status_code == 409


@pytest.mark.parametrize(
    ("path", "field", "form"),
    [
        ("/ui/keys", "key-owner", {"owner": "not / good"}),
        ("/ui/keys", "key-allow", {"owner": "a", "allow": "here"}),
        ("/ui/keys", "key-per_minute", {"owner": "a", "per_minute": "many"}),
        ("/ui/keys", "key-expires_at", {"owner": "a", "expires_at": "2020-01-01"}),
        ("/ui/keys/owners", "owner-weight", {"name": "a", "weight": "-1"}),
        ("/ui/keys/owners", "owner-retention_days", {"name": "a", "retention_days": "0.5"}),
        ("/ui/keys/owners", "owner-webhook", {"name": "a", "webhook": "http://10.0.0.1/"}),
        ("/ui/keys/budgets", "budget-of", {"holder": "owner", "period": "day", "of": "\0"}),
        ("/ui/keys/budgets", "budget-period", {"holder": "all", "period": "x", "amount": "1"}),
        (
            "/ui/keys/budgets",
            "budget-amount",
            {"holder": "owner", "of": "a", "period": "day", "amount": "much"},
        ),
    ],
)
def test_what_does_not_fit_is_said_beside_its_field(operator, path, field, form):
    page = operator.post(path, **form)

    assert page.status_code == 422
    assert f'id="{field}-fault"' in page.text


def test_an_owner_is_changed_and_a_budget_set_and_lifted(operator):
    operator.post("/ui/keys/owners", name="gallery", weight="2", retention_days="30")
    budget = {"holder": "owner", "of": "gallery", "period": "month"}
    operator.post("/ui/keys/budgets", amount="250", **budget)

    page = operator.get("/ui/keys").text
    assert "30 days" in page
    assert "$250" in page

    operator.post("/ui/keys/budgets", **budget)
    assert "$250" not in operator.get("/ui/keys").text


def test_what_is_not_said_of_an_owner_stays_unless_all_of_it_was_on_the_page(operator, database):
    def kept():
        with database.begin() as session:
            owner = find_owner(session, "kept")
            return owner.weight, owner.retention_days, owner.webhook, owner.webhook_events

    told = {"webhook": "https://example.com/hook", "webhook_events": "start, failed"}
    operator.post("/ui/keys/owners", name="kept", weight="3", retention_days="9", **told)
    operator.post("/ui/keys/owners", name="kept", weight="4")
    assert kept() == (4, 9, told["webhook"], ["processing", "failed"])

    page = operator.get("/ui/keys?owner=kept").text
    assert "Change kept" in page
    assert 'value="processing, failed"' in page

    operator.post("/ui/keys/owners", changed="kept", name="kept", retention_days="5")
    assert kept()[:3] == (1, 5, None)


def test_a_budget_of_an_unknown_key_is_refused_above_the_form(operator):
    form = {"holder": "key", "of": "fx_nobody", "period": "day", "amount": "1"}

    answer = operator.post("/ui/keys/budgets", **form)

    assert answer.status_code == 404
    assert "no key fx_nobody" in answer.text


def test_submissions_are_paused_and_resumed(operator):
    operator.post("/ui/system/pause", model="emu/image")
    assert "model:emu/image" in operator.get("/ui/system").text

    operator.post("/ui/system/resume", model="emu/image")
    assert "model:emu/image" not in operator.get("/ui/system").text

    refused = operator.post("/ui/system/pause", owner="nobody")
    assert refused.status_code == 404
    assert "no owner nobody" in refused.text


def test_the_system_says_what_answers_and_what_runs_here(new_app, settings, tmp_path):
    (tmp_path / "run.json").write_text(
        '{"processes": [{"role": "beat", "pid": 4711}], "flower_url": "http://127.0.0.1:5555",'
        ' "admin_key": "fx_secret"}'
    )
    app = new_app(settings.model_copy(update={"fixative_data_dir": tmp_path}))
    browser = Browser(app.test_client())
    browser.sign_in(settings.fixative_admin_key.get_secret_value())

    page = browser.get("/ui/system").text

    assert "Postgres</dt><dd>ok" in page
    assert "4711" in page
    assert "http://127.0.0.1:5555" in page
    assert "fx_secret" not in page


def test_models_tell_how_they_are_used(browser, browser_of, api, submit, told):
    for end in ("succeeded", "failed"):
        told(submit(), "submitting", "storing", end)
    submit(model="emu/other")

    api.post("/jobs", json={"deployment": "local/fast", "input": {}})

    page = browser.get("/ui/models").text

    assert "/ui/submit?model=local/fast" not in page
    row = re.search(r"emu/image.*?</tr>", page, re.DOTALL)[0]
    assert "50.0 %" in row
    assert "not in the registry" in row
    assert page.index("emu/image") < page.index("emu/other")
    assert "emu/image" not in browser_of("others").get("/ui/models").text
