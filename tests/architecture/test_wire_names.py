"""Queues, tasks and ticks: every name is known on both of its ends."""

import re

from fixative import names

ADDED = {
    names.CHECK_MODELS,
    names.EXPORT_ACCESS,
    names.EXPORT_MONEY,
    names.RECORD_ACCEPTED,
}  # adding is free
TASKS = {
    value
    for value in vars(names).values()
    if isinstance(value, str) and value.startswith("fixative.")
} - {names.__name__}


def test_every_task_has_a_queue_and_every_queue_a_role_that_consumes_it():
    assert names.QUEUE_OF_TASK.keys() == TASKS
    assert set(names.QUEUE_OF_TASK.values()) <= set(names.QUEUES)
    consumed = [queue for queues in names.QUEUES_OF_ROLE.values() for queue in queues]
    assert sorted(consumed) == sorted(names.QUEUES)


def test_the_worker_registers_every_task_by_its_wire_name_and_no_other(celery):
    assert {task for task in celery["tasks"] if not task.startswith("celery.")} == TASKS


def test_every_tick_of_beat_is_a_registered_task_that_expires(celery):
    assert celery["beat"]
    for entry in celery["beat"].values():
        assert entry["task"] in celery["tasks"]
        assert entry["options"]["expires"] > 0


def test_queues_and_tasks_are_those_of_the_contract(wire_contract):
    section = wire_contract.split("\n## Celery\n")[1].split("\n## ")[0]
    queues = re.search(r"Queues `([^`]+)`", section)
    assert queues
    assert set(queues[1].split(", ")) == set(names.QUEUES)
    assert set(re.findall(r"`(fixative\.\w+)\(", section)) >= TASKS - ADDED
