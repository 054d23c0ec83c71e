"""Who asks, however that was found out: by the admin key, by a key, or by a token."""

import ipaddress
import math
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

SCOPES = ("submit", "read", "cancel", "media", "passthrough", "admin")


@dataclass(frozen=True)
class Caller:
    """An owner, and what is granted to whoever asks for them."""

    owner_id: uuid.UUID
    scopes: frozenset[str]
    key_id: uuid.UUID | None = None  # None: of the admin key, and of tokens
    allow: tuple[Network, ...] | None = None  # None: from anywhere
    per_minute: int | None = None  # None: as FIXATIVE_KEY_PER_MINUTE says
    counted_as: str | None = None  # whose requests count as one's; None: without a limit
    use_is_news: bool = False  # and should be written down
    ends_at: float = math.inf  # when what they came by ends by itself, in seconds since 1970

    @property
    def sees_all(self) -> bool:
        """Whether jobs of every owner are shown."""
        return "admin" in self.scopes

    @property
    def has_ended(self) -> bool:
        """Whether what they came by has ended by itself."""
        return time.time() >= self.ends_at

    def may_come_from(self, address: Address | None) -> bool:
        """Whether an address is allowed; one that is not known is where not all are."""
        if self.allow is None:
            return True
        return address is not None and any(address in network for network in self.allow)


def read_networks(networks: Iterable[str]) -> tuple[Network, ...]:
    """Networks in CIDR notation, or single addresses. Raises ValueError."""
    return tuple(ipaddress.ip_network(network) for network in networks)


def read_address(text: str | None) -> Address | None:
    """An address as a socket or a proxy tells it; None when it is none.

    One of IPv4 in the form of IPv6 is one of IPv4.
    """
    try:
        address = ipaddress.ip_address((text or "").partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def neighbourhood(address: Address) -> str:
    """Under what an address is counted: one user has a whole /64 of IPv6."""
    if address.version == 4:  # noqa: PLR2004
        return str(address)
    return str(ipaddress.ip_network((address, 64), strict=False))
