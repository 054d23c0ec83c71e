"""`fixative up`: the whole system on this machine, until Ctrl-C."""

from pathlib import Path

import click

from fixative.settings import DEFAULT_DATA_DIR


@click.command()
@click.option("--port", default=8000, show_default=True, help="The API's; 0 takes any free one.")
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="FIXATIVE_DATA_DIR",
    default=DEFAULT_DATA_DIR,
    show_default=True,
)
@click.option("--no-emulator", is_flag=True, help="Never run the local Replicate.")
@click.option("--no-flower", is_flag=True, help="Do without Flower.")
@click.option("--services", is_flag=True, help="Only the embedded servers, for offline commands.")
def up(*, port: int, data_dir: Path, no_emulator: bool, no_flower: bool, services: bool) -> None:
    """Run the system, with an embedded service for each that the environment does not name.

    Prints `ready API_URL` on stdout when everything answers (`ready services` with --services);
    DATA_DIR/run.json says where everything is.
    """
    from fixative.local.supervisor import Options, supervise

    options = Options(
        data_dir=data_dir,
        port=port,
        emulator=not no_emulator,
        flower=not no_flower,
        services_only=services,
    )
    supervise(
        options,
        say=lambda line: click.echo(f"fixative: {line}", err=True),
        ready=lambda what: click.echo(f"ready {what}"),
    )
