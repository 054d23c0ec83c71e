"""All there is of one kind, by id and in the order of creation: predictions, and trainings."""

import base64
import binascii
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Generic, Protocol, TypeVar
from urllib.parse import parse_qs, urlencode

from replicate_emulator import times

PAGE = 100
Key = tuple[int, str]


class Entry(Protocol):
    """What has an id and a moment of creation."""

    id: str
    created: int


E = TypeVar("E", bound=Entry)


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place between two entries, and the direction to read on in."""

    key: Key
    newer: bool = False

    def write(self) -> str:
        """The cursor as a string that says nothing to its holder."""
        fields = {"p": times.write(self.key[0]), "i": self.key[1]}
        if self.newer:
            fields["r"] = "1"
        return base64.urlsafe_b64encode(urlencode(fields).encode()).decode()

    @classmethod
    def read(cls, text: str) -> "Cursor":
        """The cursor a string was written from. ValueError when it is none."""
        try:
            fields = parse_qs(base64.urlsafe_b64decode(text.encode()).decode())
            return cls((times.read(fields["p"][0]), fields["i"][0]), "r" in fields)
        except (KeyError, UnicodeError, binascii.Error) as error:
            raise ValueError("Invalid cursor") from error


@dataclass(frozen=True, slots=True)
class Page(Generic[E]):
    """Up to a hundred entries, newest first, and the cursors to both sides."""

    items: list[E]
    older: Cursor | None
    newer: Cursor | None


class Ledger(Generic[E]):
    """Remembers entries until the emulator stops or is reset."""

    def __init__(self) -> None:
        self._by_id: dict[str, E] = {}
        self._order: list[Key] = []

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[E]:
        return iter(self._by_id.values())

    def add(self, entry: E) -> None:
        """Take one in, at its place by created_at."""
        self._by_id[entry.id] = entry
        insort(self._order, (entry.created, entry.id))

    def add_many(self, entries: Iterable[E]) -> None:
        """Take many in, of any age."""
        for entry in entries:
            self._by_id[entry.id] = entry
            self._order.append((entry.created, entry.id))
        self._order.sort()

    def get(self, entry_id: str) -> E | None:
        """The entry with that id, or None."""
        return self._by_id.get(entry_id)

    def page(
        self,
        cursor: Cursor | None,
        after: int,
        before: int,
        shown: Callable[[E], bool],
    ) -> Page[E]:
        """The page at the cursor, of those created from `after` on and earlier than `before`."""
        lowest = bisect_left(self._order, (after, ""))
        highest = bisect_left(self._order, (before, ""))
        if cursor and cursor.newer:
            begin = max(lowest, bisect_right(self._order, cursor.key))
            found = self._first(range(begin, highest), shown)
            items, more = found[:PAGE][::-1], len(found) > PAGE
            return Page(items, Cursor(_key(items[-1])) if items else None, _newer(items, more))
        if cursor:
            highest = min(highest, bisect_left(self._order, cursor.key))
        found = self._first(range(highest - 1, lowest - 1, -1), shown)
        items, more = found[:PAGE], len(found) > PAGE
        older = Cursor(_key(items[-1])) if more else None
        return Page(items, older, _newer(items, cursor is not None))

    def _first(self, places: range, shown: Callable[[E], bool]) -> list[E]:
        candidates = (self._by_id[self._order[place][1]] for place in places)
        return list(islice(filter(shown, candidates), PAGE + 1))


def _key(entry: Entry) -> Key:
    return entry.created, entry.id


def _newer(items: Sequence[Entry], wanted: bool) -> Cursor | None:
    return Cursor(_key(items[0]), newer=True) if wanted and items else None
