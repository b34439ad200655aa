from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guahao.kernel.address import client_address, counted_address, networks

TRUSTED = networks("127.0.0.1, 10.0.0.0/8, fd00::/8")


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        ("127.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        ("127.0.0.1", ["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
        ("127.0.0.1", ["198.51.100.1", "203.0.113.7, 10.1.2.3"], "203.0.113.7"),
        ("10.9.9.9", [], "10.9.9.9"),
        ("10.9.9.9", ["10.1.1.1, 10.2.2.2"], "10.1.1.1"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("127.0.0.1", ["203.0.113.7, unknown"], "127.0.0.1"),
        ("127.0.0.1", ["<script>, 10.1.1.1"], "10.1.1.1"),
        ("127.0.0.1", ["203.0.113.7:5000"], "203.0.113.7"),
        ("127.0.0.1", ["[2001:db8::1]:5000"], "2001:db8::1"),
        ("::ffff:127.0.0.1", ["::ffff:203.0.113.7"], "203.0.113.7"),
        ("fd00::1", ["2001:db8::1"], "2001:db8::1"),
        ("127.0.0.1", ["", " , "], "127.0.0.1"),
        ("", ["203.0.113.7"], ""),
    ],
)
def test_the_client_is_the_right_most_address_that_is_not_trusted(
    peer: str, forwarded_for: list[str], client: str
) -> None:
    assert client_address(peer, forwarded_for, trusted=TRUSTED) == client


@pytest.mark.parametrize("setting", ["", "none"])
def test_without_trusted_proxies_a_header_counts_for_nothing(setting: str) -> None:
    assert client_address("127.0.0.1", ["203.0.113.7"], trusted=networks(setting)) == "127.0.0.1"


@given(forged=st.lists(st.text(max_size=20), max_size=4))
def test_whatever_a_client_writes_before_it_the_proxy_has_the_last_word(forged: list[str]) -> None:
    assert client_address("10.1.1.1", [*forged, "203.0.113.7"], trusted=TRUSTED) == "203.0.113.7"


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:0:1:aaaa::1", "2001:db8:0:1::/64"),
        ("2001:db8:0:1::2", "2001:db8:0:1::/64"),
        ("testclient", "testclient"),
    ],
)
def test_an_ipv6_customer_counts_as_one(address: str, counted: str) -> None:
    assert counted_address(address) == counted


@pytest.mark.parametrize("setting", ["localhost", "10.0.0.0/33", "10.0.0.1/8", "nobody"])
def test_what_is_no_network_is_refused(setting: str) -> None:
    with pytest.raises(ValueError, match=setting.partition("/")[0]):
        networks(setting)
