"""The network address a request comes from: past the proxies that are trusted, and as limits count it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Networks = Sequence[IPv4Network | IPv6Network]

NO_PROXY = "none"
_CUSTOMER_PREFIX = 64


def networks(text: str) -> Networks:
    """Read networks separated by commas, a lone address being one too; empty and `none` hold nobody.

    Raises ValueError naming the part that is no network.
    """
    if text.strip() == NO_PROXY:
        return ()
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def client_address(peer: str, forwarded_for: Iterable[str], *, trusted: Networks) -> str:
    """Answer who sent a request: the right-most address that no trusted proxy has.

    `peer` is the other end of the connection, `forwarded_for` the values of X-Forwarded-For in the order
    in which they came. Who is not trusted says nothing about others, so its header counts for nothing; an
    entry that is no address ends the walk at the proxy that passed it on.
    """
    address = _parsed(peer)
    hops = [hop for value in forwarded_for for hop in value.split(",")]
    while address is not None and hops and _is_in(address, trusted):
        before = _parsed(hops.pop())
        if before is None:
            break
        address = before
    return peer if address is None else str(address)


def counted_address(address: str) -> str:
    """Answer the address under which limits count; of IPv6 the /64, since one customer has all of it."""
    parsed = _parsed(address)
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((parsed, _CUSTOMER_PREFIX), strict=False))
    return address if parsed is None else str(parsed)


def is_loopback(host: str) -> bool:
    """Whether only programs of this machine reach `host`."""
    parsed = _parsed(host)
    return host == "localhost" or (parsed is not None and parsed.is_loopback)


def is_trusted(host: str, trusted: Networks) -> bool:
    """Whether a proxy at `host` is believed."""
    parsed = _parsed("127.0.0.1" if host == "localhost" else host)
    return parsed is not None and _is_in(parsed, trusted)


def _is_in(address: IPv4Address | IPv6Address, trusted: Networks) -> bool:
    return any(address in network for network in trusted)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address as proxies write it: with a port, in brackets, or IPv4 within IPv6."""
    plain = text.strip()
    if plain.startswith("["):
        plain = plain[1:].partition("]")[0]
    elif plain.count(":") == 1:
        plain = plain.partition(":")[0]
    with suppress(ValueError):
        address = ip_address(plain)
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            return address.ipv4_mapped
        return address
    return None
