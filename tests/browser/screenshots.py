"""Pictures of every page, narrow and wide, light and dark, empty and with something to show.

`python -m tests.browser.screenshots FOLDER` makes them; PNG, to be looked at.
"""

import sys
import tempfile
from pathlib import Path

from tests.browser.browsing import NARROW, PAGES, SCHEMES, WIDE, Visitor, chromium
from tests.browser.sights import furnish, submit_jobs, variables, wait_for
from tests.system.conftest import System


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, chromium() as browser:
        bare = System(Path(place) / "bare")
        try:
            visitor = Visitor(browser, bare.run["api_url"])
            shoot(visitor, {"sign-in": "/ui/login"}, folder)
            visitor.sign_in(bare.run["admin_key"])
            shoot(visitor, {f"empty-{name}": path for name, path in PAGES.items()}, folder)
        finally:
            bare.stop()
        system = System(Path(place) / "full", **variables())
        try:
            visitor = Visitor(browser, system.run["api_url"])
            visitor.sign_in(system.run["admin_key"])
            ids = submit_jobs(system)
            furnish(system, ids[2])
            for id_ in (*ids[:5], *ids[8:10]):
                wait_for(system, id_, "thumbnail", "waveform")
            system.api.post("/admin/models/check", json={}).raise_for_status()
            names = ("image", "images", "wide", "clip", "sound", "text", "report", "failed")
            jobs = {f"job-{name}": f"/ui/jobs/{id_}" for name, id_ in zip(names, ids, strict=False)}
            shoot(visitor, {**PAGES, **jobs, "job-running": f"/ui/jobs/{ids[-1]}"}, folder)
        finally:
            system.stop()


def shoot(visitor: Visitor, pages: dict[str, str], folder: Path) -> None:
    """Every page, in each width and scheme."""
    for name, path in pages.items():
        visitor.look(width=WIDE, scheme=SCHEMES[0])
        visitor.go(path)
        for width in (WIDE, NARROW):
            for scheme in SCHEMES:
                visitor.look(width=width, scheme=scheme)
                file = folder / f"{name}-{width}-{scheme}.png"
                visitor.page.screenshot(path=file, full_page=True, animations="disabled")
                print(file, *visitor.overflow(), *visitor.faults)
                visitor.faults.clear()


if __name__ == "__main__":
    main()
