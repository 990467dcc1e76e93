"""What was there before is intact, and the next run succeeds, wherever writing is broken off."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.broken_off import KILLED, in_child, kill_at
from tests.support.written import WRITTEN, Written

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are copied as POSIX does it"),
]

KILLS = [
    (kind, call, number)
    for kind, written in WRITTEN.items()
    for call, times in (("fsync", written.fsyncs), ("replace", written.replaces))
    for number in range(1, times + 1)
]


def finished(written: Written, folder: Path) -> object:
    """What is read after both writings where nothing goes wrong."""
    written.first(folder)
    written.second(folder)
    return written.read(folder)


def check_and_finish(written: Written, folder: Path, before: object, after: object) -> None:
    """Check that a reader finds what was there before, or all of it, and that the next run writes all of it."""
    found = written.read(folder)
    assert found in (before, after)
    if found != after:
        written.second(folder)
    assert written.read(folder) == after


@pytest.mark.parametrize(("kind", "call", "number"), KILLS)
def test_a_process_that_is_killed_while_it_writes(tmp_path, kind: str, call: str, number: int) -> None:
    written, folder = WRITTEN[kind], tmp_path / "broken"
    after = finished(written, tmp_path / "whole")
    written.first(folder)
    # Reading a training continues it.
    shutil.copytree(folder, tmp_path / "before")
    before = written.read(tmp_path / "before")
    assert in_child(lambda: written.second(folder), kill_at(call, number)) == KILLED
    check_and_finish(written, folder, before, after)


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A folder that is a disk of 4 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], capture_output=True).returncode:
        pytest.skip("This account may not mount a small disk.")
    yield folder
    in_use = subprocess.run(["umount", str(folder)]).returncode
    if in_use:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
    assert not in_use, "a file is still in use that was read: on Windows it could not be replaced"


@pytest.mark.parametrize("free", [0, 8192])
@pytest.mark.parametrize("kind", WRITTEN)
def test_a_full_disk(small_disk, tmp_path, kind: str, free: int) -> None:
    written, filler = WRITTEN[kind], small_disk / "filler"
    after = finished(written, tmp_path / "whole")
    written.first(small_disk)
    shutil.copytree(small_disk, tmp_path / "before")
    before = written.read(tmp_path / "before")
    filler.write_bytes(bytes(shutil.disk_usage(small_disk).free - free))
    with pytest.raises(OSError, match=r"The disk is full: .* Free some space and run again"):
        written.second(small_disk)
    assert not list(small_disk.rglob("*.part"))
    filler.unlink()
    check_and_finish(written, small_disk, before, after)


@pytest.mark.parametrize("kind", WRITTEN)
def test_files_that_may_not_be_as_long(tmp_path, kind: str) -> None:
    """As on a disk of FAT32, on which no file has more than 4 GB, or under a quota for files."""
    resource = pytest.importorskip("resource")
    written, folder = WRITTEN[kind], tmp_path / "limited"
    after = finished(written, tmp_path / "whole")
    written.first(folder)
    shutil.copytree(folder, tmp_path / "before")
    before = written.read(tmp_path / "before")
    said = in_child(lambda: written.second(folder), lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)))
    assert said.startswith("OSError") and "may not be as long" in said and str(folder) in said
    assert not list(folder.rglob("*.part"))
    check_and_finish(written, folder, before, after)


@pytest.mark.parametrize("kind", WRITTEN)
def test_a_disk_that_can_only_be_read(small_disk, tmp_path, kind: str) -> None:
    written = WRITTEN[kind]
    after = finished(written, tmp_path / "whole")
    written.first(small_disk)
    shutil.copytree(small_disk, tmp_path / "before")
    before = written.read(tmp_path / "before")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    try:
        with pytest.raises(OSError, match="cannot be written to") as error:
            written.second(small_disk)
        assert str(small_disk) in str(error.value)
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    check_and_finish(written, small_disk, before, after)
