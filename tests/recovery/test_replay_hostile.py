"""Replay reads what others may have written: what is wrong is named, and nothing comes of it."""

import gzip
import json
import os
import threading
import uuid
from pathlib import Path

import pytest
from sqlalchemy import func, select

from fixative.access.owners import ensure_owner
from fixative.errors import Corrupt, NotFound, RecordRefused
from fixative.postgres.tables import Job
from fixative.recovery.record_lines import LARGEST, line_of
from fixative.recovery.replay_find import Chosen
from fixative.recovery.replay_gate import Gate
from fixative.recovery.replay_json import parse_json

RECORD = {
    "job_id": "f0b82a5e-a792-470b-8c91-0657e1423dd9",
    "job": {"id": "f0b82a5e-a792-470b-8c91-0657e1423dd9", "prompt": "a", "created_at": None},
    "result": {"text": "b"},
    "completed_at": "2025-08-07T11:30:22+00:00",
}


@pytest.fixture
def place(output_dir):
    """A folder of records in which something hostile lies."""
    folder = output_dir / "daily/2025-08-07/processed"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def outcome(services, output_dir):
    """What became of the one record of OUTPUT_DIR, and why."""

    def run(place=output_dir):
        entries = services.replayer.find(str(place), Chosen())
        [(_, outcome)] = services.replayer.replay_all(entries, Chosen())
        return outcome

    return run


@pytest.fixture
def nothing_there(database):
    """Assert that no job came of it."""

    def check():
        with database.begin() as session:
            assert session.scalar(select(func.count()).select_from(Job)) == 0

    return check


def a_link_out(path, tmp_path):
    (tmp_path / "secret.json").write_text(json.dumps(RECORD))
    path.symlink_to(tmp_path / "secret.json")


def a_link_to_a_directory_outside(path, tmp_path):
    path.symlink_to(tmp_path)


def a_link_in_a_loop(path, tmp_path):
    path.symlink_to(path)


def a_broken_link(path, tmp_path):
    path.symlink_to(path.with_name("nothing"))


def a_fifo(path, tmp_path):
    os.mkfifo(path)


def a_link_to_a_device(path, tmp_path):
    path.symlink_to("/dev/zero")


def a_directory(path, tmp_path):
    path.mkdir()


def a_large_file(path, tmp_path):
    with path.open("wb") as file:
        file.truncate(LARGEST + 1)


@pytest.mark.parametrize(
    "make",
    [
        a_link_out,
        a_link_to_a_directory_outside,
        a_link_in_a_loop,
        a_broken_link,
        a_fifo,
        a_link_to_a_device,
        a_directory,
        a_large_file,
    ],
)
def test_what_is_no_record_file_is_refused_by_name(
    place, outcome, services, tmp_path, nothing_there, make
):
    make(place / "x.json", tmp_path)

    assert outcome().what == "refused"
    assert outcome().detail
    [entry] = services.replayer.find(str(place), Chosen())
    assert entry.name == str(place / "x.json")
    nothing_there()


@pytest.mark.parametrize(
    "path", ["../outside.json", "/etc/hostname", "/dev/zero", "daily/../../outside.json", "/", ".."]
)
def test_a_path_that_leads_elsewhere_is_refused(services, output_dir, place, path):
    (output_dir.parent / "outside.json").write_text("{}")

    with pytest.raises(RecordRefused):
        list(services.replayer.find(str(output_dir / path), Chosen()))


def test_a_path_with_a_nul_is_refused_and_one_to_nothing_is_not_found(services, output_dir):
    with pytest.raises(RecordRefused):
        list(services.replayer.find(f"{output_dir}/\0.json", Chosen()))
    with pytest.raises(NotFound):
        list(services.replayer.find(f"{output_dir}/nothing.json", Chosen()))


def test_a_bucket_that_is_not_allowed_is_refused(services):
    with pytest.raises(RecordRefused):
        list(services.replayer.find("s3://another/daily", Chosen()))


def test_a_device_below_an_allowed_directory_is_refused():
    with pytest.raises(RecordRefused, match="no regular file"):
        Gate(["/dev"]).read(Path("/dev/zero"))


def test_a_file_that_changes_while_it_is_read_is_refused(output_dir, eventually):
    path = output_dir / "x.json"
    path.write_bytes(b" " * 20 * 2**20)
    writing, done = threading.Event(), threading.Event()

    def write():
        with path.open("ab", buffering=0) as file:
            while not done.is_set():
                file.write(b" ")
                writing.set()

    writer = threading.Thread(target=write)
    writer.start()
    writing.wait()

    def is_refused():
        """On a busy machine nothing may have been written just while it was read."""
        try:
            Gate([str(output_dir)]).read(path)
        except RecordRefused as error:
            return "changed" in str(error)
        return False

    try:
        eventually(is_refused)
    finally:
        done.set()
        writer.join()


