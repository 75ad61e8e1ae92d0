from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from cartrover.outbound import AddressRefused, HostUnknown, connect, is_allowed

# ruff: noqa: S104  # nothing is bound to 0.0.0.0 here
REFUSED = [
    "0.0.0.0", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.1.2.3", "168.63.129.16", "169.254.169.254",
    "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1",
    "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0:127.0.0.1", "fe80::1", "fec0::1", "fc00::1",
    "fd00:ec2::254", "ff02::1", "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "2001::1",
    "2001:db8::1", "2002:7f00:1::", "2002:a00:1::1", "2002:c0a8:101::1", "3fff::1", "5f00::1", "4000::1",
    "2a00::5efe:10.0.0.1", "2a00::200:5efe:127.0.0.1",
]  # fmt: skip
ALLOWED = [
    "1.1.1.1", "8.8.8.8", "93.184.216.34", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1", "198.17.255.255",
    "223.255.255.255", "2606:4700::1111", "2a00:1450::1", "2002:808:808::1", "64:ff9b::8.8.8.8", "::ffff:8.8.8.8",
    "2a00::5efe:8.8.8.8",
]  # fmt: skip


@pytest.fixture
def production(settings: Any) -> None:
    settings.OUTBOUND_ALLOWED_NETWORKS = []


@pytest.fixture
def loopback(settings: Any) -> None:
    settings.OUTBOUND_ALLOWED_NETWORKS = ["127.0.0.0/8", "::1/128"]


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def resolver(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Let names resolve to these addresses, one list after the other; return what was asked for."""
    asked: list[str] = []
    left = list(answers)

    def getaddrinfo(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        asked.append(host)
        addresses = left.pop(0) if len(left) > 1 else left[0]
        families = {4: socket.AF_INET, 6: socket.AF_INET6}
        return [
            (
                families[ip_address(text).version],
                socket.SOCK_STREAM,
                6,
                "",
                (text, port) if ":" not in text else (text, port, 0, 0),
            )
            for text in addresses
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize("text", REFUSED)
def test_private_and_reserved_addresses_are_refused(production, text):
    assert not is_allowed(ip_address(text))


@pytest.mark.parametrize("text", ALLOWED)
def test_public_addresses_are_allowed(production, text):
    assert is_allowed(ip_address(text))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "localhost.", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "0", "0.0.0.0",
        "[::1]", "::1", "::ffff:127.0.0.1", "１２７.０.０.１", "127。0。0。1", " 127.0.0.1 ", "①②⑦.⓪.⓪.①", "3232235777",
        "169.254.169.254", "10.1.2.3",
    ],
)  # fmt: skip
def test_no_spelling_of_a_private_address_gets_through(production, listening, host):
    with pytest.raises((AddressRefused, HostUnknown)):
        connect(host, listening, 2)


@pytest.mark.parametrize(
    "host",
    [
        "",
        " ",
        "a b",
        "user@example.com",
        "example.com/path",
        "example.com:22",
        "exa\0mple.com",
        "a\nb",
        "x" * 300,
        "ž" * 300,
        "..",
        "%",
    ],
)
def test_text_that_is_no_host_is_named(production, host):
    with pytest.raises((HostUnknown, AddressRefused)) as caught:
        connect(host, 22, 2)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_port_that_is_none_is_named(loopback, port):
    with pytest.raises(HostUnknown, match="port"):
        connect("127.0.0.1", port, 2)


def test_refusal_says_what_to_do_and_tells_no_address(production, monkeypatch):
    resolver(monkeypatch, ["10.9.8.7"])
    with pytest.raises(AddressRefused, match=r"sftp.example.com points into a private") as caught:
        connect("sftp.example.com", 22, 2)
    assert "OUTBOUND_ALLOWED_NETWORKS" in str(caught.value)
    assert "10.9.8.7" not in str(caught.value)


def test_allowed_networks_open_just_themselves(settings, listening):
    settings.OUTBOUND_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    connect("127.0.0.1", listening, 2).close()
    assert is_allowed(ip_address("::ffff:127.0.0.1"))
    for text in ("10.0.0.1", "::1", "169.254.169.254"):
        assert not is_allowed(ip_address(text))


def test_networks_that_are_none_are_told_to_the_operator(settings):
    settings.OUTBOUND_ALLOWED_NETWORKS = ["10.0.0.0/8", "the office"]
    with pytest.raises(ImproperlyConfigured, match="the office"):
        connect("127.0.0.1", 22, 2)


def test_name_is_resolved_once_and_the_checked_address_used(loopback, monkeypatch, listening):
    asked = resolver(monkeypatch, ["127.0.0.1"], ["10.0.0.1"])
    with connect("sftp.example.com", listening, 2) as connection:
        assert connection.getpeername() == ("127.0.0.1", listening)
    assert asked == ["sftp.example.com"]


def test_private_addresses_among_public_ones_are_left_out(settings, monkeypatch, listening):
    settings.OUTBOUND_ALLOWED_NETWORKS = ["127.0.0.1/32"]
    resolver(monkeypatch, ["127.0.0.2", "::1", "127.0.0.1"])
    with connect("sftp.example.com", listening, 2) as connection:
        assert connection.getpeername()[0] == "127.0.0.1"


@pytest.mark.allow_hosts(["127.0.0.1", "127.0.0.2"])
def test_next_address_is_tried_when_one_refuses(loopback, monkeypatch, listening):
    resolver(monkeypatch, ["127.0.0.2", "127.0.0.1"])
    with connect("sftp.example.com", listening, 2) as connection:
        assert connection.getpeername()[0] == "127.0.0.1"


def test_refused_connection_is_an_ordinary_error(loopback):
    with pytest.raises(ConnectionRefusedError):
        connect("127.0.0.1", 1, 2)


@pytest.mark.allow_hosts(["127.0.0.1", "127.0.0.2"])
def test_one_silent_address_leaves_time_for_the_next(loopback, monkeypatch, listening):
    with socket.socket() as full:
        full.bind(("127.0.0.2", listening))
        full.listen(0)
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.2", listening))
            fillers.append(filler)
        resolver(monkeypatch, ["127.0.0.2", "127.0.0.1"])
        started = time.monotonic()
        with connect("sftp.example.com", listening, 1.4) as connection:
            assert connection.getpeername()[0] == "127.0.0.1"
        assert time.monotonic() - started < 1.3
        for filler in fillers:
            filler.close()


def test_unknown_name_is_named(loopback, monkeypatch):
    def getaddrinfo(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(HostUnknown, match=r"no server named sftp.example.com"):
        connect("sftp.example.com", 22, 2)


def test_resolver_that_is_down_is_no_unknown_name(loopback, monkeypatch):
    def getaddrinfo(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(OSError, match="looked up") as caught:
        connect("sftp.example.com", 22, 2)
    assert not isinstance(caught.value, HostUnknown)


def test_resolver_that_hangs_is_given_up_in_time(loopback, monkeypatch):
    over = threading.Event()

    def getaddrinfo(*args: Any, **kwargs: Any) -> Any:
        over.wait(10)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        connect("sftp.example.com", 22, 0.2)
    assert time.monotonic() - started < 2
    over.set()
