"""What forms send as text, as the schemas of the API's bodies take it."""


def number(text: str) -> int | float | str | None:
    """The number that was written; None where nothing was; else the text, for others to refuse."""
    text = text.strip()
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text or None
