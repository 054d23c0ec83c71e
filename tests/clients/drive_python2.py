"""Does with Replicate's Python client 2.x what it is told."""

import io
import time

import replicate as module
from driving import at_once, obey, prediction_shown, shown, told_of
from replicate import Replicate
from replicate.lib._files import FileOutput

replicate = Replicate()


def run(ref, input, file=None, **more):
    if file is not None:
        input = {**input, "value": io.BytesIO(file.encode())}
    return shown(replicate.run(ref, input=input, **more))


def create(model=None, deployment=None, **asked):
    if model is not None:
        owner, name = model.split("/")
        made = replicate.models.predictions.create(model_owner=owner, model_name=name, **asked)
    elif deployment is not None:
        owner, name = deployment.split("/")
        made = replicate.deployments.predictions.create(
            deployment_owner=owner, deployment_name=name, **asked
        )
    else:
        made = replicate.predictions.create(**asked)
    return prediction_shown(made)


def get(id):
    return prediction_shown(replicate.predictions.get(prediction_id=id))


def wait(id):
    return prediction_shown(replicate.predictions.wait(id))


def cancel(id):
    return prediction_shown(replicate.predictions.cancel(prediction_id=id))


def pages():
    found = replicate.predictions.list().iter_pages()
    return [[prediction.id for prediction in page.results] for page in found]


def stream(ref, input):
    return [[time.monotonic(), shown(item)] for item in module.use(ref, streaming=True)(**input)]


def read(url):
    return told_of(url, FileOutput(url, replicate).read())


def stranger():
    Replicate(bearer_token="fx_nobody").predictions.list()


def secret():
    return replicate.webhooks.default.secret.get().key


def model(name):
    owner, name = name.split("/")
    found = replicate.models.get(model_owner=owner, model_name=name)
    listed = replicate.models.versions.list(model_owner=owner, model_name=name)
    return {
        "name": f"{found.owner}/{found.name}",
        "versions": [version.id for version in listed],
    }


def many(ref, inputs, threads):
    return list(at_once(run, ({"ref": ref, "input": input} for input in inputs), threads))


WORDS = (run, create, get, wait, cancel, pages, stream, read, model, many, stranger, secret)
obey({word.__name__: word for word in WORDS})
