"""Detectors of each architecture, by their own classes and processors, and folders that hold none."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.support.detectors import CLOSED, DETECTORS, OPEN, bert_tokenizer, save, sees_only
from tests.support.geneval_models import box_detector, small_clip
from xlard.claims import count_claim, object_claim
from xlard.critics.backend import CriticError
from xlard.critics.detector import transformers as detectors
from xlard.critics.detector.critic import DetectorCritic
from xlard.critics.detector.folder import DetectorFolder
from xlard.critics.detector.reading import read
from xlard.critics.detector.transformers import TransformersDetector, loaded_detector

pytestmark = pytest.mark.model

HEIGHT, WIDTH = 48, 80
IMAGE = torch.rand(HEIGHT, WIDTH, 3, generator=torch.Generator().manual_seed(1))
NOUNS = ["cat", "fire truck"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Callable[[str], Path]:
    """The folder of an architecture's tiny model, made at its first use."""
    base = tmp_path_factory.mktemp("detectors")
    return cache(lambda name: save(name, base / name))


@pytest.mark.parametrize("name", OPEN)
def test_an_open_detector_puts_boxes_of_what_it_is_asked_for_inside_the_picture(folder, name: str) -> None:
    detector = loaded_detector(DetectorFolder(folder(name)), threshold=0.0)
    found = detector.detect(IMAGE, NOUNS)
    assert found and {d.noun for d in found} <= set(NOUNS)
    for d in found:
        assert 0 <= d.x < d.x + d.width <= WIDTH + 1e-3 and 0 <= d.y < d.y + d.height <= HEIGHT + 1e-3
        assert 0 <= d.score <= 1
    assert [d.score for d in found] == sorted((d.score for d in found), reverse=True)
    # One noun alone: the batch of texts then has another shape.
    assert {d.noun for d in detector.detect(IMAGE, ["cat"])} <= {"cat"}


@pytest.mark.parametrize("name", OPEN)
def test_scores_of_an_open_detector_follow_the_nouns(folder, name: str) -> None:
    detector = loaded_detector(DetectorFolder(folder(name)), threshold=0.0)
    asked = [[round(d.score, 6) for d in detector.detect(IMAGE, [noun])] for noun in NOUNS]
    assert asked[0] != asked[1]


@pytest.mark.parametrize("name", OPEN)
def test_more_nouns_than_fit_into_one_text_are_asked_for_in_several(folder, name: str, monkeypatch) -> None:
    detector = loaded_detector(DetectorFolder(folder(name)), threshold=0.0, most_overlap=1.0)
    alone = [d for noun in NOUNS for d in detector.detect(IMAGE, [noun])]
    monkeypatch.setattr(detectors, "NOUNS_AT_ONCE", 1)
    together = detector.detect(IMAGE, NOUNS)
    assert {(d.noun, d.score) for d in together} <= {(d.noun, d.score) for d in alone}
    assert max(d.score for d in together) == max(d.score for d in alone)


@pytest.mark.parametrize("name", CLOSED)
def test_a_closed_detector_sees_its_labels_only(tmp_path: Path, name: str) -> None:
    detector = loaded_detector(DetectorFolder(sees_only(tmp_path / name, name, 2)), threshold=0.5)
    found = detector.detect(IMAGE, ["dog", "hot dog"])
    assert found and {d.noun for d in found} == {"hot dog"} and detector.detect(IMAGE, ["cat"]) == []
    for d in found:
        assert 0 <= d.x < d.x + d.width <= WIDTH + 1e-3 and 0 <= d.y < d.y + d.height <= HEIGHT + 1e-3
    assert [detector.knows(noun) for noun in ("cat", "dog", "hot dog", "hot_dog", "unicorn")] == [True] * 3 + [
        False
    ] * 2
    claims = [object_claim("hot dog"), object_claim("dog"), object_claim("unicorn")]
    (critique,) = DetectorCritic(detector).judge(IMAGE[None], [claims])
    assert [verdict.passed for verdict in critique.verdicts] == [True, False, None]


def test_a_detector_with_softmax_and_no_object_class_is_read_too(tmp_path: Path) -> None:
    detector = loaded_detector(DetectorFolder(box_detector(tmp_path / "yolos", "cat")), threshold=0.5)
    assert {d.noun for d in detector.detect(IMAGE, ["cat", "dog"])} == {"cat"}


@pytest.mark.parametrize("name", DETECTORS)
def test_a_detector_that_computes_no_numbers_gives_no_verdict(folder, name: str) -> None:
    files = DetectorFolder(folder(name))
    model = files.load_module()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.is_floating_point():
                parameter.fill_(torch.nan)
    critic = DetectorCritic(TransformersDetector(files, lambda: model))
    (critique,) = critic.judge(IMAGE[None], [[object_claim("cat"), count_claim("cat", 0)]])
    assert critique.abstained and "NaN" in critique.verdicts[0].reason


def test_grounding_dino_scores_a_noun_by_the_mean_of_its_tokens() -> None:
    """By a stand-in for the folder: what the model says is set here."""
    tokenizer = bert_tokenizer()
    tokens = tokenizer("cat. fire truck.", return_tensors="pt")["input_ids"]
    logits = torch.full((1, 3, tokens.shape[1]), -torch.inf)
    certain, half = 20.0, 0.0
    # A cat, a fire that is no truck, and a fire truck; [CLS], [SEP] and the full stops are certain of everything.
    for query, scores in enumerate([(certain, -certain, -certain), (-certain, certain, -certain), (half,) * 3]):
        logits[0, query, [1, 3, 4]] = torch.tensor(scores)
        logits[0, query, [0, 2, 5, 6]] = certain
    boxes = torch.tensor([[[0.5, 0.5, 0.2, 0.5]] * 3])
    outputs = SimpleNamespace(logits=logits, pred_boxes=boxes)
    files = SimpleNamespace(
        is_open=True, model_type="grounding-dino", processor=SimpleNamespace(tokenizer=tokenizer), labels={}
    )
    found = read(files, {"input_ids": tokens}, outputs, NOUNS, (HEIGHT, WIDTH), 0.45)  # type: ignore[arg-type]
    assert [(d.noun, round(d.score, 3)) for d in found] == [("cat", 1), ("fire truck", 0.5), ("cat", 0.5)]
    assert (found[0].x, found[0].y, found[0].width, found[0].height) == pytest.approx((32, 12, 16, 24))


