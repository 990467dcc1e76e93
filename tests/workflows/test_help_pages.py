"""The nodes' help pages, as the page in the browser gets them."""

from __future__ import annotations

import re
import urllib.request

import pytest

from tests.support.paths import CHECKOUT

PAGES = sorted(path.stem for path in (CHECKOUT / "web" / "docs").glob("*.md"))


@pytest.fixture(scope="module")
def nodes(comfy) -> dict[str, dict]:
    """The pack's entries in /object_info."""
    return {name: info for name, info in comfy.object_info().items() if name.startswith("XLARD")}


def rows(comfy, name: str, heading: str) -> list[list[str]]:
    """The cells of the table under a heading of a node's page, without the table's own head."""
    with urllib.request.urlopen(f"{comfy.url}/extensions/xlard/docs/{name}.md", timeout=60) as answer:
        page = answer.read().decode()
    _, _, section = page.partition(f"## {heading}\n")
    lines = [line for line in section.partition("\n## ")[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_node_has_a_page_and_every_page_a_node(nodes):
    assert sorted(nodes) == PAGES


@pytest.mark.parametrize("name", PAGES)
def test_a_page_names_every_input_and_no_other(comfy, nodes, name):
    documented = [found for row in rows(comfy, name, "Inputs") for found in re.findall(r"`([^`]+)`", row[0])]
    groups = nodes[name]["input"]
    specs = {**groups.get("required", {}), **groups.get("optional", {})}
    assert sorted(documented) == sorted(shown_name(input_id, spec) for input_id, spec in specs.items())


def shown_name(input_id: str, spec: list) -> str:
    """The name that the page in the browser shows for an input."""
    return (spec[1].get("display_name") if len(spec) > 1 else None) or input_id


@pytest.mark.parametrize("name", PAGES)
def test_a_page_names_every_output_with_its_type_in_order(comfy, nodes, name):
    documented = [(row[0].strip("`"), row[1]) for row in rows(comfy, name, "Outputs")]
    assert documented == list(zip(nodes[name]["output_name"], nodes[name]["output"]))
