"""Words that find a node in the page's search."""

from __future__ import annotations

import pytest

WORDS = {
    "best of": "XLARDPickBest",
    "check prompt": "XLARDCritique",
    "count objects": "XLARDCritique",
    "dataset": "XLARDCollect",
    "detect": "XLARDDetectorCritic",
    "edit instruction": "XLARDEditClaims",
    "fix prompt": "XLARDSelfCorrect",
    "judge": "XLARDCritique",
    "repeat": "XLARDLoopStart",
    "ollama": "XLARDCriticServer",
    "repair": "XLARDCorrectLatent",
    "reward model": "XLARDTrainHead",
}


@pytest.fixture(scope="module")
def aliases(comfy) -> dict[str, list[str]]:
    """The other words of each node of the pack, where this ComfyUI has such."""
    info = comfy.object_info()
    if "search_aliases" not in info["KSampler"]:
        pytest.skip("This ComfyUI has no search aliases.")
    return {name: node["search_aliases"] for name, node in info.items() if name.startswith("XLARD")}


@pytest.mark.parametrize("word", WORDS)
def test_a_word_finds_the_node_that_does_it(aliases: dict[str, list[str]], word: str) -> None:
    assert word in aliases[WORDS[word]]


def test_every_node_has_some_and_none_twice(aliases: dict[str, list[str]]) -> None:
    assert [name for name, words in aliases.items() if not words or len(set(words)) < len(words)] == []
