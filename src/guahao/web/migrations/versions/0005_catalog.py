"""Tables of catalog: hospitals, campuses, departments, doctors, fees, rule sets, search."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005_catalog"
down_revision = "0004_identity_patients"
branch_labels = None
depends_on = None

_NO_TEXTS = sa.text("'{}'")
_LEVELS = "level IN ('general', 'expert', 'special')"
_MAP_POINT = "(latitude IS NULL) = (longitude IS NULL)"


def upgrade() -> None:
    """Apply."""
    _hospital()
    _campus()
    _department()
    _doctor()
    _doctor_department()
    _fee_item()
    _rule_set()
    _search_entry()


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _optional_text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, server_default="", nullable=False)


def _texts(name: str) -> sa.Column[list[str]]:
    return sa.Column(name, sa.ARRAY(sa.Text), server_default=_NO_TEXTS, nullable=False)


def _map_point() -> tuple[sa.Column[float], sa.Column[float]]:
    return sa.Column("latitude", sa.Float), sa.Column("longitude", sa.Float)


def _version() -> sa.Column[int]:
    return sa.Column("version", sa.Integer, server_default="1", nullable=False)


def _is_active() -> sa.Column[bool]:
    return sa.Column("is_active", sa.Boolean, server_default=sa.text("true"), nullable=False)


def _owned(table: str) -> tuple[sa.Column[int], sa.ForeignKeyConstraint]:
    return (
        sa.Column("hospital_id", sa.Integer, nullable=False),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name=f"{table}_hospital_id_fkey"),
    )


def _hospital() -> None:
    op.create_table(
        "hospital",
        sa.Column("id", sa.Integer, sa.Identity(), nullable=False),
        _text("code"),
        _text("name"),
        _optional_text("level"),
        sa.Column("kind", sa.String(40), nullable=False),
        _text("city"),
        _optional_text("address"),
        _texts("phones"),
        _optional_text("intro"),
        _texts("notices"),
        *_map_point(),
        sa.Column("state", sa.String(40), server_default="open", nullable=False),
        _version(),
        sa.PrimaryKeyConstraint("id", name="hospital_pkey"),
        sa.UniqueConstraint("code", name="hospital_code_key"),
        sa.CheckConstraint("id BETWEEN 1 AND 16777215", name="hospital_id_fits_ids"),
        sa.CheckConstraint(_MAP_POINT, name="hospital_map_point"),
        sa.CheckConstraint(
            "kind IN ('general', 'specialist', 'traditional', 'maternity', 'community')", name="hospital_kind"
        ),
        sa.CheckConstraint("state IN ('open', 'closed')", name="hospital_state"),
    )


def _campus() -> None:
    op.create_table(
        "campus",
        *_owned("campus"),
        sa.Column("id", sa.Uuid, nullable=False),
        _text("code"),
        _text("name"),
        _optional_text("address"),
        _optional_text("phone"),
        *_map_point(),
        _is_active(),
        _version(),
        sa.PrimaryKeyConstraint("hospital_id", "id", name="campus_pkey"),
        sa.UniqueConstraint("hospital_id", "code", name="campus_hospital_id_code_key"),
        sa.CheckConstraint(_MAP_POINT, name="campus_map_point"),
    )


def _department() -> None:
    op.create_table(
        "department",
        *_owned("department"),
        sa.Column("id", sa.Uuid, nullable=False),
        _text("code"),
        _text("name"),
        sa.Column("parent_id", sa.Uuid),
        sa.Column("campus_id", sa.Uuid),
        sa.Column("national_code", sa.Text),
        _optional_text("intro"),
        _optional_text("place"),
        _texts("diseases"),
        sa.Column("sex_limit", sa.String(40)),
        sa.Column("min_age_years", sa.SmallInteger, server_default="0", nullable=False),
        sa.Column("max_age_years", sa.SmallInteger, server_default="200", nullable=False),
        sa.Column("position", sa.Integer, server_default="0", nullable=False),
        _is_active(),
        _version(),
        sa.PrimaryKeyConstraint("hospital_id", "id", name="department_pkey"),
        sa.UniqueConstraint("hospital_id", "code", name="department_hospital_id_code_key"),
        sa.ForeignKeyConstraint(
            ["hospital_id", "parent_id"],
            ["department.hospital_id", "department.id"],
            name="department_hospital_id_parent_id_fkey",
        ),
        sa.ForeignKeyConstraint(
            ["hospital_id", "campus_id"],
            ["campus.hospital_id", "campus.id"],
            name="department_hospital_id_campus_id_fkey",
        ),
        sa.CheckConstraint("parent_id <> id", name="department_not_its_own_parent"),
        sa.CheckConstraint("sex_limit IN ('male', 'female')", name="department_sex_limit"),
        sa.CheckConstraint(
            "min_age_years >= 0 AND max_age_years <= 200 AND min_age_years <= max_age_years",
            name="department_age_limits",
        ),
    )
    op.create_index("department_hospital_id_parent_id_idx", "department", ["hospital_id", "parent_id"])


def _doctor() -> None:
    op.create_table(
        "doctor",
        *_owned("doctor"),
        sa.Column("id", sa.Uuid, nullable=False),
        _text("code"),
        _text("name"),
        _optional_text("title"),
        sa.Column("level", sa.String(40), nullable=False),
        _optional_text("skills"),
        _texts("diseases"),
        _optional_text("intro"),
        sa.Column("photo_path", sa.Text),
        _is_active(),
        _version(),
        sa.PrimaryKeyConstraint("hospital_id", "id", name="doctor_pkey"),
        sa.UniqueConstraint("hospital_id", "code", name="doctor_hospital_id_code_key"),
        sa.CheckConstraint(_LEVELS, name="doctor_level"),
    )


def _doctor_department() -> None:
    op.create_table(
        "doctor_department",
        sa.Column("hospital_id", sa.Integer, nullable=False),
        sa.Column("doctor_id", sa.Uuid, nullable=False),
        sa.Column("department_id", sa.Uuid, nullable=False),
        sa.PrimaryKeyConstraint("hospital_id", "doctor_id", "department_id", name="doctor_department_pkey"),
        sa.ForeignKeyConstraint(
            ["hospital_id", "doctor_id"],
            ["doctor.hospital_id", "doctor.id"],
            name="doctor_department_hospital_id_doctor_id_fkey",
        ),
        sa.ForeignKeyConstraint(
            ["hospital_id", "department_id"],
            ["department.hospital_id", "department.id"],
            name="doctor_department_hospital_id_department_id_fkey",
        ),
    )
    op.create_index(
        "doctor_department_hospital_id_department_id_idx",
        "doctor_department",
        ["hospital_id", "department_id"],
    )


def _fee_item() -> None:
    op.create_table(
        "fee_item",
        *_owned("fee_item"),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("level", sa.String(40), nullable=False),
        sa.Column("doctor_id", sa.Uuid),
        sa.Column("fee_fen", sa.Integer, nullable=False),
        sa.Column("effective_from", sa.Date, nullable=False),
        _version(),
        sa.PrimaryKeyConstraint("hospital_id", "id", name="fee_item_pkey"),
        sa.ForeignKeyConstraint(
            ["hospital_id", "doctor_id"],
            ["doctor.hospital_id", "doctor.id"],
            name="fee_item_hospital_id_doctor_id_fkey",
        ),
        sa.UniqueConstraint(
            "hospital_id",
            "kind",
            "level",
            "doctor_id",
            "effective_from",
            name="fee_item_one_price",
            postgresql_nulls_not_distinct=True,
        ),
        sa.CheckConstraint("kind IN ('registration', 'consultation')", name="fee_item_kind"),
        sa.CheckConstraint(_LEVELS, name="fee_item_level"),
        sa.CheckConstraint("fee_fen BETWEEN 0 AND 10000000", name="fee_item_fee"),
    )


def _rule_set() -> None:
    op.create_table(
        "rule_set",
        *_owned("rule_set"),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("effective_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rules", JSONB, nullable=False),
        _text("created_by"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("hospital_id", "version", name="rule_set_pkey"),
        sa.CheckConstraint("version >= 1", name="rule_set_version"),
    )


def _search_entry() -> None:
    op.create_table(
        "search_entry",
        *_owned("search_entry"),
        sa.Column("kind", sa.String(40), nullable=False),
        _text("entity_id"),
        _text("text"),
        _text("pinyin"),
        _text("initials"),
        _text("name"),
        _text("hint"),
        sa.Column("position", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("hospital_id", "kind", "entity_id", "text", name="search_entry_pkey"),
        sa.CheckConstraint(
            "kind IN ('hospital', 'department', 'doctor', 'disease')", name="search_entry_kind"
        ),
    )
    op.create_index(
        "search_entry_trigram_idx",
        "search_entry",
        ["text", "pinyin", "initials"],
        postgresql_using="gin",
        postgresql_ops={"text": "gin_trgm_ops", "pinyin": "gin_trgm_ops", "initials": "gin_trgm_ops"},
    )
    op.create_index("search_entry_text_idx", "search_entry", ["text"])
