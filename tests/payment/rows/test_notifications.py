"""Rows 1 to 9 and 22 to 24 of the list of attacks, through the addresses that providers post to."""

from __future__ import annotations

import base64
import dataclasses
import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta
from urllib.parse import parse_qsl, urlencode

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import MD5, SHA1, SHA256, HashAlgorithm

from guahao.kernel.clock import utc_now
from guahao.kernel.metrics import NOTIFICATIONS
from guahao.sandbox.delivery import Outgoing
from guahao.sandbox.models import Disorder, SandboxDelivery
from tests.factories.books import counts
from tests.factories.till import Held, Till

pytestmark = pytest.mark.anyio

STRANGER = generate_private_key(public_exponent=65537, key_size=2048)
Change = Callable[[Outgoing], Outgoing]


def counted(provider: str, result: str) -> float:
    return float(NOTIFICATIONS.labels(provider, result)._value.get())  # no public way to read


async def told(till: Till, channel: str = "wechat_jsapi") -> tuple[Held, SandboxDelivery]:
    """A place that is paid at the cashier, and the notification that we have not got yet."""
    held = await till.hold()
    opened = await till.open(held, channel)
    assert (await till.at_cashier(opened)).status_code == 200
    (letter,) = await till.letters()
    return held, letter


async def refused(till: Till, path: str, sent: Outgoing, *, reason: str) -> None:
    """Post it: 401 with the reason, counted, and nothing at all is written."""
    provider = path.partition("-")[0]
    before, number = await counts(till.sessions), counted(provider, reason)
    answer = await till.post(path, sent)
    assert (answer.status_code, answer.json()["code"]) == (401, "notification-not-believed"), answer.text
    assert answer.json()["reason"] == reason
    assert await counts(till.sessions) == before
    assert counted(provider, reason) == number + 1


async def accepted(till: Till, path: str, sent: Outgoing) -> None:
    answer = await till.post(path, sent)
    assert answer.status_code == (200 if path == "alipay" else 204), answer.text


def headed(sent: Outgoing, **headers: str | None) -> Outgoing:
    """The same with other headers, written with underscores; None takes one away."""
    changed = {name.replace("_", "-"): value for name, value in headers.items()}
    kept = {name: value for name, value in sent.headers.items() if name not in changed}
    return Outgoing(
        headers=kept | {name: value for name, value in changed.items() if value is not None}, body=sent.body
    )


def form(sent: Outgoing, **fields: str) -> Outgoing:
    return Outgoing(
        headers=sent.headers, body=urlencode(dict(parse_qsl(sent.body.decode())) | fields).encode()
    )


def signed_form(till: Till, sent: Outgoing, algorithm: HashAlgorithm, **fields: str) -> Outgoing:
    """Signed with Alipay's own key, but by another algorithm."""
    given = dict(parse_qsl(sent.body.decode())) | fields
    text = "&".join(f"{k}={v}" for k, v in sorted(given.items()) if k not in {"sign", "sign_type"} and v)
    sign = base64.b64encode(till.keys.alipay.sign(text.encode(), PKCS1v15(), algorithm)).decode()
    return Outgoing(headers=sent.headers, body=urlencode(given | {"sign": sign}).encode())


@pytest.mark.parametrize("part", [b'"ciphertext":"', b'"nonce":"', b'"id":"', b'"event_type":"'])
async def test_row_1_a_body_changed_by_one_byte_is_refused_and_nothing_is_written(
    till: Till, part: bytes
) -> None:
    held, letter = await told(till)
    sent = till.written(letter)
    place = sent.body.index(part) + len(part)
    changed = bytes([sent.body[place] ^ 1])
    body = sent.body[:place] + changed + sent.body[place + 1 :]

    await refused(till, "wechat-pay", Outgoing(headers=sent.headers, body=body), reason="signature")
    assert (await till.order(held))["state"] == "paying"
    await accepted(till, "wechat-pay", sent)
    assert (await till.order(held))["state"] == "paid"


async def test_row_1_a_changed_amount_of_alipay_is_refused_and_nothing_is_written(till: Till) -> None:
    held, letter = await told(till, "alipay_qr")
    sent = till.written(letter)

    await refused(till, "alipay", form(sent, total_amount="0.01"), reason="signature")
    assert (await till.order(held))["state"] == "paying"
    answer = await till.post("alipay", sent)
    assert (answer.status_code, answer.text) == (200, "success")
    assert (await till.order(held))["state"] == "paid"


def foreign(sent: Outgoing) -> Outgoing:
    stamp, nonce = sent.headers["Wechatpay-Timestamp"], sent.headers["Wechatpay-Nonce"]
    text = f"{stamp}\n{nonce}\n".encode() + sent.body + b"\n"
    sign = base64.b64encode(STRANGER.sign(text, PKCS1v15(), SHA256())).decode()
    return headed(sent, Wechatpay_Signature=sign)


