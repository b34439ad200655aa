"""Use cases of identity that write; what other domains call is named here."""

from guahao.identity.models.consent import ConsentKind
from guahao.identity.models.person import DocumentType
from guahao.identity.policy.document import Identity, read_identity
from guahao.identity.service.consents import Accepted
from guahao.identity.service.enrol import enrol_person

__all__ = ["Accepted", "ConsentKind", "DocumentType", "Identity", "enrol_person", "read_identity"]
