"""A browser on the dashboard of a running system, which notes whatever a page does wrong."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.waiting import waited_for

CHROMIUM = Path("/usr/bin/chromium")
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PATIENCE = 60_000.0  # milliseconds, to whatever is awaited
NARROW, WIDE = 390, 1440
SCHEMES = ("light", "dark")
PAGES = {
    "home": "/ui/",
    "gallery": "/ui/gallery",
    "submit": "/ui/submit",
    "submit-form": "/ui/submit?model=black-forest-labs/flux-schnell",
    "models": "/ui/models",
    "recovery": "/ui/recovery",
    "dead": "/ui/dead",
    "keys": "/ui/keys",
    "keys-owner": "/ui/keys?owner=gallery",
    "system": "/ui/system",
}
LISTEN = """
document.addEventListener("securitypolicyviolation", (event) =>
    window.faultFound(`${event.violatedDirective}: ${event.blockedURI}`));
"""
TOO_WIDE = """() => {
    const width = document.documentElement.clientWidth;
    return document.documentElement.scrollWidth <= width ? [] :
        [...document.querySelectorAll("body *")]
            .filter((each) => each.getBoundingClientRect().right > width + 1)
            .map((each) => `${each.tagName}.${each.className}`);
}"""
ONLY = {"resultTypes": ["violations"]}
GRAVE = ("serious", "critical")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's own; nothing is fetched."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        try:
            yield browser
        finally:
            browser.close()


class Visitor:
    """Whoever looks at the dashboard, through a window of their own."""

    def __init__(self, browser: Browser, origin: str, **window: Any) -> None:
        self.faults: list[str] = []
        self.origin = origin
        self.context: BrowserContext = browser.new_context(base_url=origin, **window)
        self.context.set_default_timeout(PATIENCE)
        self.page: Page = self.context.new_page()
        self.page.expose_function("faultFound", lambda fault: self.faults.append(fault))  # noqa: PLW0108
        self.page.add_init_script(LISTEN)
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("dialog", lambda dialog: dialog.accept())

    def _heard(self, message: Any) -> None:
        if message.type == "error":
            self.faults.append(f"{message.text} ({message.location.get('url')})")

    def sign_in(self, key: str) -> None:
        self.page.goto("/ui/login")
        self.page.get_by_label("Key").fill(key)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(re.compile("/ui/$"))

    def go(self, path: str) -> None:
        """To a page, until all that it loads by itself is there."""
        self.page.goto(path)
        self.page.wait_for_selector("[hx-trigger='load']", state="detached")
        self.until("() => [...document.images].every((image) => image.complete)")

    def until(self, condition: str) -> None:
        """Wait for a function to say yes; to have the page wait would be to evaluate a text."""
        waited_for(lambda: self.page.evaluate(condition), pause=0.05)

    def look(self, *, width: int, scheme: str) -> None:
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]

    def overflow(self) -> list[str]:
        """What reaches over the right edge, if that makes the page scroll sideways."""
        found: list[str] = self.page.evaluate(TOO_WIDE)
        return found

    def barriers(self) -> list[str]:
        """What axe-core finds that keeps people out: serious and critical."""
        found = Axe().run(self.page, options=ONLY).response["violations"]
        return [
            f"{each['id']}: {node['target']} {node.get('failureSummary', '')}"
            for each in found
            if each["impact"] in GRAVE
            for node in each["nodes"]
        ]
