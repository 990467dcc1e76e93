"""The pack's templates as the page offers them: in the order in which to try them, none that cannot run."""

from __future__ import annotations

import re

from tests.conftest import WORKFLOWS
from tests.support.comfy.browser import ComfyPage
from tests.support.paths import CHECKOUT
from tests.support.workflows import saved

SCRIPT = (CHECKOUT / "web" / "template_order.js").read_text(encoding="utf-8")
NEEDS = dict(re.findall(r'^  (\w+): "([\d.]+)",$', SCRIPT, re.MULTILINE))
OPEN = "() => window.app.extensionManager.command.execute('Comfy.BrowseTemplates')"
CARDS = "[data-testid^=template-workflow-]"
NAMES = "cards => cards.map(card => card.dataset.testid.replace('template-workflow-', ''))"
OFFERED = "async ([names, version]) => (await import('/extensions/xlard/template_order.js')).offered(names, version)"


def test_all_workflows_have_a_place_and_say_what_they_need() -> None:
    order = re.findall(r'^  "(\w+)",$', SCRIPT, re.MULTILINE)
    assert sorted(order) == [path.stem for path in WORKFLOWS]
    needs = {path.stem: saved(path.stem)["extra"].get("xlard", {}).get("needs_comfyui") for path in WORKFLOWS}
    assert {name: needed for name, needed in needs.items() if needed} == NEEDS


def test_the_table_of_workflows_has_the_same_order() -> None:
    table = (CHECKOUT / "docs" / "workflows.md").read_text(encoding="utf-8").partition("\n\n`load_your_own`")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert named == re.findall(r'^  "(\w+)",$', SCRIPT, re.MULTILINE)


def test_templates_are_offered_in_order(comfy_page: ComfyPage) -> None:
    page = comfy_page.page
    version = page.evaluate("async () => (await window.app.api.getSystemStats()).system.comfyui_version")
    page.evaluate(OPEN)
    page.locator(CARDS).first.wait_for()
    page.get_by_text("xlard", exact=True).last.click()
    page.locator(f"{CARDS[:-1]}demo_things]").wait_for()
    comfy_page.screenshot("templates")
    names = page.locator(CARDS).evaluate_all(NAMES)
    offered = page.evaluate(OFFERED, [{"xlard": sorted(path.stem for path in WORKFLOWS)}, version])["xlard"]
    # The dialog shows more cards while it is scrolled.
    assert len(names) > 10 and names == offered[: len(names)]
    page.keyboard.press("Escape")
    assert comfy_page.our_errors() == []


def test_what_needs_a_newer_comfyui_is_not_offered(comfy_page: ComfyPage) -> None:
    names, others, loop = ["load_your_own", "demo_native_loop", "demo_things", "new"], ["b", "a"], "demo_native_loop"
    for version, left in (("0.9.10", []), ("0.35.1", []), ("0.36.0", [loop]), ("0.46", [loop])):
        offered = comfy_page.page.evaluate(OFFERED, [{"xlard": names, "other": others}, version])
        assert offered == {"xlard": ["demo_things", *left, "load_your_own", "new"], "other": others}
