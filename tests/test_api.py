"""What other packs register: what is refused, and why."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from xlard import api


def nothing() -> None:
    pass


class WithoutSamples:
    name = "odd"

    def judge(self, backend, images, claims, sampling=None):
        return []


@pytest.mark.parametrize(
    ("scorer", "error", "reason"),
    [
        (WithoutSamples(), TypeError, r"WithoutSamples is no scorer: it lacks samples\."),
        (SimpleNamespace(), TypeError, r"it lacks name, samples, judge\."),
        (WithoutSamples, TypeError, r"The scorer WithoutSamples is a class\. Pass an instance of it\."),
        (
            SimpleNamespace(name="grounded", samples=True, judge=nothing),
            ValueError,
            "There is a scorer 'grounded' already",
        ),
    ],
)
def test_a_scorer_is_refused(scorer, error, reason) -> None:
    with pytest.raises(error, match=reason):
        api.register_scorer(scorer)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("rearrange", "There is a strategy 'rearrange' already"), ("two words", "no name for a strategy")],
)
def test_a_strategy_is_refused(name, reason) -> None:
    with pytest.raises(ValueError, match=reason):
        api.register_strategy(api.StrategySpec(name, "", lambda noise_level: None, api.Priority(5)))


def test_a_critic_without_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="A critic needs a name"):
        api.register_critic(" ", nothing)
