"""`fixative openapi`: the API's document, without anything that runs."""

import os

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


@click.command()
def openapi() -> None:
    """Print the OpenAPI 3.1 document."""
    os.environ.update(UNUSED)  # Celery's settings read it too
    click.echo(dump(assembled(load_settings()).api_doc))
