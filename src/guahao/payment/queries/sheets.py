"""Lists of money as tables for people, in yuan and local time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from guahao.kernel.export import Sheet, local_time, yuan
from guahao.kernel.i18n import text
from guahao.payment.models import BillRun, Channel, FinanceCase, LedgerEntry, Order, Payment, Refund
from guahao.payment.queries.ledger import Balance

Names = Mapping[str, str]


def orders_sheet(rows: Sequence[Order]) -> Sheet:
    """Orders."""
    return Sheet(
        title=text("sheet-money.orders"),
        headings=_headings(
            "order", "subject", "state", "amount", "insurance", "other", "payable", "created", "paid"
        ),
        rows=[
            [
                str(row.id),
                row.subject,
                text(f"order-state.{row.state.value}"),
                yuan(row.amount_fen),
                yuan(row.insurance_fen),
                yuan(row.other_fen),
                yuan(row.payable_fen),
                local_time(row.created_at),
                local_time(row.paid_at),
            ]
            for row in rows
        ],
    )


def payments_sheet(rows: Sequence[Payment]) -> Sheet:
    """Payments."""
    return Sheet(
        title=text("sheet-money.payments"),
        headings=_headings(
            "number",
            "transaction",
            "order",
            "channel",
            "state",
            "amount",
            "captured",
            "refunded",
            "created",
            "paid",
        ),
        rows=[
            [
                row.out_trade_no,
                row.transaction_id,
                str(row.order_id),
                text(f"channel.{row.channel.value}"),
                text(f"payment-state.{row.state.value}"),
                yuan(row.amount_fen),
                yuan(row.captured_fen),
                yuan(row.refunded_fen),
                local_time(row.created_at),
                local_time(row.captured_at),
            ]
            for row in rows
        ],
    )


def refunds_sheet(rows: Sequence[Refund], *, channels: Mapping[UUID, Channel], names: Names) -> Sheet:
    """Refunds; `channels` are those of their payments."""
    return Sheet(
        title=text("sheet-money.refunds"),
        headings=_headings(
            "refund",
            "order",
            "channel",
            "amount",
            "reason",
            "state",
            "note",
            "asked-by",
            "approved-by",
            "given-by",
        )
        + _headings("asked", "sent", "arrived"),
        rows=[
            [
                row.out_refund_no,
                str(row.order_id),
                text(f"channel.{channels[row.payment_id].value}"),
                yuan(row.amount_fen),
                text(f"refund.{row.reason.value}"),
                text(f"refund-state.{row.state.value}"),
                row.note,
                _who(row.requested_by, names),
                _who(row.approved_by, names),
                _who(row.settled_by, names),
                local_time(row.requested_at),
                local_time(row.submitted_at),
                local_time(row.settled_at),
            ]
            for row in rows
        ],
    )


def cases_sheet(rows: Sequence[FinanceCase], *, names: Names) -> Sheet:
    """Cases, without their evidence."""
    return Sheet(
        title=text("sheet-money.cases"),
        headings=_headings(
            "case", "kind", "about", "state", "opened", "resolved", "resolved-by", "resolution"
        ),
        rows=[
            [
                str(row.id),
                text(f"case.{row.kind.value}"),
                row.subject,
                text(f"case-state.{row.state.value}"),
                local_time(row.opened_at),
                local_time(row.resolved_at),
                _who(row.resolved_by, names),
                row.resolution,
            ]
            for row in rows
        ],
    )


def entries_sheet(rows: Sequence[LedgerEntry]) -> Sheet:
    """Entries of the books."""
    return Sheet(
        title=text("sheet-money.entries"),
        headings=_headings("time", "posting", "debit", "credit", "part", "amount", "order", "cause"),
        rows=[
            [
                local_time(row.occurred_at),
                text(f"posting.{row.kind.value}"),
                text(f"account.{row.debit.value}"),
                text(f"account.{row.credit.value}"),
                text(f"part.{row.part.value}"),
                yuan(row.amount_fen),
                None if row.order_id is None else str(row.order_id),
                row.cause,
            ]
            for row in rows
        ],
    )


def balance_sheet(balances: Sequence[Balance]) -> Sheet:
    """A trial balance; its last row is the sum, which is zero."""
    return Sheet(
        title=text("sheet-money.trial-balance"),
        headings=_headings("account", "debits", "credits", "balance"),
        rows=[
            *[
                [
                    text(f"account.{one.account.value}"),
                    yuan(one.debit_fen),
                    yuan(one.credit_fen),
                    yuan(one.balance_fen),
                ]
                for one in balances
            ],
            [
                text("sheet-money.sum"),
                yuan(sum(one.debit_fen for one in balances)),
                yuan(sum(one.credit_fen for one in balances)),
                yuan(sum(one.balance_fen for one in balances)),
            ],
        ],
    )


def runs_sheet(rows: Sequence[BillRun], *, with_totals: bool) -> Sheet:
    """Days of providers; totals are over all hospitals of the merchant."""
    totals = (
        _headings("lines", "matched", "differences", "paid-total", "refunded-total") if with_totals else []
    )
    return Sheet(
        title=text("sheet-money.runs"),
        headings=_headings("day", "provider", "state", "checked") + totals,
        rows=[
            [
                row.day,
                text(f"provider.{row.provider.value}"),
                text(f"bill-state.{row.state.value}"),
                local_time(row.checked_at),
                *(
                    [row.row_count, row.matched, row.differences, yuan(row.paid_fen), yuan(row.refunded_fen)]
                    if with_totals
                    else []
                ),
            ]
            for row in rows
        ],
    )


def _headings(*names: str) -> list[str]:
    return [text(f"sheet-money.{name}") for name in names]


def _who(actor: str | None, names: Names) -> str | None:
    return None if actor is None else names.get(actor, text("sheet-money.system"))
