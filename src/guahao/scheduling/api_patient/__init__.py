"""Public routes about sessions and about the codes that lead to them."""

from fastapi import APIRouter, Depends

from guahao.identity.access import public
from guahao.scheduling.api_patient import board, scenes
from guahao.scheduling.api_patient.board import hot

__all__ = ["hot", "router"]

router = APIRouter(prefix="/api/v1", tags=["schedule"], dependencies=[Depends(public)])
router.include_router(board.router)
router.include_router(scenes.router)
