"""Locking persons and reading what depends on the lock in one round trip."""

from __future__ import annotations

from alembic import op

revision = "0031_lock_patients"
down_revision = "0030_notice_version"
branch_labels = None
depends_on = None

# Each statement of a volatile function sees what was committed until it begins: the facts are read after
# the locks were waited for, which one plain statement cannot do.
_FUNCTION = """
CREATE FUNCTION lock_patients(accounts uuid[], patients uuid[], own_consent_years int)
RETURNS TABLE (
    patient_id uuid, account_id uuid, person_id uuid, birth_date date, sex text, verified boolean,
    consented boolean
) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(concerned.person_id::text, 0))
    FROM (
        SELECT DISTINCT p.person_id
        FROM unnest(accounts, patients) AS pair (account_id, patient_id)
        JOIN patient p ON p.id = pair.patient_id
        WHERE p.account_id IS NOT DISTINCT FROM pair.account_id AND p.deleted_at IS NULL
        ORDER BY p.person_id
    ) concerned;
    RETURN QUERY
    SELECT p.id, p.account_id, p.person_id, person.birth_date, person.sex::text,
        person.verified_at IS NOT NULL,
        p.account_id IS NULL OR (
            EXISTS (
                SELECT FROM consent
                WHERE consent.account_id = p.account_id AND consent.patient_id IS NULL
                    AND consent.kind = 'sensitive_personal_information' AND consent.ended_at IS NULL
            ) AND (
                person.birth_date <= (now() AT TIME ZONE 'Asia/Shanghai')::date
                    - make_interval(own_consent_years)
                OR EXISTS (
                    SELECT FROM consent
                    WHERE consent.patient_id = p.id AND consent.kind = 'child_sensitive'
                        AND consent.ended_at IS NULL
                )
            )
        )
    FROM unnest(accounts, patients) AS pair (account_id, patient_id)
    JOIN patient p ON p.id = pair.patient_id
    JOIN person ON person.id = p.person_id
    WHERE p.account_id IS NOT DISTINCT FROM pair.account_id AND p.deleted_at IS NULL;
END $$
"""


def upgrade() -> None:
    """Apply."""
    op.execute(_FUNCTION)


def downgrade() -> None:
    """Take back."""
    op.execute("DROP FUNCTION lock_patients(uuid[], uuid[], int)")
