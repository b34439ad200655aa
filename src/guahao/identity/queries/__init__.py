"""What identity tells others: patients as booking needs them, people as screens show them."""

from guahao.identity.queries.login import openid_of
from guahao.identity.queries.names import patient_names
from guahao.identity.queries.patients import PatientFacts, lock_patients

__all__ = ["PatientFacts", "lock_patients", "openid_of", "patient_names"]
