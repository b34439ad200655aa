"""What is wrong between us and a provider, for whoever runs the product."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Mapped, mapped_column

from guahao.kernel.db import Base, closed_set
from guahao.payment.models.channel import Provider


class ProviderFault(Base):
    """The last time a provider refused us for a reason of our own, such as a wrong clock."""

    __tablename__ = "provider_fault"

    provider: Mapped[Provider] = mapped_column(closed_set(Provider), primary_key=True)
    fault: Mapped[str] = mapped_column(primary_key=True)
    noted_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
