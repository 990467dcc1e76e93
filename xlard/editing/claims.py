"""The claims of an edit, those to do and those to keep, and the prompt of the edited picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from ..claims import Claim, count_claim, count_text, custom_claim, object_text, one_line, position_claim, zone_claim
from ..detections import Detection, ObjectKind, inside, matching
from ..edit import Edit, Target
from ..rewards import judge_by_boxes, position_holds

REST = "all else is as it was"
"""The claim that is judged by comparison with the source."""


def edit_claims(edit: Edit) -> list[Claim]:
    """The claims of what the instruction asks for, and those of what must not change; both groups have the same weight.

    The last claim is judged by comparison with the source. Objects are counted by kind, so changing the wrong one of
    two cannot pass. Raises ValueError if nothing has to be done, and if a new object could not be told from one that
    stays.
    """
    before = Counter(map(ObjectKind.of, (*edit.staying, *edit.touched)))
    after = Counter((*map(ObjectKind.of, edit.staying), *edit.new_kinds))
    objects_after = [*edit.staying, *(Detection(0.0, 0.0, 0.0, 0.0, kind.noun, kind.color) for kind in edit.new_kinds)]
    to_do: list[Claim] = []
    to_keep: list[Claim] = []
    for kind in dict.fromkeys((*before, *after)):
        claim = count_claim(kind.noun, len(kind.among(objects_after)), kind.color)
        (to_keep if before[kind] == after[kind] else to_do).append(claim)
    for target in edit.targets:
        claim = _target_claim(target, max(after[target.kind], 1))
        if _contradicted(claim, edit.staying):
            raise ValueError(
                f"The instruction '{edit.instruction}' asks for '{claim.text}', but an object of this kind stays"
                " elsewhere: afterwards nobody can tell which of them is new. Name a kind or a colour that the picture"
                " does not show yet, or do not say where it should stand."
            )
        to_do.append(claim)
    to_do += [custom_claim(statement) for statement in edit.statements]
    if not to_do:
        raise ValueError(
            f"The instruction '{edit.instruction}' asks for what the source shows already. Say what should change."
        )
    # A count can be wrong of the source itself: for "one cat", the cat beside a tabby cat is one of two.
    to_keep = [claim for claim in to_keep if judge_by_boxes(claim, objects_after, max(edit.size)).passed]
    to_keep.append(Claim("custom", REST, edit=edit))
    weight = len(to_do) / len(to_keep)
    return [*to_do, *(replace(claim, keep=True, weight=weight) for claim in to_keep)]


def _target_claim(target: Target, number: int) -> Claim:
    kind, other = target.kind, target.other_kind
    if target.zone:
        return zone_claim(kind.noun, target.place, target.zone, number, kind.color)
    assert target.direction and other
    return position_claim(kind.noun, target.direction, other.noun, number, kind.color, other.color)


def _contradicted(claim: Claim, staying: Sequence[Detection]) -> bool:
    """Whether a position cannot hold as long as the objects of its kinds stay where they are."""
    firsts = matching(staying, claim.noun, claim.color)
    if claim.zone:
        return any(not inside(d, claim.zone) for d in firsts)
    assert claim.direction
    seconds = matching(staying, claim.other, claim.other_color)
    return any(not position_holds(a, b, claim.direction) for a in firsts for b in seconds if a is not b)


def edit_in(claims: Sequence[Claim]) -> Edit | None:
    """The edit that claims belong to; None if they are those of a prompt."""
    return next((claim.edit for claim in claims if claim.edit is not None), None)


def target_prompt(edit: Edit) -> str:
    """A prompt of the picture after the edit; empty if nothing is in it."""
    counts = Counter((*map(ObjectKind.of, edit.staying), *edit.new_kinds))
    phrases: list[str] = []
    named: set[ObjectKind] = set()
    for target in edit.targets:
        if target.other_kind and target.kind not in named:
            phrases.append(f"{_phrase(target.kind, counts)} {target.direction} {_phrase(target.other_kind, counts)}")
            named |= {target.kind, target.other_kind}
    phrases += [_phrase(kind, counts) + _place(edit, kind) for kind in counts if kind not in named]
    return one_line(", ".join(filter(None, [" and ".join(phrases), *edit.statements])))


def _place(edit: Edit, kind: ObjectKind) -> str:
    return next((f" {target.place}" for target in edit.targets if target.kind == kind and target.place), "")


def _phrase(kind: ObjectKind, counts: Counter[ObjectKind]) -> str:
    if counts[kind] != 1:
        return count_text(counts[kind], kind.noun, kind.color)
    text = object_text(kind.noun, kind.color)
    return f"{'an' if text[0] in 'aeiou' else 'a'} {text}"
