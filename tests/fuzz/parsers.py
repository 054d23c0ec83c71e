"""What reads bytes of somebody else's: each with what has to hold for any bytes at all.

A parser gives what it should, or raises the error that its docstring names. Any other error, and a
property that does not hold, is a fault.
"""

import base64
import hmac
import json
import time
from contextlib import suppress
from hashlib import sha256

from werkzeug.exceptions import BadRequest, RequestEntityTooLarge
from werkzeug.wrappers import Request

from api.body import parse_json as parse_body
from api.body import parse_object
from api.cursors import read_cursor, write_cursor
from api.errors import Unprocessable
from api.multipart import open_file_part
from fixative.errors import (
    BadSignature,
    Corrupt,
    InvalidRequest,
    MalformedPrediction,
    RecordRefused,
)
from fixative.hosts import AllowedHosts
from fixative.media.content import recognise
from fixative.media.disposition import disposition
from fixative.media.outputs import (
    find_files,
    is_structured,
    media_elsewhere,
    put_at,
    text_of,
    with_files_as,
)
from fixative.recovery.digest import digest_of
from fixative.recovery.record_lines import compressed, line_of, lines_in, record_on
from fixative.recovery.replay_foreign import check_foreign, job_id_of
from fixative.recovery.replay_json import parse_json
from fixative.recovery.replay_own import read_own
from fixative.recovery.replay_record import read_record
from fixative.replicate.prediction import expires_at, read_prediction, richer
from fixative.replicate.signature import verify

KEY = bytes(range(24))
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
HOSTS = AllowedHosts.read("replicate.delivery,*.replicate.delivery,http://127.0.0.1:9100")
PREDICTION = {"id": "abc", "status": "succeeded", "created_at": "2026-03-01T10:00:00Z"}
MOST_OF_A_FILE = 2**16


def webhooks(data: bytes) -> None:
    """Headers, an empty line, a body: only what we signed is believed; then it is read."""
    head, _, body = data.partition(b"\n\n")
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    told = [line.decode("latin-1") for line in head.split(b"\n")]
    headers = dict(zip(names, told, strict=False))
    with suppress(BadSignature):
        id_ = verify([SECRET], headers, body)
        assert _sign(id_, headers["webhook-timestamp"], body) in headers["webhook-signature"]
    at = str(int(time.time()))
    right = dict(zip(names, ("msg", at, f"v1,{_sign('msg', at, body)}"), strict=True))
    with suppress(BadSignature):  # a body that is no text
        assert verify([SECRET], right, body) == "msg"
        assert _is_refused(right, body + b" ")
    with suppress(BadRequest, Unprocessable, MalformedPrediction):
        prediction = read_prediction(parse_body(body))
        _ = prediction.claimed_by, expires_at(prediction.raw)
        assert richer(prediction.raw, prediction.raw) == prediction.raw
        _find(prediction.raw.get("output"))


def outputs(data: bytes) -> None:
    """Any JSON as an output: each file stands where its pointers lead, and can be put elsewhere."""
    with suppress(BadRequest, Unprocessable):
        _find(read_prediction({**PREDICTION, "output": parse_body(data)}).raw["output"])


def _find(output: object) -> None:
    files = find_files(output, HOSTS)
    text_of(output, files)
    is_structured(output)
    assert not {file.url for file in files} & set(media_elsewhere(output, files))
    named = with_files_as(output, {file.index: f"file {file.index}" for file in files}, files)
    assert find_files(named, HOSTS) == []
    places = [(pointer, file.url) for file in files for pointer in file.pointers]
    assert put_at(named, places) == output
    for file in files:
        assert file.url.startswith("data:") or HOSTS.target(file.url).host


def archives(data: bytes) -> None:
    """A file as an archive of records; small pieces of a broken one may give more of its lines."""
    lines, more = _lines([data]), _lines(data[at : at + 7] for at in range(0, len(data), 7))
    assert more[: len(lines)] == lines
    for line in more:
        with suppress(Corrupt):
            name, record = record_on(line)
            assert line_of(name, record) == line
    text = data.replace(b"\n", b" ")
    assert _lines(compressed([line_of("a/b.json", text)])) == [line_of("a/b.json", text)]


def _lines(chunks: object) -> list[bytes]:
    found: list[bytes] = []
    with suppress(Corrupt):
        for line in lines_in(chunks):
            found.append(line)  # noqa: PERF402 - those before an error count
    return found


def records(data: bytes) -> None:
    """A text as a record: read as ours or as another system's, or refused."""
    with suppress(Corrupt, RecordRefused):
        value = parse_json(data)
        assert parse_json(json.dumps(value).encode()) == value
        line = json.dumps(value, sort_keys=True)
        assert digest_of([line]) == digest_of(iter([line]))
        record = read_record(value)
        job_id_of(record)
        check_foreign(record)
        if record.fixative is not None:
            read_own(record, record.fixative, record.job_id, len(data))


def cursors(data: bytes) -> None:
    """A text as a cursor: an id that is written again as one that reads the same."""
    with suppress(InvalidRequest):
        found = read_cursor(data.decode("utf-8", errors="surrogateescape"))
        assert found is not None
        assert read_cursor(write_cursor(found)) == found


def forms(data: bytes) -> None:
    """A body as a form with a file: what comes of it is in the body, and no longer than allowed."""
    request = Request.from_values(
        method="POST", data=data, content_type="multipart/form-data; boundary=b"
    )
    with suppress(BadRequest, RequestEntityTooLarge, Unprocessable):
        part = open_file_part(request, MOST_OF_A_FILE)
        content = b"".join(part.chunks)
        assert content in data
        assert len(content) <= MOST_OF_A_FILE
        parse_object(part.fields.get("metadata") or b"{}")


def contents(data: bytes) -> None:
    """First bytes of a file, after a line that declares a type: a script is never shown."""
    declared, _, head = data.partition(b"\n")
    content = recognise(head, declared.decode("latin-1"))
    assert content.extension.isalnum()
    if content.type in {"image/svg+xml", "text/html", "application/xml"}:
        assert disposition(content.type) == "attachment"


PARSERS = {
    parser.__name__: parser
    for parser in (webhooks, outputs, archives, records, cursors, forms, contents)
}


def _sign(id_: str, at: str, body: bytes) -> str:
    signed = f"{id_}.{at}.".encode() + body
    return base64.b64encode(hmac.new(KEY, signed, sha256).digest()).decode()


def _is_refused(headers: dict[str, str], body: bytes) -> bool:
    try:
        verify([SECRET], headers, body)
    except BadSignature:
        return True
    return False
