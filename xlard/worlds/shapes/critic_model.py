"""What the critic of the shapes world sees and says."""

from __future__ import annotations

from ..critic_model import CriticDesign
from .prompts import vocabulary
from .vocabulary import BLOB, COLOR_NAMES, SHAPES, SIDE

DESIGN = CriticDesign(SIDE, (*SHAPES, BLOB), COLOR_NAMES, tuple(vocabulary()))
