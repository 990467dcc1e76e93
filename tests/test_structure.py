"""Who may import whom, and what a source file may be: the layers of docs/architecture.md, held by the code."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache

from tests.support.imports import Import, imports_of, modules, sources
from tests.support.paths import CHECKOUT

TOP = {".ci", ".github", "docs", "nodes", "subgraphs", "tests", "web", "workflows", "xlard"}
PAGES = ("CONTRIBUTING.md", "docs/architecture.md")
"""What developers read."""

COMFYUI = {
    "comfy",
    "comfy_api",
    "comfy_execution",
    "comfy_extras",
    "execution",
    "folder_paths",
    "latent_preview",
    "node_helpers",
    "nodes",
    "server",
}
SLOW_TO_IMPORT = {"accelerate", "diffusers", "jinja2", "matplotlib", "scipy", "transformers"}
LONGEST = 400
"""Lines of a source file. One that passes it holds two ideas."""


@cache
def layers() -> list[set[str]]:
    """The parts of xlard, from the ground up: the list of docs/architecture.md.

    A part imports itself and what lies below it, not what stands beside it.
    """
    page = (CHECKOUT / "docs" / "architecture.md").read_text(encoding="utf-8")
    listed = page.partition("```layers\n")[2].partition("```")[0]
    return [set(line.split()) for line in reversed(listed.splitlines())]


def part(name: str) -> str:
    """The part of the library that a module belongs to: ``critics`` of ``xlard.critics.backend``."""
    return name.split(".")[1] if "." in name else ""


def level(name: str) -> int:
    """The row of the layers in which a module's part stands."""
    return next(row for row, parts in enumerate(layers()) if part(name) in parts)


def library() -> list[str]:
    """The modules of xlard."""
    return [name for name in modules() if name.startswith("xlard.")]


def wrong(names: Iterable[str], refuse: Callable[[str, Import], bool]) -> list[str]:
    """The imports of modules that are refused, as lines to read."""
    return [
        f"{modules()[name].relative_to(CHECKOUT).as_posix()}:{arrow.line} imports {arrow.target}"
        for name in names
        for arrow in imports_of(name)
        if refuse(name, arrow)
    ]


def test_every_part_has_a_layer() -> None:
    assert sorted(name for row in layers() for name in row) == sorted({part(name) for name in library()})


def test_imports_are_resolved() -> None:
    assert not wrong(modules(), lambda name, arrow: arrow.ours and arrow.target not in modules())


def test_no_import_runs_up() -> None:
    def runs_up(name: str, arrow: Import) -> bool:
        if not arrow.target.startswith("xlard.") or part(arrow.target) == part(name):
            return False
        return level(arrow.target) >= level(name)

    assert not wrong(library(), runs_up)


def test_no_circle() -> None:
    arrows = {name: {arrow.target for arrow in imports_of(name) if arrow.ours} - {name} for name in modules()}
    assert not [" -> ".join(circle) for circle in circles(arrows)]


def circles(arrows: dict[str, set[str]]) -> Iterator[list[str]]:
    """One circle for each arrow that closes one."""
    finished: set[str] = set()

    def walk(name: str, trail: list[str]) -> Iterator[list[str]]:
        if name in trail:
            yield [*trail[trail.index(name) :], name]
        elif name not in finished:
            for target in sorted(arrows.get(name, ())):
                yield from walk(target, [*trail, name])
            finished.add(name)

    for name in sorted(arrows):
        yield from walk(name, [])


def test_a_circle_is_seen() -> None:
    assert list(circles({"a": {"b"}, "b": {"c", "d"}, "c": {"a"}, "d": set()})) == [["a", "b", "c", "a"]]


def test_the_library_knows_neither_comfyui_nor_the_nodes() -> None:
    assert not wrong(library(), lambda name, arrow: arrow.target.split(".")[0] in COMFYUI)


def test_what_needs_comfyui_does_not_know_the_nodes_above_it() -> None:
    inside = [name for name in modules() if name.startswith("nodes.comfy")]

    def is_node(name: str, arrow: Import) -> bool:
        return arrow.ours and arrow.target.startswith("nodes") and not arrow.target.startswith("nodes.comfy")

    assert not wrong(inside, is_node)


def loaded_at_start() -> set[str]:
    """Our modules that ComfyUI has imported once it knows the nodes."""
    waiting = [name for name in modules() if name.split(".")[0] == "nodes" and name.count(".") < 2]
    loaded: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in modules() and name not in loaded:
            loaded.add(name)
            waiting += [name.rpartition(".")[0], *(arrow.target for arrow in imports_of(name) if arrow.at_start)]
    return loaded


def test_comfyui_starts_without_large_libraries() -> None:
    def is_slow(name: str, arrow: Import) -> bool:
        return arrow.at_start and not arrow.ours and arrow.target.split(".")[0] in SLOW_TO_IMPORT

    assert not wrong(sorted(loaded_at_start()), is_slow)


EVERY_SOURCE = [*sources("docs", "nodes", "tests", "xlard"), CHECKOUT / "__init__.py"]


def test_sources_can_be_read_on_windows() -> None:
    """Tools that open files in the system's encoding fail on other characters; glyphs that people see are escapes."""
    foreign = {}
    for path in EVERY_SOURCE:
        letters = {letter for letter in path.read_text(encoding="utf-8") if not letter.encode("cp1252", "ignore")}
        if letters:
            foreign[path.relative_to(CHECKOUT).as_posix()] = sorted(map(ascii, letters))
    assert not foreign


def test_no_source_is_too_long() -> None:
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in EVERY_SOURCE}
    assert not {path.relative_to(CHECKOUT).as_posix(): count for path, count in lines.items() if count > LONGEST}


def test_no_source_seems_to_choose_a_device() -> None:
    """comfy-test refuses these texts, whatever they do: import a layer, or ``autocast``, by its name."""
    layer = r"(?<![\w.])(torch\.)?nn\.(Linear|Conv(Transpose)?[123]d|LayerNorm|GroupNorm|Embedding)\s*\("
    device = r"\.cuda\s*\(|\.to\s*\(\s*(torch\.device\s*\(\s*)?[\"']cuda|torch\.(amp\.|cuda\.amp\.)?autocast\b"
    texts = re.compile(f"{layer}|{device}")
    assert not [
        f"{path.relative_to(CHECKOUT).as_posix()}:{number} {line.strip()}"
        for path in EVERY_SOURCE
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if texts.search(line)
    ]


def test_pages_for_developers_name_files_that_exist() -> None:
    missing = []
    for page in PAGES:
        for named in re.findall(r"`([\w./-]+)`", (CHECKOUT / page).read_text(encoding="utf-8")):
            if named.split("/")[0] in TOP and not (CHECKOUT / named).exists():
                missing.append(f"{page} names {named}")
    assert not missing


def test_prompts_are_read_without_torch() -> None:
    code = "import sys; import xlard.prompts, xlard.english; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, check=True)
