"""The file of secrets, as the deployment's guide has it made."""

import subprocess

from tests.deploy.manifests import ROOT
from tests.doc_blocks import blocks_of

PAGE = ROOT / "docs/deployment.md"


def test_what_makes_the_file_of_secrets_lets_nobody_else_read_it(tmp_path):
    (commands,) = [b.text for b in blocks_of(PAGE) if b.text.strip().startswith("cp .env.example")]
    example = (ROOT / ".env.example").read_text()
    (tmp_path / ".env.example").write_text(example)

    subprocess.run(["bash", "-eu", "-c", commands], cwd=tmp_path, check=True)

    assert (tmp_path / ".env").read_text() == example
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
