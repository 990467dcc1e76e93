"""What the steps of an instruction do to the objects that a critic sees in a picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from torch import Tensor

from ..claims import count_text
from ..detections import Detection, ObjectKind
from ..edit import Edit, Target, without
from ..prompts.noun_phrases import Phrase
from .instructions import PLACES, Step


def edit_of(instruction: str, steps: Sequence[Step], image: Tensor, detections: Sequence[Detection]) -> Edit:
    """What steps do to the detected objects of an image (H, W, 3) in [0, 1].

    Raises ValueError where a step names an object that is not there, or does not say which of several it means.
    """
    height, width = image.shape[:2]
    draft = _EditDraft((height, width), detections)
    for step in steps:
        draft.apply(step)
    return Edit(
        instruction.strip(),
        image.detach().float().cpu(),
        tuple(without(detections, draft.touched)),
        tuple(draft.touched),
        tuple(map(ObjectKind.of, draft.new_objects)),
        tuple(draft.targets),
        tuple(draft.statements),
        draft.adds_outside,
    )


class _EditDraft:
    """The objects of a picture while steps are applied one after the other.

    ``size`` is its height and width in pixels, ``present`` what is in it after the steps so far, made of what stays
    and ``new_objects``.
    """

    def __init__(self, size: tuple[int, int], detections: Sequence[Detection]) -> None:
        self.size = size
        self.present = list(detections)
        self.touched: list[Detection] = []
        self.new_objects: list[Detection] = []
        self.targets: list[Target] = []
        self.statements: list[str] = []
        self.adds_outside = False

    def apply(self, step: Step) -> None:
        """Do what one step asks for."""
        if step.action == "other":
            self.statements.append(step.statement)
            return
        assert step.thing is not None
        if step.action == "add":
            self._add(step, step.thing)
        elif step.action == "move":
            self._move(step, step.thing)
        elif step.action == "replace":
            self._replace(step, step.thing)
        else:
            for d in self._meant(step.thing, step.definite):
                self._change(d, [replace(d, color=step.color)] if step.action == "recolor" else [])

    def _replace(self, step: Step, old: Phrase) -> None:
        assert step.into is not None
        meant = self._meant(old, step.definite)
        replacements = [_unplaced(step.into)] * (step.into.number if step.into.exact else len(meant))
        self.adds_outside |= len(replacements) > len(meant)
        for index, d in enumerate(meant):
            # The last of the old objects is replaced by all that remain.
            successors = replacements[index : index + 1] if index < len(meant) - 1 else replacements[index:]
            # They stand where the old object was, so that a later step can name them by their place.
            self._change(d, [replace(new, x=d.x, y=d.y, width=d.width, height=d.height) for new in successors])

    def _add(self, step: Step, new: Phrase) -> None:
        self._introduce([_unplaced(new)] * new.number)
        self._set_target(ObjectKind(new.noun, new.color), step)

    def _move(self, step: Step, moved: Phrase) -> None:
        meant = self._meant(moved, step.definite)
        same_kind = ObjectKind(moved.noun, moved.color).among(self.present)
        if len(meant) < len(same_kind):
            raise ValueError(
                f"The instruction moves {len(meant)} of {_counts(same_kind)}, and afterwards nobody can tell which "
                "of them it was. Move all of them, or name a kind that the picture shows once."
            )
        for d in meant:
            self._change(d, [d])
        for kind in dict.fromkeys(map(ObjectKind.of, meant)):
            self._set_target(kind, step)

    def _set_target(self, kind: ObjectKind, step: Step) -> None:
        self.adds_outside = True
        if step.place:
            (height, width), (x, y, zone_width, zone_height) = self.size, PLACES[step.place]
            zone = x * width, y * height, zone_width * width, zone_height * height
            self.targets.append(Target(kind, place=step.place, zone=zone))
        elif step.direction and step.other:
            anchors = self._meant(replace(step.other, number=2, exact=False), True, besides=kind)
            for other_kind in dict.fromkeys(map(ObjectKind.of, anchors)):
                self.targets.append(Target(kind, step.direction, other_kind))

    def _change(self, old: Detection, successors: list[Detection]) -> None:
        self.present = without(self.present, [old])
        # An object that an earlier step made was never in the source.
        if any(old is new for new in self.new_objects):
            self.new_objects = without(self.new_objects, [old])
        else:
            self.touched.append(old)
        self._introduce(successors)

    def _introduce(self, new_objects: Iterable[Detection]) -> None:
        # Detections are compared by identity, so every object needs a copy of its own.
        copies = [replace(d) for d in new_objects]
        self.present += copies
        self.new_objects += copies

    def _meant(self, phrase: Phrase, definite: bool, besides: ObjectKind | None = None) -> list[Detection]:
        """The present objects that a phrase means, none of the kind ``besides``; the first ones if it is not
        ``definite``.
        """
        wording = count_text(phrase.number if phrase.exact else 2, phrase.noun, phrase.color)
        matches = [d for d in ObjectKind(phrase.noun, phrase.color).among(self.present) if ObjectKind.of(d) != besides]
        if not matches:
            raise ValueError(
                f"The instruction speaks of {wording}; the critic sees {_counts(self.present)} in the source. Use "
                "the names that the critic gives, or connect another critic."
            )
        if not phrase.exact:
            return matches
        if len(matches) < phrase.number or (definite and len(matches) > phrase.number):
            raise ValueError(
                f"The instruction speaks of {wording}; the critic sees {_counts(matches)} in the source. Say which "
                f"are meant, for example by their colour, or 'all {count_text(2, phrase.noun).partition(' ')[2]}'."
            )
        return matches[: phrase.number]


def _counts(detections: Sequence[Detection]) -> str:
    """Objects by kind in words: ``two red circles, one dog``."""
    kinds = [ObjectKind.of(d) for d in detections]
    return (
        ", ".join(count_text(kinds.count(kind), kind.noun, kind.color) for kind in dict.fromkeys(kinds))
        or "nothing that it can name"
    )


def _unplaced(phrase: Phrase) -> Detection:
    """An object of the phrase's kind that has no place yet."""
    return Detection(0.0, 0.0, 0.0, 0.0, phrase.noun, phrase.color)
