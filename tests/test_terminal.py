"""Output to a terminal: no control sequences from outside, lines that fit, and progress."""

import fcntl
import io
import json
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from conftest import PROGRAM, TinyRun, begun, write_corpus
from rich.cells import cell_len
from rich.console import Console
from rich.live import Live

from nmt.cli.console import Bar, Plain, Quiet, closing, counted, duration, say, table
from nmt.cli.live import live_bars, shortened, stage_line
from nmt.cli.monitor import LiveMonitor, LogMonitor
from nmt.training.counters import Counters, Validated
from nmt.training.loop import Update
from nmt.training.validation import Sample, Validation

TEXT: Any = {"capture_output": True, "encoding": "utf-8", "timeout": 60}
EVIL = "a\x1b]0;title\x07\x1b[2J\x9b2J\u202eb\udcff"  # sets a title, clears the screen, turns text around
SHOWN = r"a\x1b]0;title\x07\x1b[2J\x9b2J\u202eb\udcff"
VALIDATION = Validation(1, 1.0, 2.0, 3.0, [Sample(EVIL, EVIL, EVIL)])


def screen(width: int = 200) -> Console:
    return Console(file=io.StringIO(), width=width, force_terminal=True, legacy_windows=False)


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def in_bar(show: Callable[[Bar], None]) -> str:
    console = screen()
    with live_bars(console) as bars:
        show(Bar(bars))
    return written(console)


def in_live(show: Callable[[LiveMonitor], None]) -> str:
    console = screen()
    with Live(console=console) as live:
        show(LiveMonitor(live))
    return written(console)


SINKS: dict[str, Callable[[], str | None]] = {
    "a message": lambda: say(EVIL),
    "a warning": lambda: Quiet().warn(EVIL),
    "a note in a log": lambda: Plain(1.0).note(EVIL),
    "a table": lambda: table([EVIL, ""], [[EVIL, EVIL]]),
    "a note above a bar": lambda: in_bar(lambda bar: bar.note(EVIL)),
    "a warning above a bar": lambda: in_bar(lambda bar: bar.warn(EVIL)),
    "a bar's stage": lambda: in_bar(lambda bar: bar.start(EVIL, 3)),
    "a sample in a log": lambda: LogMonitor(verbose=True).validated(VALIDATION, False),
    "a sample above the live line": lambda: in_live(lambda monitor: monitor.validated(VALIDATION, False)),
    "a warning above the live line": lambda: in_live(lambda monitor: monitor.warn(EVIL)),
}


