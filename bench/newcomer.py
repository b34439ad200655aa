"""Somebody who has just registered at a demo, with one patient, and places to book."""

from __future__ import annotations

import itertools
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import httpx
from playwright.sync_api import Page

from guahao.identity.policy.number import check_digit
from guahao.kernel.clock import local_date


@dataclass(frozen=True, kw_only=True)
class Place:
    """A slot as the page that confirms a booking is opened with it."""

    slot: str
    session: str
    doctor: str

    @property
    def query(self) -> str:
        """The options of the page."""
        return urlencode({"slot": self.slot, "session": self.session, "doctor": self.doctor})


def register(base: str) -> str:
    """Register with a new phone, add oneself as patient; answers the token."""
    phone = f"139{secrets.randbelow(10**8):08d}"
    with httpx.Client(base_url=base, timeout=30) as http:
        wanted = {"phone": phone, "purpose": "register"}
        request = http.post("/api/v1/sms-codes", json=wanted).raise_for_status().json()
        code = http.get("/sandbox/sms", params={"phone": phone}).raise_for_status().json()["code"]
        account = {
            "phone": phone,
            "sms_code": code,
            "sms_request_id": request["sms_request_id"],
            "username": f"u{phone}",
            "password": secrets.token_urlsafe(12),
        }
        token: str = http.post("/api/v1/accounts", json=account).raise_for_status().json()["token"]
        head = f"110101{19600101 + secrets.randbelow(30) * 10000}{secrets.randbelow(999) + 1:03d}"
        patient = {
            "name": "王小明",
            "document_type": "resident_id",
            "document_number": head + check_digit(head),
            "phone": phone,
            "relation": "self",
            "consents": [{"kind": "sensitive_personal_information", "version": 1}],
        }
        mine = {"Authorization": f"Bearer {token}"}
        http.post("/api/v1/patients", json=patient, headers=mine).raise_for_status()
    return token


def places(base: str, count: int) -> list[Place]:
    """So many bookable slots of one department, from the day after tomorrow on."""
    return list(itertools.islice(_bookable(base), count))


def _bookable(base: str) -> Iterator[Place]:
    later = (local_date(datetime.now(UTC)) + timedelta(days=2)).isoformat()
    with httpx.Client(base_url=f"{base}/api/v1", timeout=30) as http:
        hits = http.get("/search", params={"q": "kesou"}).raise_for_status().json()["items"]
        department = next(hit["id"] for hit in hits if hit["kind"] == "disease")
        for doctor in http.get(f"/departments/{department}/doctors").raise_for_status().json()["items"]:
            for day in http.get(f"/doctors/{doctor['id']}/sessions").raise_for_status().json()["items"]:
                yield from (
                    Place(slot=slot["id"], session=day["id"], doctor=doctor["id"])
                    for slot in day["slots"]
                    if day["date"] >= later and slot["bookable"]
                )


def keep_login(page: Page, token: str) -> None:
    """Let the mini program find this token in its storage, and the agreement that came before it."""
    kept = {
        "mp:$privacy": {"data": "agreed"},
        "mp:login-token": {"data": token},
        "mp:login-kind": {"data": "password"},
    }
    pairs = json.dumps({name: json.dumps(value) for name, value in kept.items()})
    page.add_init_script(
        f"for (const [name, value] of Object.entries({pairs})) localStorage.setItem(name, value)"
    )