ROW_2: dict[str, Change] = {
    "random": lambda sent: headed(
        sent, Wechatpay_Signature=base64.b64encode(secrets.token_bytes(256)).decode()
    ),
    "other key": foreign,
    "not base64": lambda sent: headed(sent, Wechatpay_Signature="*" * 344),
    "empty": lambda sent: headed(sent, Wechatpay_Signature=""),
    "latin": lambda sent: headed(sent, Wechatpay_Signature="\xe9"),
    "no signature": lambda sent: headed(sent, Wechatpay_Signature=None),
    "no timestamp": lambda sent: headed(sent, Wechatpay_Timestamp=None),
    "no nonce": lambda sent: headed(sent, Wechatpay_Nonce=None),
    "no serial": lambda sent: headed(sent, Wechatpay_Serial=None),
    "nothing": lambda _: Outgoing(headers={}, body=b""),
    "not json": lambda _: Outgoing(headers={}, body=b"\xff\x00"),
}


@pytest.mark.parametrize("change", ROW_2.values(), ids=ROW_2)
async def test_row_2_a_signature_that_is_none_is_refused_and_never_an_error(
    till: Till, change: Change
) -> None:
    _, letter = await told(till)
    sent = change(till.written(letter))
    encoded = {name: value.encode("latin-1") for name, value in sent.headers.items()}
    before = await counts(till.sessions)

    answer = await till.client.post("/callbacks/wechat-pay", content=sent.body, headers=encoded)

    assert (answer.status_code, answer.json()["reason"]) == (401, "signature")
    assert await counts(till.sessions) == before


@pytest.mark.parametrize("sign", ["", "AAAA", "*", "=", None])
async def test_row_2_a_form_without_alipays_signature_is_refused(till: Till, sign: str | None) -> None:
    _, letter = await told(till, "alipay_qr")
    fields = dict(parse_qsl(till.written(letter).body.decode()))
    fields.pop("sign")
    body = urlencode(fields if sign is None else fields | {"sign": sign}).encode()

    await refused(till, "alipay", Outgoing(headers={}, body=body), reason="signature")


async def test_row_3_a_changed_timestamp_or_nonce_is_refused(till: Till) -> None:
    _, letter = await told(till)
    sent = till.written(letter)
    stamp = int(sent.headers["Wechatpay-Timestamp"])

    for changed in (stamp + 1, stamp - 1, f"{stamp}0", f"0{stamp}", f" {stamp}", f"{stamp}.0", "1e9", ""):
        await refused(till, "wechat-pay", headed(sent, Wechatpay_Timestamp=str(changed)), reason="signature")
    await refused(till, "wechat-pay", headed(sent, Wechatpay_Nonce="x"), reason="signature")


async def test_row_4_a_genuine_notification_replayed_after_five_minutes_is_stale(till: Till) -> None:
    held, letter = await told(till)

    old = till.written(letter, at=utc_now() - timedelta(seconds=302))
    await refused(till, "wechat-pay", old, reason="stale")
    assert (await till.order(held))["state"] == "paying"
    await accepted(till, "wechat-pay", till.written(letter, at=utc_now() - timedelta(seconds=290)))
    await refused(till, "wechat-pay", old, reason="stale")


@pytest.mark.parametrize("channel", ["wechat_jsapi", "alipay_qr"])
async def test_row_5_a_repeated_notification_is_thanked_for_and_changes_nothing(
    till: Till, channel: str
) -> None:
    held, letter = await told(till, channel)
    path = "alipay" if channel == "alipay_qr" else "wechat-pay"
    sent = till.written(letter)
    await accepted(till, path, sent)
    before = await counts(till.sessions)

    for again in (
        sent,
        sent,
        till.written(letter),
        till.written(letter, at=utc_now() + timedelta(seconds=9)),
    ):
        await accepted(till, path, again)

    assert await counts(till.sessions) == before
    assert (await till.order(held))["state"] == "paid"


async def test_row_6_a_notification_from_more_than_five_minutes_ahead_is_refused(till: Till) -> None:
    _, letter = await told(till)

    await refused(
        till, "wechat-pay", till.written(letter, at=utc_now() + timedelta(seconds=303)), reason="stale"
    )
    await accepted(till, "wechat-pay", till.written(letter, at=utc_now() + timedelta(seconds=290)))


def noted(calls: list[httpx.Request]) -> Callable[[httpx.Request], Awaitable[None]]:
    async def note(request: httpx.Request) -> None:
        calls.append(request)

    return note


