"""`fixative openapi`: the document, on a machine where nothing runs and nothing is set."""

import json
import subprocess
import sys
from pathlib import Path


def test_the_document_needs_no_server_and_no_setting(tmp_path):
    program = Path(sys.executable).with_name("fixative")

    told = subprocess.run(
        [program, "openapi"], cwd=tmp_path, env={}, capture_output=True, check=True
    )

    document = json.loads(told.stdout)
    assert document["openapi"].startswith("3.1")
    assert {"/jobs", "/v1/predictions"} <= document["paths"].keys()
