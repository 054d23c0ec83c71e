"""Output files: real media, each prediction's own, downloadable as from a file host."""

import base64
import hashlib
import io
import subprocess
import wave

import imageio_ffmpeg
import pytest
from PIL import Image

LLAMA = "meta/meta-llama-3-8b-instruct"
PICTURES = [
    ("black-forest-labs/flux-schnell", {"prompt": "a", "output_format": "webp"}, "WEBP"),
    ("black-forest-labs/flux-schnell", {"prompt": "a", "output_format": "jpg"}, "JPEG"),
    ("black-forest-labs/flux-schnell", {"prompt": "a", "output_format": "png"}, "PNG"),
    ("stability-ai/sdxl", {"prompt": "a", "width": 128, "height": 64}, "PNG"),
]
STREAMS = [
    ("minimax/video-01", {"prompt": "a", "duration": 1}, "Video: h264"),
    ("meta/musicgen", {"prompt": "a", "duration": 1, "output_format": "wav"}, "Audio: pcm_s16le"),
    ("meta/musicgen", {"prompt": "a", "duration": 1, "output_format": "mp3"}, "Audio: mp3"),
]


def first_url(output) -> str:
    return output[0] if isinstance(output, list) else output


def decoded(data: bytes) -> str:
    """What ffmpeg says of a file that it decodes to its end; an error when it cannot."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-xerror", "-i", "pipe:0", "-f", "null", "-"]
    return subprocess.run(command, input=data, check=True, capture_output=True).stderr.decode()


@pytest.mark.parametrize(("model", "values", "form"), PICTURES)
def test_pictures_open_and_no_two_predictions_have_the_same_bytes(
    replicate, model, values, form, web
):
    urls = [first_url(replicate.run(model, values)["output"]) for _ in range(2)]

    one, other = (web.get(url).content for url in urls)

    picture = Image.open(io.BytesIO(one))
    picture.load()
    assert picture.format == form
    assert one != other
    assert len(one) == len(other)


@pytest.mark.parametrize(("model", "values", "stream"), STREAMS)
def test_clips_and_sounds_play_and_no_two_predictions_have_the_same_bytes(
    replicate, model, values, stream, web
):
    urls = [first_url(replicate.run(model, values)["output"]) for _ in range(2)]

    one, other = (web.get(url).content for url in urls)

    assert stream in decoded(one)
    assert stream in decoded(other)
    assert one != other


def test_a_wav_keeps_its_length_with_the_mark_inside(replicate, web):
    made = replicate.run("meta/musicgen", {"prompt": "a", "duration": 1})

    with wave.open(io.BytesIO(web.get(made["output"]).content)) as sound:
        assert sound.getnframes() == sound.getframerate()


@pytest.mark.parametrize(
    ("model", "values", "files"),
    [
        ("stability-ai/sdxl", {"width": 64, "height": 64, "num_outputs": 3}, 3),
        ("minimax/video-01", {"prompt": "a", "duration": 1}, 1),
        ("emulator/report", {"prompt": "a", "frames": 3}, 6),
        ("emulator/bytes", {"bytes": 0}, 1),
        ("emulator/bytes", {"bytes": 1}, 1),
        ("emulator/bytes", {"bytes": 600_000, "count": 2}, 2),
    ],
)
def test_every_file_has_the_expected_hash_and_length(replicate, model, values, files, web):
    expected = replicate.expected(replicate.run(model, values)["id"])

    assert len(expected) == files
    for entry in expected:
        response = web.get(entry["url"])
        assert len(response.content) == entry["bytes"] == int(response.headers["content-length"])
        assert hashlib.sha256(response.content).hexdigest() == entry["sha256"]


def test_expected_lists_the_files_of_an_object_in_the_order_of_the_document(replicate):
    made = replicate.run("emulator/report", {"prompt": "a", "frames": 2})

    output = made["output"]
    assert [entry["url"] for entry in replicate.expected(made["id"])] == [
        output["audio"]["track"],
        *(frame["image"] for frame in output["frames"]),
        output["transcript"],
        output["video"],
    ]


def test_expected_of_text_is_its_tokens_joined(replicate):
    made = replicate.run(LLAMA, {"prompt": "a"})

    text = "".join(made["output"]).encode()
    entry = {"url": None, "sha256": hashlib.sha256(text).hexdigest(), "bytes": len(text)}
    assert replicate.expected(made["id"]) == [entry]


def test_a_data_uri_holds_the_picture_itself(replicate):
    made = replicate.run("emulator/data-uri", {"prompt": "a"})

    head, _, data = made["output"].partition(",")
    picture = base64.b64decode(data)
    assert head == "data:image/png;base64"
    assert Image.open(io.BytesIO(picture)).size == (128, 128)
    assert replicate.expected(made["id"])[0]["sha256"] == hashlib.sha256(picture).hexdigest()


@pytest.mark.parametrize("output", [None, [], {}, 7, True, ["a", 1]])
def test_an_output_may_be_any_json(replicate, output):
    made = replicate.run("emulator/echo", {"value": output})

    assert made["status"] == "succeeded"
    assert made["output"] == output
    assert replicate.expected(made["id"]) == []


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=262140-262150", 262140, 262151),
        ("bytes=599990-", 599990, 600000),
        ("bytes=-5", 599995, 600000),
    ],
)
def test_a_range_is_answered_with_just_these_bytes(replicate, asked, start, stop, web):
    url = replicate.run("emulator/bytes", {"bytes": 600_000})["output"]
    whole = web.get(url)

    part = web.get(url, headers={"Range": asked})

    assert part.status_code == 206
    assert part.content == whole.content[start:stop]
    assert part.headers["content-range"] == f"bytes {start}-{stop - 1}/600000"
    assert part.headers["etag"] == whole.headers["etag"]


def test_a_range_beyond_the_end_is_416(replicate, web):
    url = replicate.run("emulator/bytes", {"bytes": 10})["output"]

    response = web.get(url, headers={"Range": "bytes=10-"})

    assert response.status_code == 416
    assert response.headers["content-range"] == "bytes */10"


def test_head_tells_what_get_would_bring(replicate, web):
    url = first_url(replicate.run("black-forest-labs/flux-schnell", {"prompt": "a"})["output"])

    head, got = web.head(url), web.get(url)

    for name in ("content-length", "content-type", "etag", "accept-ranges"):
        assert head.headers[name] == got.headers[name]


def test_no_token_is_needed_for_a_file_and_a_foreign_one_does_no_harm(replicate, web):
    url = replicate.run("emulator/bytes", {"bytes": 10})["output"]
    replicate.configure(tokens=["r8_other"])

    assert web.get(url).status_code == 200
    assert web.get(url, headers={"Authorization": "Bearer r8_any"}).status_code == 200


def test_files_that_were_never_made_are_404(replicate, web):
    made = replicate.run("emulator/bytes", {"bytes": 10})
    failed = replicate.run("emulator/bytes", {"bytes": 10, "_fail": True})

    assert web.get(made["output"].replace("/0/", "/1/")).status_code == 404
    assert web.get(made["output"].replace(".bin", ".exe")).status_code == 404
    assert web.get(made["output"].replace(made["id"], failed["id"])).status_code == 404


def test_encoded_media_are_kept_in_the_data_directory(tmp_path):
    from replicate_emulator.files import File
    from replicate_emulator.media.studio import Studio

    file = File("out.png", "png", look=1, width=64, height=64)
    first = Studio(tmp_path).content(file, "one")
    kept = list(tmp_path.iterdir())
    second = Studio(tmp_path).content(file, "one")

    assert len(kept) == 1
    assert b"".join(first.read(0, first.length)) == b"".join(second.read(0, second.length))
