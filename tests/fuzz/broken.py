"""A parser with a fault, for the test that faults are found."""


def broken(data: bytes) -> None:
    """Divide by nothing, once a byte says so."""
    if data[:1] == b"!":
        _ = 1 // 0


PARSERS = {"broken": broken}
