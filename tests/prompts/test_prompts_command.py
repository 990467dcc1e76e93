"""Claims of prompts on the command line, and what of a prompt became no claim."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import CHECKOUT
from xlard.claims import MOST_CLAIMS, count_claim, custom_claim
from xlard.prompts import PromptClaims, __main__, read_claims
from xlard.prompts.unclaimed import (
    is_note,
    limited,
    note_lines,
    prompts_with_claims,
    skipped_note,
    taken_whole,
    understood_share,
)

READ = PromptClaims((count_claim("dog", 2),), ("8 k", "f/1.8"), ("fantasy",))


@pytest.fixture
def scripted(monkeypatch) -> None:
    """Rules that read every prompt alike."""
    monkeypatch.setattr(__main__, "read_claims", lambda prompt: READ)


def printed(capsys, *arguments: str) -> list[dict]:
    __main__.main(arguments)
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_one_prompt_is_one_object(capsys, scripted) -> None:
    assert printed(capsys, "two dogs, 8 k") == [
        {
            "prompt": "two dogs, 8 k",
            "claims": ["count: two dogs"],
            "not_understood": ["8 k", "f/1.8"],
            "not_checked": ["fantasy"],
        }
    ]


def test_a_file_holds_a_prompt_a_line(capsys, scripted, tmp_path: Path) -> None:
    file = tmp_path / "prompts.txt"
    file.write_bytes("\ufefftwo dogs\r\n\r\n  zw\u00f6lf Hunde \n".encode())
    assert [row["prompt"] for row in printed(capsys, "--file", str(file))] == ["two dogs", "zw\u00f6lf Hunde"]
    assert [row["prompt"] for row in printed(capsys, "--file", str(file), "a cat")][0] == "a cat"


def test_the_module_runs_on_its_own() -> None:
    command = [sys.executable, "-m", "xlard.prompts"]
    given = subprocess.run([*command, "two red circles"], cwd=CHECKOUT, capture_output=True, check=True, text=True)
    piped = subprocess.run(command, cwd=CHECKOUT, capture_output=True, check=True, text=True, input="two red circles\n")
    assert given.stdout == piped.stdout
    assert json.loads(given.stdout)["claims"] == ["count: two circles", "color: two circles are red"]


def test_more_claims_than_a_dozen_are_listed_and_not_checked() -> None:
    many = PromptClaims(tuple(count_claim("dog", number) for number in range(1, 16)), (), ("fantasy",))
    few = limited(many)
    assert few.claims == many.claims[:MOST_CLAIMS] and MOST_CLAIMS == 12
    assert few.not_checked == ("13 dogs", "14 dogs", "15 dogs", "fantasy")
    assert limited(many, 15) == limited(many, 99) == many


def test_what_became_no_claim_is_a_line_for_each_kind() -> None:
    assert note_lines(READ) == ["not understood: 8 k; f/1.8", "not checked: fantasy"]
    assert note_lines(PromptClaims(())) == []
    assert all(map(is_note, note_lines(READ))) and not is_note("note: two dogs")


@pytest.mark.parametrize(
    ("prompt", "read", "share"),
    [
        ("two dogs, 8 k f/1.8", PromptClaims(READ.claims, ("8 k", "f/1.8")), 2 / 7),
        ("two dogs", PromptClaims(READ.claims), 1),
        ("dogs", PromptClaims((), ("dogs dogs",)), 0),
        ("...", PromptClaims(()), 1),
        ("zwei Hunde", PromptClaims((custom_claim("zwei Hunde"),)), 0),
    ],
)
def test_how_much_the_rules_understood(prompt: str, read: PromptClaims, share: float) -> None:
    assert understood_share(prompt, read) == pytest.approx(share)


def test_a_prompt_in_english_is_not_taken_as_one_claim() -> None:
    assert not taken_whole(read_claims("two red circles, it rains"))


def test_prompts_are_parted_by_whether_they_make_claims() -> None:
    kept, without = prompts_with_claims(["a fox", "gloomy mood", "two owls", "gloomy mood"])
    assert (kept, without) == (["a fox", "two owls"], ["gloomy mood"])
    assert skipped_note(without) == "Skipped, nothing to check: the prompt 'gloomy mood'" and not skipped_note([])
    assert skipped_note([f"{number}" for number in range(12)]).endswith("'9' and 2 more")


def test_prompts_that_all_make_no_claims_are_an_error_that_names_them() -> None:
    with pytest.raises(ValueError, match="No claim could be read out of the prompt 'gloomy mood'"):
        prompts_with_claims(["gloomy mood"])
    with pytest.raises(ValueError, match="an empty list"):
        prompts_with_claims([])


@pytest.mark.parametrize("content", [None, b"a fox \xff\xfe"])
def test_a_file_that_cannot_be_read_is_one_line_of_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    file = tmp_path / "prompts.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SystemExit):
        __main__.main(["--file", str(file)])
    assert capsys.readouterr().err.strip().split("\n")[-1].startswith("python -m xlard.prompts: error: ")
