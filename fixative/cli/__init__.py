"""The `fixative` command."""
