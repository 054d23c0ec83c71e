"""The listing: its order, its pages, its filters."""

from datetime import UTC, datetime, timedelta


def test_fractions_of_seconds_vary_in_length_and_python_reads_them_all(replicate):
    replicate.post("/_emulator/history", json={"count": 100})

    moments = [item["completed_at"] for item in replicate.listed()]

    assert all(datetime.fromisoformat(moment).tzinfo == UTC for moment in moments)
    assert len({len(moment) for moment in moments}) > 3


def test_a_listing_is_read_to_its_end_and_back_by_its_cursors(replicate):
    replicate.post("/_emulator/history", json={"count": 250})

    pages = [replicate.get("/v1/predictions").json()]
    while pages[-1]["next"]:
        pages.append(replicate.get(pages[-1]["next"]).json())
    back = replicate.get(pages[-1]["previous"]).json()

    found = [item["id"] for page in pages for item in page["results"]]
    created = [item["created_at"][:19] for page in pages for item in page["results"]]
    assert [len(page["results"]) for page in pages] == [100, 100, 50]
    assert len(set(found)) == 250
    assert created == sorted(created, reverse=True)
    assert back["results"] == pages[1]["results"]
    assert pages[0]["previous"] is None
    assert pages[0]["next"].startswith(replicate.url)


def test_what_comes_in_while_a_listing_is_read_neither_doubles_nor_hides_anything(replicate):
    replicate.post("/_emulator/history", json={"count": 150})
    old = {item["id"] for item in replicate.listed()}

    first = replicate.get("/v1/predictions").json()
    replicate.create("emulator/echo", {})
    second = replicate.get(first["next"]).json()

    found = [item["id"] for item in first["results"] + second["results"]]
    assert len(found) == len(set(found)) == 150
    assert old <= set(found)


def test_created_after_includes_its_moment_and_created_before_does_not(replicate):
    replicate.post("/_emulator/history", json={"count": 10, "span_seconds": 100})
    all_of_them = replicate.listed()
    middle = all_of_them[4]["created_at"]

    newer = replicate.listed(created_after=middle)
    older = replicate.listed(created_before=middle)

    assert newer == all_of_them[:5]
    assert older == all_of_them[5:]


def test_source_web_shows_the_browsers_predictions_of_two_weeks(replicate):
    days = 86400
    replicate.post(
        "/_emulator/history", json={"count": 4, "span_seconds": 40 * days, "source": "web"}
    )
    replicate.post("/_emulator/history", json={"count": 4})

    found = replicate.listed(source="web")

    oldest = datetime.now(UTC) - timedelta(days=14)
    assert found
    assert {item["source"] for item in found} == {"web"}
    assert all(datetime.fromisoformat(item["created_at"]) > oldest for item in found)
    assert len(replicate.listed()) == 8


def test_a_bad_cursor_or_moment_is_refused(replicate):
    assert replicate.get("/v1/predictions?cursor=x").status_code == 400
    assert replicate.get("/v1/predictions?created_after=yesterday").status_code == 400