async def test_row_7_a_thousand_unknown_serials_cause_no_outbound_call(till: Till) -> None:
    _, letter = await told(till)
    sent = till.written(letter)
    before = await counts(till.sessions)
    calls: list[httpx.Request] = []
    for http in (till.app.state.gateways["wechat"]._channel._http, till.app.state.gateways["alipay"]._http):
        http.event_hooks = {"request": [noted(calls)]}
    for number in range(1000):
        serial = f"PUB_KEY_ID_{number:034}" if number % 2 else secrets.token_hex(20).upper()
        answer = await till.post("wechat-pay", headed(sent, Wechatpay_Serial=serial))
        assert answer.status_code == 401

    assert calls == []
    after = dict(await counts(till.sessions))
    assert after.pop("finance_case") == 1
    assert {name: before[name] for name in after if name != "audit_entry"} == {
        name: number for name, number in after.items() if name != "audit_entry"
    }
    await accepted(till, "wechat-pay", sent)
    await till.open(await till.hold())
    assert len(calls) == 1, "calls are noted at all"


async def test_row_8_probes_are_refused_as_such_and_raise_no_storm(till: Till) -> None:
    held, letter = await told(till)

    for _ in range(25):
        await refused(till, "wechat-pay", till.written(letter, disorder=Disorder.PROBE), reason="probe")
    assert (await counts(till.sessions))["finance_case"] == 0
    await accepted(till, "wechat-pay", till.written(letter))
    assert (await till.order(held))["state"] == "paid"


@pytest.mark.parametrize("changed", [{"mchid": "1900000001"}, {"appid": "wx0000000000000001"}])
async def test_row_9_a_genuine_payment_to_another_merchant_or_app_is_refused(
    till: Till, changed: dict[str, str]
) -> None:
    held, letter = await told(till)
    letter.content = {**letter.content, "resource": {**letter.content["resource"], **changed}}

    await refused(till, "wechat-pay", till.written(letter), reason="merchant")
    assert (await till.order(held))["state"] == "paying"


@pytest.mark.parametrize("changed", [{"app_id": "2021000000000001"}, {"seller_id": "2088000000000001"}])
async def test_row_9_a_genuine_payment_to_another_seller_at_alipay_is_refused(
    till: Till, changed: dict[str, str]
) -> None:
    held, letter = await told(till, "alipay_qr")
    letter.content = {**letter.content, **changed}

    await refused(till, "alipay", till.written(letter), reason="merchant")
    assert (await till.order(held))["state"] == "paying"


async def test_row_22_certificate_and_public_key_are_both_believed_while_keys_rotate(till: Till) -> None:
    for signing in ("certificate", "key"):
        held = await till.hold()
        await till.at_cashier(await till.open(held))
        letter = (await till.letters())[-1]
        letter.content = {**letter.content, "signing": signing}
        await accepted(till, "wechat-pay", till.written(letter))
        assert (await till.order(held))["state"] == "paid"


async def test_row_22_a_key_that_was_removed_is_refused(till: Till) -> None:
    _, letter = await told(till)
    theirs = dataclasses.replace(till.keys, platform=STRANGER)

    await refused(till, "wechat-pay", till.written(letter, keys=theirs), reason="signature")


async def test_row_23_what_no_apiv3_key_of_the_ring_opens_is_refused(till: Till) -> None:
    _, letter = await told(till)
    theirs = dataclasses.replace(till.keys, apiv3=secrets.token_hex(16).encode())

    await refused(till, "wechat-pay", till.written(letter, keys=theirs), reason="content")


async def test_row_24_a_weaker_or_other_signature_of_alipay_is_refused(till: Till) -> None:
    held, letter = await told(till, "alipay_qr")
    sent = till.written(letter)

    await refused(till, "alipay", form(sent, sign_type="RSA"), reason="signature")
    for weak in (SHA1(), MD5()):  # what must be refused
        for sign_type in ("RSA", "RSA2"):
            await refused(
                till, "alipay", signed_form(till, sent, weak, sign_type=sign_type), reason="signature"
            )
    await refused(till, "alipay", form(sent, passback_params="x"), reason="signature")
    assert (await till.order(held))["state"] == "paying"
    await accepted(till, "alipay", signed_form(till, sent, SHA256()))
    assert (await till.order(held))["state"] == "paid"


async def test_a_notification_at_another_providers_address_is_refused(till: Till) -> None:
    _, wechat = await told(till)
    held = await till.hold()
    await till.at_cashier(await till.open(held, "alipay_qr"))
    alipay = (await till.letters())[-1]

    await refused(till, "alipay", till.written(wechat), reason="signature")
    await refused(till, "wechat-pay", till.written(alipay), reason="signature")
