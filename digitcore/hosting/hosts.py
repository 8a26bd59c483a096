"""Which names a server may be reached under: its machine's own, and those that its host has set."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Sequence

import psutil

# A laptop joins another network while it serves: its addresses are looked up again after this time.
ADDRESSES_SECONDS = 5.0


class AllowedHosts:
    """Tells whether a ``Host`` header is one of this server's names.

    A page of a stranger can give its own name the address of this machine (DNS rebinding); the browser then takes the
    dashboard for part of that page. So only names count that the stranger cannot have.

    Parameters
    ----------
    allowed : sequence of str
        Names that are allowed beside the machine's own; ``"*.example.org"`` stands for all names under it, ``"*"`` for
        every name.
    """

    def __init__(self, allowed: Sequence[str] = ()):
        self._patterns = [name.strip().lower().rstrip(".") for name in allowed]
        self._names = _names_of_machine()
        self._addresses: frozenset[str] = frozenset()
        self._looked_up_at = float("-inf")

    def __contains__(self, header: object) -> bool:
        if "*" in self._patterns:
            return True
        name = host_name(header) if isinstance(header, str) else None
        if name is None:
            return False
        return name in self._names or any(_matches(name, pattern) for pattern in self._patterns) or self._is_own(name)

    def _is_own(self, name: str) -> bool:
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        if address.is_loopback:
            return True
        if time.monotonic() - self._looked_up_at > ADDRESSES_SECONDS:
            self._addresses, self._looked_up_at = addresses_of_machine(), time.monotonic()
        return str(address) in self._addresses


def host_name(header: str) -> str | None:
    """Return the name or address in a ``Host`` header, in small letters and without the port; None if it has none."""
    name, rest = header.strip().lower(), ""
    if name.startswith("["):
        name, _, rest = name[1:].partition("]")
    elif name.count(":") <= 1:
        name, colon, port = name.partition(":")
        rest = colon + port
    port = rest.removeprefix(":")
    sound = not rest or (rest.startswith(":") and (not port or port.isdigit()))
    name = name.rstrip(".")
    return name if name and sound and not set(name) & set("/@?# \\") else None


def plain_address(address: str) -> str:
    """Return an IP address in its shortest form; an IPv4 address that came through an IPv6 socket as IPv4."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    mapped = getattr(parsed, "ipv4_mapped", None)
    return str(mapped or parsed)


def network_of(address: str) -> str:
    """Return the network that counts as one visitor's: an IPv4 address itself, the first 64 bits of an IPv6 address.

    A provider gives each customer at least a /64 (RFC 6177), so one machine has all of its addresses to choose from.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4 or parsed.is_loopback:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def is_loopback(address: str) -> bool:
    """Return True if an IP address is one of the machine's loopback interface."""
    try:
        return ipaddress.ip_address(plain_address(address)).is_loopback
    except ValueError:
        return False


def _matches(name: str, pattern: str) -> bool:
    return name.endswith(pattern[1:]) if pattern.startswith("*.") else name == pattern


def _names_of_machine() -> frozenset[str]:
    own = socket.gethostname().lower()
    return frozenset({"localhost", own, f"{own.partition('.')[0]}.local"} - {""})


def addresses_of_machine() -> frozenset[str]:
    """Return the IP addresses of this machine's interfaces."""
    interfaces = psutil.net_if_addrs().values()
    families = (socket.AF_INET, socket.AF_INET6)
    return frozenset(
        plain_address(each.address) for interface in interfaces for each in interface if each.family in families
    )
