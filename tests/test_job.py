"""A job of translating files, without a command: any sink takes its windows, and what it has is not translated."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import pytest
from fakes import Recorder, ReverseEngine, WordTokenizer
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.decoding.formats import Format
from nmt.decoding.input_lines import InputLines
from nmt.decoding.job import Job
from nmt.decoding.parts import OpenPart
from nmt.decoding.request import Line
from nmt.decoding.sinks import Sink
from nmt.decoding.translation import Translation
from nmt.decoding.translator import Translator
from nmt.decoding.windows import Window
from nmt.errors import BusyError, UsageError
from nmt.store.journal import Notes, Sums, Work
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

    def found(self) -> tuple[list[str], Notes]:
        raise AssertionError("nobody asks")

    def add(
        self,
        lines: Sequence[str],
        records: Sequence[str],
        sums: Mapping[str, float] | None = None,
        notes: Notes | None = None,
    ) -> None:
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
    lines, progress = InputLines([tmp_path / "in"]), Recorder()
    part = OpenPart(lines, as_sink, [], Format("jsonl"))
    part.begin(translator.about(), True, progress)
    for translations in translator.translated(part.lacking(lines, translator.window, progress), progress):
        part.add(translations)
    part.end()
    assert part.is_done
    part.finish()
    assert sink.done["a b", "c d"] == ["there", "already"]
    assert [record[:9] for record in sink.done["e f", ""] + sink.done["g h",]] == [
        '{"id": 2,',
        '{"id": 3,',
        '{"id": 4,',
    ]
    assert (sink.finished, len(engine.batches)) == (5, 2)
    assert sink.work.keys() >= {"nmt", "engine", "beam size", "format", "n-best list", "strict"}


class Ahead(Translator):
    """A translator that reads windows ahead, as a cluster does, and fails at one of them."""

    read, fails = 0, 0

    def translated(self, each: Iterable[Window], progress: Progress) -> Iterator[list[Translation]]:
        waiting = deque[Window]()
        windows = iter(each)
        while True:
            waiting.extend(islice(windows, 4 - len(waiting)))
            if not waiting:
                return
            self.read += 1
            if self.read == self.fails:
                raise BusyError("no memory", "wait")
            before, lines = waiting.popleft()
            yield self.translate_window(lines, before, progress)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.integers(1, 12))
def test_files_that_are_translated_beside_each_other_are_those_of_one_after_another(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], fails: int
) -> None:
    folder, tokenizer = tmp_path_factory.mktemp("files"), WordTokenizer()
    names = [folder / f"{number}.txt" for number in range(len(sizes))]
    for name, size in zip(names, sizes, strict=True):
        name.write_text("".join(f"{name.stem} {line}\n" for line in range(size)))

    def run(kind: type[Translator], output: str, fails: int = 0) -> dict[str, bytes]:
        translator = kind(ReverseEngine(), tokenizer, tokenizer, window=3)
        translator.fails = fails  # type: ignore[attr-defined]
        Job(names, f"{folder / output}/", Format("jsonl")).run(lambda: translator, Recorder(), unused, None)
        return {path.name: path.read_bytes() for path in (folder / output).iterdir()}

    expected = run(Translator, "one")
    assert {name: text.count(b"\n") for name, text in expected.items()} == {
        f"{number}.txt": size for number, size in enumerate(sizes)
    }
    done = 0
    if fails <= sum(-(-size // 3) for size in sizes):
        with pytest.raises(BusyError) as error:
            run(Ahead, "beside", fails)
        assert str(error.value).count("resumes after line") <= 1
        ends = [sum(-(-size // 3) for size in sizes[: number + 1]) for number in range(len(sizes))]
        done = sum(end < fails for end in ends)
        there = {path.name for path in (folder / "beside").iterdir() if path.suffix == ".txt"}
        assert {f"{number}.txt" for number in range(done)} <= there
    assert run(Ahead, "beside") == expected


def unused() -> BinaryIO:
    pytest.fail("nothing goes to standard output")


def test_the_job_names_arguments_and_no_flags(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^`output` is empty"):
        Job([], "", Format())
    job = Job([Path("-")], str(tmp_path / "out"), Format())
    assert [name for name, _ in job.outputs()] == ["`output`", "FILE.partial of `output`", "FILE.journal of `output`"]
