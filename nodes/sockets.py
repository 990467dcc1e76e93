"""The pack's own socket types.

``Critic`` carries a ``protocols.Judge`` or a backend, ``Claims`` a list of ``Claim``, ``Head`` and ``Corrector`` a
``ManagedModule`` or a module of torch that becomes one, ``Critique`` a list of ``Critique``, one for each picture of
the batch, ``State`` a list of ``LoopState``, ``Dataset`` a ``training.dataset.Dataset``, ``Flow`` a
``nodes.comfy.graph_loop.flow.Flow``, ``EditModel`` a ``protocols.Editor``, ``FillModel`` a ``protocols.Filler``,
``SecondModel`` a ``nodes.comfy.sampling.second_model.SecondModel``. ``nodes.comfy.accepted`` and ``critics.registry``
check what comes.
"""

from comfy_api.latest import io

Critic = io.Custom("XLARD_CRITIC")
Claims = io.Custom("XLARD_CLAIMS")
Head = io.Custom("XLARD_HEAD")
Corrector = io.Custom("XLARD_CORRECTOR")
State = io.Custom("XLARD_STATE")
Flow = io.Custom("XLARD_FLOW")
Critique = io.Custom("XLARD_CRITIQUE")
EditModel = io.Custom("XLARD_EDIT_MODEL")
FillModel = io.Custom("XLARD_FILL_MODEL")
SecondModel = io.Custom("XLARD_SECOND_MODEL")
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


def judgement() -> list[io.Output]:
    """What a node that judges pictures gives. Saved workflows hold outputs by place: new ones go to the end."""
    return named(
        Critique.Output("critique", tooltip="The critique of each picture, for other xLARD nodes."),
        io.Image.Output(
            "annotated", tooltip="Each picture with boxes, beside a card of its claims, ticked or crossed."
        ),
        Boxes.Output(
            "boxes",
            tooltip=(
                "The objects that the critic sees, one list for each picture: x, "
                "y, width, height in pixels, label, score."
            ),
        ),
        io.Mask.Output("mask", tooltip="What is wrong: 1 inside the boxes of objects that failed claims rest on."),
        io.Float.Output(
            "score",
            is_output_list=True,
            tooltip=(
                "For each picture the weighted mean of its claims' scores, in [0, 1]; None where "
                "the critic gave no verdict, or has nothing to check."
            ),
        ),
        io.Boolean.Output(
            "passed",
            is_output_list=True,
            tooltip="For each picture whether every claim holds; false where there is none.",
        ),
        io.String.Output("report", tooltip="The critiques as text, and which words of the prompt became no claim."),
        io.Mask.Output(
            "object_masks",
            tooltip=(
                "A mask for each object, in the order of boxes, those of the first picture first: what the critic or "
                "segmenter gave, or else the inside of the object's box. Empty where no object is seen."
            ),
        ),
    )


def named(*outputs: io.Output) -> list[io.Output]:
    """Outputs that carry their id as label; ComfyUI shows the type of those without one, twice for two pictures."""
    for output in outputs:
        output.display_name = output.display_name or output.id
    return list(outputs)
