"""Critics of well-known architectures, by their own processors and chat templates; and folders that hold no critic."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
import torch

from tests.support.architectures import ARCHITECTURES
from tests.support.graphs import demo_graph, shown, text
from xlard.claims import Claim, color_claim, count_claim
from xlard.critics import questions
from xlard.critics.backend import Ask, CriticError, Sampling
from xlard.critics.boxes import convention_of
from xlard.critics.folder import CriticFolder
from xlard.critics.mllm import MLLMCritic
from xlard.critics.scoring import SCORINGS
from xlard.critics.transformers import TransformersBackend, loaded_backend

pytestmark = pytest.mark.model

NAMES = list(ARCHITECTURES)

_PIXELS = torch.Generator().manual_seed(3)
WIDE, SMALL = torch.rand(200, 300, 3, generator=_PIXELS), torch.rand(64, 64, 3, generator=_PIXELS)
SHORT = "Is there a circle?"
LONG = "Is there a red circle left of the two blue squares, or is it a green triangle that stands there?"


class Stop(Exception):
    """What ComfyUI raises when the artist cancels."""


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """The models are so small that threads mostly wait for one another."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Callable[[str], Path]:
    """The folder of an architecture's tiny model, made at its first use."""
    base = tmp_path_factory.mktemp("critics")
    return cache(lambda name: ARCHITECTURES[name].save(base / name))


@pytest.fixture(scope="session", params=NAMES)
def critic(request, folder) -> TransformersBackend:
    """Each architecture in turn, in fp32."""
    return loaded_backend(CriticFolder(folder(request.param), "fp32"), max_tokens=8)


@pytest.fixture(autouse=True)
def every_word_counts(monkeypatch) -> None:
    """Random models hardly ever say yes or no."""
    monkeypatch.setattr("xlard.critics.yes_no.LEAST_LIKELY", 0.0)


def test_a_model_that_says_neither_yes_nor_no_gives_no_probability(critic, monkeypatch):
    monkeypatch.setattr("xlard.critics.yes_no.LEAST_LIKELY", 0.5)
    assert critic.probability_of_yes([Ask(SHORT, WIDE)]) == [None]
    (verdict,) = MLLMCritic(critic, SCORINGS["P(yes)"]).judge(WIDE[None], [[count_claim("circle", 2)]])[0].verdicts
    assert verdict.score is None and "neither yes nor no" in verdict.reason


def conversation(critic: TransformersBackend, ask: Ask) -> str:
    """What the model reads, special tokens included."""
    return critic.folder.processor.tokenizer.decode(critic._inputs([ask], [""])["input_ids"][0])


def both(monkeypatch, critic: TransformersBackend, call: Callable[[], list[float]]) -> tuple[list[float], list[float]]:
    """What a call gives with and without reused prefixes."""
    monkeypatch.setattr(critic, "reuse_prefix", True)
    reused = call()
    monkeypatch.setattr(critic, "reuse_prefix", False)
    return reused, call()


def test_each_ask_of_a_batch_gets_the_answer_that_it_gets_alone(critic):
    asks = [Ask(SHORT, WIDE), Ask(LONG, SMALL), Ask(LONG, WIDE)]
    together = critic.answer(asks)
    alone = [critic.answer([ask])[0] for ask in asks]
    assert [answer.text for answer in together] == [answer.text for answer in alone]
    assert [answer.confidence for answer in together] == pytest.approx(
        [answer.confidence for answer in alone], rel=1e-3
    )
    assert all(0 <= answer.confidence <= 1 for answer in together)


def test_picture_and_question_change_what_the_model_says(critic):
    """Otherwise the other tests would show nothing."""
    asks = [Ask(SHORT, WIDE), Ask(SHORT, 1 - WIDE), Ask(LONG, WIDE), Ask(SHORT)]
    values = critic.probability_of_yes(asks)
    assert all(abs(values[0] - value) > 1e-3 for value in values[1:])


def test_the_system_sentence_stands_once_before_the_question_and_the_text_begins_once(critic):
    for image in (WIDE, None):
        read = conversation(critic, Ask(SHORT, image))
        begins = critic.folder.processor.tokenizer.bos_token
        assert read.count(questions.SYSTEM) == 1 and read.count(SHORT) == 1
        assert read.index(questions.SYSTEM) < read.index(SHORT)
        assert begins is None or not read.startswith(begins * 2)


