"""Every change of an appointment's state as a row of its own; what is known of the past is filled in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0023_appointment_event"
down_revision = "0022_refund_destination"
branch_labels = None
depends_on = None

_ALLOWED = (
    "held  held",
    "booked  booked",
    "moved_here  booked",
    "paid held booked",
    "paid held suspended",
    "paid_late expired booked",
    "unpaid held expired",
    "session_over held expired",
    "patient_request held cancelled_by_patient",
    "patient_request booked cancelled_by_patient",
    "excused held cancelled_by_patient",
    "excused booked cancelled_by_patient",
    "hospital_request held cancelled_by_hospital",
    "hospital_request booked cancelled_by_hospital",
    "hospital_request suspended cancelled_by_hospital",
    "session_suspended booked suspended",
    "session_suspended held cancelled_by_hospital",
    "session_resumed suspended booked",
    "refund_chosen booked cancelled_by_hospital",
    "refund_chosen suspended cancelled_by_hospital",
    "choice_lapsed suspended cancelled_by_hospital",
    "rescheduled booked rescheduled",
    "rescheduled suspended rescheduled",
    "notices_resent booked booked",
    "notices_resent suspended suspended",
    "notices_resent expired expired",
    "notices_resent cancelled_by_patient cancelled_by_patient",
    "notices_resent cancelled_by_hospital cancelled_by_hospital",
)
_BACK_FILL = """
CREATE TEMPORARY TABLE past ON COMMIT DROP AS
WITH entry AS (
  SELECT hospital_id, split_part(subject, ':', 2)::uuid AS appointment_id, action, actor, data, at
  FROM audit_entry WHERE action IN ('appointment.hold', 'appointment.book', 'appointment.confirm',
    'appointment.rebook', 'appointment.cancel', 'appointment.reschedule')
), last AS (
  SELECT DISTINCT ON (hospital_id, appointment_id, action) * FROM entry
  ORDER BY hospital_id, appointment_id, action, at DESC
), row AS (
  SELECT a.*, coalesce('account:' || account_id, 'system') AS owner,
    hold_expires_at IS NOT NULL AS began_held,
    hold_expires_at IS NOT NULL AND booked_at IS NOT NULL AS was_paid,
    coalesce(CASE WHEN hold_expires_at IS NULL THEN created_at END, booked_at, created_at) AS known_at
  FROM appointment a
), step AS (
  SELECT row.hospital_id, row.id, 1 AS place, created_at AS at,
    CASE WHEN began_held THEN 'held' ELSE 'booked' END AS to_state,
    CASE WHEN rescheduled_from IS NOT NULL THEN 'moved_here' WHEN began_held THEN 'held' ELSE 'booked' END
      AS reason,
    coalesce(moved.actor, entered.actor, owner) AS actor, row.channel AS channel,
    jsonb_strip_nulls(jsonb_build_object('number', CASE WHEN NOT began_held THEN number END,
      'moved_from', rescheduled_from, 'note', entered.data ->> 'overruling_reason')) AS data
  FROM row
  LEFT JOIN last entered ON entered.hospital_id = row.hospital_id AND entered.appointment_id = row.id
    AND entered.action = CASE WHEN began_held THEN 'appointment.hold' ELSE 'appointment.book' END
  LEFT JOIN last moved ON moved.hospital_id = row.hospital_id
    AND moved.appointment_id = row.rescheduled_from AND moved.action = 'appointment.reschedule'
  UNION ALL
  SELECT hospital_id, id, 2, booked_at, 'booked', 'paid', 'system', 'system',
    jsonb_build_object('number', number)
  FROM row WHERE was_paid
  UNION ALL
  SELECT hospital_id, id, 3, known_at, 'suspended', 'session_suspended', 'system', 'system', '{}'::jsonb
  FROM row WHERE state = 'suspended'
  UNION ALL
  SELECT row.hospital_id, row.id, 4, greatest(ended_at, known_at), state,
    CASE state WHEN 'expired' THEN 'unpaid' WHEN 'rescheduled' THEN 'rescheduled'
      WHEN 'cancelled_by_patient' THEN
        CASE WHEN (given.data ->> 'excused')::boolean THEN 'excused' ELSE 'patient_request' END
      ELSE CASE WHEN given.actor LIKE 'staff:%' OR NOT (began_held AND NOT was_paid)
        THEN 'hospital_request' ELSE 'session_suspended' END
    END,
    coalesce(given.actor, CASE WHEN state = 'cancelled_by_patient' THEN owner END, 'system'),
    CASE WHEN given.actor LIKE 'staff:%' THEN 'desk' WHEN given.actor LIKE 'account:%' THEN 'online'
      ELSE 'system' END,
    jsonb_strip_nulls(jsonb_build_object('moved_to', given.data ->> 'new_appointment_id'))
  FROM row
  LEFT JOIN last given ON given.hospital_id = row.hospital_id AND given.appointment_id = row.id
    AND given.action = CASE WHEN row.state = 'rescheduled' THEN 'appointment.reschedule'
      ELSE 'appointment.cancel' END
  WHERE state NOT IN ('held', 'booked', 'suspended')
)
SELECT hospital_id, id, row_number() OVER steps AS seq, lag(to_state) OVER steps AS from_state, to_state,
  reason, channel, actor, at, data
