RUN = {
    "id": "0198c0de-0000-7000-8000-00000000000c",
    "mode": "regular",
    "status": "complete",
    "max_predictions": None,
    "pages": 3,
    "predictions_checked": 1250,
    "jobs_created": 1200,
    "jobs_updated": 4,
    "skipped": 1,
    "error": None,
}
SYNCS = f"GET /syncs/{RUN['id']}"


def test_sync_asks_for_no_limit_and_follows_the_run_to_its_end(fixative, fake_api):
    fake_api.on("POST /sync-replicate-jobs", {"sync_id": RUN["id"]})
    fake_api.on(SYNCS, {**RUN, "status": "running"}, RUN)

    result = fixative("sync")

    assert result.exit_code == 0, result.output
    assert fake_api.asked[0].body == {
        "bootstrap": False,
        "since": None,
        "until": None,
        "max_predictions": None,
    }
    assert fake_api.asked[0].headers["Prefer"] == "wait=1"
    assert len(fake_api.asked) == 3
    for shown in RUN["id"], "complete", "1,250", "1,200":
        assert shown in result.output


def test_options_are_passed_on_with_times_that_name_their_zone(fixative, fake_api):
    fake_api.on("POST /sync-replicate-jobs", {"sync_id": RUN["id"]})
    fake_api.on(SYNCS, RUN)

    since, until = "2026-01-01T00:00:00Z", "2026-01-02"
    result = fixative(
        *("sync", "--bootstrap", "--since", since, "--until", until, "--max-predictions", "7")
    )

    assert result.exit_code == 0, result.output
    body = fake_api.asked[0].body
    assert (body["bootstrap"], body["max_predictions"]) == (True, 7)
    assert body["since"].startswith(("2025-12-31T", "2026-01-01T"))
    assert len(body["until"]) == len("2026-01-02T00:00:00+00:00")


def test_a_run_that_its_limit_ended_is_no_error_and_one_that_broke_off_is(fixative, fake_api):
    fake_api.on("POST /sync-replicate-jobs", {"sync_id": RUN["id"]})
    fake_api.on(SYNCS, {**RUN, "status": "partial"}, {**RUN, "status": "partial", "error": "away"})

    limited, broken = fixative("sync", "--json"), fixative("sync")

    assert limited.exit_code == 0
    assert '"status": "partial"' in limited.output
    assert broken.exit_code == 1
    assert "away" in broken.output
    assert "goes on from where it stopped" in broken.output


def test_what_is_no_time_is_refused_before_anybody_is_asked(fixative, fake_api):
    result = fixative("sync", "--since", "yesterday")

    assert result.exit_code == 2
    assert "not a time" in result.output
    assert fake_api.asked == []
