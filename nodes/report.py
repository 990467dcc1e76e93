"""The loop's report as files."""

from __future__ import annotations

from pathlib import Path

import folder_paths
from comfy_api.latest import io, ui

from ..xlard.report.write import write_report
from . import inputs, sockets
from .comfy import folders
from .comfy.accepted import as_finished_states
from .comfy.compat.jobs import workflow_texts


class XLARDReport(io.ComfyNode):
    """A picture and a page of what the loop did."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDReport",
            display_name="xLARD Report",
            category="xLARD/loop",
            **inputs.search_aliases("before and after", "history", "compare"),
            is_output_node=True,
            description=(
                "Saves a before/after picture that carries the workflow, a self-contained HTML page of every round and "
                "the history as JSON to the output folder."
            ),
            inputs=[
                sockets.State.Input("state", tooltip="The state that xLARD Self-Correct returns."),
                io.String.Input(
                    "filename_prefix",
                    default="xLARD/report",
                    tooltip="Folder and name in the output folder; a number is appended.",
                ),
            ],
            outputs=sockets.named(
                io.String.Output("html_path", tooltip="Where the page was saved."),
                io.String.Output(
                    "history_path",
                    tooltip="Where the history was saved: every round of each picture as JSON, for scripts.",
                ),
            ),
            hidden=[io.Hidden.prompt, io.Hidden.extra_pnginfo],
        )

    @classmethod
    def execute(cls, state: object, filename_prefix: str) -> io.NodeOutput:
        folders.inside(Path(folder_paths.get_output_directory()), filename_prefix)
        folder, name, _, subfolder, _ = folder_paths.get_save_image_path(
            filename_prefix, folder_paths.get_output_directory()
        )
        free_name = _free_name(Path(folder), name)
        files = write_report(as_finished_states(state), Path(folder), free_name, workflow_texts(cls))
        picture, page = (
            ui.SavedResult(file.name, subfolder, io.FolderType.output) for file in (files.picture, files.html)
        )
        return io.NodeOutput(str(files.html), str(files.history), ui={"images": [picture], "html": [page]})


def _free_name(folder: Path, name: str) -> str:
    # get_save_image_path counts only files called name_00001_.png; a page must not replace an older page either.
    numbered = (f"{name}_{number:05}" for number in range(1, 100000))
    return next(
        free_name
        for free_name in numbered
        if not any((folder / f"{free_name}.{ending}").exists() for ending in ("html", "png", "json"))
    )
