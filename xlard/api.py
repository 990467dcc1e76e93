"""What other packs may use and add: the words of the field, the protocols, and three registries.

In ComfyUI this module is also importable as ``xlard_api``, whatever the folder of the pack is called. Packs load in any
order, so a pack that adds something defines ``xlard_extension(api)`` in its ``__init__.py``: xLARD calls it once, with
this module, when all packs are there. docs/extending.md walks through an example.
"""

from __future__ import annotations

from .claims import Claim
from .critics.backend import Answer, Ask, Backend, CannotDo, CriticError, Sampling
from .critics.boxes import FRACTIONS, PIXELS, THOUSANDTHS, Y_FIRST, BoxConvention
from .critics.critic_pair import CriticPair
from .critics.detector.critic import Detector, DetectorCritic
from .critics.mllm import MLLMCritic
from .critics.registry import register_critic
from .critics.scoring import register_scorer
from .critics.scoring.base import Scorer
from .critique import Critique, Verdict, critique_of, no_verdict
from .detections import Detection
from .guidance.base import SingleStepGuidance, StepwiseGuidance, X0Guidance
from .loop.plan import Plan, Situation, Strategy
from .loop.registry import Priority, StrategySpec
from .loop.registry import register as register_strategy
from .loop.state import LoopState, Round
from .protocols import Corrector, Decoder, Editor, Filler, Head, Judge, Sampler
from .rewards import critique_from_detections

__all__ = [
    "FRACTIONS",
    "PIXELS",
    "THOUSANDTHS",
    "Y_FIRST",
    "Answer",
    "Ask",
    "Backend",
    "BoxConvention",
    "CannotDo",
    "Claim",
    "Corrector",
    "CriticError",
    "CriticPair",
    "Critique",
    "Decoder",
    "Detection",
    "Detector",
    "DetectorCritic",
    "Editor",
    "Filler",
    "Head",
    "Judge",
    "LoopState",
    "MLLMCritic",
    "Plan",
    "Priority",
    "Round",
    "Sampler",
    "Sampling",
    "Scorer",
    "SingleStepGuidance",
    "Situation",
    "StepwiseGuidance",
    "Strategy",
    "StrategySpec",
    "Verdict",
    "X0Guidance",
    "critique_from_detections",
    "critique_of",
    "no_verdict",
    "register_critic",
    "register_scorer",
    "register_strategy",
]
