"""Replicate's addresses of itself, led to where we answer in its stead."""

import json
import re


class OwnAddresses:
    """Everything below `/v1/` at this base URL. `here` is the base URL that takes its place."""

    def __init__(self, base_url: str) -> None:
        self._theirs = f"{base_url}/v1/"
        # A quote that is not escaped begins a string; JSON may write a slash with a backslash.
        spelled = re.escape(self._theirs).replace("/", r"\\?/")
        self._in_json = re.compile(rf'(?<!\\)"{spelled}'.encode())

    def led(self, address: str, here: str) -> str:
        """The address, if it is one of them, at `here`."""
        if not address.startswith(self._theirs):
            return address
        return f"{here}/v1/{address.removeprefix(self._theirs)}"

    def led_in_json(self, text: bytes, here: str) -> bytes:
        """The JSON text with every string that begins with one led; all else as it was written."""
        ours = json.dumps(f"{here}/v1/").removesuffix('"').encode()
        return self._in_json.sub(lambda _: ours, text)
