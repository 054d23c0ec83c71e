"""How long it takes to be there: our modules beside their libraries alone, and the whole system."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.harness import Comparison, Measure, Sample, compare
from bench.systems import ROOT
from fixative.settings import Settings

# What a process of each kind imports before it works.
IMPORTS = {
    "api": "import api.wsgi",
    "worker": "import worker.app, worker.services, worker.presence\n"
    "worker.app.app.loader.import_default_modules()",
}
OURS = {"api", "beat_schedule", "celeryconfig", "fixative", "worker"}
SETTINGS = {
    "DATABASE_URL": "postgresql://localhost/none",
    "REDIS_URL": "redis://localhost/0",
    "S3_BUCKET": "none",
    "REPLICATE_API_TOKEN": "r8_none",
    "FIXATIVE_ADMIN_KEY": "the-key-of-nobody",
}
LOADED = "import json, sys\n{}\nprint(json.dumps(list(sys.modules)))"
CLOCKS = {"import": "time.perf_counter()", "CPU of import": "time.process_time()"}
NOW = f"({', '.join(CLOCKS.values())})"
TIMED = f"import time\nbegan = {NOW}\n{{}}\nprint(*began, *{NOW})"
EACH = """import contextlib, importlib, json, sys
names = json.load(sys.stdin)
{}"""
ONE = """for name in names:
    with contextlib.suppress(ImportError):  # some are made at run time by others
        importlib.import_module(name)"""
MEASURES = (
    *(Measure(f"{clock}, {kind}", "ms", "lower") for clock in CLOCKS for kind in IMPORTS),
    Measure("first `fixative up`", "s", "lower"),
    Measure("next `fixative up`", "s", "lower"),
)


def run(imports: int, rounds: int) -> Comparison:
    """Imports, beside those of the libraries alone: ms; `fixative up` to ready: s."""
    turns = {
        "fixative": partial(_ours, imports),
        "libraries alone": partial(_theirs, imports, {kind: _libraries(kind) for kind in IMPORTS}),
    }
    sizes = {"imports": imports, "rounds": rounds}
    return compare(turns, MEASURES, rounds=rounds, settings=sizes)


def _ours(imports: int) -> Sample:
    taken = _timed({kind: (TIMED.format(code), "") for kind, code in IMPORTS.items()}, imports)
    with TemporaryDirectory(prefix="fixative-bench-") as home:
        first, following = _up(home), _up(home)
    return {**taken, "first `fixative up`": first, "next `fixative up`": following}


def _theirs(imports: int, libraries: dict[str, list[str]]) -> Sample:
    code = EACH.format(TIMED.format(ONE))
    return _timed({kind: (code, json.dumps(names)) for kind, names in libraries.items()}, imports)


def _libraries(kind: str) -> list[str]:
    """All modules that are in memory after our imports, without ours, in the order they came."""
    loaded = json.loads(_python(LOADED.format(IMPORTS[kind])))
    return [name for name in loaded if name.partition(".")[0] not in OURS]


def _timed(codes: dict[str, tuple[str, str]], imports: int) -> Sample:
    """Medians of each kind's code, by the child's clocks: without the start of Python itself."""
    sample: Sample = {}
    for kind, (code, told) in codes.items():
        each = [list(map(float, _python(code, told).split())) for _ in range(imports)]
        for place, clock in enumerate(CLOCKS):
            taken = median(times[place + len(CLOCKS)] - times[place] for times in each)
            sample[f"{clock}, {kind}"] = 1000 * taken
    return sample


def _python(code: str, told: str = "") -> str:
    child = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**_without_settings(), **SETTINGS},
        input=told,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return child.stdout


def _up(home: str) -> float:
    """Seconds from the command to `ready`, with all that `fixative up` has, Flower too."""
    command = [sys.executable, "-c", "from fixative.cli.main import main; main()", "up"]
    command += ["--port", "0", "--data-dir", f"{home}/data"]
    began = time.monotonic()
    with (
        (Path(home) / "said").open("a") as said,
        subprocess.Popen(
            command, cwd=ROOT, env=_without_settings(), stdout=subprocess.PIPE, stderr=said
        ) as child,
    ):
        assert child.stdout
        line = child.stdout.readline()
        seconds = time.monotonic() - began
        child.send_signal(signal.SIGINT)
    if not line.startswith(b"ready"):
        raise RuntimeError(f"`fixative up` did not get ready: {(Path(home) / 'said').read_text()}")
    return seconds


def _without_settings() -> dict[str, str]:
    """This process's environment without what would change what is started."""
    names = {field.upper() for field in Settings.model_fields}
    return {
        name: value
        for name, value in os.environ.items()
        if name not in names and name.removesuffix("_FILE") not in names
    }
