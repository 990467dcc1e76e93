"""What the steps of an instruction do with the things that a critic sees in a picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from torch import Tensor

from ..claims import things
from ..detections import Detection, matching
from ..edit import Edit, Kind, Target, kind_of, without
from ..prompts.noun_phrases import Phrase
from .instructions import PLACES, Step


def edit_of(instruction: str, steps: Sequence[Step], image: Tensor, found: Sequence[Detection]) -> Edit:
    """What steps do with the things ``found`` in an image (H, W, 3) in [0, 1].

    Raises ValueError where a step speaks of something that is not there, or not clearly of one of several.
    """
    editing = _Editing(tuple(image.shape[:2]), found)
    for step in steps:
        editing.take(step)
    return Edit(
        instruction.strip(),
        image.detach().float().cpu(),
        tuple(without(found, editing.gone)),
        tuple(editing.gone),
        tuple(map(kind_of, editing.new)),
        tuple(editing.targets),
        tuple(editing.statements),
        editing.roams,
    )


class _Editing:
    """The things of a picture while steps are taken one after the other."""

    def __init__(self, size: tuple[int, int], found: Sequence[Detection]):
        self._size, self._there = size, list(found)
        self.gone: list[Detection] = []
        self.new: list[Detection] = []
        self.targets: list[Target] = []
        self.statements: list[str] = []
        self.roams = False

    def take(self, step: Step) -> None:
        """Do what one step asks for."""
        getattr(self, f"_{step.action}")(step)

    def _recolor(self, step: Step) -> None:
        for d in self._meant(step.thing, step.definite):
            self._change(d, [replace(d, color=step.color)])

    def _remove(self, step: Step) -> None:
        for d in self._meant(step.thing, step.definite):
            self._change(d, [])

    def _replace(self, step: Step) -> None:
        meant = self._meant(step.thing, step.definite)
        coming = [_made(step.into)] * (step.into.number if step.into.exact else len(meant))
        self.roams |= len(coming) > len(meant)
        for index, d in enumerate(meant):
            own = coming[index : index + 1] if index < len(meant) - 1 else coming[index:]
            # Where the old one was, so that a later step may speak of it.
            self._change(d, [replace(new, x=d.x, y=d.y, width=d.width, height=d.height) for new in own])

    def _add(self, step: Step) -> None:
        self._come([_made(step.thing)] * step.thing.number)
        self._target(kind_of(_made(step.thing)), step)

    def _move(self, step: Step) -> None:
        meant = self._meant(step.thing, step.definite)
        kind = step.thing.noun, step.thing.color
        if len(meant) < len(matching(self._there, *kind)):
            raise ValueError(
                f"The instruction moves {len(meant)} of {self._seen([*matching(self._there, *kind)])}, and it cannot "
                "be told afterwards which of them it was. Move all of them, or name a kind that there is one of."
            )
        for d in meant:
            self._change(d, [d])
        for kind in dict.fromkeys(map(kind_of, meant)):
            self._target(kind, step)

    def _other(self, step: Step) -> None:
        self.statements.append(step.statement)

    def _target(self, kind: Kind, step: Step) -> None:
        self.roams = True
        if step.place:
            (height, width), (x, y, wide, high) = self._size, PLACES[step.place]
            self.targets.append(
                Target(kind, place=step.place, zone=(x * width, y * height, wide * width, high * height))
            )
        elif step.direction:
            others = self._meant(replace(step.other, number=2, exact=False), True, besides=kind)
            for other in dict.fromkeys(map(kind_of, others)):
                self.targets.append(Target(kind, step.direction, other))

    def _change(self, old: Detection, new: list[Detection]) -> None:
        self._there = without(self._there, [old])
        # What an earlier step has made is changed once more, and was never in the source.
        if any(old is each for each in self.new):
            self.new = without(self.new, [old])
        else:
            self.gone.append(old)
        self._come(new)

    def _come(self, new: Iterable[Detection]) -> None:
        # Copies, so that each is an object of its own.
        new = [replace(d) for d in new]
        self._there += new
        self.new += new

    def _meant(self, phrase: Phrase, definite: bool, besides: Kind | None = None) -> list[Detection]:
        """The things that a phrase names; the first ones where any will do."""
        named = things(phrase.number if phrase.exact else 2, phrase.noun, phrase.color)
        found = [d for d in matching(self._there, phrase.noun, phrase.color) if kind_of(d) != besides]
        if not found:
            raise ValueError(
                f"The instruction speaks of {named}; the critic sees {self._seen(self._there)} in the source. Name "
                "what is there as it is named here, or connect another critic."
            )
        if not phrase.exact:
            return found
        if len(found) < phrase.number or (definite and len(found) > phrase.number):
            raise ValueError(
                f"The instruction speaks of {named}; the critic sees {self._seen(found)} in the source. Say which "
                f"are meant, for example by their colour, or 'all {things(2, phrase.noun).partition(' ')[2]}'."
            )
        return found[: phrase.number]

    def _seen(self, found: Sequence[Detection]) -> str:
        kinds = dict.fromkeys(map(kind_of, found))
        return (
            ", ".join(things(sum(kind_of(d) == kind for d in found), *kind) for kind in kinds)
            or "nothing that it can name"
        )


def _made(phrase: Phrase) -> Detection:
    return Detection(0.0, 0.0, 0.0, 0.0, phrase.noun, phrase.color)
