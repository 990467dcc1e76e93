"""Run with ComfyUI's folder and the pack's: prints as JSON what is wrong, for each check; empty where all is well."""

import importlib.util
import inspect
import json
import sys
import tempfile
import traceback
from pathlib import Path
from types import SimpleNamespace

comfyui, checkout = map(Path, sys.argv[1:3])
sys.argv = ["main.py", "--cpu"]
sys.path.insert(0, str(comfyui))

import comfy.options  # noqa: E402

comfy.options.enable_args_parsing()

import comfy.controlnet  # noqa: E402
import comfy.model_management as memory  # noqa: E402
import comfy.model_sampling  # noqa: E402
import comfy.samplers  # noqa: E402
import comfy.sd  # noqa: E402
import comfy.supported_models  # noqa: E402
import folder_paths  # noqa: E402
import torch  # noqa: E402
from comfy_api.latest import io  # noqa: E402
from comfy_execution.graph import DynamicPrompt  # noqa: E402
from torch.nn import Linear  # noqa: E402

spec = importlib.util.spec_from_file_location(
    "pack", checkout / "__init__.py", submodule_search_locations=[str(checkout)]
)
sys.modules["pack"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["pack"])

from edit_checks import edit_checks  # noqa: E402
from gradient_checks import gradient_checks  # noqa: E402
from guider_checks import guider_checks  # noqa: E402
from job_checks import job_checks  # noqa: E402
from pack.nodes.comfy import diffusers_models  # noqa: E402
from pack.nodes.comfy.compat import editing, encoders, gradients, guiders, jobs, sampling, segmenting  # noqa: E402
from pack.nodes.comfy.managed import ManagedModule  # noqa: E402
from pack.nodes.comfy.sampling import conditioning_rows as rows  # noqa: E402
from pack.xlard.worlds.shapes.architecture import PIPELINE  # noqa: E402

MODEL = diffusers_models.load_demo_model(PIPELINE)
CLIP = diffusers_models.load_demo_clip(PIPELINE)
VAE = diffusers_models.load_demo_vae(PIPELINE)
PROMPT = CLIP.encode_from_tokens_scheduled(CLIP.tokenize("a red circle"))
LATENTS = torch.zeros(1, 4, 12, 12)


def drawn(model, sigmas=None, mask=None, latents=LATENTS):
    """Three steps of the demo model, by the function under test itself."""
    sigmas = sampling.schedule_of(model, 3, "euler", "simple") if sigmas is None else sigmas
    guider = guiders.cfg_guider(model, PROMPT, PROMPT, 4.0)
    return sampling.sampled(guider, latents, [5] * len(latents), guiders.named_sampler("euler"), sigmas, mask)


def drawn_by(guider):
    """Three steps of a guider."""
    sigmas = sampling.schedule_of(MODEL, 3, "euler", "simple")
    return sampling.sampled(guider, LATENTS, [5], guiders.named_sampler("euler"), sigmas, None)


def base():
    return MODEL.model


def memory_tells_what_is_loaded():
    managed = ManagedModule(Linear(10, 10))
    assert not sampling.is_loaded_whole(managed.patcher), "a module counts as loaded before it is"
    managed.load()
    assert sampling.is_loaded_whole(managed.patcher), "a loaded module does not count as loaded"


def memory_is_freed_but_for_one_model():
    first, second = (ManagedModule(Linear(10, 10)) for _ in range(2))
    for managed in (first, second):
        managed.load()
    sampling.free_device(keep=second.patcher)
    loaded = [loaded_model.model for loaded_model in memory.current_loaded_models]
    assert second.patcher in loaded and first.patcher not in loaded, f"{len(loaded)} models are loaded"


def sigmas_are_noise_levels():
    sigmas = torch.tensor([0.25, 1.0])
    assert torch.equal(sampling.noise_levels(base().model_sampling, sigmas), sigmas), "the demo model is no flow"
    levels = sampling.noise_levels(comfy.model_sampling.ModelSamplingDiscrete(), torch.tensor([1.0, 3.0]))
    assert torch.equal(levels, torch.tensor([0.5, 0.75])), f"sigmas 1 and 3 of SD 1.5 are levels {levels.tolist()}"
    assert sampling.highest_sigma(sampling.schedule_in(base())) == 1.0


def families_have_names():
    assert sampling.architecture_of(MODEL)[0] == "BaseModel", sampling.architecture_of(MODEL)
    config = object.__new__(comfy.supported_models.ZImage)
    config.unet_config = {"context_in_dim": 7}
    named = sampling.architecture_of(SimpleNamespace(model=SimpleNamespace(model_config=config)))
    assert named == ("ZImage", 7), named


def calls_are_counted():
    model, calls = MODEL.clone(), []
    sampling.add_call_hook(model, lambda: calls.append(1))
    drawn(model)
    assert len(calls) == 3, f"{len(calls)} calls in 3 steps"


