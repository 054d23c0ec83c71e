"""What models make: from an input and a prediction's id, an output of JSON and files.

Nothing here is remembered. An output is worked out anew whenever it is asked for, so a million
finished predictions cost no more than their inputs.
"""

import zlib
from collections.abc import Mapping
from random import Random
from typing import Any

from replicate_emulator.files import File
from replicate_emulator.media.art import LOOKS

Input = Mapping[str, Any]

_SIZES = {
    "1:1": (1024, 1024),
    "16:9": (1344, 768),
    "9:16": (768, 1344),
    "3:2": (1216, 832),
    "2:3": (832, 1216),
}
_VOCABULARY = (
    "light water stone river quiet morning paper glass window garden copper winter letter harbour "
    "moves holds turns keeps carries opens finds remembers slowly always under over beyond within "
    "and but while until the a every one"
)
_WORDS = _VOCABULARY.split()


def flux_pictures(values: Input, _prediction: str) -> Any:
    """A list of pictures in the asked-for number, shape and format."""
    width, height = _SIZES[values.get("aspect_ratio", "1:1")]
    kind = values.get("output_format", "webp")
    return [
        File(f"out-{place}.{kind}", kind, _look(values, place), width, height)
        for place in range(values.get("num_outputs", 1))
    ]


def sdxl_pictures(values: Input, _prediction: str) -> Any:
    """A list of PNGs of the asked-for size."""
    width, height = values.get("width", 1024), values.get("height", 1024)
    return [
        File(f"out-{place}.png", "png", _look(values, place), width, height)
        for place in range(values.get("num_outputs", 1))
    ]


def clip(values: Input, _prediction: str) -> Any:
    """One MP4."""
    seconds = values.get("duration", 3)
    return File("output.mp4", "mp4", _look(values), 640, 360, seconds)


def music(values: Input, _prediction: str) -> Any:
    """One WAV or MP3."""
    kind = values.get("output_format", "wav")
    return File(f"out.{kind}", kind, _look(values) % 4, seconds=values.get("duration", 5))


def prose(values: Input, prediction: str) -> Any:
    """Tokens of made-up sentences; like the real ones, the first and last may be blank."""
    chance = Random(prediction)
    subject = str(values.get("prompt", ""))[:60].strip() or "nothing"
    words = (
        f" {chance.choice(_WORDS)}" + (".\n" if place % 12 == 11 else "")
        for place in range(values.get("max_tokens", 80) - 3)
    )
    return ["\n\n", f"On {subject}:", *words, ""]


def report(values: Input, _prediction: str) -> Any:
    """Files of several kinds, deep among numbers and words."""
    # The keys are in alphabetical order at every depth: a webhook's body, which has them sorted,
    # then lists the files in the same order as GET.
    look = _look(values)
    frames = [
        {"image": File(f"frame-{place}.png", "png", look, 256, 256), "score": 0.5 + place / 10}
        for place in range(values.get("frames", 2))
    ]
    return {
        "audio": {"loudness": -14.5, "track": File("track.mp3", "mp3", look % 4, seconds=2)},
        "caption": f"A study of {values.get('prompt', 'light')}",
        "frames": frames,
        "homepage": "https://example.com/not-an-output",
        "notes": None,
        "transcript": File("transcript.txt", "txt"),
        "video": File("preview.mp4", "mp4", look, 320, 180, 2),
    }


def small_picture(values: Input, _prediction: str) -> Any:
    """One small PNG, written into the output as a data: URI."""
    return File("out.png", "png", _look(values), 128, 128, inline=True)


def raw_bytes(values: Input, _prediction: str) -> Any:
    """Files of exactly so many bytes: one stands alone, several are a list."""
    count = values.get("count", 1)
    files = [File(f"data-{place}.bin", "bin", size=values["bytes"]) for place in range(count)]
    return files[0] if count == 1 else files


def echo(values: Input, _prediction: str) -> Any:
    """The input's `value` when it has one, else the whole input."""
    return values["value"] if "value" in values else dict(values)


def nap(values: Input, _prediction: str) -> Any:
    """A sentence, after so many seconds."""
    return f"Slept for {values['seconds']} seconds."


def _look(values: Input, place: int = 0) -> int:
    prompt = str(values.get("prompt", "")).encode()
    return (zlib.crc32(prompt) + int(values.get("seed", 0)) + place) % LOOKS
