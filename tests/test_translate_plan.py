"""``translate --plan``: what it measures with, and what it says."""

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from conftest import CORPUS, TinyRun, nmt
from hypothesis import given
from hypothesis import strategies as st

from nmt.decoding import plan as module
from nmt.decoding.formats import Format
from nmt.decoding.job import Job
from nmt.decoding.plan import Plan, Spaced, measured
from nmt.decoding.translation import Translation
from nmt.decoding.windows import Window
from nmt.errors import DataError
from nmt.text.lines import PAUSE
from nmt.text.progress import Progress, Silent


@given(st.integers(0, 200), st.integers(1, 30))
def test_lines_are_taken_at_even_distances_and_over_the_whole_text(seen: int, least: int) -> None:
    spaced = Spaced(least)
    spaced.add_all(part for number in range(seen) for part in (f"{number}", PAUSE))
    strides = {int(b) - int(a) for a, b in itertools.pairwise(map(str, spaced.lines))}
    assert spaced.seen == seen
    assert min(seen, least) <= len(spaced.lines) < 2 * least
    assert len(strides) <= 1
    assert not seen or (spaced.lines[0] == "0" and seen - int(str(spaced.lines[-1])) <= max(strides, default=seen))


class Clocked:
    """A translator that takes a second a line, by a clock that nothing else moves."""

    window, has_terms = 4096, False

    def __init__(self) -> None:
        self.now, self.given = 0.0, list[int]()

    def monotonic(self) -> float:
        return self.now

    def load(self) -> "Clocked":
        self.now += 7
        return self

    def about(self) -> dict[str, str | int | float]:
        return {}

    def translated(self, each: Iterable[Window], progress: Progress) -> Iterator[list[Translation]]:
        for window in each:
            self.now += len(window.lines)
            self.given.append(len(window.lines))
            yield []

    def warn(self, progress: Progress) -> None:
        pass


def test_the_rate_is_that_of_a_sample_after_a_warm_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, lines in (("a", 500), ("b", 300)):
        (tmp_path / name).write_text("x\n" * lines)
    clocked = Clocked()
    monkeypatch.setattr(module, "time", clocked)
    found = measured(Job([tmp_path / "a", tmp_path / "b"], None, Format()), clocked.load, Silent())
    assert clocked.given == [20, 200]
    assert found == Plan(lines=800, sampled=200, seconds=200.0, load_seconds=7.0)
    assert (found.rate(), found.rate(4), found.duration(), found.duration(4)) == (1, 4, 807, 207)
    (tmp_path / "a").write_text("")
    with pytest.raises(DataError, match="no line to translate"):
        measured(Job([tmp_path / "a"], None, Format()), clocked.load, Silent())


def test_the_command_prints_a_table_and_writes_nothing(tiny_run: TinyRun, tmp_path: Path) -> None:
    flags = "--beam-size", "1", "--plan", "--price", "3"
    result = nmt("translate", tiny_run.run, CORPUS / "test.ko", "-o", tmp_path / "out", *flags)
    assert result.returncode == 0, result.stderr
    heading, _, *rows = result.stdout.splitlines()
    lines = len((CORPUS / "test.ko").read_text(encoding="utf-8").splitlines())
    assert f"{lines:,} lines" in heading
    assert heading.endswith("price")
    assert [row.split()[0] for row in rows] == ["1", "2", "4", "8"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("flags", "said"), [(("--price", "3"), "--price counts"), (("--plan",), "--plan measures")])
def test_a_plan_of_nothing_is_refused(tiny_run: TinyRun, flags: tuple[str, ...], said: str) -> None:
    result = nmt("translate", tiny_run.run, *flags, text="")
    assert result.returncode == 2
    assert said in result.stderr
