"""What people do all day in ComfyUI's page, done with the pack's nodes in it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.support.comfy.browser import HISTORY, ComfyPage
from tests.support.paths import CHECKOUT
from tests.support.workflows import saved
from xlard.comfy_server.errors import JobError
from xlard.comfy_server.workflow import workflow_to_api

CARD = ".xlard-card"
QUICK = {"steps": 2, "rounds": 1}
SET = """asked => window.app.graph._nodes.flatMap(node => node.widgets ?? [])
    .filter(widget => widget.name in asked).forEach(widget => { widget.value = asked[widget.name] })"""
PROMPT = """text => {
    window.app.graph._nodes.find(node => node.title === 'Prompt').widgets[0].value = text
}"""
TYPES = "() => window.app.graph._nodes.map(node => node.type).sort()"
OPEN_FILE = """async ({ filename, subfolder, type }) => {
    const picture = await fetch('/view?' + new URLSearchParams({ filename, subfolder, type }))
    window.app.graph.clear()
    await window.app.handleFile(new File([await picture.blob()], filename, { type: 'image/png' }))
}"""


@pytest.fixture(params=["classic", pytest.param("nodes-2", marks=pytest.mark.big)])
def drawn(comfy_page: ComfyPage, request: pytest.FixtureRequest) -> Iterator[ComfyPage]:
    """The page in both ways of drawing nodes, in which nothing of ours went wrong afterwards."""
    comfy_page.use_vue_nodes(request.param == "nodes-2")
    yield comfy_page
    comfy_page.use_vue_nodes(False)
    assert comfy_page.our_errors() == []


@pytest.fixture
def page(drawn: ComfyPage) -> ComfyPage:
    """The page with the workflow of the whole loop, made quick."""
    drawn.load(CHECKOUT / "workflows" / "demo_self_correct.json")
    drawn.page.evaluate(SET, QUICK)
    return drawn


def run(page: ComfyPage) -> dict:
    """Press Run; the job as the history has it."""
    page.queue()
    page.wait_for_outputs()
    return page.page.evaluate(HISTORY)[-1]


def id_of(page: ComfyPage, kind: str) -> str:
    return str(page.page.evaluate("kind => window.app.graph._nodes.find(node => node.type === kind).id", kind))


def cached(job: dict) -> list[str]:
    """The nodes of a job that did not run again."""
    return [node for name, told in job["status"]["messages"] if name == "execution_cached" for node in told["nodes"]]


def test_running_again_runs_nothing_and_another_prompt_runs_the_loop(page: ComfyPage):
    loop = id_of(page, "XLARDSelfCorrect")
    assert loop not in cached(run(page))
    assert loop in cached(run(page))
    page.page.evaluate(PROMPT, "three green triangles")
    assert loop not in cached(run(page))
    page.page.locator(CARD, has_text="three triangles").first.wait_for(timeout=10_000)


def test_a_prompt_of_style_alone_draws_and_says_that_there_is_nothing_to_check(page: ComfyPage):
    page.page.evaluate(PROMPT, "moody, cinematic, 8k")
    run(page)
    page.page.locator(CARD, has_text="nothing to check").first.wait_for(timeout=10_000)


def test_three_seeds_are_queued_and_each_draws_its_own_picture(page: ComfyPage):
    page.page.evaluate(SET, {"seed": 4000, "control_after_generate": "increment", "rounds": 0})
    page.page.evaluate("() => window.app.queuePrompt(0, 3)")
    loop, seeds, end = id_of(page, "XLARDSelfCorrect"), [4000, 4001, 4002], time.monotonic() + 300
    jobs: dict[int, str] = {}
    while set(jobs) != set(seeds) and time.monotonic() < end:
        page.page.wait_for_timeout(300)
        # Others use the same server.
        drawn = [job for job in page.page.evaluate(HISTORY) if loop in job["prompt"][2]]
        seen = {job["prompt"][2][loop]["inputs"].get("seed"): job["status"]["status_str"] for job in drawn}
        jobs = {seed: status for seed, status in seen.items() if seed in seeds}
    assert jobs == dict.fromkeys(seeds, "success")


def test_a_job_that_is_cancelled_leaves_the_page_ready_for_the_next(page: ComfyPage):
    page.page.evaluate(SET, {"seed": 4100, "steps": 8000})
    before = len(page.page.evaluate(HISTORY))
    page.queue()
    page.page.wait_for_function(
        "async () => (await (await fetch('/queue')).json()).queue_running.length > 0", timeout=60_000
    )
    # ComfyUI forgets a cancel that comes before a job's first node.
    for _ in range(60):
        page.page.wait_for_timeout(1000)
        page.page.evaluate("() => window.app.api.interrupt(null)")
        if len(page.page.evaluate(HISTORY)) > before:
            break
    assert page.page.evaluate(HISTORY)[-1]["status"]["status_str"] == "error"
    page.page.evaluate(SET, QUICK)
    assert run(page)["status"]["status_str"] == "success"


def test_a_saved_picture_and_the_reports_open_the_workflow_again(page: ComfyPage):
    kinds = page.page.evaluate(TYPES)
    page.page.evaluate(
        """() => {
            const save = window.LiteGraph.createNode('SaveImage')
            window.app.graph.add(save)
            window.app.graph._nodes.find(node => node.type === 'XLARDSelfCorrect').connect(1, save, 0)
        }"""
    )
    outputs = run(page)["outputs"]
    pictures = [outputs[id_of(page, kind)]["images"][0] for kind in ("SaveImage", "XLARDReport")]
    for picture in pictures:
        page.page.evaluate(OPEN_FILE, picture)
        page.page.wait_for_function(f"count => ({TYPES})().length === count", arg=len(kinds) + 1, timeout=20_000)
        assert page.page.evaluate(TYPES) == sorted([*kinds, "SaveImage"])


def test_a_copied_node_has_the_same_values_and_its_own_list(page: ComfyPage):
    page.page.evaluate(SET, {"claim_edits": "off: one square", "cfg": 3.5})
    values = page.page.evaluate(
        """() => {
            const canvas = window.app.canvas
            const node = window.app.graph._nodes.find(node => node.type === 'XLARDSelfCorrect')
            canvas.copyToClipboard([node])
            canvas.pasteFromClipboard()
            return window.app.graph._nodes.filter(node => node.type === 'XLARDSelfCorrect')
                .map(node => node.serialize().widgets_values)
        }"""
    )
    assert len(values) == 2 and values[0] == values[1] and "off: one square" in values[0]
    with_card = "node => node.widgets?.some(widget => widget.name === 'xlard.card')"
    assert page.page.evaluate(f"() => window.app.graph._nodes.filter({with_card}).length") == 2


def test_a_node_in_a_subgraph_runs_and_keeps_its_list(page: ComfyPage):
    # What has run already would not run again.
    page.page.evaluate(SET, {"seed": 4200})
    page.page.evaluate(
        """() => {
            const node = window.app.graph._nodes.find(node => node.type === 'XLARDSelfCorrect')
            window.app.graph.convertToSubgraph(new Set([node]))
        }"""
    )
    assert run(page)["status"]["status_str"] == "success"
    page.page.wait_for_function(
        """() => window.app.graph._nodes.flatMap(node => node.subgraph?._nodes ?? [])
            .some(node => node.properties['xlard.card']?.includes('claims'))""",
        timeout=20_000,
    )


def test_critique_is_put_into_comfyuis_own_default_graph(drawn: ComfyPage):
    page = drawn.page
    page.evaluate("async () => { await window.app.loadGraphData() }")
    # No checkpoint is at hand; the demo world has the same first three outputs.
    page.evaluate(
        """() => {
            const graph = window.app.graph
            const find = type => graph._nodes.find(node => node.type === type)
            const add = type => { const node = window.LiteGraph.createNode(type); graph.add(node); return node }
            const input = (node, name) => node.inputs.findIndex(one => one.name === name)
            const loader = find('CheckpointLoaderSimple'), world = add('XLARDDemo')
            loader.outputs.forEach((output, slot) => [...(output.links ?? [])].forEach(id => {
                const link = graph.links.get(id)
                world.connect(slot, graph.getNodeById(link.target_id), link.target_slot)
            }))
            graph.remove(loader)
            const set = (node, values) => node.widgets.forEach(widget => {
                if (widget.name in values) widget.value = values[widget.name]
            })
            set(find('EmptyLatentImage'), { width: 96, height: 96 })
            set(find('KSampler'), { steps: 2 })
            const critique = add('XLARDCritique')
            set(critique, { prompt: 'two red circles' })
            find('VAEDecode').connect(0, critique, input(critique, 'images'))
            world.connect(3, critique, input(critique, 'critic'))
        }"""
    )
    assert run(drawn)["status"]["status_str"] == "success"
    page.locator(CARD, has_text="two circles").first.wait_for(timeout=10_000)


BYPASS, MUTE = 4, 2
OURS = [
    (name, node["id"], node["type"])
    for name in ("demo_self_correct", "demo_critique", "demo_gate")
    for node in saved(name)["nodes"]
    if node["type"].startswith("XLARD")
]


LACKING = ("Required input is missing", "The prompt is empty")
"""What a graph may say that lacks a node."""


def outcome(comfy, graph: dict) -> str:
    """How a job ends, or why ComfyUI refuses it."""
    try:
        result = comfy.run(graph)
    except JobError as refused:
        return next((said for said in LACKING if said in str(refused)), str(refused))
    if result.error is None:
        return result.status
    return next((said for said in LACKING if result.error["exception_message"].startswith(said)), str(result.error))


@pytest.mark.parametrize("mode", [BYPASS, MUTE], ids=["bypassed", "muted"])
@pytest.mark.parametrize(("name", "node", "kind"), OURS, ids=[f"{name}-{kind}" for name, _, kind in OURS])
def test_a_node_that_is_off_leaves_a_graph_that_runs_or_says_what_it_lacks(comfy, name, node, kind, mode):
    workflow = saved(name)
    next(one for one in workflow["nodes"] if one["id"] == node)["mode"] = mode
    graph = workflow_to_api(workflow, comfy.object_info())
    for inner in graph.values():
        inner["inputs"].update({key: value for key, value in QUICK.items() if key in inner["inputs"]})
    assert outcome(comfy, graph) in ("success", *LACKING)
