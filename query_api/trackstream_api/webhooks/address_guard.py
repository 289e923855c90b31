"""Connections to public addresses only: what is connected to is the very address that was checked.

A name is resolved once, and of what it stands for only public addresses are tried. Were it resolved again for
the connection, it could mean something else by then.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING

import httpcore

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class AddressRefused(Exception):
    """A receiver whose addresses are all of this machine or of a private network."""


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet's, also where one of version 4 is hidden in it."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
        hidden = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if hidden is not None:
            return is_public(str(hidden))
        if ip.is_site_local:
            return False
    return ip.is_global and not ip.is_multicast


def addresses_of(host: str, port: int, allow_private: bool) -> list[str]:
    """Return the addresses of a host that may be connected to. Raises AddressRefused where none may, OSError
    or UnicodeError where the host has none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(item[4][0]) for item in found))
    allowed = [address for address in addresses if allow_private or is_public(address)]
    if not allowed:
        raise AddressRefused(
            f"{host} is {', '.join(addresses)}, which is no public address;"
            " allow_private_addresses = true lets this webhook go there"
        )
    return allowed


class GuardedBackend(httpcore.SyncBackend):
    """Makes the connections of a webhook."""

    def __init__(self, allow_private: bool) -> None:
        self._allow_private = allow_private

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address that answers. Raises AddressRefused, or httpcore's errors."""
        try:
            addresses = addresses_of(host, port, self._allow_private)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host} cannot be resolved: {error}") from error
        failure: Exception | None = None
        for address in addresses:
            try:
                return super().connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        assert failure is not None
        raise failure
