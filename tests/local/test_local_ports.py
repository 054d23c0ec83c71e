import json
import subprocess
import sys

from fixative.local.ports import give_up, kept_ports

CHOOSE_AND_STAY = """
import sys
from pathlib import Path
from fixative.local.ports import kept_ports
print(kept_ports(Path(sys.argv[1]), ["s3"])["s3"], flush=True)
sys.stdin.read()
"""


def test_a_port_that_another_system_has_chosen_is_not_chosen_before_it_listens(tmp_path):
    command = [sys.executable, "-c", CHOOSE_AND_STAY, str(tmp_path)]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with other:
        port = int(other.stdout.readline())
        ours = tmp_path / "ours"
        ours.mkdir()
        (ours / "ports.json").write_text(json.dumps({"s3": port}))

        assert kept_ports(ours, ["s3"])["s3"] != port

        other.stdin.close()
        other.wait(60)
    assert kept_ports(tmp_path, ["s3"]) == {"s3": port}


def test_a_port_that_was_given_up_may_be_another_systems(tmp_path):
    port = kept_ports(tmp_path, ["s3"])["s3"]
    give_up([port])
    command = [sys.executable, "-c", CHOOSE_AND_STAY, str(tmp_path)]

    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        chosen = int(other.stdout.readline())
        other.stdin.close()
        other.wait(60)

    assert chosen == port