def test_words_that_an_open_detectors_tokenizer_does_not_know_have_no_verdict(folder) -> None:
    detector = loaded_detector(DetectorFolder(folder("grounding-dino")), threshold=0.0)
    assert detector.knows("fire truck") and not detector.knows("zebra")
    (critique,) = DetectorCritic(detector).judge(IMAGE[None], [[object_claim("zebra"), object_claim("cat")]])
    assert [verdict.passed is None for verdict in critique.verdicts] == [True, False]
    assert "does not know the noun 'zebra'" in critique.verdicts[0].reason


def test_marks_that_would_end_a_noun_are_not_asked_for(folder) -> None:
    detector = loaded_detector(DetectorFolder(folder("grounding-dino")), threshold=0.0)
    found = detector.detect(IMAGE, ["a. cat?", "dog", "?"])
    assert found and {d.noun for d in found} <= {"a. cat?", "dog"}
    plain = detector.detect(IMAGE, ["a cat", "dog"])
    assert detector.detect(IMAGE, ["a. cat?", "dog"])[0].score == plain[0].score


def test_it_stops_between_pictures_and_retries_when_memory_runs_out(folder) -> None:
    files = DetectorFolder(folder("rt_detr"))
    model, calls, rooms = files.load_module(), [], []

    def loaded() -> torch.nn.Module:
        calls.append(len(rooms))
        if not rooms:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
        return model

    def stop() -> None:
        if len(calls) > 2:
            raise KeyboardInterrupt

    detector = TransformersDetector(files, loaded, check_interrupt=stop, make_room=lambda: rooms.append(1))
    critic, claims = DetectorCritic(detector), [object_claim("cat")]
    assert len(critic.judge(IMAGE[None], [claims])) == 1 and calls == [0, 1]
    with pytest.raises(KeyboardInterrupt):
        critic.judge(torch.stack([IMAGE] * 3), [claims] * 3)
    assert len(calls) == 3


def test_not_enough_memory_for_one_picture_is_an_error_that_names_the_detector(folder) -> None:
    def loaded() -> torch.nn.Module:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory.")

    critic = DetectorCritic(TransformersDetector(DetectorFolder(folder("rt_detr")), loaded))
    with pytest.raises(CriticError, match="The detector rt_detr ran out of memory") as raised:
        critic.judge(IMAGE[None], [[object_claim("cat")]])
    # Detectors have no weights of 8 bits, and scale every picture to a size of their own.
    assert "smaller size in its preprocessor_config.json" in str(raised.value) and "8-bit" not in str(raised.value)


# Folders


def edited(folder: Path, target: Path, **settings: object) -> Path:
    """A copy of a folder with other settings in its config.json."""
    shutil.copytree(folder, target)
    path = target / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **settings}))
    return target


def without(folder: Path, target: Path, pattern: str) -> Path:
    """A copy of a folder without some of its files."""
    shutil.copytree(folder, target)
    for path in target.glob(pattern):
        path.unlink()
    return target


def first_weight_lost(folder: Path, target: Path) -> Path:
    shutil.copytree(folder, target)
    weights = load_file(target / "model.safetensors")
    del weights[next(iter(weights))]
    save_file(weights, target / "model.safetensors", {"format": "pt"})
    return target


BROKEN: dict[str, tuple[Callable[[Callable[[str], Path], Path], Path], str]] = {
    "no model at all": (lambda folder, at: at, "There is no detector in .* config.json is missing"),
    "a model of another kind": (
        lambda folder, at: small_clip(at),
        "The detector in broken cannot be loaded: a model of type 'clip' is no detector of transformers. Choose one",
    ),
    "an unknown type": (
        lambda folder, at: edited(folder("rt_detr"), at, model_type="yolo99"),
        "does not know the model type 'yolo99'. Update transformers",
    ),
    "no names": (
        lambda folder, at: edited(folder("rt_detr"), at, id2label={str(n): f"LABEL_{n}" for n in range(4)}),
        "does not name what it detects. Write the names into id2label",
    ),
    "no weights": (lambda folder, at: without(folder("owlv2"), at, "*.safetensors"), "it holds no safetensors"),
    "no processor": (
        lambda folder, at: without(folder("owlv2"), at, "*processor_config.json"),
        "preprocessor_config.json is missing",
    ),
    "no tokenizer": (
        lambda folder, at: without(folder("owlv2"), at, "tokenizer*"),
        "tokenizer.json is missing, and without it an open detector cannot be asked",
    ),
    "lost weights": (
        lambda folder, at: first_weight_lost(folder("rt_detr"), at),
        "1 of its weights are missing, .* Copy or download the whole folder of an object-detection model again",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_folder_that_is_no_whole_detector_is_named_with_cause_and_fix(folder, tmp_path: Path, case: str) -> None:
    make, message = BROKEN[case]
    path = make(folder, tmp_path / "broken")
    with pytest.raises((CriticError, FileNotFoundError), match=message):
        DetectorCritic(loaded_detector(DetectorFolder(path))).judge(IMAGE[None], [[object_claim("cat")]])
