"""Places that keep anchors of the audit trail: a log collector by syslog, and any service by HTTP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from datetime import UTC, datetime

import httpx
import msgspec

from guahao.audit.ports import Anchor

_LOG_AUDIT_NOTICE = 13 << 3 | 5
"""Facility "log audit", severity "notice" (RFC 5424, 6.2.1)."""

_TIMEOUT_S = 5.0


class AnchorNotKept(Exception):
    """A place did not take the anchors; they are given to it again."""


class SyslogAnchors:
    """One line of RFC 5424 for each anchor, over TCP with octet counting (RFC 6587) or to a local socket."""

    def __init__(self, address: str) -> None:
        """Take `host:port`, or the path of a datagram socket such as /dev/log."""
        self._address = address

    async def keep(self, anchors: Sequence[Anchor]) -> None:
        """Send them; raises `AnchorNotKept`."""
        try:
            await asyncio.to_thread(self._send, [_syslog_line(anchor) for anchor in anchors])
        except OSError as error:
            raise AnchorNotKept(self._address) from error

    def _send(self, lines: Sequence[bytes]) -> None:
        if self._address.startswith("/"):
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
                out.settimeout(_TIMEOUT_S)
                out.connect(self._address)
                for line in lines:
                    out.send(line)
            return
        host, _, port = self._address.rpartition(":")
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_TIMEOUT_S) as out:
            out.sendall(b"".join(b"%d %s" % (len(line), line) for line in lines))


def _syslog_line(anchor: Anchor) -> bytes:
    sent_at = datetime.now(UTC).isoformat(timespec="seconds")
    header = f"<{_LOG_AUDIT_NOTICE}>1 {sent_at} {socket.gethostname()} guahao - audit-anchor - "
    return header.encode() + anchor.line().rstrip()


class HttpAnchors:
    """A POST of a JSON array to an address that answers 2xx once they are kept."""

    def __init__(self, http: httpx.AsyncClient, *, url: str) -> None:
        """Take the address."""
        self._http = http
        self._url = url

    async def keep(self, anchors: Sequence[Anchor]) -> None:
        """Send them; raises `AnchorNotKept`."""
        body = msgspec.json.encode(list(anchors))
        headers = {"Content-Type": "application/json"}
        try:
            answer = await self._http.post(self._url, content=body, headers=headers, timeout=_TIMEOUT_S)
        except httpx.HTTPError as error:
            raise AnchorNotKept(self._url) from error
        if not answer.is_success:
            message = f"{self._url} answered {answer.status_code}"
            raise AnchorNotKept(message)
