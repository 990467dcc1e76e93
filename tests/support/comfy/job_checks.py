"""The checks of what nodes/comfy/compat/jobs.py knows of jobs and tells the page, for compat_checks.py."""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import comfy.utils
import folder_paths
import torch
from comfy.cli_args import args
from comfy_execution.graph import DynamicPrompt
from comfy_execution.utils import CurrentNodeContext


def job_checks(jobs: Any, comfyui: Path) -> tuple[Callable[[], None], ...]:
    """The checks; ``comfyui`` is ComfyUI's folder."""

    def jobs_have_ids() -> None:
        assert jobs.running() is None, "there is a job where none runs"
        with CurrentNodeContext("job", "node"):
            assert jobs.running() == ("job", "node"), jobs.running()

    def pages_hear_of_progress() -> None:
        sent = []
        server = SimpleNamespace(client_id="page", send_progress_text=lambda *message: sent.append(message))
        # The module itself starts much that needs a running server.
        sys.modules["server"] = SimpleNamespace(PromptServer=SimpleNamespace(instance=server))
        jobs.tell_page("1", "text")
        server.client_id = None
        jobs.tell_page("2", "text")
        del sys.modules["server"]
        assert sent == [("text", "1", "page")], sent
        source = (comfyui / "server.py").read_text(encoding="utf-8")
        assert "PromptServer.instance = self" in source and "def send_progress_text(" in source

    def bars_are_parts_of_others() -> None:
        page, told = [], []
        comfy.utils.set_progress_bar_global_hook(lambda *values, **_: page.append(values))
        with CurrentNodeContext("job", "node"):
            ours = comfy.utils.ProgressBar(9)
            with jobs.bars_told_to(lambda *values: told.append(values)):
                inner = comfy.utils.ProgressBar(4)
                inner.update_absolute(1, preview="picture")
                ours.update(3)
                with CurrentNodeContext("job", "other"):
                    inner.update(3)
            comfy.utils.ProgressBar(2).update(1)
        comfy.utils.set_progress_bar_global_hook(None)
        assert told == [(1, 4, "picture")], told
        assert page == [(3, 9, None), (4, 4, None), (1, 2, None)], page

    def pictures_carry_their_workflow() -> None:
        node = SimpleNamespace(hidden=SimpleNamespace(prompt={"1": {}}, extra_pnginfo={"workflow": {}}))
        assert jobs.workflow_texts(node) == {"prompt": '{"1": {}}', "workflow": "{}"}
        args.disable_metadata = True
        carried = jobs.workflow_texts(node)
        args.disable_metadata = False
        assert not carried, carried

    def previews_have_an_end() -> None:
        from pack.nodes.comfy import result_card

        prompt = DynamicPrompt({"1": {"class_type": "PreviewImage", "inputs": {}}})
        node = SimpleNamespace(hidden=SimpleNamespace(dynprompt=prompt, unique_id="1", prompt=None, extra_pnginfo=None))
        before = folder_paths.get_temp_directory()
        with tempfile.TemporaryDirectory() as folder:
            folder_paths.set_temp_directory(folder)
            shown = [result_card.preview_files(torch.zeros(2, 8, 8, 3), node) for _ in range(70)]
            folder_paths.set_temp_directory(before)
            kept = {path.name for path in Path(folder).iterdir()}
        assert kept == {file["filename"] for files in shown[-64:] for file in files["images"]}, sorted(kept)

    return (
        jobs_have_ids,
        pages_hear_of_progress,
        bars_are_parts_of_others,
        pictures_carry_their_workflow,
        previews_have_an_end,
    )
