"""Closes the places of what the catalogue closes, in the transaction of the edit itself."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0034_closed_places"
down_revision = "0033_provider_words_checked"
branch_labels = None
depends_on = None

_KNOWN = (
    "closed_by IN ('hospital-closed', 'campus-closed', 'department-closed', 'doctor-inactive',"
    " 'doctor-not-in-department', 'level-differs', 'template-ended')"
)

# A substitute need not belong to the department; the doctor whose weekly clinic it is must.
_JUDGEMENT = """
    CREATE FUNCTION session_closed_by(
        of_hospital int, of_campus uuid, of_department uuid, of_doctor uuid,
        of_level text, is_own_level boolean, of_template uuid, of_day date
    ) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN (SELECT state FROM hospital WHERE id = of_hospital) <> 'open' THEN 'hospital-closed'
        WHEN NOT (SELECT is_active FROM campus WHERE hospital_id = of_hospital AND id = of_campus)
            THEN 'campus-closed'
        WHEN EXISTS (
            WITH RECURSIVE above (id, parent_id, is_active) AS (
                SELECT id, parent_id, is_active FROM department
                WHERE hospital_id = of_hospital AND id = of_department
                UNION SELECT d.id, d.parent_id, d.is_active
                FROM department d JOIN above ON d.hospital_id = of_hospital AND d.id = above.parent_id
            ) SELECT FROM above WHERE NOT is_active
        ) THEN 'department-closed'
        WHEN NOT doctor.is_active THEN 'doctor-inactive'
        WHEN coalesce(template.doctor_id, of_doctor) = of_doctor AND NOT EXISTS (
            SELECT FROM doctor_department
            WHERE hospital_id = of_hospital AND doctor_id = of_doctor AND department_id = of_department
        ) THEN 'doctor-not-in-department'
        WHEN doctor.level <> of_level AND NOT is_own_level AND NOT coalesce(template.own_level, false)
            THEN 'level-differs'
        WHEN (of_day < template.valid_from OR of_day >= template.valid_until) AND NOT template.sells_after_end
            THEN 'template-ended'
    END
    FROM doctor
    LEFT JOIN schedule_template template ON template.hospital_id = of_hospital AND template.id = of_template
    WHERE doctor.hospital_id = of_hospital AND doctor.id = of_doctor
    $$
"""

# The hospital's row decides between an edit and sessions made at the same moment: who makes sessions shares
# it first. Slots are locked in the order of their ids, as bookings lock them.
_CLOSE = """
    CREATE FUNCTION close_places(of_hospital int, of_doctor uuid DEFAULT NULL, of_template uuid DEFAULT NULL)
    RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM FROM hospital WHERE id = of_hospital FOR NO KEY UPDATE;
        WITH judged AS (
            SELECT id, session_closed_by(
                hospital_id, campus_id, department_id, doctor_id, level, own_level, template_id, date
            ) AS code
            FROM clinic_session
            WHERE hospital_id = of_hospital
                AND date >= (now() AT TIME ZONE 'Asia/Shanghai')::date AND state <> 'finished'
                AND (of_doctor IS NULL OR doctor_id = of_doctor)
                AND (of_template IS NULL OR template_id = of_template)
        ), concerned AS (
            SELECT slot.id, judged.code
            FROM slot JOIN judged ON slot.hospital_id = of_hospital AND slot.session_id = judged.id
            WHERE slot.closed_by IS DISTINCT FROM judged.code
            ORDER BY slot.id FOR NO KEY UPDATE OF slot
        )
        UPDATE slot SET closed_by = concerned.code FROM concerned
        WHERE slot.hospital_id = of_hospital AND slot.id = concerned.id;
    END $$
