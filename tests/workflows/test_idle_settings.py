"""Settings that a connected sampler, sigmas or guider replaces are grey, in both of ComfyUI's ways to draw nodes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.comfy.browser import ComfyPage

NODE = "window.app.graph._nodes.find(node => node.type === 'XLARDSelfCorrect')"
ADD = """kinds => {
    window.app.graph.clear()
    kinds.forEach((kind, place) => {
        const node = window.LiteGraph.createNode(kind)
        node.pos = [place ? 40 : 420, 40 + 230 * (place - 1) * (place > 0)]
        window.app.graph.add(node)
    })
}"""
CONNECT = f"""([kind, name]) => {{
    const source = window.app.graph._nodes.find(node => node.type === kind)
    source.connect(0, {NODE}, {NODE}.inputs.findIndex(input => input.name === name))
}}"""
DISCONNECT = f"name => {NODE}.disconnectInput({NODE}.inputs.findIndex(input => input.name === name))"
GREY = f"() => {NODE}.widgets.filter(widget => widget.disabled).map(widget => widget.name)"
VALUES = f"() => {NODE}.serialize().widgets_values"
# Of the node drawn as HTML: which names stand beside a field that takes no input.
LOCKED = """() => {
    const node = [...document.querySelectorAll('.lg-node')].find(node => node.textContent.includes('Self-Correct'))
    const isLocked = field => field.disabled || field.getAttribute('aria-disabled') === 'true' ||
        'disabled' in field.dataset || field.classList.contains('p-disabled')
    const fields = [...node.querySelectorAll('input, button, [role=combobox], .p-disabled')].filter(isLocked)
    const names = ['steps', 'cfg', 'sampler_name', 'scheduler', 'rounds']
    const rowOf = (field, name) => {
        for (let row = field; row && row !== node; row = row.parentElement) {
            const found = names.filter(name => [...row.querySelectorAll('*'), row]
                .some(part => part.children.length === 0 && part.textContent.trim() === name))
            if (found.length) return found.length === 1 ? found[0] : null
        }
    }
    return [...new Set(fields.map(rowOf).filter(Boolean))].sort()
}"""
SOCKETS = {
    "sampler": ("KSamplerSelect", ["sampler_name"]),
    "sigmas": ("BasicScheduler", ["steps", "scheduler"]),
    "guider": ("CFGGuider", ["cfg"]),
}


@pytest.fixture(params=[False, True], ids=["classic", "nodes_2"])
def page(request: pytest.FixtureRequest, comfy_page: ComfyPage) -> Iterator[ComfyPage]:
    """The page with a Self-Correct node, and a source for each socket."""
    comfy_page.use_vue_nodes(request.param)
    comfy_page.page.evaluate(ADD, ["XLARDSelfCorrect", *(kind for kind, _ in SOCKETS.values())])
    comfy_page.page.wait_for_timeout(1000)
    yield comfy_page
    comfy_page.use_vue_nodes(False)


def test_what_is_replaced_is_grey_until_it_is_needed_again(page: ComfyPage, request: pytest.FixtureRequest):
    nodes_2, values = "nodes_2" in request.node.name, page.page.evaluate(VALUES)
    assert page.page.evaluate(GREY) == []
    for socket, (kind, _) in SOCKETS.items():
        page.page.evaluate(CONNECT, [kind, socket])
    page.page.wait_for_timeout(1500)
    page.screenshot(f"idle_settings_{'nodes_2' if nodes_2 else 'classic'}")
    assert sorted(page.page.evaluate(GREY)) == ["cfg", "sampler_name", "scheduler", "steps"]
    if nodes_2:
        assert page.page.evaluate(LOCKED) == ["cfg", "sampler_name", "scheduler", "steps"]
    # Opened again it is the same, and no value is lost.
    page.load(page.page.evaluate("() => JSON.parse(JSON.stringify(window.app.graph.serialize()))"))
    page.page.wait_for_timeout(1500)
    assert len(page.page.evaluate(GREY)) == 4 and page.page.evaluate(VALUES) == values
    for socket, (_, replaced) in SOCKETS.items():
        page.page.evaluate(DISCONNECT, socket)
        page.page.wait_for_timeout(500)
        assert not set(replaced) & set(page.page.evaluate(GREY))
    assert page.page.evaluate(GREY) == [] and page.our_errors() == []
    if nodes_2:
        assert page.page.evaluate(LOCKED) == []
