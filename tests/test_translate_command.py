"""``nmt translate`` with a fake model: streams, files, formats, figures."""

import gzip
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from fakes import Recorder, ReverseEngine, WordTokenizer
from typer.testing import CliRunner

from nmt.cli import app
from nmt.config import SearchOptions
from nmt.decoding.input_lines import InputLines
from nmt.decoding.translator import Translator
from nmt.errors import DataError, MissingInputError, SettingsError, UsageError
from nmt.text.lines import PAUSE, Pause

STATS = [
    "lines",
    "source_tokens",
    "target_tokens",
    "seconds",
    "load_seconds",
    "target_tokens_per_second",
    "peak_memory_bytes",
]


class Loaded:
    """A replacement for ``Translator.load`` that records its arguments."""

    def __init__(self) -> None:
        self.asked: tuple[Any, ...] = ()
        self.engine = ReverseEngine()

    def __call__(
        self,
        path: Path,
        options: SearchOptions,
        batch_tokens: int,
        device: str,
        threads: int,
        engine: str,
        kind: str,
        ensemble: Sequence[Path],
        glossary: Path | None,
        to: str,
    ) -> Translator:
        self.asked = (path, options, batch_tokens, device, threads, engine, kind)
        tokenizer, self.engine = WordTokenizer(), ReverseEngine()
        return Translator(self.engine, tokenizer, tokenizer, options, batch_tokens, window=3)


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> Loaded:
    stand_in = Loaded()
    monkeypatch.setattr(Translator, "load", stand_in)
    return stand_in


