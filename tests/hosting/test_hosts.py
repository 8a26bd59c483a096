import socket

import psutil
import pytest

from digitcore.hosting.hosts import AllowedHosts, host_name, is_loopback, plain_address


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Example.ORG", "example.org"),
        ("example.org:8501", "example.org"),
        ("example.org.", "example.org"),
        ("127.0.0.1:80", "127.0.0.1"),
        ("[::1]:8501", "::1"),
        ("[fe80::1]", "fe80::1"),
        ("example.org:port", None),
        ("user@example.org", None),
        ("example.org/path", None),
        ("", None),
        (":8501", None),
    ],
)
def test_the_name_is_read_from_the_header(header, name):
    assert host_name(header) == name


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST:8501", "127.0.0.1", "127.8.8.8:80", "[::1]:8501"])
def test_this_machine_is_reached_under_its_own_names(name):
    assert name in AllowedHosts()


def test_its_host_name_and_its_addresses_in_the_network_are_its_own():
    hosts = AllowedHosts()
    assert socket.gethostname() in hosts
    addresses = [each.address for interface in psutil.net_if_addrs().values() for each in interface]
    for address in (each for each in addresses if each.count(".") == 3):
        assert f"{address}:8501" in hosts


@pytest.mark.parametrize(
    "name", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "8.8.8.8", "", None]
)
def test_other_names_are_not(name):
    assert name not in AllowedHosts()


def test_names_are_allowed_by_setting():
    hosts = AllowedHosts(["Digits.example.org", "*.school.example"])
    assert "digits.example.org:443" in hosts
    assert "a.school.example" in hosts
    assert "school.example" not in hosts
    assert "evil-school.example" not in hosts
    assert "evil.example" in AllowedHosts(["*"])


@pytest.mark.parametrize(
    ("address", "plain"),
    [("::ffff:127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("fe80::1%eth0", "fe80::1"), ("testclient", "testclient")],
)
def test_an_address_has_one_form(address, plain):
    assert plain_address(address) == plain


def test_loopback_is_told_from_other_addresses():
    assert [is_loopback(each) for each in ("127.0.0.1", "::1", "::ffff:127.0.0.1", "10.0.0.1", "words")] == [
        True,
        True,
        True,
        False,
        False,
    ]
