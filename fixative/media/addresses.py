"""Which addresses belong to the public internet, and a network that connects to no others."""

import socket
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

import httpcore

from fixative.errors import OutputForbidden, OutputUnreachable
from fixative.replicate.deadline import Deadline, Stream

Resolve = Callable[[str, int], list[str]]
Dial = Callable[[str, int, float | None], httpcore.NetworkStream]

GLOBAL_UNICAST = ip_network("2000::/3")  # all of IPv6 that was ever given out
NAT64 = ip_network("64:ff9b::/96")
# Global by the tables of some Pythons or by all, and yet nobody's file lies there.
INSIDE = (
    ip_network("168.63.129.16/32"),  # a cloud's own services, within each of its machines
    ip_network("192.0.0.0/24"),  # protocol assignments, and another cloud's metadata
    ip_network("192.88.99.0/24"),  # the former way into 6to4
    ip_network("2001::/23"),  # protocol assignments, and Teredo, which wraps an IPv4 address
    ip_network("2001:db8::/32"),
    ip_network("3fff::/20"),
)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether this is one machine on the public internet; a wrapped address counts for its like."""
    if isinstance(address, IPv6Address):
        wrapped = address.ipv4_mapped or address.sixtofour or _behind_nat64(address)
        if wrapped is not None:
            return is_public(wrapped)
        if address not in GLOBAL_UNICAST:
            return False
    is_inside = any(address in network for network in INSIDE)
    return address.is_global and not address.is_multicast and not is_inside


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, the best first, as this system finds them. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def dial(address: str, port: int, timeout: float | None) -> httpcore.NetworkStream:
    """A connection to an address. Raises httpcore.ConnectError or ConnectTimeout."""
    return httpcore.SyncBackend().connect_tcp(address, port, timeout)


class PublicNetwork(httpcore.NetworkBackend):
    """TCP to public addresses only, or to any, whose every step keeps to the deadline.

    A name is resolved once for each connection, and the connection goes to an address that was
    looked at: a name that answers differently the next time gains nothing.
    """

    def __init__(
        self, resolve: Resolve, dial: Dial, deadline: Deadline, *, any_address: bool
    ) -> None:
        self._resolve = resolve
        self._dial = dial
        self._deadline = deadline
        self._any_address = any_address

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002 - httpcore's
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 - httpcore's
    ) -> httpcore.NetworkStream:
        """Connect to the first of the host's addresses that takes it; each has the time-out.

        Raises OutputForbidden if one of them is not public, OutputUnreachable if none answers.
        """
        trouble = OutputUnreachable(f"{host} has no address")
        for address in self._addresses(host, port):
            try:
                left = self._deadline.clamp(timeout, httpcore.ConnectTimeout)
                return Stream(self._dial(address, port, left), self._deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                trouble = OutputUnreachable(f"{host} ({address}) takes no connection: {error}")
        raise trouble

    def _addresses(self, host: str, port: int) -> list[str]:
        try:
            addresses = self._resolve(host, port)
        except OSError as error:
            raise OutputUnreachable(f"{host} does not resolve: {error}") from error
        for address in addresses:
            if not self._any_address and not is_public(ip_address(address)):
                raise OutputForbidden(
                    f"{host} resolves to {address}, which is not a public address"
                )
        return addresses


def _behind_nat64(address: IPv6Address) -> IPv4Address | None:
    return IPv4Address(address.packed[-4:]) if address in NAT64 else None
