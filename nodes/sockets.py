"""The pack's own socket types.

``Critic`` carries a ``protocols.Judge`` or a backend, ``Claims`` a list of ``Claim``, ``Head`` and ``Corrector`` a
``ManagedModule`` or a module of torch that becomes one, ``Critique`` a list of ``Critique``, one for each picture of
the batch, ``State`` a list of ``LoopState``, ``Dataset`` a ``training.dataset.Dataset``, ``Flow`` a
``nodes.comfy.graph_loop.flow.Flow``. ``nodes.comfy.accepted`` and ``critics.registry`` check what comes.
"""

from comfy_api.latest import io

Critic = io.Custom("XLARD_CRITIC")
Claims = io.Custom("XLARD_CLAIMS")
Head = io.Custom("XLARD_HEAD")
Corrector = io.Custom("XLARD_CORRECTOR")
State = io.Custom("XLARD_STATE")
Flow = io.Custom("XLARD_FLOW")
Critique = io.Custom("XLARD_CRITIQUE")
Boxes = io.Custom("BOUNDING_BOX")
Dataset = io.Custom("XLARD_DATASET")
LossMap = io.Custom("LOSS_MAP")


def verdicts() -> tuple[io.Output, ...]:
    """What the critic says of the best pictures of a loop: score, passed, and the critique as text."""
    return (
        io.Float.Output(
            "score",
            is_output_list=True,
            tooltip=(
                "For each picture the score of its best version in [0, 1]; None where the critic gave no verdict, or "
                "has nothing to check."
            ),
        ),
        io.Boolean.Output(
            "passed",
            is_output_list=True,
            tooltip="For each picture whether every claim holds; false where there is none.",
        ),
        io.String.Output(
            "report",
            tooltip="The critique of the best pictures as text, and which words of the prompt became no claim.",
        ),
    )


def named(*outputs: io.Output) -> list[io.Output]:
    """Outputs that carry their id as label; ComfyUI shows the type of those without one, twice for two pictures."""
    for output in outputs:
        output.display_name = output.display_name or output.id
    return list(outputs)
