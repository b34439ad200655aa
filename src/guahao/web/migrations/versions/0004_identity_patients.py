"""Tables of identity patients."""

from __future__ import annotations

revision = "0004_identity_patients"
down_revision = "0003_identity_accounts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