def run(*arguments: str | Path, text: str | bytes = "") -> tuple[bytes, str]:
    """Run the command; return its standard output and error, or raise its exception."""
    result = CliRunner().invoke(app, ["translate", "MODEL", *map(str, arguments)], input=text, catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    return result.stdout_bytes, result.stderr


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize("arguments", [(), ("-",)])
def test_without_an_input_it_is_a_filter_that_keeps_order_and_count(arguments: tuple[str, ...]) -> None:
    output, _ = run(*arguments, text="a b\n\n다 나 가\r\nd e\n \nx")
    assert output.decode() == "b a\n\n가 나 다\ne d\n\nx\n"


@pytest.mark.usefixtures("loaded")
def test_inputs_follow_each_other_into_one_compressed_file(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("a b\nc", encoding="utf-8")
    (tmp_path / "two").write_text("d e\n", encoding="utf-8")
    output, _ = run(tmp_path / "one", tmp_path / "two", "-o", tmp_path / "out.gz")
    assert output == b""
    assert gzip.decompress((tmp_path / "out.gz").read_bytes()) == b"b a\nc\ne d\n"


def write_inputs(folder: Path) -> list[Path]:
    """Three inputs of 4, 3 and 8 lines in folders of their own; the second is compressed."""
    texts = {"a.en": "a b\nc d\ne f\ng h\n", "b.en.gz": "i j\n\nk l", "c.en": "m n\n" * 8}
    for number, (name, text) in enumerate(texts.items()):
        (folder / str(number)).mkdir(parents=True)
        data = text.encode()
        (folder / str(number) / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    return [folder / str(number) / name for number, name in enumerate(texts)]


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize("there", [True, False])
def test_a_folder_gets_a_file_for_each_input(there: bool, tmp_path: Path) -> None:
    inputs, out = write_inputs(tmp_path / "in"), tmp_path / "new" / "out"
    if there:
        out.mkdir(parents=True)
    output, said = run(*inputs, "-o", out if there else f"{out}/", "--stats", tmp_path / "stats")
    assert output == b""
    assert sorted(path.name for path in out.iterdir()) == ["a.en", "b.en.gz", "c.en"]
    assert (out / "a.en").read_text() == "b a\nd c\nf e\nh g\n"
    assert gzip.decompress((out / "b.en.gz").read_bytes()) == b"j i\n\nl k\n"
    assert (out / "c.en").read_text() == "n m\n" * 8
    assert json.loads((tmp_path / "stats").read_text())["lines"] == 15
    assert re.fullmatch(rf"nmt: 15 lines of 3 files in \d+\.\d s, \S+ a second: {out}/?\n", said)


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_a_folder_of_outputs_goes_on_where_it_failed(failing: int, tmp_path: Path, loaded: Loaded) -> None:
    inputs, out = write_inputs(tmp_path / "in"), tmp_path / "out"
    run(*inputs, "-o", f"{tmp_path / 'whole'}/")
    good = inputs[failing].read_bytes()
    bad = gzip.compress(b"\xff\n") if failing == 1 else good[:-1] + b"\xff\n"
    inputs[failing].write_bytes(bad)
    with pytest.raises(DataError, match=str(inputs[failing])):
        run(*inputs, "--strict", "-o", f"{out}/")
    inputs[failing].write_bytes(good)
    run(*inputs, "--strict", "-o", f"{out}/", "--stats", tmp_path / "stats")
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {
        path.name: path.read_bytes() for path in (tmp_path / "whole").iterdir()
    }
    # Windows have 3 lines: of the first input one window was done, of the second none, of the third two.
    done = {0: 3, 1: 4, 2: 4 + 3 + 6}[failing]
    assert json.loads((tmp_path / "stats").read_text())["lines"] == 15 - done


@pytest.mark.usefixtures("loaded")
def test_a_finished_file_that_was_changed_is_translated_anew(tmp_path: Path) -> None:
    inputs, out = write_inputs(tmp_path / "in"), tmp_path / "out"
    good = inputs[2].read_bytes()
    inputs[2].write_bytes(b"\xff\n")
    with pytest.raises(DataError):
        run(*inputs, "--strict", "-o", f"{out}/")
    inputs[2].write_bytes(good)
    (out / "a.en").write_text("somebody's own text\n")
    run(*inputs, "--strict", "-o", f"{out}/")
    assert (out / "a.en").read_text() == "b a\nd c\nf e\nh g\n"


@pytest.mark.usefixtures("loaded")
def test_a_folder_takes_no_input_without_a_name_and_no_name_twice(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    for path in (tmp_path / "a.en", tmp_path / "x/a.en"):
        path.write_text("a b\n")
    for inputs, words in (
        ([], "standard input"),
        (["-"], "standard input"),
        ([tmp_path / "a.en", tmp_path / "x/a.en"], "both"),
    ):
        with pytest.raises(UsageError, match=words):
            run(*inputs, "-o", f"{tmp_path}/out/")
    with pytest.raises(UsageError, match="empty"):
        run(tmp_path / "a.en", "-o", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.en", "x"]


@pytest.mark.usefixtures("loaded")
def test_a_folder_of_outputs_is_not_that_of_the_inputs(tmp_path: Path) -> None:
    (tmp_path / "a.en").write_text("a b\n")
    with pytest.raises(UsageError, match=r"a\.en"):
        run(tmp_path / "a.en", "-o", tmp_path)
    assert (tmp_path / "a.en").read_text() == "a b\n"


@pytest.mark.parametrize("sentence", ["나는 학생이다.", "I am a student.", "私は学生です。"])
def test_a_sentence_in_place_of_a_file_is_answered_with_how_to_pipe_it(sentence: str) -> None:
    with pytest.raises(MissingInputError, match=r"echo SENTENCE \| nmt translate MODEL"):
        run(sentence)
    with pytest.raises(MissingInputError, match=r"check the path$"):
        run("data/no.ko")


@pytest.mark.usefixtures("loaded")
def test_the_bar_knows_the_number_of_lines_where_it_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    progress = Recorder()
    monkeypatch.setattr("nmt.cli.console.terminal_progress", lambda quiet, verbose: nullcontext(progress))
    inputs = write_inputs(tmp_path / "in")
    run(inputs[0], inputs[2], "-o", f"{tmp_path}/out/")
    run(inputs[0], inputs[2], "-o", tmp_path / "out.en")
    run(*inputs, "-o", tmp_path / "out.en")
    run("-", "-o", tmp_path / "out.en", text="a b\n")
    assert progress.totals[::2] == [None] * 4  # while the model is loaded
    assert progress.totals[1::2] == [12, 12, None, None]
    assert [re.sub(r"\d+\.\d s(, \S+ a second)?", "N s", note) for note in progress.notes] == [
        f"12 lines of 2 files in N s: {tmp_path}/out/",
        f"12 lines in N s: {tmp_path}/out.en",
        f"15 lines in N s: {tmp_path}/out.en",
        f"1 line in N s: {tmp_path}/out.en",
    ]


@pytest.mark.usefixtures("loaded")
def test_a_failure_before_anything_is_done_leaves_no_file(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"a\nb\n\xff\n")
    with pytest.raises(DataError, match="line 3"):
        run(tmp_path / "in", "--strict", "-o", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize(
    "flags", [[], ["--n-best", "2"], ["--format", "jsonl"], ["--format", "tsv"]], ids=lambda flags: " ".join(flags)
)
@pytest.mark.parametrize("name", ["out", "out.gz"])
def test_a_failed_command_given_again_goes_on_to_the_same_bytes(
    flags: list[str], name: str, tmp_path: Path, loaded: Loaded
) -> None:
    good, bad = b"a b\nc d\n\ne f g\nh\n\ni j\n", b"a b\nc d\n\ne f g\nh\n\ni \xff\n"
    (tmp_path / "in").write_bytes(good)
    (tmp_path / "whole").mkdir()
    run(tmp_path / "in", "-o", tmp_path / "whole" / name, *flags)
    (tmp_path / "in").write_bytes(bad)
    command: list[str | Path] = [
        tmp_path / "in",
        "--strict",
        "-o",
        tmp_path / name,
        "--stats",
        tmp_path / "stats",
        *flags,
    ]
    with pytest.raises(DataError, match=r"line 7 byte 3 .*; the same command resumes after line 6$"):
        run(*command)
    assert not (tmp_path / name).exists()
    (tmp_path / "in").write_bytes(good)
    _, said = run(*command)
    assert re.fullmatch(r"nmt: resuming after line 6\nnmt: 7 lines in \d+\.\d s, \S+ a second: .*out(\.gz)?\n", said)
    assert (tmp_path / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert json.loads((tmp_path / "stats").read_text(encoding="utf-8"))["lines"] == 1
    assert loaded.engine.batches == [[[4, 5]]]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["in", "stats", "whole", name])


@pytest.mark.usefixtures("loaded")
def test_numbers_of_lines_count_on_from_window_to_window() -> None:
    output, _ = run("--format", "jsonl", text="a\n\nb\nc\nd\ne\nf\n")
    assert [json.loads(line)["id"] for line in output.splitlines()] == list(range(7))


@pytest.mark.usefixtures("loaded")
def test_without_resumption_a_failed_command_is_done_anew(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"a\nb\nc\n\xff\n")
    with pytest.raises(DataError):
        run(tmp_path / "in", "--strict", "-o", tmp_path / "out")
    (tmp_path / "in").write_bytes(b"a\nb\nc\nd\n")
    _, said = run(tmp_path / "in", "--strict", "-o", tmp_path / "out", "--no-resume")
    assert "after line" not in said
    assert (tmp_path / "out").read_bytes() == b"a\nb\nc\nd\n"


def test_pauses_of_standard_input_do_not_end_windows_of_a_file(tmp_path: Path, loaded: Loaded) -> None:
    class Hesitant(InputLines):
        def __iter__(self) -> Iterator[str | Pause]:
            for line in super().__iter__():
                yield from (PAUSE, line, PAUSE)

    (tmp_path / "in").write_bytes(b"a\nb\nc\nd\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nmt.decoding.parts.InputLines", Hesitant)
        run(tmp_path / "in", "-o", tmp_path / "out")
    assert [len(batch) for batch in loaded.engine.batches] == [3, 1]


@pytest.mark.usefixtures("loaded")
def test_a_missing_input_is_told_before_the_output_is_touched(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="absent"):
        run(tmp_path / "absent", "-o", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("loaded")
def test_what_is_not_utf_8_is_mended_with_one_warning_for_all() -> None:
    output, errors = run(text=b"a \xff\nb\n\xfe c\n")
    assert output.decode() == "\ufffd a\nb\nc \ufffd\n"
    assert errors.count("warning") == 1
    assert "2 lines were not UTF-8" in errors
    assert "standard input line 1" in errors


@pytest.mark.usefixtures("loaded")
def test_n_best_even_of_one_asks_for_the_n_best_format() -> None:
    assert run("--n-best", "1", text="a b\n")[0] == b"0 ||| b a ||| -0.500000\n"
    expected = b"0 ||| b a ||| -0.500000\n0 ||| b ||| -1.500000\n1 |||  ||| 0.000000\n2 ||| c ||| -0.500000\n"
    assert run("--n-best", "2", text="a b\n\nc\n")[0][: len(expected)] == expected


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("text", "b a"),
        ("tsv", "a b\tb a\t-0.500000"),
        ("jsonl", '{"id": 0, "source": "a b", "translation": "b a", "score": -0.5, "alternatives": []}'),
    ],
)
def test_formats(name: str, line: str) -> None:
    assert run("--format", name, text="a b\n")[0].decode() == f"{line}\n"


def test_flags_reach_the_search(loaded: Loaded) -> None:
    flags = "--beam-size 7 --length-penalty 0.6 --n-best 2 --max-length-factor 1.5 --batch-tokens 99 --threads 2"
    run(*flags.split(), "--device", "cpu", "--engine", "torch", "--compute-type", "int8", text="a\n")
    assert loaded.asked == (Path("MODEL"), SearchOptions(7, 0.6, 2, 1.5), 99, "cpu", 2, "torch", "int8")


def test_flags_left_out_are_the_defaults_of_the_library(loaded: Loaded) -> None:
    run(text="a\n")
    assert loaded.asked == (Path("MODEL"), SearchOptions(), 2048, "auto", 0, "auto", "float32")


@pytest.mark.usefixtures("loaded")
def test_more_hypotheses_than_beams_are_refused() -> None:
    with pytest.raises(SettingsError, match="n-best"):
        run("--n-best", "6", text="a\n")


@pytest.mark.usefixtures("loaded")
def test_stats_hold_the_figures_of_the_contract(tmp_path: Path) -> None:
    run("--stats", tmp_path / "stats.json", text="a b c\n\nd\n")
    stats = json.loads((tmp_path / "stats.json").read_text(encoding="utf-8"))
    assert list(stats) == STATS
    assert (stats["lines"], stats["source_tokens"], stats["target_tokens"]) == (3, 4, 4)
    assert stats["peak_memory_bytes"] > 1 << 20
    assert stats["seconds"] > 0
    assert stats["target_tokens_per_second"] == pytest.approx(4 / stats["seconds"], rel=0.5)


@pytest.mark.usefixtures("loaded")
def test_what_is_translated_is_written_before_more_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []

    class Sink:
        def write(self, data: bytes) -> None:
            events.append(data.decode().strip())

        def flush(self) -> None:
            events.append("flush")

    class Inputs(InputLines):
        def __iter__(self) -> Any:
            for line in ["a b", "c d", PAUSE, "e f"]:
                events.append(f"read {line}")
                yield line

    monkeypatch.setattr("nmt.decoding.parts.InputLines", Inputs)
    monkeypatch.setattr("nmt.cli.console.standard_output", Sink)
    run()
    spoken = [event for event in events if event != "flush"]
    assert spoken == ["read a b", "read c d", "read Pause.PAUSE", "b a", "d c", "read e f", "f e"]
    assert events[events.index("read e f") - 1] == "flush"
    assert events[-1] == "flush"
