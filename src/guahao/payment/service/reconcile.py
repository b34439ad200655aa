"""Use cases of reconciliation: fetch each provider's bill of the day and set it against our books."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, cast, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.kernel.clock import CHINA, local_date
from guahao.kernel.db import BulkInsert, Json, Sessions, transaction
from guahao.kernel.errors import NotFound
from guahao.kernel.ids import DIRECTORY, hospital_of
from guahao.kernel.log import logger
from guahao.payment import policy
from guahao.payment.models import (
    BillEntry,
    BillKind,
    BillRun,
    BillState,
    CaseKind,
    LedgerAccount,
    Part,
    Payment,
    Posting,
    Provider,
    Source,
    Verdict,
)
from guahao.payment.policy import Line
from guahao.payment.ports import (
    Bill,
    BillDamaged,
    BillNotReady,
    BillRow,
    ChannelRefused,
    ChannelUncertain,
    Gateways,
    Paid,
    Refunded,
    RefundOutcome,
)
from guahao.payment.queries.books import ours_expected, ours_named, ours_of_day, payments_given_back
from guahao.payment.service import ledger
from guahao.payment.service.bill_row import odd_case, payment_given_back
from guahao.payment.service.case import NewCase, open_case, open_cases
from guahao.payment.service.facts import Applied, apply_paid, apply_refunded
from guahao.payment.service.facts.foreign import foreign_refund, refund_subject

_ENTRIES = BulkInsert(
    BillEntry,
    "hospital_id",
    "provider",
    "day",
    "kind",
    "reference",
    "transaction_id",
    "bill_fen",
    "our_fen",
    "verdict",
)

_CASE_OF = {
    Verdict.APPLIED: CaseKind.BILL_LONG,
    Verdict.LONG: CaseKind.BILL_LONG,
    Verdict.SHORT: CaseKind.BILL_SHORT,
    Verdict.AMOUNT: CaseKind.BILL_AMOUNT,
    Verdict.REFUND: CaseKind.BILL_REFUND,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    provider: Provider
    day: date


async def fetch_bills(sessions: Sessions, *, gateways: Gateways, clock: Callable[[], datetime]) -> int:
    """Fetch one bill that is due and reconcile its day; answers how many were due, 0 or 1.

    Bills of a day are wanted from ten o'clock on the next; one that is not there, not sound or not
    answered for is asked for again after ten minutes, and finance hears of it after a day.
    """
    now = clock()
    async with transaction(sessions) as db:
        await _want(db, gateways, now)
        wanted = await _claim(db, gateways, now)
    if wanted is None:
        return 0
    try:
        bill = await gateways[wanted.provider].bill(wanted.day)
        _require_sound(bill, wanted)
    except BillNotReady:
        await _not_there(sessions, wanted, now)
    except ChannelUncertain:
        await _put_off(sessions, wanted, BillState.WANTED, "uncertain", now)
    except ChannelRefused as refused:
        state = BillState.FAILED if policy.bill_is_due(wanted.day, now=now) else BillState.WANTED
        await _put_off(sessions, wanted, state, f"refused: {refused.code}", now)
    except BillDamaged as damaged:
        await _put_off(sessions, wanted, BillState.FAILED, f"damaged: {damaged}", now)
    else:
        await reconcile(sessions, bill=bill, now=now)
    return 1


async def want_again(db: AsyncSession, *, provider: Provider, day: date, by: str, now: datetime) -> BillRun:
    """Have the bill of any day fetched and reconciled anew; `by` is an audit actor.

    Today's is as far as the provider gives it (the sandbox does), and is wanted again when it is whole.
    Raises `NotFound` for a day to come or one whose bill the provider no longer keeps.
    """
    age_days = (local_date(now) - day).days
    if provider is Provider.CASH or not 0 <= age_days <= policy.BILLS_KEPT_DAYS:
        raise NotFound
    wish = insert(BillRun).values(provider=provider, day=day, state=BillState.WANTED, due_at=now)
    again = wish.on_conflict_do_update(
        index_elements=["provider", "day"], set_={"state": BillState.WANTED, "due_at": now, "tries": 0}
    )
    run = (await db.scalars(again.returning(BillRun), execution_options={"populate_existing": True})).one()
    subject = f"bill:{provider.value}:{day.isoformat()}"
    await record(db, AuditEntry(actor=by, action="bill.want", subject=subject))
    return run


async def reconcile(sessions: Sessions, *, bill: Bill, now: datetime) -> None:
    """Set a sound bill against our books; running it again for the day replaces what it found before.

    What we had missed is applied first, each fact in a transaction of its own: then it stands,
    whatever becomes of the rest, and no order is locked for long.
    """
    bill = policy.with_unstorable_apart(bill)
    async with transaction(sessions) as db:
        facts = await _missed(db, bill)
    for fact in facts:
        async with transaction(sessions) as db:
            await _apply(db, bill, fact)
    async with transaction(sessions) as db:
        await _store(db, bill, now)


async def _want(db: AsyncSession, gateways: Gateways, now: datetime) -> None:
    """Want the bills of days that are over, also of those that were reconciled before they were over."""
    was_whole = func.timezone(CHINA.key, cast(BillRun.day, DateTime) + policy.READY_AFTER)
    latest = (
        select(BillRun.provider, func.max(BillRun.day).label("day"))
        .where(or_(BillRun.checked_at.is_(None), BillRun.checked_at >= was_whole))
        .where(BillRun.day <= local_date(now - policy.READY_AFTER))
        .group_by(BillRun.provider)
    )
    known = {row.provider: row.day for row in await db.execute(latest)}
    rows = [
        {"provider": provider, "day": day, "state": BillState.WANTED, "due_at": now}
        for provider in gateways
        for day in policy.days_wanted(latest=known.get(provider), now=now)
    ]
    if rows:
        wanted = insert(BillRun).on_conflict_do_update(
            index_elements=["provider", "day"],
            set_={"state": BillState.WANTED, "due_at": now},
            where=(BillRun.state == BillState.DONE) & (BillRun.checked_at < was_whole),
        )
        await db.execute(wanted, rows)


async def _claim(db: AsyncSession, gateways: Gateways, now: datetime) -> _Wanted | None:
    """Take the oldest due bill; if we die over it, it is due again like one that could not be had."""
    due = (
        select(BillRun)
        .where(BillRun.state.in_((BillState.WANTED, BillState.FAILED)), BillRun.due_at <= now)
        .where(BillRun.provider.in_(list(gateways)))
        .where(BillRun.day >= local_date(now) - timedelta(days=policy.BILLS_KEPT_DAYS))
        .order_by(BillRun.day, BillRun.provider)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    run = await db.scalar(due)
    if run is None:
        return None
    run.due_at = now + policy.TRY_BILL_AGAIN_AFTER
    run.tries += 1
    await db.flush()
    return _Wanted(provider=run.provider, day=run.day)


def _require_sound(bill: Bill, wanted: _Wanted) -> None:
    if (bill.provider, bill.day) != (wanted.provider, wanted.day) or not policy.is_of_its_day(bill):
        raise BillDamaged("another day")
    if not policy.is_sound(bill):
        raise BillDamaged("totals")


async def _missed(db: AsyncSession, bill: Bill) -> Sequence[Paid | Refunded]:
    """What the bill tells in one row and we do not know yet; amounts of refunds must agree."""
    lines = policy.compare(bill.rows, await ours_named(db, provider=bill.provider, rows=bill.rows))
    once = policy.told_once(bill.rows)
    told = [line for line in lines if (line.kind, line.reference) in once]
    return [fact for line in told if (fact := _fact(bill.provider, line)) is not None]


def _fact(provider: Provider, line: Line) -> Paid | Refunded | None:
    row, ours = line.bill, line.ours
    if row is None or ours is None or not row.amount_fen:
        return None
    if row.kind is BillKind.PAYMENT:
        return None if ours.is_moved else _paid(provider, row)
    if ours.is_on_its_way and row.is_final and row.amount_fen == ours.fen:
        return _refunded(provider, row, ours.transaction_id)
    return None


def _paid(provider: Provider, row: BillRow) -> Paid:
    return Paid(
        provider=provider,
        source=Source.BILL,
        message_id=f"bill:{row.transaction_id}",
        out_trade_no=row.out_trade_no,
        transaction_id=row.transaction_id,
        amount_fen=row.amount_fen,
        paid_at=row.at,
    )


def _refunded(provider: Provider, row: BillRow, channel_refund_id: str | None) -> Refunded:
    return Refunded(
        provider=provider,
        source=Source.BILL,
        message_id=f"bill:{row.out_refund_no}",
        out_trade_no=row.out_trade_no,
        out_refund_no=row.out_refund_no,
        channel_refund_id=channel_refund_id or "",
        amount_fen=row.amount_fen,
        outcome=RefundOutcome.SUCCESS,
        at=row.at,
    )


async def _apply(db: AsyncSession, bill: Bill, fact: Paid | Refunded) -> None:
    """Apply what only the bill told. A payment is also a case: its notification and queries failed."""
    if isinstance(fact, Refunded):
        await apply_refunded(db, fact)
        return
    outcome = await apply_paid(db, fact)
    if outcome in {Applied.REPEATED, Applied.UNKNOWN}:
        return
    payment_id = UUID(hex=fact.out_trade_no)
    evidence = _evidence(bill, fact.out_trade_no, fact.transaction_id, fact.amount_fen, None)
    await open_case(
        db,
        hospital_id=hospital_of(payment_id),
        kind=CaseKind.BILL_LONG,
        subject=f"payment:{payment_id}",
        evidence=evidence | {"outcome": outcome.value},
    )


async def _store(db: AsyncSession, bill: Bill, now: datetime) -> None:
    run = await _locked_run(db, bill)
    lines = policy.compare(
        bill.rows, await ours_of_day(db, provider=bill.provider, day=bill.day, rows=bill.rows)
    )
    theirs = await payments_given_back(db, provider=bill.provider, rows=bill.rows)
    if run.checked_at is not None:
        its_entries = (BillEntry.provider == bill.provider, BillEntry.day == bill.day)
        await db.execute(delete(BillEntry).where(*its_entries))
    if lines:
        entries = [_entry(bill, line, theirs) for line in lines]
        await db.execute(_ENTRIES.statement, _ENTRIES.params(entries))
    await open_cases(db, [_case(bill, line, theirs) for line in lines if line.verdict is not Verdict.MATCHED])
    await open_cases(db, [odd_case(bill, row) for row in bill.odd])
    for line in lines:
        if line.ours is None and line.bill is not None:
            await _book_unclear(db, bill.provider, line.bill)
    matched = sum(line.verdict is Verdict.MATCHED for line in lines)
    run.state, run.last_error, run.digest = BillState.DONE, bill.note or None, bill.digest
    run.row_count, run.paid_fen, run.refunded_fen = bill.row_count, bill.paid_fen, bill.refunded_fen
    run.fund_income_fen = None if bill.funds is None else bill.funds.income_fen
    run.fund_outgo_fen = None if bill.funds is None else bill.funds.outgo_fen
    run.matched, run.differences = matched, len(lines) - matched
    run.checked_at = now


async def _locked_run(db: AsyncSession, bill: Bill) -> BillRun:
    """Two who reconcile the same day, one after the other."""
    key = {"provider": bill.provider, "day": bill.day}
    first = {**key, "state": BillState.WANTED, "due_at": func.clock_timestamp()}
    await db.execute(insert(BillRun).values(first).on_conflict_do_nothing())
    return await db.get_one(BillRun, (bill.provider, bill.day), with_for_update=True, populate_existing=True)


def _entry(bill: Bill, line: Line, theirs: Mapping[str, Payment]) -> dict[str, Any]:
    payment = payment_given_back(line, theirs)
    return {
        "hospital_id": line.hospital_id if payment is None else payment.hospital_id,
        "provider": bill.provider,
        "day": bill.day,
        "kind": line.kind,
        "reference": line.reference,
        "transaction_id": line.transaction_id,
        "bill_fen": line.bill_fen,
        "our_fen": line.our_fen,
        "verdict": line.verdict,
    }


def _case(bill: Bill, line: Line, theirs: Mapping[str, Payment]) -> NewCase:
    """One case for each difference; a refund on the bill alone was perhaps made in the provider's console."""
    payment = payment_given_back(line, theirs)
    evidence = _evidence(bill, line.reference, line.transaction_id, line.bill_fen, line.our_fen)
    subject = f"{line.kind.value}:{line.ours.id}" if line.ours is not None else _foreign_subject(bill, line)
    if payment is not None:
        return foreign_refund(payment, kind=_CASE_OF[line.verdict], subject=subject, evidence=evidence)
    return NewCase(
        hospital_id=line.hospital_id, kind=_CASE_OF[line.verdict], subject=subject, evidence=evidence
    )