def predictions_are_replaced():
    model, levels = MODEL.clone(), []

    def change(inner, denoised, sigmas):
        levels.append(sampling.noise_levels(inner.model_sampling, sigmas).max().item())
        latents = sampling.decodable(inner, denoised)
        assert torch.allclose(sampling.undecodable(inner, latents), denoised, atol=1e-5), "the latent format changed"
        return torch.ones_like(denoised)

    sampling.add_x0_hook(model, change)
    latents = drawn(model)
    assert len(levels) == 3 and levels[0] > levels[-1] > 0, levels
    assert torch.allclose(sampling.undecodable(base(), latents), torch.ones_like(latents)), "the change had no effect"
    sampling.add_x0_hook(model, lambda inner, denoised, sigmas: 3 * denoised)
    latents = sampling.undecodable(base(), drawn(model))
    assert torch.allclose(latents, torch.full_like(latents, 3)), "a later change comes before an earlier one"


def samplers_are_stopped():
    model, seen = MODEL.clone(), {}

    def steps_in_two(inner, noisy, sigmas, extra_args, callback, disable, **options):
        seen["schedule"] = sampling.base_model(inner).model_sampling
        seen["prediction"] = inner(noisy, sigmas[0].expand(len(noisy)), **extra_args)
        noisy = seen["steps"](inner, noisy, sigmas[:2], extra_args=extra_args, callback=callback, disable=disable)
        return seen["steps"](inner, noisy, sigmas[1:], extra_args=extra_args, callback=callback, disable=disable)

    def change(model_sampling, sampler, sigmas):
        seen["steps"], seen["sigmas"] = sampling.steps_of(sampler), sigmas
        return sampling.with_steps(sampler, steps_in_two)

    sampling.add_sampler_hook(model, change)
    assert torch.equal(drawn(model), drawn(MODEL)), "two runs of a sampler are not the same as one"
    assert len(seen["sigmas"]) == 4 and hasattr(seen["schedule"], "sigma_max")
    assert seen["prediction"].shape == LATENTS.shape
    assert sampling.steps_of(comfy.samplers.Sampler()) is None, "a sampler without steps has some"


def modules_are_loaded_with_a_model():
    model, companion, loads = MODEL.clone(), ManagedModule(Linear(10, 10)), []
    sampling.load_together(model, "test", [companion.patcher], lambda: loads.append(1))
    drawn(model)
    assert loads, "nothing is called before a model is loaded"
    assert any(loaded.model is companion.patcher for loaded in memory.current_loaded_models), "it is not loaded"


def noise_is_scaled():
    sigma, values = torch.tensor([0.25]), torch.ones(1, 4, 2, 2)
    assert torch.equal(sampling.share_of_latent(base(), sigma, values), 0.75 * values), "of a latent"
    assert torch.equal(sampling.share_of_noise(base(), sigma, values), 0.25 * values), "of noise"


def masks_fit_latents():
    mask = sampling.mask_like(torch.ones(1, 96, 96), LATENTS)
    assert mask.shape[-2:] == LATENTS.shape[-2:] and len(mask) == 1, mask.shape
    half = torch.zeros(1, 1, 12, 12)
    half[..., 6:] = 1
    start = torch.rand(1, 4, 12, 12)
    latents = drawn(MODEL, mask=half, latents=start)
    assert torch.allclose(latents[..., :6], start[..., :6], atol=1e-5), "outside of the mask the latent changed"
    assert not torch.allclose(latents[..., 6:], start[..., 6:]), "inside of the mask nothing changed"


def masks_are_replaced():
    model, levels = MODEL.clone(), []

    def closed_late(model_sampling, sigma, mask):
        levels.append(sampling.noise_levels(model_sampling, sigma).max().item())
        return mask * (levels[-1] < 0.5)

    def doubled(sigma, mask, extra_options):
        return mask * 2

    model.set_model_denoise_mask_function(doubled)
    sampling.add_mask_hook(model, closed_late)
    start = torch.rand(1, 4, 12, 12)
    drawn(model, mask=torch.full((1, 1, 12, 12), 0.5), latents=start)
    assert len(levels) == 3 and levels[0] == 1 and levels[-1] < 0.5, levels
    sampling.add_mask_hook(model, lambda model_sampling, sigma, mask: mask * 0)
    assert torch.allclose(drawn(model, mask=torch.ones(1, 1, 12, 12), latents=start), start, atol=1e-5), "no effect"


def empty_latents_fit_the_model():
    assert sampling.fitted_samples(MODEL, {}, torch.zeros(1, 16, 12, 12)).shape == (1, 4, 12, 12)
    parameters = inspect.signature(comfy.sample.fix_empty_latent_channels).parameters
    ratios = {"downscale_ratio_spacial": 8} if "downscale_ratio_spacial" in parameters else {}
    assert sampling.fitted_samples(MODEL, ratios, LATENTS).shape == LATENTS.shape


