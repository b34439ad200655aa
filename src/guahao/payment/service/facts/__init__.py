"""What providers tell us, applied once, whether by notification, query or bill."""

from guahao.payment.service.facts.apply import apply, apply_fact
from guahao.payment.service.facts.message import Applied
from guahao.payment.service.facts.paid import apply_paid
from guahao.payment.service.facts.refunded import apply_refunded

__all__ = ["Applied", "apply", "apply_fact", "apply_paid", "apply_refunded"]
