"""``python -m xlard.critics``: picture files judged outside of ComfyUI."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.detectors import sees_only
from xlard.critics.__main__ import main
from xlard.critics.__main__ import picture as read_picture
from xlard.worlds.shapes.architecture import CRITIC
from xlard.worlds.shapes.world import ShapesWorld


@pytest.fixture
def picture(tmp_path: Path) -> str:
    """A file of two red circles and a blue square."""
    (image,) = ShapesWorld().render(["two red circles and a blue square"])
    file = tmp_path / "p\u00efcture.png"
    Image.fromarray((image.numpy() * 255).astype("uint8")).save(file)
    return str(file)


def run(*arguments: str) -> int:
    """The exit code of the command."""
    try:
        main(arguments)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@pytest.mark.model
def test_a_folder_judges_a_picture_claim_by_claim(picture, capsys):
    assert run(picture, "--prompt", "three red circles and a blue square", "--folder", str(CRITIC)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "claims hold, score" in lines[0] and picture in lines[0]
    assert [line.split()[0] for line in lines[1:]] == ["fails", "holds", "fails", "holds"]
    assert "2 found, 3 asked for" in lines[1]


def test_a_servers_verdicts_boxes_and_answers_are_json(picture, server, tmp_path, capsys):
    claims = tmp_path / "claims.txt"
    claims.write_text("\ufeffcount: one circle\n# count: nine cups\n", encoding="utf-8")
    url = server.url
    assert run(picture, picture, "--claims", str(claims), "--server", url, "--model", "shapes", "--json") == 0
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert first == second and first["picture"] == picture and first["critic"] == "shapes"
    assert [claim["text"] for claim in first["claims"]] == ["one circle"] and first["objects"]
    (answer,) = first["answers"]
    assert answer["whole"] and not answer["fault"] and "List every object" in answer["question"]


def test_how_an_answer_ended_is_said(picture, server, capsys):
    command = [picture, "--prompt", "a circle", "--server", server.url, "--model", "cut-list"]
    assert run(*command, "--json") == 2
    critique = json.loads(capsys.readouterr().out)
    assert critique["abstained"] and critique["score"] is None
    assert [answer["whole"] for answer in critique["answers"]] == [False, False]
    assert all("was cut" in answer["fault"] and answer["text"] for answer in critique["answers"])
    assert run(*command) == 2
    text = capsys.readouterr().out
    assert "no verdict" in text and "was cut" in text


def test_transparency_is_left_out_and_the_help_says_so(tmp_path, capsys):
    file = tmp_path / "clear.png"
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(file)
    assert read_picture(file).abs().max() == 0
    run("--help")
    assert "clear parts are black" in " ".join(capsys.readouterr().out.split())


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder of a detector that calls everything a triangle."""
    return str(sees_only(tmp_path_factory.mktemp("detector"), "rt_detr", 3))


@pytest.mark.model
def test_a_detector_judges_what_it_knows(picture, detector, capsys):
    claims = "a triangle and a circle"
    assert run(picture, "--prompt", claims, "--detector", detector, "--json") == 0
    critique = json.loads(capsys.readouterr().out)
    by_text = {claim["text"]: claim for claim in critique["claims"]}
    assert by_text["one circle"]["passed"] is None and "does not know the noun" in by_text["one circle"]["reason"]
    assert by_text["one triangle"]["passed"] is not None and critique["answers"] == []
    assert critique["objects"] and {box["label"].split()[-1] for box in critique["objects"]} == {"triangle"}


@pytest.mark.model
def test_a_detector_and_a_language_model_judge_as_a_pair(picture, detector, server, capsys):
    options = ["--detector", detector, "--server", server.url, "--model", "shapes", "--json"]
    assert run(picture, "--prompt", "one circle", *options) == 0
    critique = json.loads(capsys.readouterr().out)
    assert critique["critic"].endswith(" and shapes") and len(critique["answers"]) == 1
    assert critique["claims"][0]["passed"] is not None


def test_a_file_that_is_no_picture_is_named_and_the_others_are_judged(picture, server, tmp_path, capsys):
    broken = tmp_path / "broken.png"
    broken.write_bytes(Path(picture).read_bytes()[:40])
    files = [str(broken), str(tmp_path / "missing.png"), str(tmp_path), picture]
    assert run(*files, "--prompt", "a circle", "--server", server.url, "--model", "shapes") == 2
    captured = capsys.readouterr()
    assert captured.out.count("claims hold") == 1 and picture in captured.out
    assert captured.err.count("cannot be read as a picture") == 2 and "There is no picture" in captured.err


@pytest.mark.parametrize(
    "arguments, cause",
    [
        (["--prompt", "moody"], "There is nothing to check. Write claims with --claims"),
        (["--claims", "nowhere.txt"], "nowhere.txt cannot be read"),
        (["--prompt", "a cat", "--server", "http://10.0.0.1/v1"], "is not on this machine"),
        (["--prompt", "a cat", "--folder", "."], "config.json is missing"),
        (["--prompt", "a cat", "--detector", "."], "config.json is missing"),
        (["--prompt", "a cat", "--folder", ".", "--model", "m"], "--model and --allow-remote belong to --server"),
        (["--prompt", "a cat", "--folder", ".", "--max-tokens", "0"], "--max-tokens must be at least 1"),
    ],
)
def test_what_cannot_be_judged_ends_with_the_cause(picture, server, arguments, cause, capsys):
    critic = [] if {"--server", "--folder", "--detector"} & {*arguments} else ["--server", server.url]
    assert run(picture, *arguments, *critic) == 2
    assert cause in capsys.readouterr().err


@pytest.mark.model
def test_what_a_model_cannot_see_is_named_and_the_others_are_judged(picture, tmp_path, capsys):
    Image.new("RGB", (3000, 1)).save(tmp_path / "thin.png")
    assert run(str(tmp_path / "thin.png"), picture, "--prompt", "a circle", "--folder", str(CRITIC)) == 2
    captured = capsys.readouterr()
    assert captured.out.count("claims hold") == 1 and "thin.png cannot be judged" in captured.err


def test_sixteen_bits_are_read_as_they_are(tmp_path):
    Image.fromarray(np.full((4, 4), 30000, np.uint16)).save(tmp_path / "deep.png")
    assert read_picture(tmp_path / "deep.png").mean().item() == pytest.approx(30000 / 65535, abs=0.005)


def test_without_a_critic_the_command_says_what_to_give(picture, capsys):
    assert run(picture, "--prompt", "a cat") == 2
    assert "Give --server, --folder or --detector" in capsys.readouterr().err


def test_a_line_that_cannot_be_understood_is_shown(picture, server, tmp_path, capsys):
    claims = tmp_path / "claims.txt"
    claims.write_text("count: some cups", encoding="utf-8")
    assert run(picture, "--claims", str(claims), "--server", server.url) == 2
    assert "Line 1 cannot be understood" in capsys.readouterr().err