CORRUPT = {
    "empty": b"",
    "cut": json.dumps(RECORD).encode()[:-5],
    "nested deeply": b'{"a":' * 100_000,
    "more lists than memory holds": b"[" + b"[]," * 5_000_001,
    "nested lists": json.dumps(RECORD).replace('"b"', "[" * 300 + "]" * 300),
    "NaN": json.dumps({**RECORD, "processing_time": float("nan")}),
    "Infinity": json.dumps({**RECORD, "processing_time": float("inf")}),
    "a number beyond floats": json.dumps(RECORD).replace('"b"', "1e999"),
    "a huge integer": json.dumps(RECORD).replace('"b"', "9" * 5000),
    "an integer beyond 64 bits": json.dumps(RECORD).replace('"b"', str(2**64)),
    "a NUL byte": json.dumps(RECORD).encode().replace(b'"b"', b'"\0"'),
    "a NUL in a text of the database": json.dumps(
        {**RECORD, "job": {**RECORD["job"], "metadata": {"a": "\0"}}}
    ),
    "no UTF-8": json.dumps(RECORD).encode().replace(b'"b"', b'"\xff"'),
    "half a character": json.dumps(RECORD).replace('"b"', r'"\ud800"'),
    "a name twice": json.dumps(RECORD).replace('"result"', '"job_id": "x", "result"'),
    "a list": json.dumps([RECORD]),
    "a text": json.dumps("x"),
    "no job": json.dumps({"job_id": "x"}),
    "another id inside": json.dumps({**RECORD, "job_id": str(uuid.uuid4())}),
}


@pytest.mark.parametrize("content", CORRUPT.values(), ids=CORRUPT)
def test_what_is_no_record_is_corrupt_and_nothing_comes_of_it(
    place, outcome, nothing_there, content
):
    path = place / f"{RECORD['job_id']}.json"
    path.write_bytes(content.encode() if isinstance(content, str) else content)

    found = outcome()

    assert (found.what, bool(found.detail)) == ("corrupt", True)
    nothing_there()


FIELDS = [
    *((name,) for name in ("job_id", "job", "completed_at", "processing_time", "retry_count")),
    *(("job", name) for name in ("id", "prompt", "provider_config", "metadata", "created_at")),
]


@pytest.mark.parametrize("field", FIELDS, ids=".".join)
def test_a_field_of_a_wrong_type_is_named(place, outcome, nothing_there, field):
    for wrong in (True, -1.5, [], ["x"], {"x": 1} if field[-1] in ("prompt", "id") else "x"):
        record = json.loads(json.dumps(RECORD))
        inner = record
        for name in field[:-1]:
            inner = inner[name]
        inner[field[-1]] = wrong
        if wrong == "x" and field[-1] in ("job_id", "id"):
            continue
        (place / "x.json").write_text(json.dumps(record))

        found = outcome()

        assert found.what == "corrupt", wrong
        assert field[-1] in found.detail
    nothing_there()


def columns_of(manifest):
    """Every column of every row of a manifest, each with values that it cannot hold."""
    for part in ("job", "attempts", "media", "transitions"):
        row = manifest[part] if part == "job" else manifest[part][0]
        yield from ((part, name) for name in row)


WRONG = (1.5, True, [[]], {"a": []}, "\0", 2**70, None)


def test_no_wrong_value_in_any_column_of_a_manifest_makes_a_row_or_an_error(
    ran, processed, replay, forgotten, nothing_there
):
    path = processed(ran())
    good = json.loads(path.read_text())
    forgotten()
    for part, name in columns_of(good["fixative"]):
        for value in WRONG:
            record = json.loads(json.dumps(good))
            row = record["fixative"][part] if part == "job" else record["fixative"][part][0]
            if type(row[name]) is type(value) or (value is None and row[name] is None):
                continue
            row[name] = value
            path.write_text(json.dumps(record))

            [what] = replay(path, dry_run=True)

            assert what in ("corrupt", "refused", "replayed"), (part, name, value)
    nothing_there()


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m["job"].update(status=5),
        lambda m: m["job"].update(status="exploded"),
        lambda m: m["job"].update(input="x"),
        lambda m: m["job"].update(created_at="yesterday"),
        lambda m: m["job"].update(owner_id="x"),
        lambda m: m["job"].pop("owner_id"),
        lambda m: m.update(format=99),
        lambda m: m.update(attempts={}),
        lambda m: m.update(media=[None]),
        lambda m: m["media"][0].update(bytes="many"),
        lambda m: m["media"][0].update(pointers={}),
        lambda m: m["media"][0].pop("width"),
        lambda m: m["attempts"][0].update(prediction={"id": "x"}),
        lambda m: m["attempts"][0].update(prediction_id="another"),
        lambda m: m["transitions"][0].update(cause="magic"),
    ],
)
def test_a_manifest_with_a_wrong_value_is_corrupt(
    ran, rewritten, replay, forgotten, nothing_there, change
):
    job_id = ran()
    rewritten(job_id, lambda record: change(record["fixative"]))
    forgotten()

    assert replay() == ["corrupt"]
    nothing_there()


