"""What exists from the start: models, one for each kind of output there is, and what shows them."""

from typing import Any

from replicate_emulator import makers
from replicate_emulator.models import Collection, Deployment, Model, Schema

ACCOUNT = "local"

_URI: Schema = {"type": "string", "format": "uri"}
_URIS: Schema = {"type": "array", "items": _URI}
_TEXT: Schema = {"type": "string"}
_ANYTHING: Schema = {}


def _number(default: int | None, lowest: int, highest: int) -> Schema:
    schema: Schema = {"type": "integer", "minimum": lowest, "maximum": highest}
    return schema if default is None else schema | {"default": default}


def _choice(*values: str) -> Schema:
    return {"type": "string", "enum": list(values), "default": values[0]}


_SEED = {"seed": {"type": "integer"}}

MODELS = (
    Model(
        "black-forest-labs",
        "flux-schnell",
        "Pictures from text, fast",
        {
            "prompt": _TEXT,
            "aspect_ratio": _choice("1:1", "16:9", "9:16", "3:2", "2:3"),
            "num_outputs": _number(1, 1, 4),
            "output_format": _choice("webp", "jpg", "png"),
            **_SEED,
        },
        ("prompt",),
        makers.flux_pictures,
        _URIS,
        official=True,
        run_seconds=0.8,
        dollars_per_second=0.003,
    ),
    Model(
        "stability-ai",
        "sdxl",
        "Pictures from text, by a community model that needs its version named",
        {
            "prompt": _TEXT,
            "width": _number(1024, 64, 2048),
            "height": _number(1024, 64, 2048),
            "num_outputs": _number(1, 1, 4),
            **_SEED,
        },
        (),
        makers.sdxl_pictures,
        _URIS,
        start_seconds=0.4,
        run_seconds=1.2,
        dollars_per_second=0.000975,
    ),
    Model(
        "minimax",
        "video-01",
        "Clips from text",
        {"prompt": _TEXT, "duration": _number(3, 1, 10), **_SEED},
        ("prompt",),
        makers.clip,
        _URI,
        official=True,
        start_seconds=0.3,
        run_seconds=2.5,
        dollars_per_second=0.02,
    ),
    Model(
        "meta",
        "musicgen",
        "Music from text",
        {
            "prompt": _TEXT,
            "duration": _number(5, 1, 60),
            "output_format": _choice("wav", "mp3"),
            **_SEED,
        },
        (),
        makers.music,
        _URI,
        start_seconds=0.4,
        run_seconds=1.5,
        dollars_per_second=0.0014,
    ),
    Model(
        "meta",
        "meta-llama-3-8b-instruct",
        "Text, token by token",
        {"prompt": _TEXT, "max_tokens": _number(80, 4, 4096)},
        ("prompt",),
        makers.prose,
        {"type": "array", "items": _TEXT, "x-cog-array-type": "iterator"},
        official=True,
        start_seconds=0.1,
        run_seconds=1.0,
        dollars_per_second=0.0005,
        streams=True,
    ),
    Model(
        "emulator",
        "report",
        "An object with pictures, a clip, a sound and a text deep inside",
        {"prompt": _TEXT, "frames": _number(2, 0, 200), **_SEED},
        (),
        makers.report,
        {"type": "object"},
        run_seconds=1.5,
    ),
    Model(
        "emulator",
        "data-uri",
        "A small picture as a data: URI",
        {"prompt": _TEXT, **_SEED},
        (),
        makers.small_picture,
        _URI,
        run_seconds=0.4,
    ),
    Model(
        "emulator",
        "bytes",
        "Files of exactly the size asked for",
        {"bytes": _number(None, 0, 16 * 2**30), "count": _number(1, 1, 1000)},
        ("bytes",),
        makers.raw_bytes,
        _ANYTHING,
        run_seconds=0.3,
    ),
    Model(
        "emulator",
        "echo",
        "Its input, or the input's `value`, as output",
        {"value": _ANYTHING},
        (),
        makers.echo,
        _ANYTHING,
        official=True,
        start_seconds=0.05,
        run_seconds=0.2,
    ),
    Model(
        "emulator",
        "sleep",
        "A sentence, after `seconds` of running",
        {"seconds": {"type": "number", "minimum": 0}},
        ("seconds",),
        makers.nap,
        _TEXT,
        start_seconds=0.05,
    ),
    Model(
        "emulator",
        "fail",
        "Fails, the way containers reject an input",
        {"prompt": _TEXT},
        (),
        makers.echo,
        _ANYTHING,
        run_seconds=0.3,
        fails_with=(
            'Prediction input failed validation: {"detail":[{"loc":["body","input","images"],'
            '"msg":"field required","type":"value_error.missing"}]}'
        ),
    ),
)

_NAMED = {model.full_name: model for model in MODELS}

DEPLOYMENTS = (
    Deployment(ACCOUNT, "fast-pictures", _NAMED["black-forest-labs/flux-schnell"]),
    Deployment(ACCOUNT, "careful-pictures", _NAMED["stability-ai/sdxl"]),
)

COLLECTIONS = (
    Collection(
        "text-to-image",
        "Generate images",
        "Models that make pictures from text.",
        ("black-forest-labs/flux-schnell", "stability-ai/sdxl"),
    ),
    Collection(
        "text-to-video",
        "Generate videos",
        "Models that make clips from text.",
        ("minimax/video-01",),
    ),
    Collection(
        "ai-music-generation",
        "Generate music",
        "Models that make music from text.",
        ("meta/musicgen",),
    ),
    Collection(
        "language-models",
        "Large language models",
        "Models that write text.",
        ("meta/meta-llama-3-8b-instruct",),
    ),
)

# What the authors of models show of them: by `owner/name`, an input.
EXAMPLES: dict[str, dict[str, Any]] = {
    "black-forest-labs/flux-schnell": {"prompt": "a harbour in winter"},
    "stability-ai/sdxl": {"prompt": "a garden in the morning"},
    "minimax/video-01": {"prompt": "a river under glass"},
    "meta/musicgen": {"prompt": "slow copper bells"},
    "meta/meta-llama-3-8b-instruct": {"prompt": "the sea"},
}
