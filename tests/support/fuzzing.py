"""Every node with odd values, one or two inputs at a time: the graphs, and what may come of them."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from tests.support.comfy_values import VALUE_NAMES
from tests.support.graphs import demo_graph
from xlard.comfy_server.errors import StatusError
from xlard.comfy_server.server import ComfyServer
from xlard.worlds.shapes.architecture import CORRECTOR, CRITIC, HEAD

RAW = {
    "ArithmeticError", "AssertionError", "AttributeError", "EOFError", "IndexError", "KeyError", "LookupError",
    "MemoryError", "NameError", "NotImplementedError", "OSError", "OverflowError", "RecursionError", "RuntimeError",
    "StopIteration", "SystemError", "UnboundLocalError", "UnicodeDecodeError", "UnicodeEncodeError",
    "ZeroDivisionError", "torch.OutOfMemoryError",
}  # fmt: skip
"""Errors that tell an artist nothing: a node's own are ValueError, TypeError, FileNotFoundError and CriticError."""

RAW_WORDS = ("object has no attribute", "unsupported operand", "'NoneType'", "not subscriptable", "not iterable",
             "unexpected keyword", "required positional", "must be real number",
             "expected str, bytes", "tuple.index", "codec can't", "size of tensor", "shape '[",
             "has no len()", "not callable", "cannot be interpreted")  # fmt: skip
"""Words of Python and torch in a TypeError or ValueError that nobody here wrote."""

_SOCKETS = {
    "MODEL": ["world", 0],
    "CLIP": ["world", 1],
    "VAE": ["world", 2],
    "XLARD_CRITIC": ["world", 3],
    "XLARD_HEAD": ["world", 4],
    "XLARD_CORRECTOR": ["world", 5],
    "CONDITIONING": ["positive", 0],
    "LATENT": ["drawn", 0],
    "IMAGE": ["decoded", 0],
    "MASK": ["mask", 0],
    "XLARD_CLAIMS": ["claims", 0],
    "XLARD_CRITIQUE": ["critique", 0],
    "XLARD_STATE": ["looped", 3],
    "XLARD_FLOW": ["started", 0],
    "XLARD_DATASET": ["nothing", 0],
    "BOUNDING_BOX": ["boxes", 0],
}
"""A good value for each type of socket, as an output of the base graph."""

_JUDGING = ("XLARDCollect", "XLARDCritique", "XLARDGate", "XLARDSelfCorrect")
"""Nodes that ask their critic for nothing but verdicts."""

_JUDGED = {
    "claim_edits",
    "claims",
    "critic",
    "images",
    "latent_image",
    "most_claims",
    "prompt",
    "prompts",
    "source",
    "vae",
}
"""Inputs on which it depends what a critic is asked, and about which pictures."""

_CHEAP = {
    "steps": 1, "rounds": 0, "views": 0, "candidates": 1, "pictures_per_prompt": 1, "levels": "0.5", "width": 32,
    "layers": 1, "batch_size": 1, "prompt": "a red circle", "prompts": "a red circle", "text": "a red circle",
    "edited": "", "instruction": "remove the red circle", "name": "fuzzed", "file_name": "fuzzed", "overwrite": True,
    "how_many": 2, "source": None,
}  # fmt: skip
"""Values that make a node quick, where it has these inputs; None: the node's own default."""


@dataclass(frozen=True)
class Case:
    """A node with odd values: ``changes`` has the name of a value, or a constant in a list, by input."""

    node: str
    changes: tuple[tuple[str, object], ...]

    def __str__(self) -> str:
        return f"{self.node}({', '.join(f'{name}={value!r}' for name, value in self.changes)})"


CONSTANTS = (-1, 0, 2**70, 1.5, float("nan"), float("inf"), -1e308, "", "\ud83d", "x" * 300, "../../x", "C:\\x", None,
             True, [], ["a"], {}, {"a": 1}, "nan", 1e999)  # fmt: skip
"""Values that stand in a widget instead of coming over a wire."""


def prepare(comfy: ComfyServer) -> None:
    """Give the lists of files something to choose."""
    models = comfy.base / "models" / "xlard"
    for folder, file in (("heads", HEAD), ("correctors", CORRECTOR)):
        (models / folder).mkdir(parents=True, exist_ok=True)
        shutil.copy(file, models / folder / "demo.safetensors")
    shutil.copytree(CRITIC, models / "critics" / "demo", dirs_exist_ok=True)