ANOTHER = str(uuid.uuid4())


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r.update(job_id=ANOTHER) or r["job"].update(id=ANOTHER),
        lambda r: r["fixative"]["job"].update(id=ANOTHER),
        lambda r: r["fixative"]["attempts"][0].update(job_id=ANOTHER),
        lambda r: r["fixative"]["media"][0].update(job_id=ANOTHER),
        lambda r: r["fixative"]["media"][0].update(key=f"images/x/2026/01/02/{ANOTHER}/a.webp"),
        lambda r: r["fixative"]["transitions"][0].update(job_id=ANOTHER),
    ],
)
def test_a_record_that_tells_of_another_job_than_its_file_is_refused(
    ran, rewritten, replay, forgotten, nothing_there, change
):
    job_id = ran()
    rewritten(job_id, change)
    forgotten()

    assert replay() == ["refused"]
    nothing_there()


def test_a_job_of_another_owner_is_not_touched(database, ran, rewritten, replay, read_job):
    job_id = ran()
    with database.begin() as session:
        thief = ensure_owner(session, "thief").id
    rewritten(job_id, lambda record: record["fixative"]["job"].update(owner_id=str(thief)))

    assert replay() == ["refused"]
    assert read_job(job_id).owner_id != thief


def test_a_prediction_of_another_job_is_not_touched(
    database, ran, rewritten, replay, attempts_of, processed
):
    first, second = ran(), ran()
    taken = attempts_of(first)[0].prediction_id

    def steal(record):
        attempt = record["fixative"]["attempts"][0]
        attempt["prediction_id"] = attempt["prediction"]["id"] = taken

    path = rewritten(second, steal)

    assert replay(path) == ["refused"]


def test_an_id_of_a_job_of_ours_is_not_taken_by_another_systems_record(ran, place, replay):
    job_id = str(ran())
    record = {**RECORD, "job_id": job_id, "job": {**RECORD["job"], "id": job_id}}
    path = place / f"{job_id}.json"
    path.write_text(json.dumps(record))

    assert replay(path) == ["refused"]


LINE = line_of("processed/x.json", json.dumps(RECORD).encode())
ARCHIVES = {
    "a bomb on one line": lambda: gzip.compress(b" " * (LARGEST + 2**21)),
    "a bomb of many lines": lambda: gzip.compress(b" \n" * LARGEST),
    "cut": lambda: gzip.compress(LINE)[:-9],
    "no archive": lambda: b"no archive",
    "empty": lambda: b"",
    "something behind it": lambda: gzip.compress(LINE) + b"x",
    "a line without its end": lambda: gzip.compress(LINE[:-1]),
    "a line that is no record": lambda: gzip.compress(b"{}\n"),
    "an absolute name": lambda: gzip.compress(line_of("/etc/x.json", json.dumps(RECORD).encode())),
    "a name that leads out": lambda: gzip.compress(
        line_of("a/../../x.json", json.dumps(RECORD).encode())
    ),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_that_is_none_is_named(output_dir, replay, name):
    (output_dir / "2025-08-07.jsonl.gz").write_bytes(ARCHIVES[name]())

    words = replay(dry_run=True)

    assert "corrupt" in words
    assert set(words) <= {"corrupt", "replayed"}


def test_an_archive_is_left_where_it_expands_to_more_than_records_do(output_dir, services):
    path = output_dir / "2025-08-07.jsonl.gz"
    path.write_bytes(gzip.compress(line_of("accepted/x.json", b"1" * 2**20) * 101))

    [entry] = services.replayer.find(str(path), Chosen())

    with pytest.raises(Corrupt, match="expands"):
        entry.load()


def test_json_is_read_as_it_is_written():
    value = {"a": [1, 2.5, True, None, "猫", "\0"], "b": {}}

    assert parse_json(json.dumps(value).encode()) == value
    assert parse_json(json.dumps(value, ensure_ascii=False).encode()) == value
