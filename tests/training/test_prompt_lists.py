"""Prompts out of texts and files, and made up."""

from __future__ import annotations

import pytest

from xlard.prompts import claims_from_prompt
from xlard.training.prompt_lists import NOUNS, generated_prompts, prompts_from_file, prompts_from_text


def test_comments_empty_lines_and_repetitions_do_not_count() -> None:
    assert prompts_from_text("# mine\n a cat \n\ntwo  dogs\na cat\n#\nnumber #3") == ["a cat", "two dogs", "number #3"]


@pytest.mark.parametrize("text", ["", " \n\n", "# nothing"])
def test_no_prompt_is_an_error(text) -> None:
    with pytest.raises(ValueError, match="no prompt in the list"):
        prompts_from_text(text)


def test_files_are_read_and_errors_name_them(tmp_path) -> None:
    path = tmp_path / "list.txt"
    with pytest.raises(FileNotFoundError, match="no prompt file .*list.txt"):
        prompts_from_file(path)
    path.write_bytes("\ufeffein Löwe\na lion\n".encode())
    assert prompts_from_file(path) == ["ein Löwe", "a lion"]
    path.write_bytes(b"\xff\xfea")
    with pytest.raises(ValueError, match="list.txt is no text in UTF-8"):
        prompts_from_file(path)
    path.write_text("#\n")
    with pytest.raises(ValueError, match="list.txt: There is no prompt"):
        prompts_from_file(path)


def test_generated_prompts_can_be_read_and_repeat_with_their_seed() -> None:
    prompts = generated_prompts(600, 3)
    assert prompts == generated_prompts(600, 3) != generated_prompts(600, 4) and len(set(prompts)) == 600
    assert prompts[:50] == generated_prompts(50, 3)
    kinds = set()
    for prompt in prompts:
        claims = claims_from_prompt(prompt)
        kinds.add(tuple(claim.type for claim in claims))
        assert claims and {claim.noun for claim in claims} <= set(NOUNS), prompt
    assert kinds == {
        ("count",),
        ("count", "count"),
        ("count", "color"),
        ("count", "count", "position"),
        ("count", "count", "color", "color"),
    }


@pytest.mark.parametrize("number", [0, -1])
def test_numbers_that_cannot_be_generated_are_refused(number) -> None:
    with pytest.raises(ValueError, match="cannot be generated"):
        generated_prompts(number)
