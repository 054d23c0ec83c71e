"""One parser under Atheris until its time is over: `python -m tests.fuzz.run NAME --seconds 600`.

It exits with 0 when nothing was found. A fault is told with its traceback, and its input is kept in
`--faults`. What leads to places that no input led to before is kept in `--found`.
"""

import argparse
import importlib
import sys
import tempfile
from pathlib import Path

import atheris

CORPUS = Path(__file__).parent / "corpus"
LONGEST_INPUT = 2**14
LONGEST_SECONDS = 30  # of one input; it is reported as a fault
MOST_MEGABYTES = 1500


def main() -> None:
    """Parse, instrument, run."""
    asked = _asked()
    with atheris.instrument_imports(
        include=["api", "fixative", "standardwebhooks", "werkzeug", "puremagic"]
    ):
        parsers = importlib.import_module(asked.module).PARSERS
    asked.faults.mkdir(parents=True, exist_ok=True)
    found = asked.found or Path(tempfile.mkdtemp(prefix="fuzz-"))
    found.mkdir(parents=True, exist_ok=True)
    options = {
        "max_total_time": asked.seconds,
        "max_len": LONGEST_INPUT,
        "timeout": LONGEST_SECONDS,
        "rss_limit_mb": MOST_MEGABYTES,
        "artifact_prefix": f"{asked.faults}/{asked.parser}-",
        "print_final_stats": 1,
        "verbosity": 1,
    }
    told = [f"-{name}={value}" for name, value in options.items()]
    words = CORPUS / f"{asked.parser}.dict"
    told += [f"-dict={words}"] if words.exists() else []
    seeds = CORPUS / asked.parser
    places = [str(place) for place in (found, seeds) if place.exists()]
    atheris.Setup([sys.argv[0], *told, *places], parsers[asked.parser])
    atheris.Fuzz()


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parser")
    parser.add_argument("--module", default="tests.fuzz.parsers", help="where the parsers are")
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--faults", type=Path, default=Path(".fixative/faults"))
    parser.add_argument("--found", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
