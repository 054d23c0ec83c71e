"""The one way in which the demo fails on purpose."""

from fixative.errors import FixativeError


class DemoFailed(FixativeError):
    """Something is not as the demo says; the message says what."""
