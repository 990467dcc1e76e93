"""The bench of how prompts are read, on files made up after the benchmarks' forms."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from xlard.bench.__main__ import main
from xlard.bench.prompts.benchmarks import dsg, geneval, geneval2, noun_head


def write_rows(path: Path, *rows: dict) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def geneval_file(tmp_path: Path) -> Path:
    cup = {"class": "cup", "count": 1}
    lamp = {"class": "lamp", "count": 1, "position": ["left of", 0]}
    return write_rows(
        tmp_path / "geneval.jsonl",
        {"tag": "counting", "include": [{"class": "cup", "count": 3}], "prompt": "a photo of three cups"},
        {"tag": "colors", "include": [{**cup, "color": "red"}], "prompt": "a photo of a red cup"},
        {"tag": "position", "include": [cup, lamp], "prompt": "a photo of a lamp left of a cup"},
        {"tag": "counting", "include": [{"class": "cup", "count": 4}], "prompt": "a photo of two cups"},
    )


@pytest.fixture
def geneval2_file(tmp_path: Path) -> Path:
    questions = [
        ("How many bears are in the image?", "two", "count"),
        ("Are the bears metal?", "Yes", "attribute"),
        ("Are there any bears in the image?", "Yes", "object"),
        ("Are the bears to the left of the lamp?", "Yes", "position"),
        ("How many lamps are in the image?", "one", "count"),
    ]
    row = {
        "prompt": "two metal bears to the left of a lamp",
        "vqa_list": [question[:2] for question in questions],
        "skills": [question[2] for question in questions],
    }
    return write_rows(tmp_path / "geneval2.jsonl", row)


@pytest.fixture
def dsg_file(tmp_path: Path) -> Path:
    path = tmp_path / "dsg.csv"
    path.write_text(
        "item_id,text,keywords,proposition_id,dependency,category_broad,category_detailed,tuple,question\n"
        'a,a red kite and a wooden boat,,1,0,entity,whole,entity - whole (kite),q\n'
        'a,a red kite and a wooden boat,,2,0,entity,whole,entity - whole (dream),q\n'
        'a,a red kite and a wooden boat,,3,1,attribute,color,"attribute - color (kite, red)",q\n',
        encoding="utf-8",
    )  # fmt: skip
    return path


def test_geneval_agrees_where_all_facts_are_the_same(geneval_file: Path) -> None:
    agreement = geneval(geneval_file)
    assert (agreement.exact, agreement.prompts) == (3, 4)
    assert agreement.missing == {"a photo of two cups": ([("count", "cup", "4")], [("count", "cup", "2")])}


def test_geneval2_asks_for_numbers_attributes_and_relations(geneval2_file: Path) -> None:
    agreement = geneval2(geneval2_file)
    assert (agreement.exact, agreement.prompts, agreement.missing) == (1, 1, {})


def test_dsg_is_covered_by_heads_of_nouns(dsg_file: Path) -> None:
    coverage = dsg(dsg_file)
    assert (coverage.recall, coverage.precision) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("noun", "head"), [("cup of tea", "cup"), ("red boats", "boat"), ("eyeglasses", "glass"), ("", "")]
)
def test_heads_of_nouns(noun: str, head: str) -> None:
    assert noun_head(noun) == head


def test_the_command_prints_each_figure(geneval_file, geneval2_file, dsg_file, capsys) -> None:
    main(
        ["prompts", "--geneval", str(geneval_file), "--geneval2", str(geneval2_file), "--dsg", str(dsg_file), "--show"]
    )
    printed = capsys.readouterr().out
    assert "GenEval: 3 of 4" in printed and "GenEval 2: 1 of 1" in printed and "DSG-1k" in printed
    assert "a photo of two cups" in printed


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="cannot be read"):
        main(["prompts", "--geneval", str(tmp_path / "none.jsonl")])
    with pytest.raises(SystemExit, match="at least one"):
        main(["prompts"])
