"""Two jobs that would write to one dataset, as two ComfyUIs with one folder of models can."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.made_up_dataset import contents
from tests.support.paths import CHECKOUT
from tests.training.test_dataset import FakeDecoder, FakeJudge, collected
from xlard.training.collect import judge_again
from xlard.training.dataset import Dataset
from xlard.training.only_writer import LOCK, only_writer

REFUSED = "Another job is writing to .*Wait until it has ended, or choose another name"
HOLD = "import sys; from xlard.training.only_writer import LOCK, only_writer; from pathlib import Path\n" + (
    "with only_writer(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
)


def test_a_second_job_is_refused_and_the_first_goes_on(tmp_path) -> None:
    refused = []

    def begin_another(*_) -> None:
        for second in (
            lambda: collected(tmp_path),
            lambda: judge_again(Dataset.load(tmp_path), FakeDecoder(), FakeJudge()),
        ):
            with pytest.raises(ValueError, match=REFUSED):
                second()
            refused.append(second)

    collected(tmp_path, on_batch=begin_another)
    collected(tmp_path / "alone")
    assert len(refused) == 2 * 4
    assert Dataset.load(tmp_path).pictures() == Dataset.load(tmp_path / "alone").pictures()


def test_another_process_is_waited_for_and_a_killed_one_leaves_nothing(tmp_path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None and other.stdout.readline() == "held\n"
        before = contents(tmp_path)
        with pytest.raises(ValueError, match=REFUSED):
            collected(tmp_path)
        assert contents(tmp_path) == before
        other.kill()
    assert len(collected(tmp_path).pictures()) == 8


def test_a_dataset_that_another_job_began_meanwhile_is_not_mixed_with_this_one(tmp_path) -> None:
    opened = Dataset.open(tmp_path, collected(tmp_path / "other").source)
    collected(tmp_path)
    with pytest.raises(ValueError, match="Another job has begun the dataset .* meanwhile. Run again"), opened.writing():
        pass


def test_the_lock_is_given_back_after_an_error(tmp_path) -> None:
    for _ in range(2):
        with pytest.raises(RuntimeError, match="^of the job$"), only_writer(tmp_path):
            raise RuntimeError("of the job")


@pytest.mark.parametrize("taken", ["", LOCK, "pictures.jsonl"])
def test_what_stands_where_a_dataset_is_to_be_written_is_named(tmp_path, taken: str) -> None:
    folder = tmp_path / "dataset"
    if taken:
        (folder / taken).mkdir(parents=True)
    else:
        folder.write_text("no folder")
    with pytest.raises(OSError, match=r"stands where something else .*Remove it, or choose another name"):
        collected(folder)
