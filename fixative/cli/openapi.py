"""`fixative openapi`: the API's document, without anything that runs."""

import os
from typing import Any

import click

from api.answers import dump
from api.assembled import assembled
from fixative.settings import load_settings

# The document is the same whatever they are.
UNUSED = {
    "DATABASE_URL": "postgresql://nobody@127.0.0.1/none",
    "REDIS_URL": "redis://127.0.0.1:1",
    "S3_BUCKET": "none",
    "REPLICATE_API_TOKEN": "r8_none",
    "FIXATIVE_ADMIN_KEY": "of-nobody-and-for-nothing",
}


def document() -> dict[str, Any]:
    """The API's OpenAPI document. This process is then good for nothing else."""
    os.environ.update(UNUSED)  # Celery's settings read it too
    return dict(assembled(load_settings()).api_doc)


@click.command()
def openapi() -> None:
    """Print the OpenAPI 3.1 document."""
    click.echo(dump(document()))
