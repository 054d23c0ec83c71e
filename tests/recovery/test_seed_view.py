"""A synced job in the schema's fields: docs/seed-schema.md says how, and nothing else happens."""

import re
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest

from api import answer_schemas
from fixative.jobs.ingest import ERROR_CODES, STATUS_OF_JOB
from fixative.postgres.tables import Attempt, Job
from fixative.recovery import kinds, seed_view
from fixative.recovery.importing import status_of
from fixative.replicate.prediction import read_prediction

PAGE = Path(__file__).parents[2] / "docs/seed-schema.md"
WRITTEN = PAGE.read_text()
AT = "2026-03-01T12:00:00.123456Z"
TOLD = {
    "id": "abc123",
    "status": "failed",
    "created_at": AT,
    "started_at": "2026-03-01T12:00:01Z",
    "completed_at": "2026-03-01T12:00:09Z",
    "model": "black-forest-labs/flux-dev",
    "version": "f" * 64,
    "deployment": "team/portraits",
    "input": {"prompt": "a fog", "seed": 7},
    "output": ["https://replicate.delivery/x/out-0.webp"],
    "logs": "step 1\nstep 2",
    "metrics": {"predict_time": 8.0},
    "urls": {"get": "https://api.replicate.com/v1/predictions/abc123"},
    "error": "CUDA out of memory",
    "data_removed": False,
    "source": "web",
}
NAMES = {
    "user_prompt": seed_view.PROMPT,
    "character_id": seed_view.CHARACTER_ID,
    "character_name": seed_view.CHARACTER_NAME,
    "character_trigger_word": seed_view.TRIGGER_WORD,
    "lora_model_url": seed_view.LORA_URL,
}


@pytest.fixture
def job():
    return Job(
        id=uuid.UUID(int=7),
        status="failed",
        job_type="image",
        input=TOLD["input"],
        error={"code": "out_of_memory", "message": "m", "retryable": False, "details": None},
        created_at=datetime.fromisoformat(AT),
        updated_at=datetime(2026, 3, 2, tzinfo=UTC),
    )


@pytest.fixture
def attempt():
    return Attempt(prediction_id="abc123", prediction_status="failed", prediction=dict(TOLD))


def table(title):
    """The rows under a heading of the page, as lists of cells."""
    section = WRITTEN.partition(f"\n## {title}\n")[2] if title else WRITTEN
    lines = re.search(r"(?:^\|.*\n)+", section, re.MULTILINE)[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def quoted(cell):
    return re.findall(r"`([^`]+)`", cell)


def kind(**raw):
    whole = {"id": "a1", "status": "succeeded", "created_at": AT, **raw}
    return kinds.kind_of(read_prediction(whole))


def test_every_field_is_given_as_it_was_told(job, attempt):
    assert seed_view.seed_view(job, attempt) == {
        "job_id": str(job.id),
        "created_at": job.created_at,
        "updated_at": job.updated_at,
        "status": "failed",
        "job_type": "image",
        "user_prompt": "a fog",
        "character_id": None,
        "character_name": None,
        "character_trigger_word": None,
        "lora_model_url": None,
        "prediction_id": "abc123",
        "prediction_status": "failed",
        "prediction_created_at": AT,
        "prediction_started_at": "2026-03-01T12:00:01Z",
        "prediction_completed_at": "2026-03-01T12:00:09Z",
        "input_params": {"prompt": "a fog", "seed": 7},
        "model_info": {"owner": "black-forest-labs", "name": "flux-dev", "version": "f" * 64},
        "execution_logs": "step 1\nstep 2",
        "metrics": {"predict_time": 8.0},
        "urls": TOLD["urls"],
        "output_data": TOLD["output"],
        "error_message": "m",
        "error_details": {"category": "out_of_memory", "retryable": False, "details": None},
        "data_removed": False,
        "source": "web",
        "deployment": "team/portraits",
    }


def test_of_a_job_without_a_prediction_the_job_itself_tells_what_it_can(job):
    job.model, job.version, job.deployment, job.error = "owner/name", "e" * 64, "us/ours", None

    shown = seed_view.seed_view(job, None)

    assert shown["model_info"] == {"owner": "owner", "name": "name", "version": "e" * 64}
    assert shown["deployment"] == "us/ours"
    assert (shown["prediction_id"], shown["output_data"], shown["error_details"]) == (None,) * 3
    assert shown["data_removed"] is False


@pytest.mark.parametrize(("field", "names"), NAMES.items(), ids=NAMES)
def test_what_a_product_knows_is_found_under_each_of_its_names_in_order(job, attempt, field, names):
    for place in range(len(names)):
        job.input = {name: f"under {name}" for name in names[place:]}
        assert seed_view.seed_view(job, attempt)[field] == f"under {names[place]}"


def test_metadata_goes_before_the_input_and_the_jobs_before_the_predictions(job, attempt):
    job.input = {"character_id": "of the input"}
    attempt.prediction["metadata"] = {"character_id": "of the prediction"}
    assert seed_view.seed_view(job, attempt)["character_id"] == "of the prediction"
    job.metadata_ = {"character_id": "of the job"}
    assert seed_view.seed_view(job, attempt)["character_id"] == "of the job"


@pytest.mark.parametrize(
    ("value", "shown"),
    [("c-1", "c-1"), (42, "42"), (0, "0"), (True, None), ("", None), (["c"], None), (None, None)],
    ids=repr,
)
def test_texts_and_whole_numbers_are_values_and_nothing_else_is(job, attempt, value, shown):
    job.input = {"character_id": value}
    assert seed_view.seed_view(job, attempt)["character_id"] == shown


@pytest.mark.parametrize("metadata", ["text", ["a"], 7, None], ids=repr)
def test_metadata_that_is_no_object_says_nothing(job, attempt, metadata):
    attempt.prediction["metadata"] = metadata
    assert seed_view.seed_view(job, attempt)["user_prompt"] == "a fog"
    assert kind(metadata=metadata, output="https://a.b/c.png") == "image"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"metadata": {"job_type": "short"}, "input": {"job_type": "a"}}, "short"),
        ({"input": {"job_type": "complete_content", "num_frames": 9}}, "complete_content"),
        ({"input": {"job_type": "video"}, "output": "https://a.b/c.png"}, "video"),
        ({"input": {"job_type": "no type!"}, "output": "https://a.b/c.png"}, "image"),
        ({"output": ["https://a.b/c.bin", "https://a.b/c.mp4?x=1"]}, "video"),
        ({"output": {"deep": [{"audio": "https://a.b/c.OPUS"}]}}, "audio"),
        ({"output": "data:image/png;base64,AA=="}, "image"),
        ({"output": "https://a.b/c.zip", "metrics": {"image_count": 1}}, "other"),
        ({"output": ["some", " words"]}, "text"),
        ({"output": None, "metrics": {"video_output_duration_seconds": 5}}, "video"),
        ({"output": None, "metrics": {"characters_synthesized": 5}}, "audio"),
        ({"output": None, "metrics": {"image_count": 1, "token_count": 2}}, "image"),
        ({"output": None, "metrics": {"output_token_count": 2}}, "text"),
        ({"input": {"num_frames": 9, "aspect_ratio": "1:1"}}, "video"),
        ({"input": {"max_new_tokens": 9}}, "text"),
        ({"input": {"lyrics": "la"}}, "audio"),
        ({"input": {"guidance_scale": 3}}, "image"),
        ({"input": {"prompt": "who knows"}}, "other"),
    ],
    ids=lambda case: None if isinstance(case, dict) else case,
)  # fmt: skip
def test_the_job_type_is_what_says_anything_first(raw, expected):
    assert kind(**raw) == expected


