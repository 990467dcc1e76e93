"""The key stays where it is, and names of files lead nowhere but into ComfyUI's folders: on a real server."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.support.broken_loops import broken_loop
from tests.support.chat_server import REDIRECTS, ChatServer
from tests.support.collecting import collect_graph
from tests.support.graphs import error
from tests.support.made_up_dataset import made_up
from tests.support.server_critics import KEY
from tests.support.servers import ServerWithNodes
from tests.support.training_graphs import corrector_graph, head_graph
from xlard.comfy_server.server import ComfyServer


@pytest.fixture(scope="module")
def comfyui() -> Iterator[ComfyServer]:
    running = ServerWithNodes("dataset_loader.py")
    running.variables["XLARD_API_KEY"] = KEY
    with running:
        yield running


def judged_by(url: str, model: str, **settings) -> dict:
    graph = broken_loop(1, critic=["asked", 0])
    graph["asked"] = {
        "class_type": "XLARDCriticServer",
        "inputs": {"url": url, "model": model, "retries": 0, **settings},
    }
    graph["kept"] = {"class_type": "SaveImage", "inputs": {"images": ["loop", 1], "filename_prefix": "secret"}}
    graph["files"] = {"class_type": "XLARDReport", "inputs": {"state": ["loop", 3], "filename_prefix": "secret"}}
    return graph


def written(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """All that files hold, with what stands compressed in pictures."""
    for path in folder.rglob("*"):
        if path.is_file() and "custom_nodes" not in path.parts:
            content = path.read_bytes()
            if path.suffix == ".png":
                with Image.open(io.BytesIO(content)) as picture:
                    content += json.dumps(picture.info, default=str).encode()
            yield path, content


@pytest.mark.parametrize("model", ["echo-key-in-answer", "echo-key", "echo-key-escaped", "needs-key"])
def test_the_key_is_in_no_file_picture_report_history_or_log(comfyui, server, model: str) -> None:
    graph = judged_by(server.url, model)
    result = comfyui.run(graph, on_progress=lambda *event: None)
    assert {seen["key"] for seen in server.requests()} == {f"Bearer {KEY}"}
    told = json.dumps([result.history, result.error, result.outputs, comfyui.get_json("/queue")])
    assert KEY not in told + comfyui.log()
    assert [path for path, content in written(comfyui.base) if KEY.encode() in content] == []


@pytest.mark.faults
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_neither_key_nor_picture_follows_to_another_host(comfyui, server, status: int) -> None:
    with ChatServer() as other:
        message = error(comfyui, judged_by(server.url, f"{REDIRECTS}{status} {other.url}/chat/completions"))
        assert "which is not followed" in message and KEY not in message
        assert len(server.requests()) == 1 and other.requests() == []


ELSEWHERE = [
    "http://[::ffff:10.0.0.1]:8080/v1",
    "http://0x7f000001/v1",
    "http://0177.0.0.1/v1",
    "http://2130706433/v1",
    "http://127.1/v1",
    "http://127.0.0.1./v1",
    "http://localhost./v1",
    "http://\uff11\uff12\uff17.0.0.1/v1",
    "http://127.0.0.1.nip.io/v1",
    "http://localhost@example.com/v1",
    "http://example.com\\@127.0.0.1/v1",
    "http://127.0.0.1:80@example.com/v1",
    "http://example.com#@127.0.0.1/v1",
    "http://[::1%25eth0]/v1",
    "file:///etc/passwd",
    "gopher://127.0.0.1/v1",
]


@pytest.mark.parametrize("url", ELSEWHERE)
def test_what_only_looks_like_this_machine_is_refused_before_anything_is_sent(comfyui, url: str) -> None:
    message = error(comfyui, judged_by(url, "shapes"))
    assert KEY not in message
    assert any(
        cause in message
        for cause in ("is not on this machine", "names no host", "holds a user name", "does not begin with http")
    )


LEADING_OUT = [
    "../outside",
    "..",
    "a/../../outside",
    "..\\outside",
    "/tmp/outside",
    "//server/share/outside",
    "\\\\server\\share\\outside",
    "\\\\?\\C:\\outside",
    "C:\\outside",
    "C:outside",
    "con",
    "NUL.txt",
    "a/COM1",
    "name:stream",
    "trailing. ",
    "a\x00b",
    "linked/outside",
    "~/../outside/x",
]


@pytest.fixture(scope="module")
def outside(comfyui, tmp_path_factory) -> Path:
    """A folder outside ComfyUI's, with links to it in each folder that names lead into, and a secret."""
    folder = tmp_path_factory.mktemp("outside")
    (folder / "outside").write_text("a secret prompt", encoding="utf-8")
    inside = [comfyui.base / "input", comfyui.base / "output", comfyui.base / "output" / "xlard" / "datasets"]
    inside += [comfyui.base / "models" / "xlard" / kind for kind in ("heads", "correctors")]
    for place in inside:
        place.mkdir(parents=True, exist_ok=True)
        os.symlink(folder, place / "linked", target_is_directory=True)
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory, outside) -> Path:
    folder = made_up(tmp_path_factory.mktemp("data")).folder
    (folder / "runs").mkdir()
    os.symlink(outside, folder / "runs" / "linked", target_is_directory=True)
    return folder


def graphs(data: Path, name: object) -> dict[str, dict]:
    """A graph for each input that names a file or folder; the name may be a link to another node."""
    prompts = {"source": "file", "text": "", "file": name, "how_many": 1, "seed": 0}
    report = broken_loop(0)
    report["files"] = {"class_type": "XLARDReport", "inputs": {"state": ["loop", 3], "filename_prefix": name}}
    saved_corrector = corrector_graph(data, "corrector")
    saved_corrector["save"]["inputs"]["file_name"] = name
    return {
        "prompts": {
            "prompts": {"class_type": "XLARDPrompts", "inputs": prompts},
            "shown": {"class_type": "PreviewAny", "inputs": {"source": ["prompts", 0]}},
        },
        "collect": collect_graph(name, batch=1, pictures_per_prompt=1),
        "head": head_graph(data, "head", file_name=name),
        "corrector": saved_corrector,
        "run": head_graph(data, name),
        "report": report,
    }


NAMED = ["prompts", "collect", "head", "corrector", "run", "report"]


def listing(*folders: Path) -> set[Path]:
    return {path for folder in folders for path in folder.rglob("*")}


@pytest.mark.faults
@pytest.mark.parametrize("wired", [False, True], ids=["widget", "wire"])
@pytest.mark.parametrize("named", NAMED)
def test_no_name_leads_out_of_comfyuis_folders(comfyui, outside, data, named: str, wired: bool) -> None:
    before = listing(outside, outside.parent / "outside")
    for name in LEADING_OUT if not wired else LEADING_OUT[:3] + LEADING_OUT[-2:-1]:
        graph = graphs(data, ["name", 0] if wired else name)[named]
        if wired:
            graph["name"] = {"class_type": "PrimitiveString", "inputs": {"value": name}}
        message = error(comfyui, graph)
        assert any(cause in message for cause in ("does not name anything", "cannot be stored", "leads out of")), (
            name,
            message,
        )
        assert "a secret" not in message
    assert listing(outside, outside.parent / "outside") == before
    assert not list(comfyui.base.parent.glob("outside*"))
