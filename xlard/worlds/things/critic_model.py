"""What the critic of the things world sees and says."""

from __future__ import annotations

from ..critic_model import CriticDesign
from .prompts import vocabulary
from .vocabulary import CLASSES, COLORS, PLACE_NOUNS, SIDE

_MORE = ("attribute", "relation", "custom", "it", '", "text": "')
"""Words and a piece of answers about places."""

DESIGN = CriticDesign(SIDE, (*CLASSES, *PLACE_NOUNS.values()), COLORS, (*vocabulary(), *_MORE))
