"""Inputs that are shown under another name than their id: saved workflows hold the id, people read the name."""

from __future__ import annotations

import json

import pytest

from tests.support.paths import CHECKOUT

LOCALE = json.loads((CHECKOUT / "locales" / "en" / "nodeDefs.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def shown(comfy) -> dict[str, dict[str, str]]:
    """The names of the inputs that have one, by node and id."""
    names: dict[str, dict[str, str]] = {}
    for node, info in comfy.object_info().items():
        for group in ("required", "optional") if node.startswith("XLARD") else ():
            for input_id, (_, *options) in info["input"].get(group, {}).items():
                name = options[0].get("display_name") if options else None
                if name and name != input_id:
                    names.setdefault(node, {})[input_id] = name
    return names


def test_older_front_ends_take_the_names_from_the_locale(shown) -> None:
    assert shown == {
        node: {input_id: entry["name"] for input_id, entry in texts["inputs"].items()} for node, texts in LOCALE.items()
    }


def test_the_locale_is_served(comfy) -> None:
    assert comfy.get_json("/i18n")["en"]["nodeDefs"] == LOCALE


def test_noise_levels_are_never_called_sigma(comfy, shown) -> None:
    for node, info in comfy.object_info().items():
        inputs = {**info["input"].get("required", {}), **info["input"].get("optional", {})}
        # ComfyUI's own SIGMAS are what they are called.
        ids = [input_id for input_id, (kind, *_) in inputs.items() if kind != "SIGMAS"]
        for input_id in ids if node.startswith("XLARD") else ():
            assert "sigma" not in shown.get(node, {}).get(input_id, input_id)