FROM step WINDOW steps AS (PARTITION BY hospital_id, id ORDER BY place)
"""
_FILL = (
    _BACK_FILL,
    """
    INSERT INTO appointment_event (hospital_id, appointment_id, seq, from_state, to_state, reason, channel,
      actor, occurred_at, data)
    SELECT hospital_id, id, seq, from_state, to_state, reason, channel, actor, at, data FROM past
    """,
    """
    UPDATE appointment SET event_seq = newest.seq
    FROM (
      SELECT hospital_id, id, max(seq) AS seq FROM past GROUP BY hospital_id, id HAVING max(seq) > 1
    ) newest
    WHERE appointment.hospital_id = newest.hospital_id AND appointment.id = newest.id
    """,
)
_GUARDS = (
    """
    CREATE FUNCTION appointment_event_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END $$
    """,
    """
    CREATE TRIGGER appointment_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON appointment_event
    FOR EACH STATEMENT EXECUTE FUNCTION appointment_event_refuse_change()
    """,
    """
    CREATE FUNCTION appointment_moves_on() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the state of an appointment changes with its next event only'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'appointment_moves_on';
    END $$
    """,
    """
    CREATE TRIGGER appointment_moves_on BEFORE UPDATE OF state, event_seq ON appointment FOR EACH ROW
    WHEN (OLD.state <> NEW.state AND NEW.event_seq <> OLD.event_seq + 1
      OR NEW.event_seq NOT IN (OLD.event_seq, OLD.event_seq + 1))
    EXECUTE FUNCTION appointment_moves_on()
    """,
)


def upgrade() -> None:
    """Apply."""
    op.add_column("appointment", sa.Column("event_seq", sa.Integer(), server_default="1", nullable=False))
    op.create_index(
        "appointment_one_per_order",
        "appointment",
        ["hospital_id", "order_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'rescheduled'"),
    )
    _table()
    for statement in (*_FILL, *_GUARDS):
        op.execute(statement)
    op.execute(
        "ALTER TABLE appointment ADD CONSTRAINT appointment_state_has_its_event"
        " FOREIGN KEY (hospital_id, id, event_seq, state)"
        " REFERENCES appointment_event (hospital_id, appointment_id, seq, to_state) NOT VALID"
    )


def _table() -> None:
    op.create_table(
        "appointment_event",
        sa.Column("hospital_id", sa.Integer(), nullable=False),
        sa.Column("appointment_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("from_state", sa.String(40), nullable=True),
        sa.Column("to_state", sa.String(40), nullable=False),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("channel", sa.String(40), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column(
            "occurred_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("statement_timestamp()"),
            nullable=False,
        ),
        sa.Column("data", JSONB(), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("hospital_id", "appointment_id", "seq", name="appointment_event_pkey"),
        sa.UniqueConstraint(
            "hospital_id", "appointment_id", "seq", "to_state", name="appointment_event_state_key"
        ),
        sa.ForeignKeyConstraint(
            ["hospital_id", "appointment_id"],
            ["appointment.hospital_id", "appointment.id"],
            name="appointment_event_hospital_id_appointment_id_fkey",
        ),
        sa.CheckConstraint(
            "reason || ' ' || coalesce(from_state, '') || ' ' || to_state IN"
            f" ({', '.join(repr(step) for step in _ALLOWED)})",
            name="appointment_event_allowed",
        ),
        sa.CheckConstraint("(seq = 1) = (from_state IS NULL)", name="appointment_event_begins_once"),
        sa.CheckConstraint(
            "channel IN ('online', 'desk', 'phone', 'system')", name="appointment_event_channel_known"
        ),
    )


def downgrade() -> None:
    """Take back."""
    op.execute("DROP TRIGGER appointment_moves_on ON appointment")
    op.execute("DROP FUNCTION appointment_moves_on()")
    op.drop_constraint("appointment_state_has_its_event", "appointment")
    op.drop_table("appointment_event")
    op.execute("DROP FUNCTION appointment_event_refuse_change()")
    op.drop_index("appointment_one_per_order", "appointment")
    op.drop_column("appointment", "event_seq")
