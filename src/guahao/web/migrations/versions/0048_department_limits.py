"""Gives coming sessions the sex and ages that their department sees, in the transaction of the edit."""

from __future__ import annotations

from alembic import op

revision = "0048_department_limits"
down_revision = "0047_releases_checked"
branch_labels = None
depends_on = None

# The hospital's row first, as for whoever closes places or makes sessions, then sessions by their ids, as
# bookings lock them.
_GIVE = """
    CREATE FUNCTION give_limits_of_department() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM FROM hospital WHERE id = NEW.hospital_id FOR NO KEY UPDATE;
        WITH coming AS (
            SELECT id FROM clinic_session
            WHERE hospital_id = NEW.hospital_id AND department_id = NEW.id
                AND date >= (now() AT TIME ZONE 'Asia/Shanghai')::date
            ORDER BY id FOR NO KEY UPDATE
        )
        UPDATE clinic_session
        SET sex_limit = NEW.sex_limit, min_age_years = NEW.min_age_years, max_age_years = NEW.max_age_years
        FROM coming
        WHERE clinic_session.hospital_id = NEW.hospital_id AND clinic_session.id = coming.id;
        RETURN NULL;
    END $$
"""
# Before `department_closes_places` by its name: sessions are locked before slots.
_TRIGGER = """
    CREATE TRIGGER department_bounds_sessions AFTER UPDATE ON department FOR EACH ROW
    WHEN ((OLD.sex_limit, OLD.min_age_years, OLD.max_age_years)
        IS DISTINCT FROM (NEW.sex_limit, NEW.min_age_years, NEW.max_age_years))
    EXECUTE FUNCTION give_limits_of_department()
"""
_AS_TODAY = """
    UPDATE clinic_session
    SET sex_limit = department.sex_limit,
        min_age_years = department.min_age_years, max_age_years = department.max_age_years
    FROM department
    WHERE department.hospital_id = clinic_session.hospital_id AND department.id = clinic_session.department_id
        AND clinic_session.date >= (now() AT TIME ZONE 'Asia/Shanghai')::date
        AND (clinic_session.sex_limit, clinic_session.min_age_years, clinic_session.max_age_years)
            IS DISTINCT FROM
            (department.sex_limit, department.min_age_years::int, department.max_age_years::int)
"""


def upgrade() -> None:
    """Apply. Coming sessions see today whom their department's page says."""
    op.execute(_GIVE)
    op.execute(_TRIGGER)
    op.execute(_AS_TODAY)


def downgrade() -> None:
    """Take back."""
    op.execute("DROP TRIGGER department_bounds_sessions ON department")
    op.execute("DROP FUNCTION give_limits_of_department()")
