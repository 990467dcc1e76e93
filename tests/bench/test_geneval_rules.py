"""GenEval's rules on scripted detections, its prompts, and the figures."""

from __future__ import annotations

import json

import pytest
import torch
from PIL import Image

from xlard.bench.errors import BenchError
from xlard.bench.geneval.classes import CLASSES, class_name
from xlard.bench.geneval.command import chosen_seeds
from xlard.bench.geneval.draw import PICTURE_NODES, RunFolder
from xlard.bench.geneval.figures import figures, wilson
from xlard.bench.geneval.prompts import GenEvalPrompt, first_of_each_task, made_up_prompts, read_prompts
from xlard.bench.geneval.rules import MAX_PER_CLASS, DetectedObject, counted_objects, directions, judge
from xlard.bench.geneval.score import score
from xlard.bench.geneval.tables import TASKS, comparison_table, table_to_share
from xlard.critics.detector.clip_colors import cut_out
from xlard.prompts import claims_from_prompt


def detected(left: float, top: float, right: float, bottom: float, score: float = 0.95) -> DetectedObject:
    return DetectedObject((left, top, right, bottom), score)


def prompt(*include: dict, exclude: tuple = (), tag: str = "x") -> GenEvalPrompt:
    return GenEvalPrompt.model_validate({"prompt": "p", "tag": tag, "include": include, "exclude": exclude})


def no_colors(objects, name):
    raise AssertionError("no colour is asked for")


def dogs(number: int, score: float = 0.95) -> list[tuple[str, DetectedObject]]:
    return [("dog", detected(50 * place, 0, 50 * place + 40, 40, score - place / 100)) for place in range(number)]


THREE_DOGS = prompt({"class": "dog", "count": 3}, exclude=({"class": "dog", "count": 4},), tag="counting")


@pytest.mark.parametrize(("number", "right"), [(2, False), (3, True), (4, False)])
def test_things_are_counted_exactly_where_more_are_excluded(number, right) -> None:
    passed, wrong = judge(THREE_DOGS, counted_objects(dogs(number), "counting"), no_colors)
    assert passed is right and bool(wrong) is not right


def test_more_than_required_is_right_where_nothing_is_excluded() -> None:
    three_dogs = counted_objects(dogs(3), "single_object")
    assert judge(prompt({"class": "dog", "count": 1}), three_dogs, no_colors) == (True, [])


def test_counting_takes_only_sure_detections_and_other_tasks_less_sure_ones() -> None:
    unsure = [("dog", detected(0, 0, 9, 9, score)) for score in (0.95, 0.9, 0.5, 0.31, 0.3, 0.1)]
    assert [dog.score for dog in counted_objects(unsure, "counting")["dog"]] == [0.95]
    assert [dog.score for dog in counted_objects(unsure, "colors")["dog"]] == [0.95, 0.9, 0.5, 0.31]
    assert counted_objects([("dog", detected(0, 0, 9, 9, 0.2))], "colors") == {}


def test_the_surest_of_a_class_come_first_and_no_more_than_so_many() -> None:
    many = [("dog", detected(0, 0, 9, 9, 0.4 + place / 100)) for place in range(20)]
    scores = [dog.score for dog in counted_objects(many, "two_object")["dog"]]
    assert len(scores) == MAX_PER_CLASS and scores == sorted(scores, reverse=True) and scores[0] == pytest.approx(0.59)


AT = detected(100, 100, 140, 140)


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((0, 100, 40, 140), {"left of"}),
        ((200, 100, 240, 140), {"right of"}),
        # y points down.
        ((100, 0, 140, 40), {"above"}),
        ((100, 200, 140, 240), {"below"}),
        ((0, 0, 40, 40), {"left of", "above"}),
        ((200, 200, 240, 240), {"right of", "below"}),
        ((100, 100, 140, 140), set()),
        # The centres are 8 apart, a tenth of both widths: too little. At 17, (17 - 8) / 17 is beyond a half.
        ((92, 100, 132, 140), set()),
        ((83, 100, 123, 140), {"left of"}),
        ((85, 100, 125, 140), set()),
        # Nearly beneath each other: to the right by less than half of the distance.
        ((120, 200, 160, 240), {"below"}),
    ],
)
def test_a_direction_counts_beyond_the_margin(box, expected) -> None:
    assert directions(detected(*box), AT) == expected


