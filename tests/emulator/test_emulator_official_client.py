"""Replicate's own Python client, pointed here by its base URL, works as it is."""

import io
import time

import pytest

# The client is built on pydantic's old interface, which warns of itself on import.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.fixture
def official(replicate, monkeypatch):
    monkeypatch.setenv("REPLICATE_POLL_INTERVAL", "0.02")
    from replicate.client import Client

    client = Client(api_token="r8_test", base_url=replicate.url)
    yield client
    client._client.close()


def test_it_creates_by_model_version_and_deployment_and_waits(replicate, official):
    version = replicate.versions["stability-ai/sdxl"]
    predictions = [
        official.predictions.create(model="black-forest-labs/flux-schnell", input={"prompt": "a"}),
        official.predictions.create(version=version, input={"prompt": "a"}),
        official.predictions.create(deployment="local/fast-pictures", input={"prompt": "a"}),
    ]

    for prediction in predictions:
        prediction.wait()

    assert [prediction.status for prediction in predictions] == ["succeeded"] * 3


def test_it_gets_and_cancels(official):
    made = official.predictions.create(model="emulator/echo", input={"_queue_seconds": 60})

    official.predictions.cancel(made.id)

    assert official.predictions.get(made.id).status == "canceled"


def test_it_pages_through_a_listing(replicate, official):
    import replicate as library

    replicate.post("/_emulator/history", json={"count": 250})

    pages = list(library.paginate(official.predictions.list))

    assert [len(page.results) for page in pages] == [100, 100, 50]


def test_it_runs_a_model_and_reads_text(official):
    output = official.run("meta/meta-llama-3-8b-instruct", input={"prompt": "a"})

    assert "On a:" in "".join(output)


def test_it_raises_what_is_answered(official):
    from replicate.exceptions import ModelError, ReplicateError

    with pytest.raises(ReplicateError, match="prompt is required"):
        official.predictions.create(model="black-forest-labs/flux-schnell", input={})
    with pytest.raises(ModelError, match="failed validation"):
        official.run("emulator/echo", input={"_error": "Prediction input failed validation"})


def test_it_reads_models_versions_and_the_account(official):
    model = official.models.get("stability-ai/sdxl")

    assert (
        "prompt"
        in model.latest_version.openapi_schema["components"]["schemas"]["Input"]["properties"]
    )
    assert [version.id for version in model.versions.list()] == [model.latest_version.id]
    assert official.accounts.current().username == "local"
    assert official.hardware.list()


def test_it_uploads_files(official):
    made = official.files.create(io.BytesIO(b"hello"), filename="a.txt")

    assert official.files.get(made.id).size == 5
    assert len(official.files.list()) == 1


def test_it_accepts_the_signature_of_a_webhook(replicate, official, receiver, eventually):
    from replicate.webhook import Webhooks

    replicate.create("emulator/echo", {}, webhook=receiver.url)
    headers, body = eventually(lambda: receiver.received)[0]

    Webhooks.validate(
        headers=headers, body=body.decode(), secret=official.webhooks.default.secret()
    )


def test_it_streams_tokens_one_by_one(official):
    values = {"prompt": "a", "max_tokens": 20, "_seconds": 2}
    arrived = [
        (time.monotonic(), event.data)
        for event in official.stream("meta/meta-llama-3-8b-instruct", input=values)
        if event.event.value == "output"
    ]

    finished = official.predictions.list().results[0]
    assert [token for _, token in arrived] == finished.output
    assert arrived[-1][0] - arrived[0][0] > 0.3


def test_it_raises_when_a_streamed_prediction_fails(official):
    with pytest.raises(RuntimeError, match="out of memory"):
        list(official.stream("emulator/echo", input={"_error": "out of memory"}))


def test_it_finds_models_and_reads_collections(official):
    found = official.models.search("music")
    collection = official.collections.get("text-to-image")

    assert [model.id for model in found] == ["meta/musicgen"]
    assert len(collection.models) == 2
    assert len(official.collections.list()) == 4


def test_it_makes_a_model_trains_for_it_and_deploys(replicate, official, eventually):
    version = replicate.versions["stability-ai/sdxl"]
    official.models.create("local", "mine", hardware="cpu", visibility="private")
    training = official.trainings.create(
        model="stability-ai/sdxl",
        version=version,
        input={"_seconds": 0},
        destination="local/mine",
    )
    deployment = official.deployments.create(
        name="mine",
        model="stability-ai/sdxl",
        version=version,
        hardware="cpu",
        min_instances=0,
        max_instances=1,
    )

    eventually(lambda: official.trainings.get(training.id).status == "succeeded")
    assert official.trainings.list().results[0].id == training.id
    assert deployment.current_release.number == 1
    assert official.deployments.delete("local", "mine")