@pytest.mark.parametrize(("told", "ours"), STATUS_OF_JOB.items(), ids=STATUS_OF_JOB)
def test_each_status_of_replicate_has_one_of_ours(told, ours):
    raw = {"id": "a1", "created_at": AT, "status": told, "data_removed": True, "output": None}
    kept = {**raw, "data_removed": False, "output": "https://a.b/c.png"}
    assert status_of(read_prediction(kept)) == ours
    assert status_of(read_prediction(raw)) == ("succeeded" if told == "succeeded" else ours)


def test_the_page_has_every_field_and_no_other(job):
    assert [quoted(row[0])[0] for row in table(None)] == list(seed_view.seed_view(job, None))


def test_the_columns_that_the_page_names_are_there():
    named = re.findall(r"`(jobs|attempts)\.(\w+)`", WRITTEN)
    assert named
    columns = {"jobs": Job.__table__.columns, "attempts": Attempt.__table__.columns}
    for of, column in named:
        assert column in columns[of], f"{of}.{column}"


def test_the_fields_of_a_job_that_the_page_names_are_answered():
    parts = {"prediction": answer_schemas.PredictionPart, "error": answer_schemas.JobError}
    for row in table(None):
        for path in quoted(row[2]):
            first, _, second = path.partition(".")
            assert first in answer_schemas.Job.model_fields, path
            assert not second or second in parts[first].model_fields, path


def test_the_page_has_the_names_that_are_tried_in_their_order():
    rows = {quoted(row[0])[0]: quoted(row[1]) for row in table(None)}
    assert {field: tuple(rows[field]) for field in NAMES} == NAMES


def test_the_page_has_every_status_and_every_category():
    statuses = {quoted(told)[0]: quoted(ours)[0] for told, ours in table("Status")}
    assert statuses == STATUS_OF_JOB
    categories = [quoted(row[0])[0] for row in table("Errors")]
    assert categories == [*(code for code, _ in ERROR_CODES), "model_error", "canceled", "aborted"]


def test_the_page_has_the_inputs_that_tell_a_kind():
    written = dict(re.findall(r"^   - `(\w+)`: (.+)$", WRITTEN, re.MULTILINE))
    assert {of: frozenset(quoted(names)) for of, names in written.items()} == dict(kinds.OF_INPUT)
