"""A prediction as JSON: what GET, the listing and the webhooks show of it."""

from base64 import b64encode
from typing import Any

from replicate_emulator import ids, times
from replicate_emulator.config import Config
from replicate_emulator.dice import Dice
from replicate_emulator.files import File, files_in, text_of, write_output
from replicate_emulator.media.content import Held, sha256
from replicate_emulator.media.studio import Studio
from replicate_emulator.predictions import Prediction


class Views:
    """Writes predictions with the emulator's public address in their URLs."""

    def __init__(self, config: Config, dice: Dice, studio: Studio, public_url: str) -> None:
        self._config = config
        self._dice = dice
        self._studio = studio
        self.public_url = public_url

    def prediction(self, prediction: Prediction, *, source: bool = True) -> dict[str, Any]:
        """The prediction now. What is not known yet is absent; fractions of seconds vary in length.

        `source` is left out of create answers and webhooks, as Replicate does.
        """
        now = times.now()
        removed = self.is_removed(prediction, now)
        base = f"{self.public_url}/v1/predictions/{prediction.id}"
        body: dict[str, Any] = {
            "id": prediction.id,
            "model": prediction.model.full_name,
            "version": prediction.model.shown_version,
            "input": {} if removed else prediction.input,
            "logs": "" if removed else prediction.logs(now),
            "output": None if removed else self._output(prediction, prediction.output(now)),
            "data_removed": removed,
            "error": prediction.error,
            "status": prediction.status,
            "created_at": times.write(prediction.created),
            "urls": {
                "get": base,
                "cancel": f"{base}/cancel",
                "web": f"https://replicate.com/p/{prediction.id}",
            },
        }
        if not self._dice.has_struck("stream_gone", prediction.id):
            key = ids.stream_key(prediction.id)
            body["urls"]["stream"] = f"{self.public_url}/streams/{key}"
        if source:
            body["source"] = prediction.source
        self._add_what_is_known(body, prediction)
        return body

    def is_removed(self, prediction: Prediction, now: int) -> bool:
        """Whether its data is gone by the configured retention."""
        config = self._config
        return prediction.is_removed(now, config.retention_seconds, config.retention_from)

    def whole_output(self, prediction: Prediction) -> Any:
        """What its model makes of its input, whether or not it has come to that yet."""
        return self._output(prediction, prediction.whole_output())

    def file_url(self, prediction: Prediction, index: int, file: File) -> str:
        """Where the file is downloaded, or the file itself as a data: URI."""
        if not file.inline:
            return f"{self.public_url}/_files/{prediction.id}/{index}/{file.name}"
        content = self._studio.content(file, f"{prediction.id}/{index}")
        data = b64encode(b"".join(content.read(0, content.length))).decode()
        return f"data:{file.content_type};base64,{data}"

    def expected(self, prediction: Prediction) -> list[dict[str, Any]]:
        """URL, SHA-256 and length of each file of the output, in document order.

        An output that is text has one entry without URL: its tokens joined, in UTF-8. It works as
        long as the prediction is known, and may take seconds: not for the event loop.
        """
        if prediction.status != "succeeded":
            return []
        output = prediction.whole_output()
        text = text_of(output)
        if text is not None:
            content = Held(text.encode())
            return [{"url": None, "sha256": sha256(content), "bytes": content.length}]
        entries = []
        for index, file in enumerate(files_in(output)):
            url = self.file_url(prediction, index, file)
            part = self._studio.content(file, f"{prediction.id}/{index}")
            entries.append({"url": url, "sha256": sha256(part), "bytes": part.length})
        return entries

    def _output(self, prediction: Prediction, output: Any) -> Any:
        return write_output(output, lambda index, file: self.file_url(prediction, index, file))

    def _add_what_is_known(self, body: dict[str, Any], prediction: Prediction) -> None:
        # The fractions' lengths hang on the id, so that one prediction reads the same each time.
        digits = ord(prediction.id[0]) % 10, ord(prediction.id[1]) % 10
        if prediction.started is not None:
            body["started_at"] = times.write(prediction.started, digits[0])
        if prediction.completed is not None:
            total = (prediction.completed - prediction.created) / times.SECOND
            body["completed_at"] = times.write(prediction.completed, digits[1])
            times_ = {"predict_time": prediction.predict_seconds(), "total_time": total}
            body["metrics"] = {**prediction.counted(), **times_}
        if prediction.deadline is not None:
            body["deadline"] = times.write(prediction.deadline)
        if prediction.deployment is not None:
            body["deployment"] = prediction.deployment
        if prediction.webhook is not None:
            body["webhook"] = prediction.webhook
