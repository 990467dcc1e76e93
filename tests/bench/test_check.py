"""The bench's check of a folder of pictures, and its command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from xlard.bench.__main__ import COMMANDS, main, parse
from xlard.report.drawing import to_picture
from xlard.worlds.registry import load_world

PROMPTS = ("a red circle", "two blue squares", "a red circle left of a blue square")
DRAWN = {
    (0, 0): "a red circle",
    (0, 1): "a green circle",
    (1, 0): "two blue squares",
    (2, 7): "a blue square left of a red circle",
}
"""What each picture shows, by prompt index and seed."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    world = load_world()
    (tmp_path / "prompts.txt").write_text("\n".join([*PROMPTS, ""]))
    for (index, seed), prompt in DRAWN.items():
        to_picture(world.render([prompt])[0]).save(tmp_path / f"{index}_{seed}.png")
    (tmp_path / "sheet.png").write_bytes(b"not a picture of a prompt")
    return tmp_path


def test_a_folder_of_pictures_is_judged_per_task(folder: Path, capsys: pytest.CaptureFixture) -> None:
    main(["check", "--world", "shapes", str(folder), str(folder / "prompts.txt")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "The shapes world: 4 pictures of 3 prompts"
    assert [line.split(" [")[0] for line in lines[4:]] == [
        "| overall | 4 | 0.500",
        "| colors | 2 | 0.500",
        "| counting | 1 | 1.000",
        "| position | 1 | 0.000",
    ]


def test_a_picture_without_a_prompt_is_refused(folder: Path) -> None:
    (folder / "prompts.txt").write_text("\n".join(PROMPTS[:2]))
    with pytest.raises(ValueError, match="a picture of prompt 2, and prompts only up to 1"):
        main(["check", str(folder), str(folder / "prompts.txt")])


def test_a_picture_of_a_prompt_without_claims_is_left_out(folder: Path, capsys: pytest.CaptureFixture) -> None:
    (folder / "prompts.txt").write_text("\n".join([PROMPTS[0], "gloomy mood", PROMPTS[2]]))
    main(["check", "--world", "shapes", str(folder), str(folder / "prompts.txt")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Skipped, nothing to check: the prompt 'gloomy mood'"
    assert lines[1].endswith("of 2 prompts")


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "prompts.txt").write_text(PROMPTS[0])
    with pytest.raises(ValueError, match="PROMPT-INDEX_SEED.png"):
        main(["check", str(tmp_path), str(tmp_path / "prompts.txt")])


def test_without_a_command_methods_are_compared() -> None:
    plain, named = parse(["--methods", "base", "--seeds", "3"]), parse(["methods", "--methods", "base", "--seeds", "3"])
    assert plain == named and (plain.command, plain.world, plain.seeds) == ("methods", "shapes", "3")
    assert parse([]).command == "methods"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        parse([command, "--help"])
    assert COMMANDS[command].SUMMARY[:30] in capsys.readouterr().out.replace("\n", " ")


def test_the_help_of_methods_lists_them_all(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        parse(["methods", "--help"])
    printed = capsys.readouterr().out
    assert "retry_N" in printed and "the same until the critic accepts one" in printed