def _foreign_subject(bill: Bill, line: Line) -> str:
    if line.kind is BillKind.PAYMENT:
        return f"transaction:{line.transaction_id}"
    is_of_trade = line.reference == line.transaction_id
    return refund_subject(line.reference, is_of_trade=is_of_trade, part=bill.day.isoformat())


def _evidence(
    bill: Bill, reference: str, transaction_id: str | None, bill_fen: int | None, our_fen: int | None
) -> Json:
    return {
        "provider": bill.provider.value,
        "day": bill.day.isoformat(),
        "reference": reference,
        "transaction_id": transaction_id,
        "bill_fen": bill_fen,
        "our_fen": our_fen,
    }


async def _book_unclear(db: AsyncSession, provider: Provider, row: BillRow) -> None:
    """The provider holds money that belongs to no order of ours: the books say so."""
    if row.kind is BillKind.PAYMENT and row.amount_fen:
        await ledger.post(
            db,
            hospital_id=DIRECTORY,
            kind=Posting.CAPTURE,
            cause=f"unknown:{row.transaction_id}",
            debit=policy.account_of(provider),
            credit=LedgerAccount.UNCLEAR,
            amounts={Part.CASH: row.amount_fen},
            order_id=None,
        )


async def _not_there(sessions: Sessions, wanted: _Wanted, now: datetime) -> None:
    """No bill, a day after: providers make none for a day on which nothing moved."""
    if not policy.bill_is_overdue(wanted.day, now=now):
        await _put_off(sessions, wanted, BillState.WANTED, "not ready", now)
        return
    async with transaction(sessions) as db:
        is_quiet = not await ours_expected(db, provider=wanted.provider, day=wanted.day)
        if is_quiet:
            await _store(db, _nothing(wanted), now)
    if not is_quiet:
        await _put_off(sessions, wanted, BillState.FAILED, "not ready", now)


def _nothing(wanted: _Wanted) -> Bill:
    return Bill(
        provider=wanted.provider,
        day=wanted.day,
        digest="",
        rows=(),
        row_count=0,
        paid_fen=0,
        refunded_fen=0,
        funds=None,
    )


async def _put_off(sessions: Sessions, wanted: _Wanted, state: BillState, error: str, now: datetime) -> None:
    """Nothing of the bill was used; when it is due again was written when it was claimed."""
    if state is BillState.FAILED:
        logger().error("bill-failed", provider=wanted.provider.value, code=error)
    async with transaction(sessions) as db:
        its_run = (BillRun.provider == wanted.provider, BillRun.day == wanted.day)
        await db.execute(update(BillRun).where(*its_run).values(state=state, last_error=error))
        if policy.bill_is_overdue(wanted.day, now=now):
            await open_case(
                db,
                hospital_id=DIRECTORY,
                kind=CaseKind.BILL_MISSING,
                subject=f"bill:{wanted.provider.value}:{wanted.day.isoformat()}",
                evidence={"error": error},
            )
