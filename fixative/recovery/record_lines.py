"""An archive: the records of a day in one compressed file, a record on each line.

    {"name":"processed/ID.json","record":{…}}

`name` is what the record was called in its day's folder, and no path that anything is opened by.
"""

import json
import re
import zlib
from collections.abc import Iterable, Iterator

from fixative.errors import Corrupt

HEAD = re.compile(rb'\{"name":"((?:[\w.-]+/)*[\w.-]+)","record":')
LARGEST = 100 * 10**6  # bytes of a record
MOST_EXPANSION = 200  # of an archive, once it has given as much as one record may have
PIECE = 2**20
GZIP = 16 + zlib.MAX_WBITS


def line_of(name: str, record: bytes) -> bytes:
    """The archive's line for a record, which is JSON on one line."""
    return b'{"name":%s,"record":%s}\n' % (json.dumps(name).encode(), record)


def record_on(line: bytes) -> tuple[str, bytes]:
    """The name and the JSON on an archive's line. Raises Corrupt."""
    head = HEAD.match(line)
    if head is None or not line.endswith(b"}\n"):
        raise Corrupt("a line that is no record")
    name = head[1].decode()
    if ".." in name.split("/"):
        raise Corrupt("a line that is named as no record is")
    return name, line[head.end() : -2]


def compressed(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The archive of these lines, piece by piece."""
    gzip = zlib.compressobj(wbits=GZIP)
    for line in lines:
        if piece := gzip.compress(line):
            yield piece
    yield gzip.flush()


def lines_in(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The archive's lines, each with its end. Holds one line, whatever the archive expands to.

    Raises Corrupt, after the lines of the chunks before it, for what is cut, is no archive, or
    expands to more than records do.
    """
    gzip, line, taken, given = zlib.decompressobj(wbits=GZIP), bytearray(), 0, 0
    for chunk in chunks:
        taken, left = taken + len(chunk), chunk
        while left:
            piece, left = _expand(gzip, left)
            given += len(piece)
            *ends, rest = piece.split(b"\n")
            for end in ends:
                line += end + b"\n"
                whole = bytes(line)
                line.clear()
                yield whole
            line += rest
            if len(line) > LARGEST or given > max(LARGEST, MOST_EXPANSION * taken):
                raise Corrupt("it expands to more than records do")
    if line or not gzip.eof:
        raise Corrupt("it is cut")


def _expand(gzip: "zlib._Decompress", data: bytes) -> tuple[bytes, bytes]:
    try:
        piece = gzip.decompress(data, PIECE)
    except zlib.error as error:
        raise Corrupt(f"not an archive: {error}") from error
    if gzip.eof and gzip.unused_data:
        raise Corrupt("something stands behind its end")
    return piece, gzip.unconsumed_tail
