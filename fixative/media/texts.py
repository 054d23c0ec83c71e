"""Types told by what a text says: markup, JSON, subtitles, tables."""

import codecs
import json
import re

TEXTS = ("text/plain", "text/csv", "text/markdown", "text/vtt", "application/x-subrip")
LOOSE = ("text/csv", "text/markdown")  # any text may be one, so what was declared says it
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
SKIPPED = re.compile(r"(?:\s++|<\?.*?\?>|<!--.*?-->)*+", re.DOTALL)
DOCTYPE = re.compile(r"<!doctype\s++([\w:]++)(?:[^\[>]|\[[^\]]*+\])*+>", re.IGNORECASE)
TAG = re.compile(r"<(?:\w+:)?(\w+)[\s/>]")
HTML_TAGS = (
    *("html", "head", "body", "title", "meta", "link", "base", "style", "script", "template"),
    *("h1", "h2", "p", "a", "b", "br", "div", "span", "font", "center", "ul", "ol", "table"),
    *("form", "input", "iframe", "frameset", "object", "embed", "img"),
)
SUBTITLE = re.compile(r"\s*\d+\s*\n\d\d:\d\d:\d\d[,.]\d{3} --> ")
JSON_BEGINS = re.compile(r'\s*(?:\{\s*"|\[\s*[\[{"])')


def by_text(head: bytes, declared: str, *, whole: bool) -> str | None:
    """The type of the text that begins with `head`, or is it; None when it is no text."""
    text = _decoded(head)
    if text is None:
        return None
    markup = _markup(text)
    if markup is not None:
        return markup
    if text.startswith("WEBVTT"):
        return "text/vtt"
    if SUBTITLE.match(text):
        return "application/x-subrip"
    if _is_json(text, declared, whole=whole):
        return "application/json"
    return declared if declared in LOOSE else "text/plain"


def _decoded(head: bytes) -> str | None:
    """The characters, but for one that the end of `head` may have cut; None for other bytes."""
    encoding = next((name for mark, name in MARKS if head.startswith(mark)), "utf-8")
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        return None
    return None if NO_TEXT.search(text) else text


def _markup(text: str) -> str | None:
    """SVG, HTML or another XML, by its root element; comments before it decide nothing."""
    at = _after_skipped(text, 0)
    doctype = DOCTYPE.match(text, at)
    if doctype:
        if doctype[1].lower() == "html":
            return "text/html"
        at = _after_skipped(text, doctype.end())
    root = TAG.match(text, at)
    name = root[1].lower() if root else ""
    if name == "svg":
        return "image/svg+xml"
    if name in HTML_TAGS:
        return "text/html"
    return "application/xml" if text.lstrip().startswith("<?xml") else None


def _after_skipped(text: str, at: int) -> int:
    skipped = SKIPPED.match(text, at)
    return skipped.end() if skipped else at


def _is_json(text: str, declared: str, *, whole: bool) -> bool:
    """An object or an array, as far as it can be seen; any other value only if declared."""
    expected = declared == "application/json"
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        begins = text.lstrip().startswith(("{", "[")) if expected else JSON_BEGINS.match(text)
        return bool(begins) and not whole
    return expected or isinstance(value, dict | list)