def schedules_are_those_of_ksampler():
    sigmas = sampling.schedule_of(MODEL, 3, "euler", "simple")
    assert len(sigmas) == 4 and sigmas[0] == 1 and sigmas[-1] == 0, sigmas.tolist()


def pictures_have_their_seeds():
    two = drawn(MODEL, latents=torch.zeros(2, 4, 12, 12))
    assert torch.allclose(two[0], two[1], atol=1e-5), "two pictures of one seed differ"
    assert not torch.allclose(two[0], torch.zeros(4, 12, 12))


def graphs_can_be_read_and_grown():
    prompt = DynamicPrompt(
        {
            "1": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "unknown": 1}},
            "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
        }
    )
    prompt.add_ephemeral_node("1.0", {"class_type": "EmptyLatentImage", "inputs": {}}, "1", "1")
    job = jobs.JobGraph(SimpleNamespace(hidden=SimpleNamespace(dynprompt=prompt, unique_id="2")))
    assert set(job.ids()) == {"1", "2", "1.0"} and job.own_id == "2"
    assert (job.kind("2"), job.inputs("2")) == ("PreviewImage", {"images": ["1", 0]})
    assert (job.parent("1"), job.parent("1.0"), job.shown_as("1.0")) == (None, "1", "1")
    assert (job.settings("1"), job.settings("2")) == ({"width": 64}, {}), "which inputs are settings"
    assert job.is_output("2") and not job.is_output("1"), "which nodes are outputs"
    assert jobs.is_link(["1", 0]) and not jobs.is_link(64)
    graph = jobs.GraphBuilder()
    copy = graph.node("EmptyLatentImage", "0", width=64)
    copy.set_override_display_id("1")
    copy.set_input("height", 64)
    ((_, node),) = graph.finalize().items()
    assert node["inputs"] == {"width": 64, "height": 64} and node["override_display_id"] == "1", node
    assert jobs.is_link(copy.out(0)), "an output of a new node is no link"
    assert jobs.ExecutionBlocker("why").message == "why"


def nodes_know_their_outputs():
    class Node(io.ComfyNode):
        @classmethod
        def define_schema(cls):
            outputs = [io.Int.Output("first"), io.Int.Output("second")]
            return io.Schema(
                node_id="Node", inputs=[], outputs=outputs, hidden=[io.Hidden.dynprompt, io.Hidden.unique_id]
            )

        @classmethod
        def execute(cls):
            return io.NodeOutput(1, 2)

    assert jobs.output_count(Node) == 2


def folders_are_listed():
    with tempfile.TemporaryDirectory() as folder:
        for name in ("a.safetensors", "b.txt"):
            (Path(folder) / name).touch()
        jobs.add_folder("xlard_test", Path(folder), ".safetensors")
        assert folder_paths.get_filename_list("xlard_test") == ["a.safetensors"]


def text_encoders_are_told_apart():
    assert not encoders.encoder_writes(CLIP), "the demo world's text encoder cannot write"
    assert not encoders.encoder_sees(CLIP) and not encoders.thinks_first(CLIP)
    from comfy.text_encoders import llama

    assert hasattr(llama.Qwen25_7BVLI, "preprocess_embed"), "Qwen2.5-VL takes pictures by another name"
    assert encoders.can_write(CLIP) == hasattr(comfy.sd.CLIP, "generate")


def text_encoders_write():
    if not encoders.can_write(CLIP):
        return
    parameters = set(inspect.signature(comfy.sd.CLIP.generate).parameters)
    used = {"do_sample", "max_length", "temperature", "top_k", "top_p", "min_p", "repetition_penalty", "seed"}
    assert used <= parameters, f"CLIP.generate lacks {used - parameters}"
    assert hasattr(comfy.sd.CLIP, "decode"), "CLIP.decode is gone"
    from comfy.text_encoders import llama

    config = llama.Qwen25_7BVLI_Config()
    assert hasattr(config, "final_norm") and hasattr(llama.Qwen3_8BConfig(), "stop_tokens"), "the configs changed"


def words_have_probabilities():
    if not encoders.can_write(CLIP):
        return
    from comfy.text_encoders import llama

    generate = inspect.getsource(llama.BaseGenerate.generate)
    assert "self.logits(x)" in generate, "generate no longer asks logits() for the states of all tokens"