def test_wide_things_must_be_further_apart() -> None:
    assert directions(detected(0, 0, 400, 20), detected(150, 0, 550, 20)) == set()
    assert directions(detected(0, 0, 40, 20), detected(150, 0, 190, 20)) == {"left of"}


CAT_LEFT_OF_DOG = prompt(
    {"class": "dog", "count": 1}, {"class": "cat", "count": 1, "position": ["left of", 0]}, tag="position"
)


@pytest.mark.parametrize(
    ("objects", "right"),
    [
        ({"dog": [AT], "cat": [detected(0, 100, 40, 140)]}, True),
        ({"dog": [AT], "cat": [detected(200, 100, 240, 140)]}, False),
        ({"cat": [detected(0, 100, 40, 140)]}, False),
        # Only the surest cat is asked.
        ({"dog": [AT], "cat": [detected(200, 100, 240, 140, 0.9), detected(0, 100, 40, 140, 0.5)]}, False),
    ],
)
def test_positions_are_asked_of_the_surest(objects, right) -> None:
    assert judge(CAT_LEFT_OF_DOG, objects, no_colors)[0] is right


RED_AND_BLUE = prompt(
    {"class": "car", "count": 1, "color": "red"}, {"class": "cup", "count": 1, "color": "blue"}, tag="color_attr"
)


@pytest.mark.parametrize(
    ("colors", "right"),
    [
        ({"car": "red", "cup": "blue"}, True),
        ({"car": "blue", "cup": "red"}, False),
        ({"car": "red", "cup": "red"}, False),
    ],
)
def test_colors_are_asked_of_each_object(colors, right) -> None:
    objects = {name: [AT, detected(0, 0, 9, 9, 0.5)] for name in colors}

    def colors_of(candidates, name):
        assert candidates == objects[name][:1], "only the surest is asked for its colour"
        return [colors[name]]

    assert judge(RED_AND_BLUE, objects, colors_of)[0] is right


def test_a_wrong_color_breaks_what_refers_to_it() -> None:
    both = prompt(
        {"class": "dog", "count": 1, "color": "red"}, {"class": "cat", "count": 1, "position": ["left of", 0]}
    )
    passed, wrong = judge(both, {"dog": [AT], "cat": [detected(0, 100, 40, 140)]}, lambda candidates, name: ["green"])
    assert not passed and wrong == ["dog: green, red wanted", "cat: nothing that it could be left of"]


def test_a_crop_is_the_object_on_grey() -> None:
    mask = torch.zeros(10, 20, dtype=torch.bool)
    mask[2:6, 3:9] = True
    picture = Image.new("RGB", (20, 10), "red")
    masked = cut_out(picture, (2, 2, 9, 6), mask)
    assert (
        masked.size == (7, 4) and masked.getpixel((0, 0)) == (153, 153, 153) and masked.getpixel((1, 0)) == (255, 0, 0)
    )
    assert cut_out(picture, (2, 2, 9, 6), None).getpixel((0, 0)) == (255, 0, 0)
    assert cut_out(picture, (2.2, 2.2, 2.3, 2.4), None).size == (1, 1)


def test_seeds_count_once_and_are_whole_numbers() -> None:
    assert chosen_seeds("3, 0,3") == [3, 0]
    for text in ("", "1,", "-1", "1.5", "0;1"):
        with pytest.raises(BenchError, match="give whole numbers"):
            chosen_seeds(text)


