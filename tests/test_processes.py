"""Work in other processes: the same results in the same order, and no process that outlives its parent."""

import operator
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from nmt.errors import BusyError
from nmt.text.processes import AHEAD, apart, in_processes

DOUBLE = partial(operator.mul, 2)

START = f"""
import signal, sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from nmt.errors import NmtError
from nmt.text.processes import in_processes
"""


@pytest.mark.parametrize("count", [1, 2, 3])
def test_results_come_in_the_order_of_the_items(count: int) -> None:
    with in_processes(DOUBLE, count) as double:
        assert list(double(iter(range(20)))) == list(range(0, 40, 2))
        assert list(double(iter(["a" * 10**6]))) == ["a" * 2 * 10**6]
        assert list(double(iter(()))) == []


def test_an_exception_comes_in_the_place_of_its_item() -> None:
    with in_processes(partial(operator.truediv, 6), 2) as divide:
        results = divide(iter([1, 2, 0, 3]))
        assert [next(results), next(results)] == [6, 3]
        with pytest.raises(ZeroDivisionError) as error:
            next(results)
    assert "in serve" in error.value.__notes__[0]


def test_an_item_that_cannot_be_sent_is_an_error_and_no_waiting() -> None:
    with in_processes(DOUBLE, 2) as double, pytest.raises(TypeError, match="cannot pickle"):
        list(double(iter([1, 2, (number for number in "3")])))


def test_few_items_are_on_their_way() -> None:
    taken = []

    def items() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    with in_processes(DOUBLE, 2) as double:
        results = double(items())
        for number in range(100):
            assert next(results) == 2 * number
            assert len(taken) <= number + 2 * AHEAD + 1


def test_a_process_that_is_killed_is_an_error_of_one_line() -> None:
    with in_processes(signal.raise_signal, 2) as kill, pytest.raises(BusyError, match="ended by SIGKILL") as error:
        list(kill(iter([signal.SIGKILL, signal.SIGKILL])))
    assert "\n" not in str(error.value)


def test_work_apart_is_done_in_another_process_and_its_errors_are_raised_here() -> None:
    assert apart(os.getpid, lambda: None) != os.getpid()
    with pytest.raises(ZeroDivisionError):
        apart(partial(operator.truediv, 1, 0), lambda: None)
    with pytest.raises(BusyError, match="ended by SIGKILL"):
        apart(partial(signal.raise_signal, signal.SIGKILL), lambda: None)


def test_writing_to_a_killed_process_does_not_end_the_parent_as_a_closed_pipe_does() -> None:
    program = f"""{START}
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
try:
    with in_processes(signal.raise_signal, 2) as kill:
        list(kill(iter([9, 9, b"x" * 10**7, b"x" * 10**7])))
except NmtError as error:
    print(type(error).__name__)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "BusyError\n", "")


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waits for processes of others as Linux can")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_process_outlives_its_parent(how: signal.Signals) -> None:
    program = f"""{START}
signal.signal(signal.SIGINT, signal.SIG_DFL)
with in_processes(eval, 2) as work:
    print(*work(iter(["__import__('os').getpid()"] * 2)), flush=True)
    list(work(iter(["__import__('time').sleep(1000)"] * 4)))
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
    )
    assert parent.stdout
    descriptors = [os.pidfd_open(int(pid)) for pid in parent.stdout.readline().split()]
    assert len(descriptors) == 2
    parent.send_signal(how)
    for descriptor in descriptors:
        assert select.select([descriptor], [], [], 30)[0], "a process lives on"
        os.close(descriptor)
    assert parent.communicate()[1] == ""  # no traceback


def test_a_terminals_ctrl_c_reaches_the_parent_alone() -> None:
    with in_processes(os.getpgid, 2) as group:
        assert os.getpgid(0) not in group(iter([0, 0]))


def test_processes_import_nothing_from_the_current_folder(tmp_path: Path) -> None:
    for name in ("socket", "nmt", "traceback", "multiprocessing", "numpy"):
        (tmp_path / f"{name}.py").write_text("open('imported', 'w').close()")
    program = f"{START}\nwith in_processes(len, 2) as count: print(*count(iter(['a', 'bc'])))"
    ended = subprocess.run([sys.executable, "-P", "-c", program], cwd=tmp_path, capture_output=True, encoding="utf-8")
    assert (ended.stdout, ended.stderr) == ("1 2\n", "")
    assert not (tmp_path / "imported").exists()
