"""The places at which a process may die, by name: before and after each commit and network call.

Nothing happens here. A test that wants to kill a process at one of them runs it by an entry point
of its own, which puts another `step` in this module before anything else is imported.
"""

STEPS = (
    "submit.begin",  # due, and its turn has come
    "submit.begun",  # the attempt is committed
    "submit.post",  # the last look is past
    "submit.posted",  # Replicate has answered, or has not
    "submit.settled",  # and that is committed
    "ingest.read",  # a delivery is to be read
    "ingest.moved",  # and its job has moved
    "store.begin",  # due
    "store.taken",  # the lease is committed
    "store.fetch",  # before a file is asked for
    "store.put",  # its first bytes are here
    "store.uploaded",  # its object is in the bucket
    "store.recorded",  # and its row is committed
    "store.finished",  # the job has succeeded
)


def step(name: str) -> None:
    """Nothing; `name` is one of STEPS."""
