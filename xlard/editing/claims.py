"""The claims of an edit, those to do and those to keep, and the prompt that says what is there afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from .. import claims
from ..claims import Claim, one_line
from ..detections import Detection, inside, matching
from ..edit import Edit, Kind, Target, kind_of
from ..rewards import judge_by_boxes, position_holds

REST = "all else is as it was"
"""The claim that is judged by comparison with the source."""


def edit_claims(edit: Edit) -> list[Claim]:
    """What the instruction asks for, and what must not change; both weigh the same in all.

    The last one is judged by comparison with the source. Things are counted by kind, so that the wrong one of two
    cannot pass for the right one. Raises ValueError where nothing is to be done, and where something new would have to
    be told from what stays."""
    before, after = (
        Counter(map(kind_of, (*edit.kept, *edit.touched))),
        Counter((*map(kind_of, edit.kept), *edit.coming)),
    )
    afterwards = [*edit.kept, *(Detection(0.0, 0.0, 0.0, 0.0, *kind) for kind in edit.coming)]
    done: list[Claim] = []
    kept: list[Claim] = []
    for kind in dict.fromkeys((*before, *after)):
        claim = claims.count_claim(kind[0], len(matching(afterwards, *kind)), kind[1])
        (kept if before[kind] == after[kind] else done).append(claim)
    for target in edit.targets:
        claim = _target_claim(target, max(after[target.kind], 1))
        if _contradicted(claim, edit.kept):
            raise ValueError(
                f"The instruction '{edit.instruction}' asks for '{claim.text}', and one that is elsewhere is to stay:"
                " afterwards it cannot be told which of them is new. Name a kind or a colour that the picture does not"
                " show yet, or leave out where it should stand."
            )
        done.append(claim)
    done += [claims.custom_claim(statement) for statement in edit.statements]
    if not done:
        raise ValueError(
            f"The instruction '{edit.instruction}' asks for what the source shows already. Say what should change."
        )
    # What a label leaves out may make a count untrue of the source itself: a cat that is one of two tabby cats.
    kept = [claim for claim in kept if judge_by_boxes(claim, afterwards, max(edit.size)).passed]
    kept.append(Claim("custom", REST, edit=edit))
    weight = len(done) / len(kept)
    return [*done, *(replace(claim, keep=True, weight=weight) for claim in kept)]


def _target_claim(target: Target, number: int) -> Claim:
    noun, color = target.kind
    if target.zone:
        return claims.zone_claim(noun, target.place, target.zone, number, color)
    return claims.position_claim(noun, target.direction, target.other[0], number, color, target.other[1])


def _contradicted(claim: Claim, kept: Sequence[Detection]) -> bool:
    """Whether a position cannot hold as long as things of its kind stay where they are."""
    firsts = matching(kept, claim.noun, claim.color)
    if claim.zone:
        return any(not inside(d, claim.zone) for d in firsts)
    seconds = matching(kept, claim.other, claim.other_color)
    return any(not position_holds(a, b, claim.direction) for a in firsts for b in seconds if a is not b)


def edit_in(found: Sequence[Claim]) -> Edit | None:
    """The edit that claims are of; None where they are of a prompt."""
    return next((claim.edit for claim in found if claim.edit is not None), None)


def target_prompt(edit: Edit) -> str:
    """What is there afterwards, in the words of a prompt; empty where nothing is."""
    counts = Counter((*map(kind_of, edit.kept), *edit.coming))
    parts, said = [], set()
    for target in edit.targets:
        if target.other and target.kind not in said:
            parts.append(f"{_phrase(target.kind, counts)} {target.direction} {_phrase(target.other, counts)}")
            said |= {target.kind, target.other}
    parts += [_phrase(kind, counts) + _place(edit, kind) for kind in counts if kind not in said]
    return one_line(", ".join(filter(None, [" and ".join(parts), *edit.statements])))


def _place(edit: Edit, kind: Kind) -> str:
    return next((f" {target.place}" for target in edit.targets if target.kind == kind and target.place), "")


def _phrase(kind: Kind, counts: Counter[Kind]) -> str:
    noun, color = kind
    if counts[kind] != 1:
        return claims.things(counts[kind], noun, color)
    said = claims.thing(noun, color)
    return f"{'an' if said[0] in 'aeiou' else 'a'} {said}"
