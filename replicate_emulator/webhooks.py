"""Sends webhooks as Replicate does: signed, filtered, throttled, and the last one retried.

Promises: Replicate's docs, topics/webhooks. Nothing here holds up whoever reports an event.
"""

import asyncio
import hashlib
import hmac
import time
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp
import orjson

from replicate_emulator import ids
from replicate_emulator.config import Config
from replicate_emulator.dice import Dice
from replicate_emulator.predictions import Prediction

_THROTTLED = ("output", "logs")
_THROTTLE_SECONDS = 0.5
_AFTER_THE_LAST = 0.1
_USER_AGENT = "Webhooks/1.66.0 (sender-9YMgn)"


def signature(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """The `webhook-signature` of a message, by Standard Webhooks' version 1."""
    key = b64decode(secret.partition("_")[2])
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    return "v1," + b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


@dataclass(frozen=True, slots=True)
class Message:
    """One webhook; its id stays the same however often it is sent."""

    id: str
    url: str
    body: bytes
    is_last: bool


class Webhooks:
    """Delivers messages about predictions; `counts` tells how that went."""

    def __init__(
        self,
        config: Config,
        dice: Dice,
        counts: Counter[str],
        render: Callable[[Prediction], bytes],
    ) -> None:
        self._config = config
        self._dice = dice
        self._counts = counts
        self._render = render
        self._sent_at: dict[tuple[str, str], float] = {}
        self._held: dict[str, list[Message]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    def report(self, prediction: Prediction, event: str) -> None:
        """An event (`start`, `output`, `logs`, `completed`) happened to the prediction."""
        if not prediction.webhook or event not in prediction.events:
            return
        if event in _THROTTLED and not self._may_send(prediction.id, event):
            return
        message = Message(
            id=ids.message_id(),
            url=prediction.webhook,
            body=self._render(prediction),
            is_last=event == "completed",
        )
        self._post(prediction.id, message)

    async def stop(self) -> None:
        """Give up all that is still to be delivered."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session:
            await self._session.close()

    def _may_send(self, prediction_id: str, event: str) -> bool:
        now, last = time.monotonic(), self._sent_at.get((prediction_id, event), 0.0)
        if now - last < _THROTTLE_SECONDS:
            return False
        self._sent_at[prediction_id, event] = now
        return True

    def _post(self, prediction_id: str, message: Message) -> None:
        """Start the delivery, with the message's own faults."""
        if message.is_last:
            for event in _THROTTLED:
                self._sent_at.pop((prediction_id, event), None)
            for held in self._held.pop(prediction_id, ()):
                self._start(held, delay=_AFTER_THE_LAST)
        if self._dice.strikes("webhook_dropped"):
            self._counts["dropped"] += 1
            return
        if not message.is_last and self._dice.strikes("webhook_reordered"):
            self._held.setdefault(prediction_id, []).append(message)
            return
        late = self._dice.strikes("webhook_late")
        delay = self._config.seconds["webhook_late"] if late else 0.0
        self._start(message, delay)
        if self._dice.strikes("webhook_doubled"):
            self._start(message, delay)

    def _start(self, message: Message, delay: float) -> None:
        task = asyncio.ensure_future(self._deliver(message, delay))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, message: Message, delay: float) -> None:
        await asyncio.sleep(delay)
        again = self._config.webhook_retry_seconds if message.is_last else ()
        for pause in (*again, None):
            self._counts["sent"] += 1
            status = await self._send(message)
            if 200 <= status < 300:
                self._counts["ok"] += 1
                return
            self._counts["failed"] += 1
            # A redirect is an answer, if a wrong one: it is neither followed nor tried again.
            if 300 <= status < 400 or pause is None:
                break
            await asyncio.sleep(pause)
            self._counts["retried"] += 1
        self._counts["lost"] += 1

    async def _send(self, message: Message) -> int:
        """One attempt; the status of the answer, or 0 without one."""
        timestamp = str(int(time.time()))
        headers = {
            "content-type": "application/json",
            "user-agent": _USER_AGENT,
            "webhook-id": message.id,
            "webhook-timestamp": timestamp,
        }
        if not self._dice.strikes("webhook_unsigned"):
            secret = self._config.webhook_secret
            headers["webhook-signature"] = signature(secret, message.id, timestamp, message.body)
        # No total: waiting for a free connection here is no fault of the receiver.
        patience = self._config.webhook_timeout_seconds
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=patience, sock_read=patience)
        try:
            async with self._client().post(
                message.url,
                data=message.body,
                headers=headers,
                allow_redirects=False,
                timeout=timeout,
            ) as response:
                return response.status
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return 0

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=200))
        return self._session


def webhook_body(fields: dict[str, object]) -> bytes:
    """The JSON of a webhook: its keys sorted, no spaces."""
    return orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)
