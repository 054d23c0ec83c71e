"""What kind of job made a prediction that nobody of ours asked for: a written rule.

In this order, and the first that says anything decides:

1. a `job_type` in the prediction's `metadata`, or in its input;
2. the output: the kind of its first file by its name, `text` where it is text alone;
3. the metrics, which outlive the output: pictures, seconds of video or audio, tokens;
4. the input: what only models of one kind take;
5. otherwise `other`.
"""

import mimetypes
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from fixative.media.outputs import DATA_URI, strings
from fixative.replicate.prediction import Prediction

A_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
KINDS = ("image", "video", "audio", "text")
EXTRA_TYPES = {"webp": "image", "avif": "image", "opus": "audio", "flac": "audio", "mkv": "video"}
OF_METRICS = (
    ("video", re.compile(r"video")),
    ("audio", re.compile(r"audio|characters_synthesized")),
    ("image", re.compile(r"image|megapixel")),
    ("text", re.compile(r"token")),
)
OF_INPUT = (
    ("video", frozenset({"num_frames", "fps", "frames_per_second", "video_length"})),
    ("text", frozenset({"max_tokens", "max_new_tokens", "system_prompt"})),
    ("audio", frozenset({"voice", "voice_id", "speaker", "lyrics", "sample_rate"})),
    ("image", frozenset({"num_outputs", "aspect_ratio", "guidance_scale", "megapixels"})),
)


def kind_of(prediction: Prediction) -> str:
    """The job type, by the rule above."""
    return next(_answers(prediction), "other")


def _answers(prediction: Prediction) -> Iterator[str]:
    raw = prediction.raw
    for place in (raw.get("metadata"), prediction.input):
        said = place.get("job_type") if isinstance(place, dict) else None
        if isinstance(said, str) and A_TYPE.fullmatch(said):
            yield said
    yield from _of_output(raw.get("output"))
    metrics = raw.get("metrics")
    names = list(metrics) if isinstance(metrics, dict) else []
    yield from (kind for kind, sign in OF_METRICS if any(map(sign.search, names)))
    yield from (kind for kind, keys in OF_INPUT if keys & prediction.input.keys())


def _of_output(output: Any) -> Iterator[str]:
    texts = [text for _, text in strings(output, [])]
    files = [text for text in texts if _is_file(text)]
    for file in files:
        kind = _of_file(file)
        if kind in KINDS:
            yield kind
    if files:
        yield "other"
    elif isinstance(output, str | list) and any(texts):
        yield "text"


def _is_file(text: str) -> bool:
    return text.startswith(("https://", "http://")) or bool(DATA_URI.match(text))


def _of_file(url: str) -> str:
    if url.startswith("data:"):
        return url[5:].partition("/")[0]
    path = urlsplit(url).path
    extension = path.rpartition(".")[2].lower()
    return EXTRA_TYPES.get(extension) or (mimetypes.guess_type(path)[0] or "").partition("/")[0]