class SeesRed:
    """A detector that calls red pictures a dog and keeps a list of what it looked at."""

    def __init__(self):
        self.classes, self.looked = {"dog"}, []

    def find(self, picture):
        self.looked.append(picture.getpixel((0, 0)))
        return [("dog", AT)] if self.looked[-1] == (255, 0, 0) else []


def test_a_picture_is_scored_once_and_again_when_it_was_redrawn(tmp_path) -> None:
    run, prompt, detector = (
        RunFolder(tmp_path),
        GenEvalPrompt(prompt="a dog", tag="single_object", include=[{"class": "dog", "count": 1}]),
        SeesRed(),
    )

    def save(version: str, color: str) -> None:
        run.picture(version, "a dog", 0).parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8), color).save(run.picture(version, "a dog", 0))

    for version, color in zip(PICTURE_NODES, ("blue", "red")):
        save(version, color)
    run.drawn.write_text(json.dumps({"prompt": "a dog", "seed": 0}) + "\n")
    assert [row["correct"] for row in score(run, [prompt], [0, 1], detector, None, "d")] == [False, True]
    assert [row["correct"] for row in score(run, [prompt], [0], detector, None, "d")] == [False, True] and len(
        detector.looked
    ) == 2
    save("base", "red")
    for _ in range(2):
        assert [row["correct"] for row in score(run, [prompt], [0], detector, None, "d")] == [True, True] and len(
            detector.looked
        ) == 3
    score(run, [prompt], [0], detector, None, "another judge")
    assert len(detector.looked) == 5


def test_cocos_classes_under_any_name() -> None:
    assert len(CLASSES) == len(set(CLASSES)) == 80
    assert all(name == " ".join(name.split()) for name in CLASSES), "no class is broken by a line end"
    for label, name in {
        "mouse": "computer mouse",
        "Cell_Phone": "cell phone",
        "tvmonitor": "tv",
        "hair dryer": "hair drier",
    }.items():
        assert class_name(label) == name and name in CLASSES


def texts_of(prompts: list[GenEvalPrompt]) -> list[str]:
    return [prompt.prompt for prompt in prompts]


def test_made_up_prompts_are_of_six_tasks_and_readable() -> None:
    prompts = made_up_prompts(90)
    texts = texts_of(prompts)
    assert {prompt.tag for prompt in prompts} == set(TASKS) and len(set(texts)) == len(texts) == 5 * 90 + 80
    assert texts == texts_of(made_up_prompts(90)) and texts != texts_of(made_up_prompts(90, seed=1))
    assert texts_of(first_of_each_task(prompts, 3)) == texts_of(made_up_prompts(3))
    assert all(prompt.classes <= set(CLASSES) for prompt in prompts)
    for prompt in prompts:
        claims = claims_from_prompt(prompt.prompt)
        assert claims, prompt.prompt
        if prompt.tag == "counting":
            (claimed,) = [claim.number for claim in claims if claim.type == "count"]
            assert claimed == prompt.include[0].count == prompt.exclude[0].count - 1


def test_the_benchmarks_own_file_is_read(tmp_path) -> None:
    lines = [
        {
            "tag": "position",
            "include": [{"class": "dog", "count": 1}, {"class": "cat", "count": 1, "position": ["below", 0]}],
            "prompt": "a photo of a cat below a dog",
        },
        {"tag": "single_object", "include": [{"class": "dog", "count": 1}], "prompt": "a photo of a dog"},
    ]
    path = tmp_path / "evaluation_metadata.jsonl"
    path.write_text("\n".join(map(json.dumps, [*lines, lines[0]])))
    prompts = read_prompts(path)
    assert texts_of(prompts) == [line["prompt"] for line in lines]
    assert prompts[0].include[1].position == ("below", 0) and prompts[0].classes == {"dog", "cat"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a dog", "Line 1 of .*Invalid JSON"),
        ('{"prompt": "a dog", "tag": "x", "include": []}', "include"),
        ('{"prompt": "a", "tag": "x", "include": [{"class": "a", "count": 1, "color": "beige"}]}', "include.0.color"),
        (
            '{"prompt": "a", "tag": "x", "include": [{"class": "a", "count": 1, "position": ["above", 0]}]}',
            "not listed before",
        ),
        ("", "There is no prompt"),
    ],
)
def test_a_line_that_is_no_prompt_is_named(tmp_path, line, message) -> None:
    (tmp_path / "p.jsonl").write_text(line)
    with pytest.raises(BenchError, match=message):
        read_prompts(tmp_path / "p.jsonl")