@pytest.mark.parametrize(
    "template",
    [
        "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}",
        "{% set messages = messages | rejectattr('role', 'equalto', 'system') | list %}",
    ],
)
def test_a_template_without_system_role_gets_the_sentence_in_the_question(critic, monkeypatch, template):
    processor = critic.folder.processor
    turns = "{% for m in messages %}{% for part in m.content %}{{ part.text }}{% endfor %}{% endfor %}"
    monkeypatch.setattr(processor, "chat_template", template + turns)
    assert f"{questions.SYSTEM} {SHORT}" in conversation(critic, Ask(SHORT))


@pytest.mark.parametrize("code", ["cycler.__init__.__globals__.os.mkdir", "lipsum.__globals__['os'].mkdir"])
def test_a_template_of_a_folder_runs_no_code(critic, monkeypatch, tmp_path, code):
    made = tmp_path / "made"
    monkeypatch.setattr(critic.folder.processor, "chat_template", f"{{{{ {code}('{made.as_posix()}') }}}}")
    with pytest.raises(Exception, match="unsafe"):
        critic.answer([Ask(SHORT)])
    assert not made.exists()


def test_a_second_turn_holds_the_whole_conversation_and_one_picture(critic):
    ask = Ask("Look again.", WIDE, turns=((SHORT, "I see two squares."),))
    read, first = conversation(critic, ask), conversation(critic, Ask(SHORT, WIDE))
    places = [read.index(phrase) for phrase in (questions.SYSTEM, SHORT, "I see two squares.", "Look again.")]
    assert places == sorted(places)
    assert read.startswith(first[: first.index(SHORT)])
    assert critic.answer([ask])[0].confidence > 0


def test_questions_without_a_picture_are_answered_among_those_with_one(critic, monkeypatch):
    without_picture = [Ask("Say yes."), Ask(LONG), Ask(SHORT)]
    alone, before = critic.answer(without_picture[:1])[0].text, critic.probability_of_yes(without_picture)
    answers = critic.answer([Ask(SHORT, WIDE), without_picture[0], Ask(LONG, SMALL)])
    assert answers[1].text == alone
    # Qwen's models remember positions from the last call.
    mixed = [Ask(SHORT, WIDE), Ask(LONG, WIDE), *without_picture]
    reused, whole = both(monkeypatch, critic, lambda: critic.probability_of_yes(mixed)[2:])
    assert reused == pytest.approx(before, abs=1e-4) and whole == pytest.approx(before, abs=1e-4)


def test_probability_of_yes_is_the_same_with_and_without_reused_prefixes(critic, monkeypatch):
    asks = [
        Ask(SHORT, WIDE),
        Ask(LONG, WIDE),
        Ask("Is it?", WIDE),
        Ask(SHORT, SMALL),
        Ask(LONG, SMALL),
        Ask(LONG, WIDE),
    ]
    reused, whole = both(monkeypatch, critic, lambda: critic.probability_of_yes(asks))
    assert all(0 < value < 1 for value in whole)
    assert reused == pytest.approx(whole, abs=1e-3)


def test_log_likelihood_is_the_same_with_and_without_reused_prefixes(critic, monkeypatch):
    asks = [Ask(SHORT, WIDE), Ask(LONG, WIDE), Ask(LONG, SMALL)]
    texts = ["a red circle", "yes", "It is a green triangle and two blue squares."]
    reused, whole = both(monkeypatch, critic, lambda: critic.log_likelihood(asks, texts))
    assert all(math.isfinite(value) and value < 0 for value in whole)
    assert reused == pytest.approx(whole, abs=1e-3)


def test_a_template_that_puts_the_picture_last_shares_no_picture(critic, monkeypatch):
    usual = critic._text(Ask(SHORT, WIDE))
    marks = ("<|vision_start|><|image_pad|><|vision_end|>", "<start_of_image>", "<IMG_CONTEXT>", "<image>")
    picture = next(mark for mark in marks if mark in usual)
    monkeypatch.setattr(
        critic.folder.processor,
        "chat_template",
        (
            "{% for m in messages %}{% for part in m.content %}{{ part.text }}{% endfor %}"
            "{% for part in m.content if part.type == 'image' %}" + picture + "{% endfor %} {% endfor %}"
        ),
    )
    asks = [Ask(SHORT, WIDE), Ask(LONG, WIDE)]
    reused, whole = both(monkeypatch, critic, lambda: critic.probability_of_yes(asks))
    assert reused == pytest.approx(whole, abs=1e-3)


