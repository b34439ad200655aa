"""A linked phone, and a patient whose name a proof overruled, are told to the owner of the account."""

from __future__ import annotations

from alembic import op

revision = "0051_told_more"
down_revision = "0050_search_forms"
branch_labels = None
depends_on = None

_KINDS = (
    "new_device",
    "password_changed",
    "phone_changed",
    "patient_released",
    "patient_corrected",
    "second_factor_set",
    "second_factor_removed",
    "recovery_code_used",
    "access_reset",
)
_ABOUT_PATIENTS = ("patient_released", "patient_corrected")


def upgrade() -> None:
    """Apply; 0052 reads the rows from before, while others write."""
    _allow((*_KINDS, "phone_linked", "patient_overruled"), (*_ABOUT_PATIENTS, "patient_overruled"))


def downgrade() -> None:
    """Take back."""
    op.execute("DELETE FROM security_event WHERE kind IN ('phone_linked', 'patient_overruled')")
    _allow(_KINDS, _ABOUT_PATIENTS)


def _allow(kinds: tuple[str, ...], about_patients: tuple[str, ...]) -> None:
    _replace("security_event_kind_check", f"kind IN ({_listed(kinds)})")
    _replace(
        "security_event_patient_check", f"(patient_id IS NOT NULL) = (kind IN ({_listed(about_patients)}))"
    )


def _replace(name: str, rule: str) -> None:
    op.execute(f"-- squawk-ignore ban-drop-constraint\nALTER TABLE security_event DROP CONSTRAINT {name}")
    op.execute(f"ALTER TABLE security_event ADD CONSTRAINT {name} CHECK ({rule}) NOT VALID")


def _listed(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values)
