"""Handing a job in: what a caller waits for, and what the API alone can take."""

import json
from functools import partial

from bench.asking import Ask
from bench.by_hand import PIPELINES
from bench.harness import Comparison, Sample, compare
from bench.saturated import ROLE, measures, saturated
from bench.stage import Stage, open_stage
from bench.systems import Contestant, fixative

KIND = "submit"
JSON = {"Content-Type": "application/json"}


def run(requests: int, rounds: int) -> Comparison:
    """POST /jobs, beside a bare route of one INSERT and one apply_async: 1/s, ms, CPU."""
    with open_stage() as stage:
        turns = {
            contestant.name: partial(_turn, stage, contestant, requests)
            for contestant in (fixative(stage), PIPELINES["bare"](stage))
        }
        sizes = {"requests": requests, "rounds": rounds}
        return compare(turns, measures(KIND), rounds=rounds, settings=sizes)


def _turn(stage: Stage, contestant: Contestant, requests: int) -> Sample:
    """Nobody works on the jobs: what is measured is the API alone."""
    body, headers = json.dumps(contestant.body), {**JSON, **contestant.headers}
    ask = Ask("POST", "/jobs", status=202, body=body, headers=headers)
    with stage.running(p for p in contestant.programs() if p.role == ROLE) as pids:
        return saturated(
            stage, pids, contestant.port, KIND, asks=lambda n: [ask] * n, requests=requests
        )
