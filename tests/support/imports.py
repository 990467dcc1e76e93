"""The imports of the library and of the nodes, read from their sources without running them."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.support.paths import CHECKOUT


@dataclass(frozen=True)
class Import:
    """One import: the module that is named, relative to the checkout if it is ours, and whether it runs at start."""

    target: str
    line: int
    ours: bool
    at_start: bool


def sources(*folders: str) -> list[Path]:
    """The Python files below folders of the checkout."""
    return sorted(path for folder in folders for path in (CHECKOUT / folder).rglob("*.py"))


def module_name(path: Path) -> str:
    """A file's module relative to the checkout, such as ``xlard.critics.backend``."""
    parts = path.relative_to(CHECKOUT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> dict[str, Path]:
    """The modules of the library and of the nodes."""
    return {module_name(path): path for path in sources("xlard", "nodes")}


class _Reader(ast.NodeVisitor):
    """Collects the imports of a file; those in functions and under TYPE_CHECKING count, but do not run at start."""

    def __init__(self, path: Path):
        self.imports: list[Import] = []
        name = module_name(path).split(".")
        self._package = name if path.name == "__init__.py" else name[:-1]
        self._at_start = True

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._add(alias.name, node.lineno, ours=alias.name.split(".")[0] == "xlard")

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        stem = self._package[: len(self._package) + 1 - node.level] if node.level else []
        source = [*stem, *(node.module.split(".") if node.module else [])]
        ours = bool(node.level) or source[0] == "xlard"
        for alias in node.names:
            inner = ".".join([*source, alias.name])
            self._add(inner if ours and inner in modules() else ".".join(source), node.lineno, ours)

    def visit_If(self, node: ast.If) -> None:
        typing_only = ast.unparse(node.test).rpartition(".")[2] == "TYPE_CHECKING"
        self._visit(node, later=typing_only)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._visit(node, later=True)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._visit(node, later=True)

    def _visit(self, node: ast.AST, later: bool) -> None:
        outside = self._at_start
        self._at_start = outside and not later
        self.generic_visit(node)
        self._at_start = outside

    def _add(self, target: str, line: int, ours: bool) -> None:
        self.imports.append(Import(target, line, ours, self._at_start))


@cache
def imports_of(name: str) -> list[Import]:
    """All imports of one of our modules."""
    path = modules()[name]
    reader = _Reader(path)
    reader.visit(ast.parse(path.read_text(encoding="utf-8")))
    return reader.imports
