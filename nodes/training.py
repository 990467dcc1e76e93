"""Nodes that train reward heads and correctors for the artist's own checkpoint, and save them."""

from __future__ import annotations

from comfy_api.latest import io

from ..xlard.training.registry import objective_names, objective_specs
from . import inputs, sockets
from .comfy import folders
from .comfy.accepted import as_corrector, as_dataset, as_head, optional_head
from .comfy.training.runs import save, trained_corrector, trained_head


def _settings(learning_rate: float, name: str) -> list[io.Input]:
    """What both trainings ask for."""
    return [
        io.Int.Input(
            "steps",
            default=2000,
            min=1,
            max=1_000_000,
            tooltip="Steps of the training. A finished run can be given more of them.",
        ),
        io.Int.Input(
            "batch_size",
            default=32,
            min=1,
            max=4096,
            tooltip="Latents in a step. Halve it if the GPU runs out of memory.",
        ),
        io.Float.Input(
            "learning_rate",
            default=learning_rate,
            min=1e-6,
            max=1.0,
            step=1e-4,
            round=1e-7,
            tooltip=(
                "Highest learning rate of AdamW; it rises for a tenth of the steps, then falls to nothing. Lower it if "
                "the loss jumps."
            ),
        ),
        io.Int.Input(
            "width",
            default=128,
            min=32,
            max=1024,
            step=32,
            tooltip="Width of the transformer: a wider one learns more from many pictures, and overfits to few.",
        ),
        io.Int.Input("layers", default=4, min=1, max=24, tooltip="Blocks of the transformer."),
        inputs.seed("Seed of the first weights, of the batches, and of which prompts are kept out of training."),
        io.String.Input(
            "name",
            default=name,
            tooltip=(
                "Name of the run. Its state is kept in runs/<name> in the dataset's folder: a run that was cancelled "
                "goes on from there. Other settings or more pictures need another name."
            ),
        ),
    ]


_RESULTS = (
    io.Image.Output(
        "plot", tooltip="Loss over the steps: in training, and on prompts that are kept out, with the best ringed."
    ),
    io.String.Output(
        "report", tooltip="What was measured on prompts that were kept out, and what that says about trusting it."
    ),
)