@pytest.mark.parametrize("sink", SINKS)
def test_nothing_from_outside_is_obeyed_by_a_terminal(sink: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = (SINKS[sink]() or "") + capsys.readouterr().err
    assert SHOWN in shown
    for obeyed in ("\x1b]", "\x07", "\x1b[2J", "\x9b", "\u202e", "\udcff"):
        assert obeyed not in shown


def test_errors_and_tables_of_the_program_hold_no_escapes(tmp_path: Path) -> None:
    name = os.fsencode(str(tmp_path)) + b"/\x1b]0;title\x07\xff\xc2\x9b2J.en"
    prepare = ["prepare", "-s", "ko", "-t", "en", "--train", name, "-o", tmp_path / "data"]
    for command in (["translate", name], ["evaluate", "--hyp", name, "--ref", name], prepare, [name]):
        result = subprocess.run([PROGRAM, *command], capture_output=True, timeout=60)
        assert result.returncode in (2, 66)
        assert rb"\x1b]0;title\x07" in result.stderr
        assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]", result.stdout + result.stderr)
    with open(name, "wb") as file:
        file.write(b"It is a cat.\n" * 3)
    result = subprocess.run([PROGRAM, "evaluate", "--hyp", name, "--ref", name], capture_output=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert rb"\x1b]0;title\x07" in result.stdout


def test_a_name_that_is_not_utf_8_is_told_in_json(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/\xff.en"
    with open(name, "wb") as file:
        file.write(b"It is a cat.\n" * 3)
    files: list[str | bytes] = ["--hyp", name, "--ref", name]
    result = subprocess.run([PROGRAM, "evaluate", *files, "--json", "--no-confidence"], capture_output=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert os.fsencode(json.loads(result.stdout)["sets"][0]["name"]) == b"\xff.en"


# --- width ------------------------------------------------------------------------------------------------------------


def plain_lines(shown: str) -> list[str]:
    """What was drawn, line by line, without colours and movements."""
    return [line.rstrip() for line in re.split(r"[\r\n]", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown))]


@pytest.mark.parametrize("width", [30, 40, 60, 80, 200])
@pytest.mark.parametrize(
    "what",
    [
        "cleaning",
        "learning the vocabulary",
        "translating a-long-name-of-a-test-set.en",
        "translating 긴 이름의 시험 자료.ko",
    ],
)
def test_a_line_fits_into_the_terminal_and_cuts_no_word(what: str, width: int) -> None:
    console = screen(width)
    with live_bars(console) as bars:
        bar = Bar(bars)
        bar.start(what, 1_000_000, "models")
        bar.advance(123_456)
        bar.note("translating goes on as long as there are lines, and then there are none; 번역이 끝났다")
        bars.refresh()
    lines = plain_lines(written(console))
    assert max(map(cell_len, lines)) <= width
    last = next(line for line in reversed(lines) if "123,456" in line)
    words = re.findall(r"[^\s━─…]+", last[: last.index("123,456")])
    assert words == what.split()[: len(words)]
    assert len(words) >= (1 if width >= 40 else 0)
    if width >= 80:
        assert words == what.split()
    if width == 200:
        assert "━─" in last
        assert "123,456 of 1,000,000 models · 12%" in last
    notes = "nmt: translating goes on as long as there are lines, and then there are none; 번역이 끝났다"
    assert notes in re.sub(" +", " ", " ".join(lines))


@pytest.mark.parametrize(("total", "known"), [(1_000, {"300/1,000", "300", "1,000", "30%"}), (None, {"300"})])
def test_a_figure_is_shown_whole_or_not_at_all(total: int | None, known: set[str]) -> None:
    bars = live_bars(screen())
    number = bars.add_task("읽는 중", total=total, unit="lines")
    bars.advance(number, 300)
    seen = set[str]()
    for width in range(120):
        shown = stage_line(bars.tasks[0], width)
        assert shown.cell_len <= width
        seen |= set(re.findall(r"\S*\d\S*", shown.plain))
    assert seen == known


def test_a_line_follows_a_terminal_that_is_resized() -> None:
    console = screen(200)
    with live_bars(console) as bars:
        Bar(bars).start("translating", 1_000, "lines")
        bars.refresh()
        before = written(console)
        console.width = 40
        bars.refresh()
    assert max(map(cell_len, plain_lines(before))) > 40
    assert max(map(cell_len, plain_lines(written(console)[len(before) :]))) <= 40


def test_words_that_do_not_fit_are_left_out_whole() -> None:
    assert [shortened("번역 중인 파일", cells) for cells in (14, 13, 11, 6, 5)] == [
        "번역 중인 파일",
        "번역 중인 …",
        "번역 중인 …",
        "번역 …",
        "",
    ]


def test_work_of_unknown_length_has_a_count_and_no_bar() -> None:
    def read(bar: Bar) -> None:
        bar.start("reading", None, "lines")
        bar.advance(1234)

    shown = in_bar(read)
    last = [line for line in plain_lines(shown) if line.startswith("reading")][-1]
    assert last.startswith("reading 1,234 lines")
    assert not {"━", "─"} & set(last)


def update_at(progress: float) -> Update:
    return Update(12_345, 1.2345, 1e-3, 1.0, 98_765, seconds=1.0, progress=progress, epoch=12)


def state_of(due: bool) -> Any:
    return SimpleNamespace(counters=Counters(validated=Validated(due=due)))


@pytest.mark.parametrize("width", [30, 40, 60, 80, 200])
def test_the_live_line_of_training_fits_into_the_terminal_and_keeps_the_time_left(width: int) -> None:
    console = screen(width)
    with Live(console=console) as live:
        monitor = LiveMonitor(live)
        for progress in (0.4, 0.5):
            monitor.updated(update_at(progress), state_of(due=False))
    last = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written(console)).strip().splitlines()[-1]
    assert len(last) <= width
    assert re.search(r"step 12,345 · .*\d:\d\d:\d\d left$", last)
    assert ("tokens/s" in last) == (width >= 80)
    assert ("━" in last) == (width == 200)


def test_work_between_updates_is_a_bar_in_place_of_the_live_line() -> None:
    console = screen(80)
    with Live(console=console) as live:
        monitor = LiveMonitor(live)
        monitor.updated(update_at(0.4), state_of(due=False))
        monitor.start("translating", 19_000, "texts")
        monitor.advance(4_096)
        monitor.note("a note above it")
        live.refresh()
        during = written(console)
        monitor.finish()
        monitor.updated(update_at(0.5), state_of(due=False))
        live.refresh()
    assert "translating" in during
    assert "4,096 of 19,000 texts" in during
    assert during.index("a note above it") < during.rindex("4,096 of 19,000")
    last = written(console)[len(during) :]
    assert "step 12,345" in last
    assert "translating" not in last


def test_work_between_updates_is_a_line_now_and_then_in_a_log(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nmt.cli.monitor.SECONDS_BETWEEN_LINES", 0.0)
    monitor = LogMonitor()
    monitor.start("translating", 19_000, "texts")
    monitor.advance(4_096)
    monitor.finish()
    assert capsys.readouterr().err == "nmt: translating: 4,096 of 19,000 texts\n"


@pytest.mark.parametrize(("progress", "due"), [(1.0, False), (0.5, True)])
def test_a_validation_that_runs_is_not_no_time_left(progress: float, due: bool) -> None:
    monitor = LogMonitor()
    line = monitor.line(update_at(progress), state_of(due))
    assert line.endswith(" · validating")
    assert "left" not in line


def test_a_training_says_that_it_validates(tiny_run: TinyRun, tmp_path: Path) -> None:
    command = ["train", tiny_run.data, "-o", tmp_path / "run", "--config", tiny_run.run / "config.toml"]
    shown = on_a_terminal(
        [*command, "--steps", "2", "--validate-every", "2", "--device", "cpu", "--threads", "1"], 60
    ).shown
    assert "step 2 · epoch 1" in shown
    assert "validating" in shown
    assert "0:00:00 left" not in shown


# --- how far it is ----------------------------------------------------------------------------------------------------


class Ran(NamedTuple):
    shown: str  # on the terminal
    stdout: str


def on_a_terminal(arguments: list[Any], width: int, typed: list[str] | None = None, **environment: str) -> Ran:
    """The program with stderr on a terminal with ``width`` columns, at which a person may type lines.

    Each line is ``typed`` once the program asks for it, and then Ctrl-D; the terminal echoes them.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    outside = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR")}
    process = begun(
        *arguments,
        stdin=subprocess.DEVNULL if typed is None else theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**outside, "TERM": "xterm", **environment},
    )
    os.close(theirs)
    shown = b""
    waiting = None if typed is None else [*(f"{line}\n".encode() for line in typed), b"\x04"]
    try:
        while data := os.read(ours, 1 << 16):
            shown += data
            if waiting and shown.endswith(b"> "):
                os.write(ours, waiting.pop(0))
    except OSError:  # how Linux tells that nobody has the other end any more
        pass
    os.close(ours)
    stdout, _ = process.communicate(timeout=60)
    assert process.returncode == 0, shown
    return Ran(shown.decode(), stdout.decode())


FAST = ["--beam-size", "1", "--max-length-factor", "0.1", "--threads", "1", "--device", "cpu"]


def test_a_translation_on_a_terminal_knows_its_total_and_closes_with_a_line(tiny_run: TinyRun, tmp_path: Path) -> None:
    source = write_corpus(tmp_path, "few", 0, 7).with_suffix(".ko")
    shown = on_a_terminal(["translate", tiny_run.run, source, "-o", tmp_path / "out.en", *FAST], 200).shown
    assert "0 of 7 lines" in shown
    assert re.search(rf"nmt: 7 lines in \d+\.\d s, [\d,.]+ a second: {tmp_path}/out.en\r\n", shown)


def test_translations_in_a_pipe_leave_the_live_line_and_its_end_on_the_terminal(
    tiny_run: TinyRun, tmp_path: Path
) -> None:
    source = write_corpus(tmp_path, "few", 0, 7).with_suffix(".ko")
    source.write_bytes(source.read_bytes().replace("는".encode(), b"\xff", 1))
    shown, stdout = on_a_terminal(["translate", tiny_run.run, source, *FAST], 200)
    assert stdout.count("\n") == 7
    warnings = shown.count("nmt: warning: ")
    assert "not UTF-8" in shown
    end = f"{warnings} warning{'s' * (warnings > 1)} above"
    assert re.search(rf"nmt: 7 lines in \d+\.\d s, [\d,.]+ a second; {end}\r\n", shown)
    quiet = on_a_terminal(["translate", tiny_run.run, source, "--quiet", *FAST], 200).shown
    assert quiet.count("\n") == quiet.count("nmt: warning: ") == warnings


def test_a_terminal_that_cannot_change_a_line_gets_whole_lines(tiny_run: TinyRun, tmp_path: Path) -> None:
    source = write_corpus(tmp_path, "few", 0, 7).with_suffix(".ko")
    shown = on_a_terminal(["translate", tiny_run.run, source, "-o", tmp_path / "out.en", *FAST], 80, TERM="dumb").shown
    assert re.fullmatch(rf"nmt: 7 lines in .* a second: {tmp_path}/out.en\r\n", shown)


def test_who_types_is_greeted_and_asked_for_each_line_on_stderr(tiny_run: TinyRun) -> None:
    shown, stdout = on_a_terminal(["translate", tiny_run.run, *FAST], 80, ["나는 간다.", "집에 간다."])
    assert shown.startswith("nmt: ko → en; a line each, Ctrl-D ends\r\n> ")
    assert shown.count("> ") == 3
    assert re.search(r"> (\^D\x08\x08)?\r\nnmt: 2 lines in \d+\.\d s\r\n$", shown)
    piped = subprocess.run([PROGRAM, "translate", tiny_run.run, *FAST], input="나는 간다.\n집에 간다.\n", **TEXT)
    assert (stdout, piped.stderr) == (piped.stdout, "")


def test_the_end_of_a_job_says_what_was_done_and_whether_something_was_odd() -> None:
    assert closing(1, 1, 2.0, 0.0, 0) == "1 line in 2.0 s"
    assert closing(1234, 2, 61.0, 20.23, 2) == "1,234 lines of 2 files in 0:01:01, 20 a second; 2 warnings above"


def test_figures_are_written_for_people() -> None:
    assert [counted(number, "line") for number in (0, 1, 1000)] == ["0 lines", "1 line", "1,000 lines"]
    assert [duration(seconds) for seconds in (0.04, 59.94, 60, 3723.4)] == ["0.0 s", "59.9 s", "0:01:00", "1:02:03"]


def test_no_figure_of_a_training_is_cut() -> None:
    monitor = LogMonitor()
    whole = set(monitor.line(update_at(1.0), state_of(due=True)).split(" · "))
    for width in range(80):
        line = monitor.line(update_at(1.0), state_of(due=True), width)
        assert len(line) <= width
        assert set(filter(None, line.split(" · "))) <= whole
