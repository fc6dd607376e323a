"""Lines that repeat over a text: the same translations as of each line by itself, and each line translated once."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

import pytest
from fakes import AnswerEngine, Recorder, ReverseEngine, WordTokenizer
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nmt.config import SearchOptions
from nmt.decoding.formats import Format
from nmt.decoding.job import Job
from nmt.decoding.repeats import WithoutRepeats
from nmt.decoding.request import Line, Request
from nmt.decoding.translation import Translation
from nmt.decoding.translator import Translator
from nmt.decoding.windows import Window, windows
from nmt.errors import BusyError
from nmt.text.progress import Progress

TOKENIZER = WordTokenizer()
LINES = st.lists(st.sampled_from(["", " ", "a", "b a", "c d", "d. e f", "g", "h i j"]), max_size=40)


class Ahead(Translator):
    """A translator that reads windows ahead, as a cluster does."""

    def translated(self, each: Iterable[Window], progress: Progress) -> Iterator[list[Translation]]:
        waiting, given = deque[Window](), iter(each)
        while True:
            waiting.extend(islice(given, 3 - len(waiting)))
            if not waiting:
                return
            before, lines = waiting.popleft()
            yield self.translate_window(lines, before, progress)


def translations(translator: Translator | WithoutRepeats, lines: list[str]) -> list[Translation]:
    progress = Recorder()
    found = [one for some in translator.translated(windows(lines, 4), progress) for one in some]
    assert progress.advanced == len(lines)
    return found


@given(LINES, st.integers(1, 9))
def test_translations_are_those_of_each_line_and_what_is_known_is_not_asked_for_again(
    lines: list[str], most: int
) -> None:
    expected = translations(Translator(ReverseEngine(), TOKENIZER, TOKENIZER, window=4), lines)
    for kind in (Translator, Ahead):
        engine = ReverseEngine()
        assert translations(WithoutRepeats(kind(engine, TOKENIZER, TOKENIZER, window=4)), lines) == expected
        asked = [query for batch in engine.batches for query in batch]
        assert len(asked) == len({line for line in lines if line.strip()})
        few = WithoutRepeats(kind(ReverseEngine(), TOKENIZER, TOKENIZER, window=4), most)
        assert translations(few, lines) == expected
        assert len(few._known) <= most


def test_lines_that_ask_for_something_are_always_translated() -> None:
    translator = WithoutRepeats(Translator(ReverseEngine(), TOKENIZER, TOKENIZER, window=4))
    lines: list[Line] = [Request("a b", prefix="b"), "a b", Request("a b")]
    (found,) = translator.translated([Window(0, lines)], Recorder())
    assert [one.text for one in found] == ["b a", "b a", "b a"]


ANSWERS = {"a": ["x x x x"], "b": ["x x x x"], "c": ["y"], "d": ["in 1999"]}
AGAIN = {("b", 2): ["x y"]}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(["", *ANSWERS]), min_size=1, max_size=30), st.integers(1, 8))
@example(["a", "b", "c", "d", "a", "b", "d"], 2)  # resumes after a window of which each line is noted, or sound
def test_what_is_counted_of_repeated_lines_is_what_is_counted_of_each(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], fails: int
) -> None:
    """``a`` loops, ``b`` is mended, ``c`` is sound, ``d`` has a number too many."""
    folder = tmp_path_factory.mktemp("counted")
    (folder / "in").write_text("".join(f"{line}\n" for line in lines))

    def run(name: str, once: bool, fails: int = 0) -> tuple[dict[str, float], int]:
        """What was counted, and how many lines the engine was asked for."""
        engine = AnswerEngine(TOKENIZER, ANSWERS, AGAIN)
        translator = Failing(engine, TOKENIZER, TOKENIZER, SearchOptions(check=True), window=4)
        translator.fails = fails
        job = Job([folder / "in"], str(folder / name), Format(), once=once)
        with suppress(BusyError):
            job.run(lambda: translator, Recorder(), lambda: pytest.fail("nothing goes to standard output"), None)
        return job.counted, sum(beam == SearchOptions.beam_size for _, beam, _ in engine.asked)

    expected, _ = run("each", False)
    assert expected.get("mended", 0) == lines.count("b")
    assert expected.get("loop", 0) == lines.count("a")
    assert expected.get("number", 0) == lines.count("d")
    assert run("once", True) == (expected, len({*lines} - {""}))
    found, first = run("halves", True, fails)
    again = 0
    if not (folder / "halves").exists():
        found, again = run("halves", True)
    assert (found, first + again) == (expected, len({*lines} - {""}))
    assert len({(folder / name).read_bytes() for name in ("each", "once", "halves")}) == 1


class Failing(Translator):
    """A translator that fails at a window."""

    fails = 0

    def translate_window(self, lines: Sequence[Line], before: int, progress: Progress) -> list[Translation]:
        self.fails -= 1
        if self.fails == 0:
            raise BusyError("no memory", "wait")
        return super().translate_window(lines, before, progress)


@settings(max_examples=40, deadline=None)
@given(LINES.filter(bool), st.integers(1, 8), st.sampled_from(["out", "out.gz", "out.zst"]))
def test_a_job_that_resumes_asks_for_what_an_uninterrupted_one_asks_for(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], fails: int, name: str
) -> None:
    folder = tmp_path_factory.mktemp("resumes")
    (folder / "in").write_text("".join(f"{line}\n" for line in lines))

    def run(output: Path, fails: int = 0) -> list[list[list[int]]]:
        """The batches that were searched."""
        translator = Failing(engine := ReverseEngine(), TOKENIZER, TOKENIZER, window=4)
        translator.fails = fails
        job = Job([folder / "in"], str(output), Format(), once=True)
        with suppress(BusyError):
            job.run(lambda: translator, Recorder(), lambda: pytest.fail("nothing goes to standard output"), None)
        return engine.batches

    for place in ("whole", "halves"):
        (folder / place).mkdir()
    whole = run(folder / "whole" / name)
    halves = run(folder / "halves" / name, fails)
    if not (folder / "halves" / name).exists():
        halves += run(folder / "halves" / name)
    assert halves == whole
    assert (folder / "halves" / name).read_bytes() == (folder / "whole" / name).read_bytes()
