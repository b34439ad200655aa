"""Changes to many sessions at once: proposed, looked at, applied, undone."""

from guahao.scheduling.service.schedule_change.apply import apply_change
from guahao.scheduling.service.schedule_change.asked import Asked, ChangeStale, ChangeTooLarge
from guahao.scheduling.service.schedule_change.propose import propose_change
from guahao.scheduling.service.schedule_change.undo import undo_change
from guahao.scheduling.service.schedule_change.write import ChangeInUse, ChangeStateConflict

__all__ = [
    "Asked",
    "ChangeInUse",
    "ChangeStale",
    "ChangeStateConflict",
    "ChangeTooLarge",
    "apply_change",
    "propose_change",
    "undo_change",
]
