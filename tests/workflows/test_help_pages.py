"""The nodes' help pages, as the page in the browser gets them."""

from __future__ import annotations

import re
import urllib.parse
import urllib.request

import pytest

from tests.support.paths import CHECKOUT

FOLDER = CHECKOUT / "web" / "docs"
MOST_WORDS = {"XLARDSelfCorrect": 600}
MOST_WORDS_OF_OTHERS = 1050
"""Words of a page; what is longer goes to a guide in web/docs/guides, which the page links to."""

PAGES = sorted(path.stem for path in FOLDER.glob("*.md"))


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


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_short_enough_to_be_read(name):
    words = [word for word in (FOLDER / f"{name}.md").read_text(encoding="utf-8").split() if re.search(r"\w", word)]
    assert len(words) <= MOST_WORDS.get(name, MOST_WORDS_OF_OTHERS)


def test_what_pages_link_to_and_show_is_served(comfy):
    served = {}
    for path in FOLDER.rglob("*.md"):
        page = path.read_text(encoding="utf-8")
        here = f"{comfy.url}/extensions/xlard/{path.parent.relative_to(CHECKOUT / 'web').as_posix()}/"
        for target in re.findall(r"\]\(([^)\s]+)\)", page):
            with urllib.request.urlopen(urllib.parse.urljoin(here, target), timeout=60) as answer:
                served[target] = answer.headers.get_content_type()
    # Front ends up to 1.32 take an address without a slash before it for one of their own page.
    assert "/extensions/xlard/docs/guides/self_correct.md" in served
    assert served["guides/self_correct.jpg"] == "image/jpeg"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_the_node(name):
    page = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    (picture,) = re.findall(r"^!\[[^\]]+\]\(([^)]+)\)$", page, re.MULTILINE)
    assert picture.endswith(".jpg") and (FOLDER / picture).stat().st_size < 100_000


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
