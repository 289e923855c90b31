"""Where webhooks may go."""

from __future__ import annotations

import socket

import pytest

from trackstream_api.webhooks.address_guard import AddressRefused, addresses_of, is_public


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.9.1",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.3.4",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "fec0::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ],
)
def test_private_addresses(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)


def test_of_several_addresses_only_public_ones_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in ("10.0.0.1", "1.1.1.1")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    assert addresses_of("both.example", 80, allow_private=False) == ["1.1.1.1"]
    assert addresses_of("both.example", 80, allow_private=True) == ["10.0.0.1", "1.1.1.1"]


def test_a_host_of_this_machine_is_refused_unless_it_is_allowed() -> None:
    with pytest.raises(AddressRefused, match=r"localhost is .*allow_private_addresses"):
        addresses_of("localhost", 80, allow_private=False)
    assert addresses_of("127.0.0.1", 80, allow_private=True) == ["127.0.0.1"]
    # However it is written.
    with pytest.raises(AddressRefused):
        addresses_of("0x7f000001", 80, allow_private=False)