def test_special_tokens_in_a_claim_are_no_part_of_the_conversation(critic):
    marks = critic.folder.processor.tokenizer.all_special_tokens
    written = "".join([*marks, "<image>", "<start_of_image>", "<IMG_CONTEXT>"])
    ask = Ask(f"Is there a sign that says {written}?", WIDE, turns=((f"{written} there?", f"No {written}"),))
    assert critic.answer([ask])[0].confidence > 0
    assert critic.log_likelihood([ask], [f"a sign {written}"])[0] < 0


@pytest.mark.parametrize("image", [WIDE, SMALL], ids=["300x200", "64x64"])
@pytest.mark.parametrize("scoring", SCORINGS.values(), ids=list(SCORINGS))
def test_every_scoring_gives_a_score_or_abstains(critic, scoring, image):
    claims = [
        [count_claim("circle", 2), color_claim("circle", 2, "red", 2), Claim("custom", "it is drawn with care")],
        [Claim("attribute", "the triangle is large", "triangle")],
    ]
    for critique in MLLMCritic(critic, scoring).judge(torch.stack([image, 1 - image]), claims):
        if scoring.samples:
            assert critique.abstained and critique.score is None and not critique.rewards
        else:
            assert 0 <= critique.score <= 1


def test_sampling_repeats_with_its_seed_and_leaves_the_global_generator_alone(critic):
    asks, state = [Ask(SHORT, WIDE), Ask(LONG, SMALL)], torch.random.get_rng_state()
    first, repeated, other_seed = (critic.answer(asks, Sampling(1.0, seed)) for seed in (1, 1, 2))
    assert first == repeated and first != other_seed
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("call", [1, 2, 4], ids=["before", "first token", "third token"])
def test_an_interrupt_passes_through_and_the_next_call_works(critic, monkeypatch, call):
    calls = 0

    def stop() -> None:
        nonlocal calls
        calls += 1
        if calls == call:
            raise Stop

    before = critic.answer([Ask(SHORT, WIDE)])
    monkeypatch.setattr(critic, "check_interrupt", stop)
    with pytest.raises(Stop):
        critic.answer([Ask(SHORT, WIDE)])
    assert calls == call
    assert critic.answer([Ask(SHORT, WIDE)]) == before


@pytest.mark.parametrize("ask", ["probability_of_yes", "log_likelihood"])
def test_an_interrupt_passes_through_between_questions(critic, monkeypatch, ask):
    def stop() -> None:
        raise Stop

    monkeypatch.setattr(critic, "check_interrupt", stop)
    asks = [Ask(SHORT, WIDE), Ask(LONG, WIDE)]
    with pytest.raises(Stop):
        critic.probability_of_yes(asks) if ask == "probability_of_yes" else critic.log_likelihood(asks, ["yes", "no"])


def test_other_precision_and_attention_load(critic):
    eager, half = (CriticFolder(critic.folder.folder, dtype, "eager").load_module() for dtype in ("fp32", "bf16"))
    asks = [Ask(SHORT, WIDE), Ask(LONG, WIDE)]
    exact, by_eager, by_half = (
        TransformersBackend(critic.folder, lambda module=module: module).probability_of_yes(asks)
        for module in (critic.model(), eager, half)
    )
    assert next(half.parameters()).dtype == torch.bfloat16
    assert exact == pytest.approx(by_eager, abs=1e-3) and exact == pytest.approx(by_half, abs=0.1)
    (answer,) = TransformersBackend(critic.folder, lambda: half, max_tokens=2).answer(asks[:1])
    assert 0 <= answer.confidence <= 1


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_each_family_has_its_convention_for_boxes(name):
    assert convention_of(name) == ARCHITECTURES[name].boxes


def test_qwen2_5_sees_pixels_of_the_resized_picture(folder):
    critic = loaded_backend(CriticFolder(folder("qwen2_5_vl"), "fp32"))
    assert critic.boxes.scale == 0
    # At most 112 x 112 pixels of 28 x 28 each, at least 56 x 56.
    assert critic.seen_size(WIDE) == (112, 84) and critic.seen_size(SMALL) == (56, 56)


def remove(*patterns: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        for path in (path for pattern in patterns for path in folder.glob(pattern)):
            path.unlink()

    return change


def reconfigure(**settings) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | settings))

    return change


