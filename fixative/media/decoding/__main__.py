"""The decoder's own side: a line of JSON in for each file, a line of JSON out.

It ends when nobody asks any more, and with its parent.
"""

import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

from fixative.errors import NotDecodable
from fixative.media.decoding import films, pictures, sounds
from fixative.media.decoding.parent import die_with_parent

DECODERS = {"image": pictures.look, "video": films.look, "audio": sounds.listen}
MOST_WRITTEN = 64 * 2**20  # bytes, of one derived file
CORES = 2  # that one file may keep busy


def main(seconds: float, memory: int) -> None:
    """Answer requests until there are no more."""
    die_with_parent()
    _limit(resource.RLIMIT_AS, memory)
    _limit(resource.RLIMIT_FSIZE, MOST_WRITTEN)
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)  # what libraries print is no answer
        print("ready", file=answers, flush=True)
        for line in sys.stdin:
            _limit(resource.RLIMIT_CPU, int(_cpu_seconds() + CORES * seconds) + 1)
            print(json.dumps(_answer(json.loads(line))), file=answers, flush=True)


def _answer(request: dict[str, str]) -> dict[str, Any]:
    kind = request["kind"]
    try:
        return {"measures": DECODERS[kind](Path(request["source"]), Path(request["folder"]))}
    except NotDecodable as error:
        return {"reason": str(error), "detail": error.detail}
    except MemoryError:
        return {"reason": "decoding it takes more memory than is allowed", "detail": None}
    except Exception as error:  # noqa: BLE001 - anything at all: some files are made to break decoders
        detail = f"{type(error).__name__}: {error}"[:1000]
        return {"reason": f"it cannot be decoded as {kind}", "detail": detail}


def _limit(what: int, most: int) -> None:
    """Lower the limit where the system has it: macOS knows none of address space."""
    _, hard = resource.getrlimit(what)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    try:
        resource.setrlimit(what, (most, hard))
    except ValueError:
        if sys.platform == "linux":
            raise


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
