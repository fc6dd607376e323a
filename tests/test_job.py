"""A job of translating files, without a command: any sink takes its windows, and what it has is not translated."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from fakes import Recorder, ReverseEngine, WordTokenizer

from nmt.decoding.formats import Format
from nmt.decoding.input_lines import InputLines
from nmt.decoding.job import Job, Tally
from nmt.decoding.request import Line
from nmt.decoding.sinks import Sink
from nmt.decoding.translator import Translator
from nmt.errors import UsageError
from nmt.store.journal import Sums, Work
from nmt.text.lines import Pause
from nmt.text.progress import Progress


class Memory:
    """A sink that holds windows in a dictionary, as a service would."""

    def __init__(self, done: dict[tuple[str, ...], list[str]]) -> None:
        self.done = done
        self.lines = 0
        self.sums: Sums = {}
        self.work: Work = {}
        self.finished = -1

    def begin(self, work: Work, resume: bool, progress: Progress) -> None:
        self.work = work

    def take(self, lines: Iterable[Line | Pause]) -> Iterator[Line | Pause]:
        return iter(lines)

    def find(self, lines: Sequence[str]) -> bool:
        self.lines += len(lines) if tuple(lines) in self.done else 0
        return tuple(lines) in self.done

    def add(self, lines: Sequence[str], records: Sequence[str], sums: Mapping[str, float] | None = None) -> None:
        self.done[tuple(lines)] = list(records)
        self.lines += len(lines)

    def finish(self, lines: int) -> None:
        self.finished = lines


def test_any_sink_takes_the_windows_and_those_that_it_has_are_not_translated(tmp_path: Path) -> None:
    (tmp_path / "in").write_text("a b\nc d\ne f\n\ng h\n", encoding="utf-8")
    engine, tokenizer = ReverseEngine(), WordTokenizer()
    translator = Translator(engine, tokenizer, tokenizer, window=2)
    sink = Memory({("c d", "e f"): ["never asked for"], ("a b", "c d"): ["there", "already"]})
    as_sink: Sink = sink
    job, tally, progress = Job([tmp_path / "in"], None, Format("jsonl")), Tally(), Recorder()
    job.translate(InputLines([tmp_path / "in"]), translator, as_sink, tally, progress)
    assert sink.done["a b", "c d"] == ["there", "already"]
    assert [record[:9] for record in sink.done["e f", ""] + sink.done["g h",]] == [
        '{"id": 2,',
        '{"id": 3,',
        '{"id": 4,',
    ]
    assert (sink.finished, tally.lines, len(engine.batches)) == (5, 3, 2)
    assert sink.work.keys() >= {"nmt", "engine", "beam size", "format", "n-best list", "strict"}


def test_the_job_names_arguments_and_no_flags(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^`output` is empty"):
        Job([], "", Format())
    job = Job([Path("-")], str(tmp_path / "out"), Format())
    assert [name for name, _ in job.outputs()] == ["`output`", "FILE.partial of `output`", "FILE.journal of `output`"]