def overwrite(name: str, data: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(data)


def cut_short(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:20_000])


def drop_a_layer(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    save_file(
        {name: value for name, value in weights.items() if "layers.1." not in name},
        folder / "model.safetensors",
        {"format": "pt"},
    )


def as_bin(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def text_only(folder: Path) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    shape = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    LlamaForCausalLM(LlamaConfig(vocab_size=64, **shape)).save_pretrained(folder)


REMOTE = {"AutoConfig": "configuration_own.OwnConfig", "AutoModelForImageTextToText": "modeling_own.OwnModel"}
BAD = {
    "text only": (
        text_only,
        "a model of type 'llama' does not write about pictures. Choose an image-text-to-text model",
    ),
    "no chat template": (remove("chat_template*"), "it has no chat template. Take the instruct version"),
    "no processor": (remove("*processor_config.json"), "preprocessor_config.json or processor_config.json is missing"),
    "no tokenizer": (remove("token*", "special*"), "tokenizer.json is missing"),
    "cut short": (cut_short, "its weights cannot be read .* Copy or download"),
    "empty": (overwrite("model.safetensors", b""), "its weights cannot be read .* Copy or download"),
    "a layer missing": (drop_a_layer, "of its weights are missing, among them .*layers.1"),
    "bin only": (as_bin, "it holds no safetensors, .* choose a version of the model that has them"),
    "unknown": (
        reconfigure(model_type="qwen9_vl"),
        r"transformers [\d.]+ does not know the model type 'qwen9_vl'. Update",
    ),
    "own code": (
        reconfigure(model_type="own", auto_map=REMOTE),
        "code of its own, which is never run. Take its version",
    ),
    "broken config": (overwrite("config.json", b"{"), "config.json cannot be read .* Copy or download"),
    "no config": (overwrite("config.json", b"[]"), "config.json holds no settings"),
    "later transformers": (
        lambda folder: (reconfigure(transformers_version="99.1")(folder), cut_short(folder)),
        r"Or update transformers: the model was saved with 99\.1, and [\d.]+ is installed\.",
    ),
    "broken tokenizer": (overwrite("tokenizer.json", b"{"), "its processor cannot be read"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_folder_is_one_line_that_names_it_and_a_fix(folder, tmp_path, monkeypatch, name):
    change, message = BAD[name]
    bad = Path(shutil.copytree(folder("idefics3"), tmp_path / "my critic"))
    change(bad)
    monkeypatch.setattr("builtins.input", lambda *prompt: pytest.fail(f"It asks at the console: {prompt}"))
    with pytest.raises(CriticError, match=message) as raised:
        critic = loaded_backend(CriticFolder(bad))
        critic.answer([Ask(SHORT, SMALL)])
    assert str(raised.value).startswith("The critic in my critic cannot be loaded: ")
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 600


def test_code_in_the_folder_of_a_known_model_is_not_run(folder, tmp_path):
    with_code = Path(shutil.copytree(folder("idefics3"), tmp_path / "with_code"))
    reconfigure(auto_map=REMOTE)(with_code)
    for name in ("configuration_own.py", "modeling_own.py"):
        (with_code / name).write_text("raise SystemExit('run')")
    assert loaded_backend(CriticFolder(with_code, "fp32"), max_tokens=2).answer([Ask(SHORT, SMALL)])


@pytest.mark.parametrize("name", NAMES)
def test_a_server_loads_the_folder_judges_and_frees_it(comfy, folder, name):
    shutil.copytree(folder(name), comfy.base / "models" / "LLM" / name, dirs_exist_ok=True)
    graph = demo_graph(steps=1)
    graph["loaded"] = {
        "class_type": "XLARDLoadCritic",
        "inputs": {"critic_name": name, "dtype": "auto", "attention": "sdpa", "max_tokens": 24},
    }
    graph["critique"] = {
        "class_type": "XLARDCritique",
        "inputs": {"images": ["decoded", 0], "critic": ["loaded", 0], "prompt": "two red circles and a blue square"},
    }
    result = comfy.run(shown(graph, report=("critique", 6)))
    assert result.status == "success", result.error
    assert "abstained" in text(result, "report")
    comfy.post_json("/free", {"unload_models": True, "free_memory": True})
    again = comfy.run(shown(demo_graph(steps=1), latent=("drawn", 0)))
    assert again.status == "success", again.error
