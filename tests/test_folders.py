"""Locks, whole files and scratch folders, with real processes: who waits, who is dead, and what is left."""

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import textwrap
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import ROOT

from flutils import folders, progress
from flutils.artifacts import Store
from flutils.folders import locks

HOLD = """
import sys, time
from pathlib import Path
from flutils import folders
with folders.hold(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""
SCRATCH = """
import sys
from flutils import folders
with folders.gather_temporary_files() as folder:
    (folder / "libraries" / "model.keras").write_bytes(b"half")
    print(folder, flush=True)
    sys.stdin.read()
"""
WRITE = """
import sys
from pathlib import Path
from flutils import folders
with folders.atomic_path(Path(sys.argv[1])) as writing:
    writing.write_bytes(b"half")
    print(writing, flush=True)
    sys.stdin.read()
"""


@contextmanager
def process(code, *arguments, **environment):
    """Run a script that says one line and then waits; yield the process and the line."""
    started = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
    )
    try:
        yield started, started.stdout.readline().strip()
    finally:
        started.kill()
        started.communicate()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# --- locks -----------------------------------------------------------------------------------------------


def test_who_waits_says_for_whom_and_goes_on_when_that_one_is_killed(tmp_path, monkeypatch):
    said = []
    with process(HOLD, tmp_path / "thing") as (holder, _):

        def kill(line):
            said.append(line)
            holder.send_signal(signal.SIGKILL)

        monkeypatch.setattr(progress, "say", kill)
        with folders.hold(tmp_path / "thing"):
            assert names(tmp_path) == [".lock-thing"]
            about = json.loads((tmp_path / ".lock-thing").read_text())
    (line,) = said
    assert line.startswith(f"waiting for thing, which process {holder.pid} on {os.uname().nodename} (since 2")
    assert about["process"] == os.getpid()
    assert names(tmp_path) == []


def test_a_lock_of_the_dead_is_no_lock(tmp_path, monkeypatch):
    with process(HOLD, tmp_path / "thing") as (holder, _):
        holder.kill()
        holder.wait()
        monkeypatch.setattr(progress, "say", lambda line: pytest.fail(f"it waited: {line}"))
        assert names(tmp_path) == [".lock-thing"]
        assert folders.describe_holders(tmp_path) == []
        with folders.hold(tmp_path / "thing"):
            (about,) = folders.describe_holders(tmp_path)
    assert about.startswith(f"process {os.getpid()} on ") and about.endswith(") holds thing")
    assert names(tmp_path) == []


def test_locks_of_different_things_do_not_wait_for_each_other(tmp_path):
    with process(HOLD, tmp_path / "one") as (holder, _):
        with folders.hold(tmp_path / "two"):
            assert names(tmp_path) == [".lock-one", ".lock-two"]
            assert len(folders.describe_holders(tmp_path)) == 2
        holder.communicate("")
        assert holder.returncode == 0
    assert names(tmp_path) == []


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_where_a_file_system_has_no_locks_nobody_waits_and_nothing_is_removed(tmp_path, monkeypatch, number):
    def refuse(descriptor, how):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    (tmp_path / ".writing-0-other").write_text("of another machine")
    thing, file = tmp_path / "thing", tmp_path / "file"
    with folders.hold(thing), folders.hold(thing), folders.atomic_path(file) as writing:
        writing.write_text("whole")
    assert (tmp_path / "file").read_text() == "whole"
    assert (tmp_path / ".writing-0-other").exists()


def test_a_wait_is_an_event_in_a_notebook_and_else_a_line_on_stderr(tmp_path, monkeypatch, capsys):
    progress.say("waiting for it")
    assert capsys.readouterr() == ("", "waiting for it\n")
    monkeypatch.setenv(progress.EVENTS_VARIABLE, str(tmp_path / "events"))
    progress.say("waiting for it")
    assert capsys.readouterr().err == ""
    assert json.loads((tmp_path / "events").read_text()) == {"kind": "message", "text": "waiting for it"}


def test_a_lock_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"), folders.hold(tmp_path / "file" / "thing"):
        pass


# --- the store -------------------------------------------------------------------------------------------


def test_scratch_of_one_killed_after_all_was_done_is_removed(tmp_path):
    store = Store("smoke", "mnist", home=tmp_path)
    made = store.obtain("ori", ".txt", {}, lambda path, scratch: path.write_text("1") and None)
    left = store.folder / "scratch" / made.path.stem
    left.mkdir(parents=True)
    (left / "checkpoint").touch()
    again = store.obtain("ori", ".txt", {}, lambda path, scratch: pytest.fail("it was made again"))
    assert again.checksum == made.checksum and not left.exists()


# --- whole files -----------------------------------------------------------------------------------------


def test_the_half_file_of_a_killed_process_goes_and_that_of_a_running_one_stays(tmp_path):
    with (
        process(WRITE, tmp_path / "a.npz") as (killed, left),
        process(WRITE, tmp_path / "b.npz") as (_, kept),
    ):
        assert Path(left).read_bytes() == b"half"
        killed.kill()
        killed.wait()
        with folders.atomic_path(tmp_path / "c.npz") as writing:
            writing.write_bytes(b"whole")
        assert names(tmp_path) == sorted([Path(kept).name, "c.npz"])


def test_what_writes_whole_can_be_used_within_it(tmp_path):
    with folders.atomic_path(tmp_path / "a.json") as outer:
        with folders.atomic_path(outer) as inner:
            inner.write_text("1")
        assert inner == outer and names(tmp_path) == [outer.name]
    assert (tmp_path / "a.json").read_text() == "1"


def test_a_link_stays_a_link_and_a_device_a_device(tmp_path):
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    os.mkfifo(tmp_path / "pipe")
    with folders.atomic_path(tmp_path / "link") as writing:
        writing.write_text("new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "target").read_text() == "new"
    with folders.atomic_path(tmp_path / "pipe") as writing:
        assert writing == tmp_path / "pipe"
    assert (tmp_path / "pipe").is_fifo()


def test_a_file_just_made_that_another_took_for_left_is_made_again(tmp_path, monkeypatch):
    lock_own, stolen = locks.lock_own, []

    def lose(descriptor):
        if not stolen:
            stolen.extend(tmp_path.iterdir())
            locks.remove_left(tmp_path, ".writing-*")  # between the making and the locking
        lock_own(descriptor)

    monkeypatch.setattr(folders.whole, "lock_own", lose)
    with folders.atomic_path(tmp_path / "a") as writing:
        writing.write_text("1")
    assert len(stolen) == 1 and stolen[0].name != writing.name and names(tmp_path) == ["a"]


# --- scratch folders -------------------------------------------------------------------------------------


def test_scratch_of_a_killed_run_is_cleared_by_the_next(tmp_path, monkeypatch):
    (tmp_path / "flutils-mine").mkdir()
    here = {"TMPDIR": str(tmp_path)}
    with process(SCRATCH, **here) as (killed, left), process(SCRATCH, **here) as (_, kept):
        killed.kill()
        killed.wait()
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        assert (Path(left) / "libraries" / "model.keras").exists()
        with folders.scratch_folder() as own:
            assert names(tmp_path) == sorted([Path(kept).name, own.name, "flutils-mine"])
    assert names(tmp_path) == sorted([Path(kept).name, "flutils-mine"])
