"""Looking at a job: as it is, and whether it is another than before."""

import json
import time
from functools import partial

from bench.asking import Ask, answered
from bench.by_hand import PIPELINES
from bench.harness import Comparison, Sample, compare
from bench.processes import until_quiet
from bench.saturated import measures, saturated
from bench.stage import Stage, open_stage
from bench.systems import Contestant, fixative

READ, UNCHANGED = "read", "unchanged read"
LOOK_SECONDS = 0.1
JSON = {"Content-Type": "application/json"}


def run(requests: int, rounds: int) -> Comparison:
    """GET /jobs/ID, whole and 304, beside a bare route that reads the row: 1/s, ms, CPU."""
    with open_stage() as stage:
        turns = {
            contestant.name: partial(_turn, stage, contestant, requests)
            for contestant in (fixative(stage), PIPELINES["bare"](stage))
        }
        sizes = {"requests": requests, "rounds": rounds}
        kinds = (*measures(READ), *measures(UNCHANGED))
        return compare(turns, kinds, rounds=rounds, settings=sizes)


def _turn(stage: Stage, contestant: Contestant, requests: int) -> Sample:
    """A job that has succeeded; the system has nothing else to do. The peer knows no ETag."""
    with stage.running(contestant.programs()) as pids:
        whole = Ask("GET", f"/jobs/{_ended_job(contestant)}", 200, headers=contestant.headers)
        until_quiet(pids)
        etag = answered(contestant.port, whole)[1].get("ETag")
        headers = {**contestant.headers, "If-None-Match": etag or ""}
        unchanged = Ask("GET", whole.path, 304, headers=headers) if etag else whole
        sample: Sample = {}
        for kind, ask in ((READ, whole), (UNCHANGED, unchanged)):
            sample |= saturated(
                stage, pids, contestant.port, kind, asks=[ask].__mul__, requests=requests
            )
        return sample


def _ended_job(contestant: Contestant) -> str:
    headers = {**JSON, **contestant.headers}
    ask = Ask("POST", "/jobs", 202, body=json.dumps(contestant.body), headers=headers)
    job_id = json.loads(answered(contestant.port, ask)[0])["id"]
    look = Ask("GET", f"/jobs/{job_id}", 200, headers=contestant.headers)
    while json.loads(answered(contestant.port, look)[0])["status"] != "succeeded":
        time.sleep(LOOK_SECONDS)
    return str(job_id)
