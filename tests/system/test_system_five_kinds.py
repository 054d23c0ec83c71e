"""Five kinds of output, from a REST call to verified media, through every process."""

import pytest

pytestmark = pytest.mark.core

KINDS = {
    "image": ("black-forest-labs/flux-schnell", {"prompt": "a cat", "num_outputs": 2}),
    "video": ("minimax/video-01", {"prompt": "a cat"}),
    "audio": ("meta/musicgen", {"prompt": "a cat"}),
    "text": ("meta/meta-llama-3-8b-instruct", {"prompt": "a cat"}),
    "many": ("emulator/report", {"frames": 3}),
    "inline": ("emulator/data-uri", {"prompt": "a cat"}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_model_returns_is_stored_byte_for_byte(system, kind):
    model, input_ = KINDS[kind]

    job = system.ended(system.submit(model, **input_))

    assert job["status"] == "succeeded"
    system.assert_stored(job)
    for media in job["media"]:
        assert system.api.get(media["url"]).content == system.object(job["id"], media["name"])


def test_files_in_the_output_are_replaced_by_durable_urls(system):
    job = system.ended(system.submit("black-forest-labs/flux-schnell", prompt="x", num_outputs=2))

    assert job["output"] == [media["url"] for media in job["media"] if media["role"] == "original"]


def test_a_text_stays_as_replicate_gave_it_and_gets_a_file_too(system):
    job = system.ended(system.submit("meta/meta-llama-3-8b-instruct", prompt="hello"))

    assert isinstance(job["output"], list)
    assert system.object(job["id"], "original.txt").decode() == "".join(job["output"])


def test_a_model_that_fails_fails_its_job_with_the_reason(system):
    job = system.ended(system.submit("emulator/fail"))

    assert (job["status"], job["error"]["code"]) == ("failed", "invalid_input")


def test_a_running_job_is_cancelled_at_replicate(system, eventually):
    job_id = system.submit("emulator/sleep", seconds=60)
    eventually(lambda: system.job(job_id)["status"] == "processing")

    assert system.api.post(f"/jobs/{job_id}/cancel").status_code == 202

    job = system.ended(job_id)
    assert (job["status"], job["prediction"]["status"]) == ("canceled", "canceled")


def test_an_image_gets_its_measures_a_thumbnail_and_a_version_for_the_web(system, eventually):
    job_id = system.submit("stability-ai/sdxl", prompt="x", width=640, height=512)
    system.ended(job_id)

    media = eventually(lambda: (found := system.job(job_id)["media"])[0]["details"] and found)

    assert (media[0]["width"], media[0]["height"]) == (640, 512)
    assert [item["role"] for item in media[1:]] == ["thumbnail", "web"]