class Fuzzer:
    """Cases for the nodes of a running server; ``info`` is its list of nodes."""

    def __init__(self, comfy: ComfyServer):
        self._comfy = comfy
        nodes = comfy.object_info().items()
        self.info = {name: spec for name, spec in nodes if name.startswith("XLARD") and "Test" not in name}

    def inputs(self, node: str) -> dict[str, list]:
        """The declared inputs of a node by name."""
        declared = self.info[node]["input"]
        return {**declared.get("required", {}), **declared.get("optional", {})}

    def cases(self, seed: int) -> Iterator[Case]:
        """Each value and constant on each input once, in an order drawn from the seed; then pairs, without end."""
        rng = random.Random(seed)
        single = [
            Case(node, ((name, value),))
            for node in self.info
            for name in self.inputs(node)
            for value in [*VALUE_NAMES, *([constant] for constant in CONSTANTS)]
        ]
        single += [Case(node, (("no_such_input", "text"),)) for node in self.info]
        rng.shuffle(single)
        yield from single
        nodes = [node for node in self.info if self.inputs(node)]
        while True:
            node = rng.choice(nodes)
            names = rng.sample(list(self.inputs(node)), min(2, len(self.inputs(node))))
            yield Case(node, tuple((name, rng.choice(VALUE_NAMES)) for name in names))

    def graph(self, case: Case) -> dict:
        """A job that runs the node of a case."""
        graph = self._base()
        given = {name: self._good(name, spec) for name, spec in self.inputs(case.node).items()}
        if case.node in _JUDGING and not _JUDGED & {name for name, _ in case.changes}:
            # The demo world's critic takes longer than all else.
            given["critic"] = ["quick", 0]
        for place, (name, value) in enumerate(case.changes):
            if isinstance(value, list):
                given[name] = value[0]
            else:
                graph[f"odd{place}"] = {"class_type": "XLARDTestValue", "inputs": {"name": value}}
                given[name] = [f"odd{place}", 0]
        graph["fuzzed"] = {
            "class_type": case.node,
            "inputs": {name: value for name, value in given.items() if value is not None},
        }
        for name in [name for name, value in case.changes if isinstance(value, list)]:
            graph["fuzzed"]["inputs"][name] = given[name]
        if not self.info[case.node]["output_node"]:
            graph["seen"] = {"class_type": "PreviewAny", "inputs": {"source": ["fuzzed", 0]}}
        return graph

    def _good(self, name: str, spec: list) -> object:
        kind, options = spec[0], spec[1] if len(spec) > 1 else {}
        if _CHEAP.get(name) is not None and kind in ("INT", "STRING", "BOOLEAN"):
            return _CHEAP[name]
        if isinstance(kind, str) and kind in _SOCKETS:
            return None if name == "source" else _SOCKETS[kind]
        if "default" in options:
            return options["default"]
        choices = options.get("options") or (kind if isinstance(kind, list) else [])
        return choices[0] if choices else None

    @staticmethod
    def _base() -> dict:
        graph = demo_graph(steps=1)
        graph["mask"] = {"class_type": "SolidMask", "inputs": {"value": 0.3, "width": 96, "height": 96}}
        graph["claims"] = {"class_type": "XLARDClaims", "inputs": {"prompt": "a red circle", "edited": ""}}
        graph["critique"] = {
            "class_type": "XLARDCritique",
            "inputs": {"images": ["decoded", 0], "critic": ["world", 3], "prompt": "", "claims": ["claims", 0]},
        }
        graph["boxes"] = {"class_type": "XLARDTestValue", "inputs": {"name": "boxes"}}
        graph["quick"] = {"class_type": "XLARDTestQuickCritic", "inputs": {}}
        graph["nothing"] = {"class_type": "XLARDTestValue", "inputs": {"name": "nothing"}}
        drawn = {name: value for name, value in graph["drawn"]["inputs"].items() if name != "denoise"}
        graph["looped"] = {
            "class_type": "XLARDSelfCorrect",
            "inputs": {
                **drawn, "vae": ["world", 2], "critic": ["world", 3], "prompt": "a red circle", "rounds": 0,
                "sigma": 0.0, "candidates": 1, "strength": 1.0,
            },
        }  # fmt: skip
        graph["started"] = {
            "class_type": "XLARDLoopStart",
            "inputs": {"latent_image": ["empty", 0], "prompt": "a red circle", "seed": 1},
        }
        return graph


