"""What the text of a setting must look like; a wrong one is told by its name when a command starts."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, SecretStr
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from guahao.kernel.address import NO_PROXY, networks

SANDBOX = "sandbox"
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
_HOST_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_NUMBERS_ONLY = re.compile(r"[0-9.]+|(.*\.)?0x[0-9a-f]*", re.IGNORECASE)
_BLANK = re.compile(r"[\s\x00-\x1f\x7f]")
_IN_QUOTES = re.compile(r"""(["']).*\1""", re.DOTALL)
_DATABASE_NAME = re.compile(r"[^\s,:/]+")
_LEAST_PREFIX = {4: 8, 6: 7}
"""The largest networks that are anybody's own: 10.0.0.0/8 and fc00::/7."""
_PORTS = range(1, 65536)
_DATABASE_OPTIONS = frozenset(("host", "port", "sslmode", "sslrootcert", "target_session_attrs"))
_TLS_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


def _word(value: str) -> str:
    """A name or number that somebody else gave us: a blank in it is one from copying."""
    if _BLANK.search(value):
        message = "holds a blank or a line's end"
        raise ValueError(message)
    return _bare(value)


def _bare(value: str) -> str:
    """A text as it is meant: a shell takes quotes off, a file for containers leaves them."""
    if value != value.strip() or _IN_QUOTES.fullmatch(value):
        message = "must not begin or end with a blank, nor stand in quotes"
        raise ValueError(message)
    return value


def _secret(value: SecretStr) -> SecretStr:
    _word(value.get_secret_value())
    return value


def _host(value: str) -> str:
    """An address or a name to listen on."""
    if not is_host(value):
        message = "is neither an address nor a name of a machine"
        raise ValueError(message)
    return value


def is_host(value: str) -> bool:
    """Whether it is an IP address as it is usually written, or a name."""
    try:
        ip_address(value)
    except ValueError:
        return bool(_HOST_NAME.fullmatch(value)) and not _NUMBERS_ONLY.fullmatch(value)
    return True


def _address(value: str) -> str:
    """The https (or, for trying out, http) address of a service; empty and `sandbox` stand for themselves."""
    if value in {"", SANDBOX}:
        return value
    parts = _split(value)
    if parts.scheme not in {"http", "https"}:
        message = "must begin with https://"
        raise ValueError(message)
    if not is_host(parts.hostname or ""):
        message = "must name a real host"
        raise ValueError(message)
    is_path = not {"", ".", ".."}.intersection(parts.path.split("/")[1:])
    if parts.username is not None or "?" in value or "#" in value or value.endswith(":") or not is_path:
        message = "must end with host or path: no name or password, nothing after ? or #, no / at the end"
        raise ValueError(message)
    return value


def _split(value: str) -> SplitResult:
    """Take an address apart. Raises ValueError for what is none, also for a port that is no port."""
    _word(value)
    message = "is no address"
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ValueError(message) from None
    if port is not None and port not in _PORTS:
        raise ValueError(message)
    return parts


def _database(value: SecretStr) -> SecretStr:
    """A database's address; the message never quotes it, since it holds a password.

    The driver knows few of libpq's options, and a `service` would name another machine than the one whose TLS
    is asked for.
    """
    message = "must look like postgresql://role:password@host:5432/database"
    try:
        url = make_url(_word(value.get_secret_value()))
        is_whole = url.drivername == "postgresql" and bool(_DATABASE_NAME.fullmatch(url.database or ""))
        is_whole = is_whole and (url.port is None or url.port in _PORTS)
        urlsplit(value.get_secret_value())
    except (ArgumentError, ValueError):
        raise ValueError(message) from None
    if not is_whole:
        raise ValueError(message)
    _require_known(url.query)
    return value


def _require_known(options: Mapping[str, str | tuple[str, ...]]) -> None:
    """Refuse options of a database that would be misread when connecting. Raises ValueError."""
    if not options.keys() <= _DATABASE_OPTIONS:
        message = f"may have only {', '.join(sorted(_DATABASE_OPTIONS))} after the question mark"
        raise ValueError(message)
    if options.get("sslmode", "prefer") not in _TLS_MODES:
        message = f"sslmode must be one of {', '.join(_TLS_MODES)}"
        raise ValueError(message)
    root = options.get("sslrootcert", "system")
    if root != "system" and not _is_certificate_file(root):
        message = "sslrootcert must be a file of certificates in PEM"
        raise ValueError(message)


def _is_certificate_file(path: str | tuple[str, ...]) -> bool:
    try:
        ssl.create_default_context(cafile=str(path))
    except OSError:  # which ssl.SSLError is
        return False
    return True


def _proxies(value: str) -> str:
    """Networks with commas; one larger than any that is somebody's own would believe strangers."""
    named = networks(value)
    if any(network.prefixlen < _LEAST_PREFIX[network.version] for network in named):
        message = "would believe strangers; name the proxy itself"
        raise ValueError(message)
    is_nobody = bool(value) and not named and value.strip() != NO_PROXY
    if is_nobody or any(network.network_address.is_unspecified for network in named):
        message = "names nobody; name the proxy itself, or none"
        raise ValueError(message)
    return value


def _syslog(value: str) -> str:
    """`host:port`, or the path of a socket."""
    host, _, port = value.rpartition(":")
    is_place = port.isascii() and port.isdecimal() and int(port) in _PORTS and is_host(host.strip("[]"))
    if value and not (is_place or (value.startswith("/") and not _BLANK.search(value))):
        message = "must be host:port, or the path of a socket such as /dev/log"
        raise ValueError(message)
    return value


def _folder(value: Path) -> Path:
    """A folder; it may be made later, as that of the clients is by `make clients`.

    What a shell would have turned into another path is none: it would be a folder of that very name.
    """
    nearest = next((place for place in (value, *value.parents) if place.exists()), value)
    if value == Path() or (nearest.exists() and not nearest.is_dir()):
        message = "is not a folder"
        raise ValueError(message)
    if _bare(str(value)).startswith(("~", "$")):
        message = "must be written out: nothing here knows what ~ and $ stand for"
        raise ValueError(message)
    return value


Word = Annotated[str, AfterValidator(_word)]
Bare = Annotated[str, AfterValidator(_bare)]
SecretWord = Annotated[SecretStr, AfterValidator(_secret)]
Host = Annotated[str, AfterValidator(_host)]
Address = Annotated[str, AfterValidator(_address)]
DatabaseAddress = Annotated[SecretStr, AfterValidator(_database)]
Proxies = Annotated[str, AfterValidator(_proxies)]
Syslog = Annotated[str, AfterValidator(_syslog)]
Folder = Annotated[Path, AfterValidator(_folder)]
