"""Does with Replicate's Python client 1.x what it is told."""

import io
import time

import replicate
from driving import at_once, obey, prediction_shown, shown, told_of
from replicate.helpers import FileOutput
from replicate.webhook import Webhooks


def run(ref, input, file=None, **more):
    if file is not None:
        input = {**input, "value": io.BytesIO(file.encode())}
    return shown(replicate.run(ref, input=input, **more))


def create(**asked):
    return prediction_shown(replicate.predictions.create(**asked))


def get(id):
    return prediction_shown(replicate.predictions.get(id))


def wait(id):
    prediction = replicate.predictions.get(id)
    prediction.wait()
    return prediction_shown(prediction)


def cancel(id):
    return prediction_shown(replicate.predictions.cancel(id))


def pages():
    found = replicate.paginate(replicate.predictions.list)
    return [[prediction.id for prediction in page.results] for page in found]


def stream(ref, input):
    events = replicate.stream(ref, input=input)
    return [
        [time.monotonic(), shown(event.data)] for event in events if event.event.value == "output"
    ]


def read(url):
    return told_of(url, FileOutput(url, replicate.default_client).read())


def stranger():
    replicate.Client(api_token="fx_nobody").predictions.list()


def secret():
    return replicate.webhooks.default.secret().key


def validate(headers, body):
    Webhooks.validate(headers=headers, body=body, secret=replicate.webhooks.default.secret())


def model(name):
    found = replicate.models.get(name)
    listed = [version.id for version in found.versions.list()]
    return {"name": f"{found.owner}/{found.name}", "versions": listed}


def many(ref, inputs, threads):
    return list(at_once(run, ({"ref": ref, "input": input} for input in inputs), threads))


WORDS = (run, create, get, wait, cancel, pages, stream, read, model, many, stranger)
obey({word.__name__: word for word in (*WORDS, secret, validate)})