SENDERS = "XLARDTest"
"""What the names of the tests' own nodes begin with."""


@dataclass
class Outcome:
    """How many cases ran, were refused by a node or by ComfyUI; and those that ended in a way that tells nothing."""

    ran: int = 0
    refused: int = 0
    rejected: int = 0
    raw: list[str] = field(default_factory=list)

    def add_raw(self, ending: str) -> None:
        """Note one of these, and print it: the run may take an hour."""
        self.raw.append(ending)
        print(ending, flush=True)

    @property
    def cases(self) -> int:
        """All of them."""
        return self.ran + self.refused + self.rejected

    def __str__(self) -> str:
        return (
            f"{self.cases} cases: {self.ran} ran, {self.refused} refused by the node, {self.rejected} by ComfyUI, "
            f"{len(self.raw)} raw"
        )


def fuzz(comfy: ComfyServer, fuzzer: Fuzzer, cases: Sequence[Case], seconds: float = 1e9, at_once: int = 40) -> Outcome:
    """Run cases until they or the ``seconds`` are used up. Raises AssertionError where a job never ends."""
    outcome, started, waiting = Outcome(), time.monotonic(), iter(cases)
    while time.monotonic() - started < seconds and (batch := list(islice(waiting, at_once))):
        jobs = {}
        for case in batch:
            answer = _queued(comfy, fuzzer.graph(case))
            if "prompt_id" in answer:
                jobs[answer["prompt_id"]] = case
                continue
            outcome.rejected += 1
            for failure in _failures_of_checks(answer):
                outcome.add_raw(f"{case}: {failure}")
        for prompt_id, case in jobs.items():
            error = error_of(comfy, prompt_id, case)
            if error is None:
                outcome.ran += 1
                continue
            if error["node_type"].startswith(SENDERS):
                # Newer releases cannot take a value from the node that sends it, such as lists thousands deep.
                outcome.rejected += 1
                continue
            outcome.refused += 1
            if _is_raw(error):
                outcome.add_raw(f"{case}: {error['exception_type']}: {error['exception_message'][:300]}")
        # ComfyUI keeps 10,000 jobs with all that they were given.
        comfy.post_json("/history", {"clear": True})
        if outcome.cases % (25 * at_once) < at_once:
            print(f"{time.monotonic() - started:.0f} s: {outcome}", flush=True)
    return outcome


def _queued(comfy: ComfyServer, graph: dict) -> dict:
    """What ComfyUI says of a job of which only the odd node's outputs are wanted; the rest is there for its cache."""
    wanted = [name for name in ("seen", "fuzzed") if name in graph][:1]
    try:
        return comfy.post_json("/prompt", {"prompt": graph, "partial_execution_targets": wanted})
    except StatusError as refusal:
        return json.loads(refusal.body) if refusal.code == 400 else {"crash": f"status {refusal.code}"}


def _failures_of_checks(answer: dict) -> list[str]:
    """What raised an error where ComfyUI checked a job, instead of refusing it."""
    problems = [problem for refused in answer.get("node_errors", {}).values() for problem in refused["errors"]]
    raised = [problem["details"] for problem in problems if problem["type"].startswith("exception_during")]
    return raised + ([answer["crash"]] if "crash" in answer else [])


def error_of(comfy: ComfyServer, prompt_id: str, case: Case) -> dict | None:
    """How a queued case failed, as ComfyUI says it; None if it ran. Raises AssertionError where it never ends."""
    end, pause = time.monotonic() + 600, 0.01
    while prompt_id not in (history := comfy.get_json(f"/history/{prompt_id}")):
        if time.monotonic() > end:
            raise AssertionError(f"The job never ended: {case}\n{comfy.log_tail(60)}")
        time.sleep(pause)
        # Asking too often would take the processor from the jobs.
        pause = min(2 * pause, 0.3)
    messages = dict(history[prompt_id]["status"]["messages"])
    return messages.get("execution_error")


def _is_raw(error: dict) -> bool:
    if not error["node_type"].startswith("XLARD"):
        return False
    message = error["exception_message"]
    plain = error["exception_type"].rpartition(".")[2] in {name.rpartition(".")[2] for name in RAW}
    return plain or len(message.strip()) < 20 or any(word in message for word in RAW_WORDS) or not _encodable(message)


def _encodable(text: str) -> bool:
    try:
        json.dumps(text, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True