class XLARDTrainHead(io.ComfyNode):
    """A reward head from collected pictures."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDTrainHead",
            display_name="xLARD Train Reward Head",
            category="xLARD/training",
            **inputs.search_aliases("reward model", "learn", "fit"),
            description=(
                "Trains a reward head on a dataset: it learns to tell from a latent what the critic would say of its"
                " picture. Cancel and queue again to go on later."
            ),
            inputs=[
                sockets.Dataset.Input("dataset", tooltip="Collected pictures of the checkpoint that the head is for."),
                *_settings(1e-3, "head"),
            ],
            outputs=sockets.named(
                sockets.Head.Output("head", tooltip="The head, for xLARD Save Reward Head or for direct use."),
                sockets.LossMap.Output("loss", tooltip="The training loss, for ComfyUI's Plot Loss Graph."),
                *_RESULTS,
            ),
        )

    @classmethod
    def execute(
        cls,
        dataset: object,
        steps: int,
        batch_size: int,
        learning_rate: float,
        width: int,
        layers: int,
        seed: int,
        name: str,
    ) -> io.NodeOutput:
        # Imported late: training is no part of ComfyUI's start.
        from ..xlard.training.settings import TrainingSettings

        settings = TrainingSettings(steps, batch_size, learning_rate, width, layers, seed)
        return io.NodeOutput(*trained_head(as_dataset(dataset), settings, name))


class XLARDTrainCorrector(io.ComfyNode):
    """A corrector from collected pictures."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDTrainCorrector",
            display_name="xLARD Train Corrector",
            category="xLARD/training",
            **inputs.search_aliases("repair model", "learn", "fit"),
            description=(
                "Trains a corrector on a dataset: it learns to move the model's predictions towards pictures that the"
                " critic passed, or whose claims hold. Cancel and queue again to go on later."
            ),
            inputs=[
                sockets.Dataset.Input(
                    "dataset", tooltip="Collected pictures of the checkpoint that the corrector is for."
                ),
                io.Combo.Input(
                    "way",
                    display_name="objective",
                    options=list(objective_names()),
                    default="drafting",
                    tooltip=" ".join(f"{spec.name}: {spec.tooltip}" for spec in objective_specs()),
                ),
                sockets.Head.Input(
                    "head",
                    optional=True,
                    tooltip=(
                        "A head trained for this checkpoint: the path-wise objective needs it; drafting, mending and "
                        "minimal_repair begin with what it has learnt of reading latents."
                    ),
                ),
                io.Float.Input(
                    "trust_region",
                    default=2.0,
                    min=0.01,
                    max=4.0,
                    step=0.01,
                    tooltip=(
                        "Largest correction, relative to the size of the latent; part of the corrector's file. "
                        "drafting replaces what was drawn and needs 2; for distillation take 0.7, for mending 0.3."
                    ),
                ),
                inputs.noise_level(
                    "sigma_start",
                    "noise_level_start",
                    "Highest noise level that it is to correct at, with drafting and minimal_repair: that it learns "
                    "from; the dataset must hold predictions there. For distillation take 1.",
                    default=0.75,
                ),
                inputs.noise_level(
                    "sigma_end",
                    "noise_level_end",
                    "Lowest noise level that it is to correct at; with drafting and minimal_repair the one at which "
                    "it acts. For distillation take 0.9: on the demo world it broke more pictures below.",
                    default=0.5,
                ),
                io.Float.Input(
                    "learns_until",
                    default=0.5,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Lowest noise level that it learns from: more levels are more to learn from.",
                ),
                io.Float.Input(
                    "emphasis",
                    default=0.0,
                    min=0.0,
                    max=10.0,
                    step=0.1,
                    tooltip=(
                        "distillation: how far to go beyond the average of what passed, away from the average of "
                        "everything; 0 is that average. The other objectives do not use it."
                    ),
                ),
                *_settings(1e-3, "corrector"),
                io.Float.Input(
                    "reward_threshold",
                    default=0.6,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    optional=True,
                    tooltip=(
                        "drafting and minimal_repair: with a head beside it the corrector only changes pictures whose "
                        "predicted reward is below this; part of its file. Lower breaks fewer right pictures and "
                        "corrects fewer wrong ones."
                    ),
                ),
                io.Boolean.Input(
                    "moves_noise",
                    default=False,
                    optional=True,
                    tooltip=(
                        "drafting: without a head beside it the corrector also moves the noise before the first step,"
                        " for one model call more; part of its file."
                    ),
                ),
            ],
            outputs=sockets.named(
                sockets.Corrector.Output(
                    "corrector", tooltip="The corrector, for xLARD Save Corrector or for direct use."
                ),
                sockets.LossMap.Output("loss", tooltip="The training loss, for ComfyUI's Plot Loss Graph."),
                *_RESULTS,
            ),
        )

    @classmethod
    def execute(
        cls,
        dataset: object,
        way: str,
        trust_region: float,
        sigma_start: float,
        sigma_end: float,
        learns_until: float,
        emphasis: float,
        steps: int,
        batch_size: int,
        learning_rate: float,
        width: int,
        layers: int,
        seed: int,
        name: str,
        head: object | None = None,
        reward_threshold: float = 0.6,
        moves_noise: bool = False,
    ) -> io.NodeOutput:
        from ..xlard.training.settings import CorrectorSettings, TrainingSettings

        goal = CorrectorSettings(
            way, trust_region, sigma_start, sigma_end, learns_until, emphasis, reward_threshold, moves_noise=moves_noise
        )
        settings = TrainingSettings(steps, batch_size, learning_rate, width, layers, seed)
        return io.NodeOutput(*trained_corrector(as_dataset(dataset), goal, settings, name, optional_head(head)))


def _saving(folder: str) -> list[io.Input]:
    return [
        io.String.Input(
            "file_name",
            default="my_checkpoint",
            tooltip=f"Name of the file in models/xlard/{folder}; a / makes a folder there.",
        ),
        io.Boolean.Input(
            "overwrite", default=False, tooltip="Replace a file of this name. Off: a number is appended to the name."
        ),
    ]


class XLARDSaveHead(io.ComfyNode):
    """A reward head to a file."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDSaveHead",
            display_name="xLARD Save Reward Head",
            category="xLARD/training",
            **inputs.search_aliases("export", "reward model"),
            is_output_node=True,
            description="Saves a reward head, with what it was trained for and its figures, to models/xlard/heads.",
            inputs=[sockets.Head.Input("head", tooltip="The head to save."), *_saving("heads")],
            outputs=sockets.named(io.String.Output("path", tooltip="Where it was saved.")),
        )

    @classmethod
    def execute(cls, head: object, file_name: str, overwrite: bool) -> io.NodeOutput:
        return io.NodeOutput(str(save(as_head(head), folders.HEADS, file_name, overwrite)))


class XLARDSaveCorrector(io.ComfyNode):
    """A corrector to a file."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDSaveCorrector",
            display_name="xLARD Save Corrector",
            category="xLARD/training",
            **inputs.search_aliases("export", "repair model"),
            is_output_node=True,
            description="Saves a corrector, with what it was trained for and its figures, to models/xlard/correctors.",
            inputs=[sockets.Corrector.Input("corrector", tooltip="The corrector to save."), *_saving("correctors")],
            outputs=sockets.named(io.String.Output("path", tooltip="Where it was saved.")),
        )

    @classmethod
    def execute(cls, corrector: object, file_name: str, overwrite: bool) -> io.NodeOutput:
        return io.NodeOutput(str(save(as_corrector(corrector), folders.CORRECTORS, file_name, overwrite)))
