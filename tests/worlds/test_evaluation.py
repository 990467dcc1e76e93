"""How judges are compared with a checker, and the checker with a reader."""

from __future__ import annotations

import json

import pytest

from xlard.claims import count_claim
from xlard.critique import Critique, Verdict, critique_of
from xlard.detections import Detection
from xlard.worlds.evaluation import compare_judges
from xlard.worlds.things.training import by_eye
from xlard.worlds.things.world import ThingsWorld

CAT = Detection(10, 10, 20, 20, "cat")
GRASS = Detection(0, 0, 128, 128, "grass")


def critique(passed: bool, *objects: Detection) -> Critique:
    return critique_of([Verdict(count_claim("cat", 1), passed, float(passed))], objects)


def test_the_ground_that_only_a_critic_lists_is_no_difference() -> None:
    figures = compare_judges([critique(True, CAT), critique(False)], [critique(True, CAT, GRASS)] * 2, ["cat"])
    assert figures["same_count"] == figures["same_objects"] == 0.5
    assert figures["claims_balanced_accuracy"] == 0.5


def test_the_checker_is_compared_with_a_reader(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    rows = json.loads(by_eye.JUDGED.read_text())
    prompts = {prompt.text for prompt in ThingsWorld().prompts.evaluation_prompts("validation", 310)}
    assert len(rows) == len({row["seed"] for row in rows}) == 300 and {row["prompt"] for row in rows} <= prompts
    few = tmp_path / "few.json"
    few.write_text(json.dumps(rows[10:16]))
    monkeypatch.setattr(by_eye, "JUDGED", few)
    found = by_eye.agreement(ThingsWorld(), 0.3)
    assert found["pictures"] == 6 and found["right by eye"] == 4 and found["agree"] >= 5
    assert found["agree"] + found["passed wrongly"] + found["failed wrongly"] == 6
