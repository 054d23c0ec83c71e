"""What can go wrong when the system runs on this machine by itself."""

from fixative.errors import FixativeError


class LocalError(FixativeError):
    """The local system cannot run as things are; the message says what to change."""


class DataDirInUse(LocalError):
    """Another `fixative up` runs on this data directory, or its processes are still ending."""


class PortTaken(LocalError):
    """Somebody else listens where we were told to."""


class NotInstalled(LocalError):
    """An embedded server is needed, and its package is not here."""


class DoesNotStart(LocalError):
    """A program ended again and again, or never answered; the message ends with its last words."""
