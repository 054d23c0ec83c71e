"""`kubectl create secret` sends protobuf and nothing else: what it makes, read without a library.

The numbers are those of Kubernetes' generated.proto files; what has none here is left unread.
"""

from base64 import b64encode
from collections.abc import Iterator
from io import BytesIO

from tests.deploy.manifests import Manifest

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
MAGIC = b"k8s\0"
NUMBER, TEXT = 0, 2


def read_secret(message: bytes) -> Manifest:
    """The Secret within."""
    assert message.startswith(MAGIC)
    envelope = dict(_fields(message.removeprefix(MAGIC)))
    about, parts = dict(_fields(envelope[1])), list(_fields(envelope[2]))
    metadata = dict(_fields(dict(parts)[1]))
    entries = [dict(_fields(value)) for number, value in parts if number == 2]
    return {
        "apiVersion": about[1].decode(),
        "kind": about[2].decode(),
        "metadata": {"name": metadata[1].decode()},
        "type": dict(parts)[3].decode() or "Opaque",
        "data": {entry[1].decode(): b64encode(entry[2]).decode() for entry in entries},
    }


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Its texts and the messages in it, each with its number."""
    rest = BytesIO(message)
    while rest.tell() < len(message):
        number, wire = divmod(_varint(rest), 8)
        size = _varint(rest)
        if wire == TEXT:
            yield number, rest.read(size)
        else:
            assert wire == NUMBER, wire


def _varint(rest: BytesIO) -> int:
    value = shift = 0
    while (byte := rest.read(1)[0]) >= 0x80:
        value, shift = value | (byte & 0x7F) << shift, shift + 7
    return value | byte << shift
