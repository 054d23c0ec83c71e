"""Webhooks lost, doubled, out of order, or never asked for: the jobs end the same."""

JOBS = 12


def succeeded_once(system, job_ids):
    for job in system.all_ended(job_ids):
        assert job["status"] == "succeeded", job
        moves = [item["to"] for item in system.timeline(job["id"]) if item["kind"] == "transition"]
        assert moves.count("succeeded") == 1
        assert [m["name"] for m in job["media"] if m["role"] == "original"] == ["original.webp"]
        assert system.creates_of([job["id"]]) == {1}
        system.assert_stored(job)


def test_with_every_webhook_dropped_polling_finds_all(system):
    system.configure(faults={"webhook_dropped": 1})

    succeeded_once(system, [system.submit() for _ in range(JOBS)])


def test_with_webhooks_doubled_and_out_of_order_each_job_succeeds_once(system):
    system.configure(faults={"webhook_doubled": 1, "webhook_reordered": 1, "webhook_late": 0.3})

    succeeded_once(system, [system.submit() for _ in range(JOBS)])


def test_unsigned_webhooks_change_nothing(system):
    system.configure(faults={"webhook_unsigned": 1})

    job_id = system.submit()

    succeeded_once(system, [job_id])
    assert not [item for item in system.timeline(job_id) if item["kind"] == "delivery"]


def test_without_a_public_url_no_webhook_is_asked_for_and_polling_finds_all(
    start, local_replicate, emulator
):
    system = start(
        "--no-emulator",
        REPLICATE_API_TOKEN="r8_test",
        REPLICATE_BASE_URL=local_replicate,
        FIXATIVE_ALLOWED_OUTPUT_HOSTS=local_replicate,
        FIXATIVE_POLL_SECONDS="2",
    )

    jobs = system.all_ended([system.submit() for _ in range(5)])

    assert {job["status"] for job in jobs} == {"succeeded"}
    stats = emulator.get("/_emulator/stats").json()
    assert (stats["creates"]["total"], stats["webhooks"].get("sent", 0)) == (5, 0)
