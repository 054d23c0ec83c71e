"""celeryconfig.py and beat_schedule.py lie outside the packages that the import rules see."""

import ast

import pytest

ALLOWED = {
    "celeryconfig.py": {"kombu", "beat_schedule", "fixative.names", "fixative.settings"},
    "beat_schedule.py": {"kombu", "fixative.names", "fixative.settings"},
}


@pytest.mark.parametrize("file", ALLOWED)
def test_a_top_level_module_imports_names_and_settings_only(root, file):
    imported = set()
    for node in ast.walk(ast.parse((root / file).read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "fixative":
            imported |= {f"fixative.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module)

    assert imported - {"typing"} <= ALLOWED[file]