def test_a_missing_file_is_named(tmp_path) -> None:
    with pytest.raises(BenchError, match="nowhere.jsonl cannot be read"):
        read_prompts(tmp_path / "nowhere.jsonl")


def test_wilsons_interval() -> None:
    # Newcombe 1998, table I: 81 of 263, and 0 of 20.
    assert wilson(81, 263) == pytest.approx((0.3080, 0.2553, 0.3662), abs=1e-4)
    assert wilson(0, 20) == pytest.approx((0.0, 0.0, 0.1611), abs=1e-4)


def rows(*shares: tuple[str, int, int, int]) -> list[dict]:
    """Rows of tasks (name, number of prompts, right plain, right corrected); the first prompts are right; two seeds."""
    return [
        {"tag": tag, "prompt": f"{tag} {place}", "seed": seed, "kind": version, "correct": place < right}
        for tag, number, base, corrected in shares
        for place in range(number)
        for seed in (0, 1)
        for version, right in (("base", base), ("corrected", corrected))
    ]


def test_figures_of_tasks_and_their_mean() -> None:
    made = figures(rows(("counting", 10, 4, 7), ("colors", 40, 36, 36)))
    counting, overall = made["tasks"]["counting"], made["overall"]
    assert counting["prompts"] == 10 and counting["pictures"] == 20
    assert counting["base"] == wilson(8, 20) and counting["corrected"] == wilson(14, 20)
    assert counting["fix_rate"] == 0.5 and counting["break_rate"] == 0
    mean, low, high = counting["difference"]
    assert mean == pytest.approx(0.3) and 0 <= low < 0.3 < high <= 0.7
    assert made["tasks"]["colors"]["difference"] == (0, 0, 0)
    assert overall["base"][0] == pytest.approx((0.4 + 0.9) / 2), "the mean of the tasks, not of the pictures"
    assert (
        overall["difference"][0] == pytest.approx(0.15) and overall["difference"][1] < 0.15 < overall["difference"][2]
    )
    assert overall["fix_rate"] == pytest.approx(6 / 20)


def test_no_scored_picture_is_an_error() -> None:
    with pytest.raises(ValueError, match="no scored picture"):
        figures([])


def test_both_tables_have_the_figures() -> None:
    made = figures(rows(("counting", 10, 4, 7), ("colors", 40, 36, 36)))
    assert "| counting | 10 | 20 | 0.400 [" in comparison_table(made) and "+30.0 [" in comparison_table(made)
    about = {
        "models": ["my.safetensors"],
        "workflow": "w",
        "comfyui": "0.3.75",
        "gpu": "cpu|x",
        "steps": [20],
        "judges": "d",
    }
    drawn = [
        {"nfe": {"base": 20, "corrected": 30}, "loop_seconds": {"base": 1.0, "corrected": 2.0}},
        {"nfe": {"base": 20, "corrected": 50}, "loop_seconds": {"base": 1.0, "corrected": 3.0}},
        {},
    ]
    head, dashes, base, corrected = table_to_share(made, about, [0, 1], drawn).splitlines()
    assert head.count("|") == dashes.count("|") == base.count("|") == corrected.count("|")
    assert (
        "| my.safetensors | base | 0.3.75 | cpu/x | 20 | 0, 1 | 20.0 | 1.0 | d | – | – | 0.40 | 0.90 | – | – | 0.65 |"
        == base
    )
    assert "| 40.0 | 2.5 |" in corrected and "| 0.70 | 0.90 |" in corrected
