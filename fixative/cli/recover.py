"""`fixative recover`: a restored or rebuilt database made safe to submit again."""

from pathlib import Path

import click

from fixative.cli.offline import offline_settings
from fixative.cli.run_file import data_dir_option
from fixative.cli.screen import print_json


@click.command()
@data_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def recover(*, data_dir: Path, as_json: bool) -> None:
    """Read Replicate's history over the gap, so that nothing is paid for twice.

    Needs the servers, and no workers: `fixative up --services` runs those of this machine.
    """
    from fixative.recovery.recover import recover as run
    from fixative.telemetry.logging import configure_logging_of
    from worker.services import Services

    settings = offline_settings(data_dir)
    configure_logging_of(settings)
    services = Services(settings, connections=2)
    try:
        recovered = run(services.database, services.replicate, services.epoch)
    finally:
        services.close()
    if as_json:
        print_json(vars(recovered))
        return
    click.echo(f"{recovered.unclear} unfinished jobs were unclear, {recovered.found} of them found")
    click.echo(f"Epoch {recovered.epoch}: workers may submit again.", err=True)