def hints_can_be_split():
    first, second = (comfy.controlnet.ControlNet(Linear(1, 1)) for _ in range(2))
    for control in (first, second):
        control.set_cond_hint(torch.rand(2, 3, 8, 8), extra_concat=[torch.rand(2, 1, 8, 8)])
    second.set_previous_controlnet(first)
    split = sampling.control_with_hints(second, lambda hint: hint[1:])
    assert split is not second and split.previous_controlnet is not first, "the ControlNets are not copied"
    for before, after in zip(sampling.control_chain(second), sampling.control_chain(split)):
        assert torch.equal(after.cond_hint_original, before.cond_hint_original[1:]), "hints are not split"
        assert [len(extra) for extra in after.extra_concat_orig] == [1], "masks of hints are not split"
        assert len(before.cond_hint_original) == 2, "the artist's own ControlNet is changed"


def conditionings_are_split():
    beside = {
        "pooled_output": torch.rand(2, 4),
        "reference_latents": [torch.rand(2, 4, 1, 1), torch.rand(1, 4, 1, 1)],
        "t5xxl_ids": torch.arange(20),
        "strength": 1.0,
    }
    stacked = [[torch.rand(2, 3, 4), beside]]
    assert rows.conditioning_of_rows(stacked, [0, 1, 2, 3], 4) is stacked, "all rows are split, too"
    ((embedding, options),) = rows.conditioning_of_rows(stacked, [1, 3], 4)
    # ComfyUI repeats two prompts for four pictures.
    assert torch.equal(embedding, stacked[0][0][[1, 1]]), "embeddings"
    assert torch.equal(options["pooled_output"], beside["pooled_output"][[1, 1]]), "what stands beside an embedding"
    shared, single = options["reference_latents"]
    assert len(shared) == 2 and len(single) == 1, "lists"
    assert len(options["t5xxl_ids"]) == 20, "what has a number for each token is no stack (Anima)"


def tokens_have_names():
    tokens = CLIP.tokenize("a red circle")
    (batches,) = encoders.token_lists(tokens).values()
    names = [encoders.token_name(CLIP, "l", token[0]) for token in batches[0]]
    assert "red" in names and "circle" in names, names
    assert not encoders.holds_picture(tokens) and encoders.token_name(CLIP, "l", {"type": "image"}) is None
    assert encoders.weight_bytes(CLIP) > 0
    assert encoders.token_lists(encoders.tokens_with_picture(CLIP, "a red circle", None)), "no tokens"


def vaes_tell_their_latents():
    assert encoders.vae_shape(VAE) == (4, False), encoders.vae_shape(VAE)


def boxes_have_masks():
    source = comfyui / "comfy_extras" / "nodes_sam3.py"
    if not source.exists():
        assert segmenting.sam3_missing(MODEL).startswith("This ComfyUI has no SAM 3")
        return
    text = source.read_text(encoding="utf-8")
    for part in ('"SAM3_Detect"', "def execute(cls, model, image,", "bboxes=None", "individual_masks=False"):
        assert part in text, part
    assert "forward_segment(frame, box_inputs=" in text and "NodeOutput(mask_out" in text


def models_are_built_from_weights():
    assert drawn(MODEL).shape == LATENTS.shape
    assert PROMPT[0][0].shape[-1] == 128, PROMPT[0][0].shape
    assert VAE.decode(LATENTS).shape[-3:] == (96, 96, 3)
    assert type(MODEL.get_model_object("latent_format")).__name__ == "_DemoLatents", "datasets hold this name"


CHECKS = (
    memory_tells_what_is_loaded,
    memory_is_freed_but_for_one_model,
    sigmas_are_noise_levels,
    families_have_names,
    calls_are_counted,
    predictions_are_replaced,
    *guider_checks(guiders, sampling, MODEL, lambda: diffusers_models.load_demo_model(PIPELINE), CLIP),
    *edit_checks(editing, MODEL, CLIP, VAE, drawn_by),
    samplers_are_stopped,
    *gradient_checks(gradients, guiders, sampling, MODEL, PROMPT, LATENTS),
    modules_are_loaded_with_a_model,
    noise_is_scaled,
    masks_fit_latents,
    masks_are_replaced,
    empty_latents_fit_the_model,
    schedules_are_those_of_ksampler,
    pictures_have_their_seeds,
    *job_checks(jobs, comfyui),
    graphs_can_be_read_and_grown,
    nodes_know_their_outputs,
    folders_are_listed,
    text_encoders_are_told_apart,
    text_encoders_write,
    words_have_probabilities,
    hints_can_be_split,
    conditionings_are_split,
    tokens_have_names,
    vaes_tell_their_latents,
    boxes_have_masks,
    models_are_built_from_weights,
)


def outcome(check) -> str:
    """What a check says is wrong."""
    try:
        with torch.inference_mode():
            check()
    except Exception as error:
        line = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {error} ({Path(line.filename).name}:{line.lineno}: {line.line})"
    return ""


print(json.dumps({check.__name__: outcome(check) for check in CHECKS}))