"""

_FUNCTIONS = (
    _JUDGEMENT,
    _CLOSE,
    """
    CREATE FUNCTION close_places_of_hospital() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM close_places(NEW.id); RETURN NULL; END $$
    """,
    """
    CREATE FUNCTION close_places_of_part() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM close_places(NEW.hospital_id); RETURN NULL; END $$
    """,
    """
    CREATE FUNCTION close_places_of_doctor() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM close_places(NEW.hospital_id, NEW.id); RETURN NULL; END $$
    """,
    """
    CREATE FUNCTION close_places_of_member() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' THEN PERFORM close_places(OLD.hospital_id, OLD.doctor_id);
        ELSE PERFORM close_places(NEW.hospital_id, NEW.doctor_id);
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION close_places_of_template() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM close_places(NEW.hospital_id, NULL, NEW.id); RETURN NULL; END $$
    """,
)
_OTHER_TEMPLATE = (
    "(OLD.valid_from, OLD.valid_until, OLD.own_level, OLD.sells_after_end)"
    " IS DISTINCT FROM (NEW.valid_from, NEW.valid_until, NEW.own_level, NEW.sells_after_end)"
)
_TRIGGERS = {
    "hospital": ("UPDATE", "OLD.state IS DISTINCT FROM NEW.state", "close_places_of_hospital"),
    "campus": ("UPDATE", "OLD.is_active IS DISTINCT FROM NEW.is_active", "close_places_of_part"),
    "department": (
        "UPDATE",
        "(OLD.is_active, OLD.parent_id) IS DISTINCT FROM (NEW.is_active, NEW.parent_id)",
        "close_places_of_part",
    ),
    "doctor": (
        "UPDATE",
        "(OLD.is_active, OLD.level) IS DISTINCT FROM (NEW.is_active, NEW.level)",
        "close_places_of_doctor",
    ),
    "doctor_department": ("INSERT OR DELETE OR UPDATE", "true", "close_places_of_member"),
    "schedule_template": (
        "UPDATE",
        _OTHER_TEMPLATE,
        "close_places_of_template",
    ),
}
_LEVEL_DIFFERS = (
    "UPDATE {table} SET own_level = true FROM doctor"
    " WHERE doctor.hospital_id = {table}.hospital_id AND doctor.id = {table}.doctor_id"
    " AND doctor.level <> {table}.level"
)


def upgrade() -> None:
    """Apply. Levels that differ today were somebody's choice; what is closed today is closed now."""
    for table in ("clinic_session", "schedule_template"):
        op.add_column(table, sa.Column("own_level", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column(
        "schedule_template",
        sa.Column("sells_after_end", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.execute(
        f"ALTER TABLE slot ADD COLUMN closed_by varchar(40) CONSTRAINT slot_closed_by_known CHECK ({_KNOWN})"
    )
    op.create_index(
        "slot_closed_idx",
        "slot",
        ["hospital_id", "session_id"],
        postgresql_where=sa.text("closed_by IS NOT NULL"),
    )
    for table in ("clinic_session", "schedule_template"):
        op.execute(_LEVEL_DIFFERS.format(table=table))
    for function in _FUNCTIONS:
        op.execute(function)
    for table, (event, condition, function) in _TRIGGERS.items():
        op.execute(
            f"CREATE TRIGGER {table}_closes_places AFTER {event} ON {table}"
            f" FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION {function}()"
        )
    op.execute("SELECT close_places(id) FROM hospital ORDER BY id")


def downgrade() -> None:
    """Take back."""
    for table, (_, _, function) in reversed(_TRIGGERS.items()):
        op.execute(f"DROP TRIGGER {table}_closes_places ON {table}")
        op.execute(f"DROP FUNCTION IF EXISTS {function}() CASCADE")
    op.execute("DROP FUNCTION close_places(int, uuid, uuid)")
    op.execute("DROP FUNCTION session_closed_by(int, uuid, uuid, uuid, text, boolean, uuid, date)")
    op.drop_index("slot_closed_idx", "slot")
    op.drop_constraint("slot_closed_by_known", "slot")
    op.drop_column("slot", "closed_by")
    op.drop_column("schedule_template", "sells_after_end")
    for table in ("schedule_template", "clinic_session"):
        op.drop_column(table, "own_level")
