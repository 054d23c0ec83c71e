"""What tests of media begin with."""

import pytest

from fixative.recovery.poll import ask_about


@pytest.fixture
def storing(services, database, submit, attempts_of, eventually, read_job):
    """A job whose prediction has succeeded, ready to be stored."""

    def make(model="black-forest-labs/flux-schnell", **request):
        job_id = submit(model, **request)
        services.submitter.submit(job_id)
        prediction_id = attempts_of(job_id)[0].prediction_id

        def arrived():
            ask_about(database, services.replicate, prediction_id)
            return read_job(job_id).status == "storing"

        eventually(arrived)
        return job_id

    return make
