"""Whatever stands in a document's fences is run by a test, or by CI, or is no command."""

from collections import Counter

from tests.doc_blocks import PAGES, ROOT, blocks_of

RUN_BY = {
    "sh": None,  # tests/system/test_system_doc_commands.py
    "bash": {"docs/api.md"},  # tests/system/test_system_api_docs.py
    "python": {
        "docs/api.md",
        "docs/coming-from.md",  # what others have, and what it becomes
        "docs/notifications.md",  # the lines of tests/notify that verify
        "docs/watching.md",  # tests/api/test_api_gunicorn.py
    },
    "js": {"docs/api.md", "docs/drop-in.md", "docs/watching.md"},  # tests/clients, tests/api
}
SHOWN = {"text", "json", "yaml"}
# In bash, too, each by a test of its own: tests/system/test_system_placed_commands.py, and of the
# deployment's, the start's and of secrets in tests/containers, deploy, release and secrets.
PLACED = {
    "README.md": 2,
    "docs/deployment.md": 12,
    "docs/endurance.md": 1,
    "docs/monitoring.md": 1,
    "docs/secrets.md": 4,
    "docs/security.md": 1,
    "docs/start.md": 3,
    "docs/telemetry.md": 1,
}
# What CI runs itself; `make check` is lint and test.
BY_CI = {"make lint", "make test"}


def test_every_block_of_a_document_is_run_or_shown():
    placed = Counter()
    by_ci = BY_CI | commands_in((ROOT / ".ci/run").read_text())
    assert "make check" in by_ci
    for path in PAGES:
        for block in blocks_of(path):
            if block.language == "shell":
                assert commands_in(block.text) <= by_ci, block
            elif block.language == "bash" and block.page not in RUN_BY["bash"]:
                placed[block.page] += 1
            elif block.language not in SHOWN:
                pages = RUN_BY[block.language]
                assert pages is None or block.page in pages, block

    assert placed == PLACED


def commands_in(text):
    """A shell's lines, without what is said about them."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return {line for line in lines if line}
