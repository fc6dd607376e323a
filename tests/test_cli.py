"""The command line as a shell sees it: exit codes, one line of error, clean streams, other toolkits' flags, signals."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from base64 import b64encode
from pathlib import Path
from random import Random
from typing import Any

import pytest
import typer
from conftest import CORPUS, PROGRAM, ROOT, TRAIN, TinyRun, begun, nmt, started, write_corpus
from typer.core import TyperOption
from warm import Forked

import nmt as package
from nmt.cli import app
from nmt.errors import UsageError
from nmt.settings_file import read_toml
from nmt.text.machine import most_threads

USAGE, DATA, MISSING, CANNOT_CREATE, SETTINGS = 2, 65, 66, 73, 78
QUICK = ["--beam-size", "1", "--max-length-factor", "0.1", "--threads", "1", "--device", "cpu"]

# Command line, exit code, and what the line of error must hold. {data}, {run}: the tiny run; {tmp}: an empty folder.
MISTAKES = [
    ("trian", USAGE, "nearest known name is train"),
    ("--verison", USAGE, "--version"),
    ("prepare --sorce ko", USAGE, "nearest known name is --source"),
    ("train {data} -o {tmp}/run --step 3", USAGE, "nearest known name is --steps"),
    ("translate {run} --beam-sise 3", USAGE, "nearest known name is --beam-size"),
    ("evaluate {run} --metric bleu", USAGE, "nearest known name is --metrics"),
    ("translate", USAGE, "MODEL"),
    ("prepare -s ko", USAGE, "--train"),
    ("train {data} -o {tmp}/run --steps", USAGE, "--steps"),
    ("translate {run} --beam-size many", USAGE, "--beam-size"),
    ("translate {run} --beam-size 0", USAGE, "--beam-size"),
    ("translate {run} --format xml", USAGE, "jsonl"),
    ("evaluate", USAGE, "MODEL"),
    ("evaluate {run}", USAGE, "MODEL"),
    ("evaluate {run} {text} --metrics blue", USAGE, "nearest known name is bleu"),
    ("xyzzy", USAGE, "choose one of prepare, train, translate, evaluate, score,"),
    ("evaluate {run} --xyzzy", USAGE, "there is no option --xyzzy; see nmt evaluate --help"),
    ("train {data} -o {tmp}/run --set model.xyzzy=1", SETTINGS, "choose one of family, width,"),
    ("evaluate --hyp {text}.en", USAGE, "--ref"),
    ("prepare -s ko -t ko --train {text} -o {tmp}/data", USAGE, "'ko'"),
    ("prepare -s ko -t en --train {text} -o {tmp}/data --vocab-size all", USAGE, "--vocab-size"),
    ("prepare -s ko -t en --train {tmp}/no -o {tmp}/data", MISSING, "{tmp}/no"),
    ("prepare -s ko -t de --train {text} -o {tmp}/data", MISSING, "{text}"),
    ("train {tmp}/no -o {tmp}/run --steps 1", MISSING, "{tmp}/no"),
    ("train {data} -o {tmp}/run --config {tmp}/no.toml", MISSING, "{tmp}/no.toml"),
    ("translate {tmp}/no", MISSING, "{tmp}/no"),
    ("translate {run} {tmp}/no.ko", MISSING, "{tmp}/no.ko"),
    ("evaluate {run} {tmp}/no", MISSING, "{tmp}/no"),
    ("evaluate --hyp {tmp}/no.en --ref {text}.en", MISSING, "{tmp}/no.en"),
    ("prepare -s ko -t en --train {unequal} -o {tmp}/data", DATA, "{unequal}.en"),
    ("prepare -s ko -t en --train {text} -o {tmp}/data --vocab-size 90000", DATA, "90000"),
    ("evaluate --hyp {text}.en --ref {unequal}.en", DATA, "{unequal}.en"),
    ("train {run} -o {tmp}/run --steps 1", MISSING, "{run}"),
    ("translate {data}", MISSING, "{data}"),
    ("translate {pickle}", DATA, "pickle files are never loaded"),
    ("evaluate {pickle} {text}", DATA, "pickle files are never loaded"),
    ("translate {broken}", DATA, "model.safetensors"),
    ("evaluate {broken} {text}", DATA, "model.safetensors"),
    ("train {data} -o {tmp}/run --steps 1 --set model.widht=64", SETTINGS, "nearest known name is width"),
    ("train {data} -o {tmp}/run --steps 1 --set modle.width=64", SETTINGS, "nearest known name is model"),
    ("train {data} -o {tmp}/run --steps 1 --set model.width=wide", SETTINGS, "model.width"),
    ("train {data} -o {tmp}/run --steps 1 --set model.width=10", SETTINGS, "model.heads"),
    ("train {data} -o {tmp}/run --steps 1 --set width=64", SETTINGS, "section.key=value"),
    ("train {data} -o {tmp}/run --steps 1 --epochs 1", SETTINGS, "training.steps"),
    ("train {data} -o {tmp}/run --steps 1 --preset huge", SETTINGS, "preset"),
    ("train {data} -o {run} --steps 20", SETTINGS, "--overwrite"),
    ("translate {run} --n-best 9", SETTINGS, "--n-best"),
    ("translate {run} {text}.ko --device mps", SETTINGS, "mps"),
    ("prepare -s ko -t en --train {text} -o {text}.ko/data", CANNOT_CREATE, "{text}.ko"),
    ("train {data} -o {text}.ko/run --steps 1", CANNOT_CREATE, "{text}.ko"),
    ("translate {run} {text}.ko -o {tmp}/no/out.en", CANNOT_CREATE, "{tmp}/no/out.en"),
    ("train {data} -o {tmp} --steps 1", CANNOT_CREATE, "{tmp}"),
]


@pytest.fixture(scope="module")
def places(tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The files that the command lines above name."""
    folder = tmp_path_factory.mktemp("mistakes")
    unequal = write_corpus(folder, "unequal", 0, 30)
    unequal.with_suffix(".en").write_text("One line.\n")
    pickle = folder / "model.pt"
    pickle.write_bytes(b"\x80\x04N.")
    broken = folder / "broken"
    shutil.copytree(tiny_run.run / "model", broken)
    with (broken / "model.safetensors").open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)[0]
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last ^ 1]))
    here = {"data": tiny_run.data, "run": tiny_run.run, "text": write_corpus(folder, "text", 0, 30)}
    return {**here, "unequal": unequal, "pickle": pickle, "broken": broken}


@pytest.mark.parametrize(("line", "code", "fragment"), MISTAKES, ids=[line for line, _, _ in MISTAKES])
def test_mistake_is_one_line_with_its_exit_code(
    line: str, code: int, fragment: str, places: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "a file").touch()
    here = {**places, "tmp": tmp_path}
    result = nmt(*(part.format(**here) for part in line.split()), input="")
    assert result.returncode == code, result.stderr
    what, semicolon, mend = result.stderr.removesuffix("\n").partition("; ")
    assert what.startswith("nmt: error: ")
    assert semicolon
    assert mend
    assert "\n" not in what + mend
    assert fragment.format(**here) in result.stderr
    assert result.stdout == ""
    assert list(tmp_path.iterdir()) == [tmp_path / "a file"], "a failed command left something"


COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]  # it is a group
OPTIONS = [
    pytest.param(name, option, id=f"{name} {option.opts[0]}")
    for name, command in COMMANDS.items()
    for option in command.params
    if isinstance(option, TyperOption) and not option.is_flag
]


@pytest.mark.parametrize(("name", "option"), OPTIONS)
def test_an_option_that_takes_one_value_refuses_a_second(name: str, option: TyperOption) -> None:
    values = [part for spelled in (option.opts[0], option.opts[-1]) for part in (spelled, "1")]
    refused = ""
    try:
        COMMANDS[name].make_context(name, values)
    except (UsageError, typer.TyperException) as error:  # the others of something else, that is missing
        refused = str(error)
    assert ("is given twice" in refused) != option.multiple


def test_a_second_value_is_a_mistake_by_whatever_name(tiny_run: TinyRun) -> None:
    for flags in (["--seed", "1", "--seed=1"], ["--threads", "1", "--cpu-threads", "2"], ["-o", "a", "--output", "b"]):
        actual = nmt("translate", tiny_run.run, "in", *flags)
        assert (actual.returncode, actual.stdout, actual.stderr.count("\n")) == (USAGE, "", 1)
        assert "is given twice; it takes one value: give it once" in actual.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_the_common_flags_are_every_commands(name: str) -> None:
    given = ["--seed", "1", "--device", "cpu", "--threads", "1", "--quiet", "--verbose", "--help"]
    shown = nmt(name, *given)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert {flag for flag in given if flag.startswith("--")} <= set(re.findall(r"--[a-z]+", shown.stdout))
    names = [option.name for option in COMMANDS[name].params if isinstance(option, TyperOption)]
    assert names[-6:] == ["seed", "device", "threads", "quiet", "verbose", "version"]
    assert nmt(name, "--version").stdout == nmt("--version").stdout


def test_a_command_that_makes_nothing_of_a_common_flag_works_with_it(tiny_run: TinyRun) -> None:
    flags = ["--seed", "7", "--device", "cpu", "--threads", "1", "--quiet", "--verbose"]
    plain, actual = nmt("inspect", tiny_run.run), nmt("inspect", tiny_run.run, *flags)
    assert (actual.returncode, actual.stdout, actual.stderr) == (0, plain.stdout, plain.stderr)


def test_a_settings_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    text = "[model]\nwidth = 64\n"
    (tmp_path / "marked.toml").write_bytes(b"\xef\xbb\xbf" + text.encode())
    (tmp_path / "plain.toml").write_text(text)
    assert read_toml(tmp_path / "marked.toml") == read_toml(tmp_path / "plain.toml") == {"model": {"width": 64}}


@pytest.mark.parametrize("target", ["install", "demo"])
def test_make_says_at_the_end_where_nmt_is(target: str) -> None:
    command = ["make", "--dry-run", "--always-make", "--no-print-directory", target]
    alone = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    told = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=60, env=alone).stdout
    assert "nmt is .venv/bin/nmt; to call it as nmt in this shell: . .venv/bin/activate" in told.splitlines()[-1]


def test_version_goes_to_standard_output() -> None:
    result = started("--version")
    assert (result.returncode, result.stdout, result.stderr) == (0, f"nmt {package.__version__}\n", "")


def test_python_dash_m_is_the_same_program() -> None:
    module = subprocess.run([sys.executable, "-m", "nmt", "trian"], capture_output=True, encoding="utf-8", timeout=60)
    script = started("trian")
    assert (module.returncode, module.stdout, module.stderr) == (script.returncode, script.stdout, script.stderr)


@pytest.mark.parametrize(
    "flags",
    [
        ["--beam", "2", "--lenpen", "0.5", "--max-tokens", "500", "--nbest", "2"],
        ["--beam=2", "--normalize=0.5", "--mini-batch-words=500", "--nbest=2", "--cpu-threads=1"],
    ],
)
def test_other_toolkits_names_of_flags_mean_ours(flags: list[str], tiny_run: TinyRun, tmp_path: Path) -> None:
    text = write_corpus(tmp_path, "few", 0, 3).with_suffix(".ko")
    ours = ["--beam-size", "2", "--length-penalty", "0.5", "--batch-tokens", "500", "--n-best", "2"]
    wanted, actual = (
        nmt("translate", tiny_run.run, text, "--max-length-factor", "0.1", *some) for some in (ours, flags)
    )
    assert actual.returncode == 0, actual.stderr
    assert actual.stdout == wanted.stdout
    assert wanted.stdout.count(" ||| ") == 3 * 2 * 2


@pytest.mark.parametrize(
    ("command", "flags"),
    [
        ("translate MODEL", "--threads 1000"),
        ("inspect MODEL", f"--threads {10**20}"),
        ("evaluate MODEL x", "--threads 1000000"),
        ("prepare -s ko -t en --train x -o x", "--workers 20000"),
        ("train DATA -o x", "--threads 1000"),
        ("train DATA -o x", "--devices 20000"),
        ("train DATA -o x", f"--devices {most_threads()} --threads 2"),
    ],
)
def test_more_threads_than_the_machine_takes_are_refused_in_one_line(
    tiny_run: TinyRun, tmp_path: Path, command: str, flags: str
) -> None:
    paths = {"MODEL": str(tiny_run.run), "DATA": str(tiny_run.data)}
    line = [paths.get(word, word) for word in command.split()]
    answer = nmt(*line, *flags.split(), cwd=tmp_path, stdin=subprocess.DEVNULL)
    assert answer.returncode == (78 if "--threads 2" in flags else 2)
    assert re.fullmatch(rf"nmt: error: --.* cores allows 0 to {most_threads()}; .*\n", answer.stderr)
    assert list(tmp_path.iterdir()) == []


def test_results_alone_go_to_standard_output(tiny_run: TinyRun, tmp_path: Path) -> None:
    text = write_corpus(tmp_path, "few", 0, 5)
    translated = nmt("translate", tiny_run.run, text.with_suffix(".ko"), *QUICK)
    assert translated.returncode == 0, translated.stderr
    assert translated.stdout.count("\n") == 5
    scored = nmt("evaluate", tiny_run.run, text, "--json", "--no-confidence", *QUICK)
    assert scored.returncode == 0, scored.stderr
    assert [scored_set["lines"] for scored_set in json.loads(scored.stdout)["sets"]] == [5]
    prepared = nmt(
        "prepare", "-s", "ko", "-t", "en", "--train", tiny_run.data.parent / "text/train", "-o", tmp_path / "d"
    )
    assert (prepared.returncode, prepared.stdout) == (0, ""), prepared.stderr
    config = tiny_run.run / "config.toml"
    again = nmt("train", tiny_run.data, "-o", tiny_run.run, "--config", config, "--device", "cpu")
    assert (again.returncode, again.stdout) == (0, ""), again.stderr
    assert "nothing to do" in again.stderr


def test_quiet_commands_say_nothing(tiny_run: TinyRun, tmp_path: Path) -> None:
    text = write_corpus(tmp_path, "few", 0, 2)
    result = nmt("translate", tiny_run.run, text.with_suffix(".ko"), "-o", tmp_path / "out.en", "--quiet", *QUICK)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert (tmp_path / "out.en").read_bytes().count(b"\n") == 2


@pytest.mark.parametrize("arguments", [["--help"], ["translate"]], ids=["help", "translate"])
def test_closed_reader_ends_a_command_by_sigpipe(arguments: list[str], tiny_run: TinyRun, tmp_path: Path) -> None:
    if arguments == ["translate"]:
        text = write_corpus(tmp_path, "few", 0, 2).with_suffix(".ko")
        arguments = ["translate", str(tiny_run.run), str(text), *QUICK]
    reader, writer = os.pipe()
    os.close(reader)
    result = subprocess.run([PROGRAM, *arguments], stdout=writer, stderr=subprocess.PIPE, timeout=60, encoding="utf-8")
    os.close(writer)
    assert result.returncode == -signal.SIGPIPE  # which a shell calls 141
    assert result.stderr == ""


def interrupt(process: Forked, number: signal.Signals) -> str:
    """Send a signal, and return the process's last output; it must end soon."""
    process.send_signal(number)
    try:
        return str(process.communicate(timeout=60)[1])
    finally:
        process.kill()


ENDLESS = ["--preset", "tiny", "--set", "model.width=32", "--steps", "100000", "--validate-every", "100000"]


def start_training(tiny_run: TinyRun, run: Path) -> Forked:
    """A training run of hours, after its first update."""
    command: list[str | Path] = ["train", tiny_run.data, "-o", run, *ENDLESS, "--threads", "1", "--verbose"]
    process = begun(*command, stderr=subprocess.PIPE, encoding="utf-8")
    assert process.stderr
    for line in iter(process.stderr.readline, ""):
        if "step 1 " in line:
            break
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_ends_training_with_its_work_saved(number: signal.Signals, tiny_run: TinyRun, tmp_path: Path) -> None:
    with start_training(tiny_run, tmp_path / "run") as process:
        rest = interrupt(process, number)
    assert process.returncode == -number
    assert "stopped and saved" in rest
    assert len(list((tmp_path / "run/checkpoints").glob("step-*/manifest.json"))) == 1
    assert (tmp_path / "run/model/manifest.json").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_prepare_while_the_vocabulary_is_learnt(number: signal.Signals, tmp_path: Path) -> None:
    # Minutes of work for SentencePiece: text without a space.
    lines = [b64encode(Random(number).randbytes(12_000)) for number in range(200)]
    (tmp_path / "text.tsv").write_bytes(
        b"".join(b"%s\t%s\n" % pair for pair in zip(lines[::2], lines[1::2], strict=True))
    )
    command = ["prepare", "-s", "ko", "-t", "en", "--max-length", "20000", "--clean", "off", "--verbose"]
    files: list[str | Path] = ["--train", tmp_path / "text.tsv", "-o", tmp_path / "data"]
    with begun(*command, *files, stderr=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stderr
        for line in iter(process.stderr.readline, ""):
            if "learning the vocabulary" in line:
                break
        assert "Traceback" not in interrupt(process, number)
    assert process.returncode == -number
    assert sorted(os.listdir(tmp_path)) == ["data.partial", "text.tsv"]  # with which the same command goes on


def test_training_whose_reader_leaves_saves_its_work_before_sigpipe(tiny_run: TinyRun, tmp_path: Path) -> None:
    with start_training(tiny_run, tmp_path / "run") as process:
        assert process.stderr
        process.stderr.close()
        process.wait(timeout=60)
    assert process.returncode == -signal.SIGPIPE
    assert len(list((tmp_path / "run/checkpoints").glob("step-*/manifest.json"))) == 1


def shell(line: str, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a shell line in which "$@" stands for the program's arguments."""
    command = ["sh", "-c", line.replace("nmt", '"$0"'), PROGRAM, *arguments]
    env = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, encoding="utf-8", env=env, timeout=120)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("few"), "few", 0, 2).with_suffix(".ko")


@pytest.fixture(scope="module")
def few_translated(tiny_run: TinyRun, few: Path) -> str:
    return started("translate", tiny_run.run, few, *QUICK).stdout


@pytest.mark.parametrize("closed", ["<&-", "2>&-"])
def test_streams_closed_by_the_shell_change_no_result(
    closed: str, tiny_run: TinyRun, few: Path, few_translated: str
) -> None:
    actual = shell(f'exec nmt "$@" {closed}', "translate", tiny_run.run, few, *QUICK)
    assert (actual.returncode, actual.stdout) == (0, few_translated)


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ('exec nmt "$@" >/dev/full', 74, "No space left on device"),
        ('exec nmt "$@" >&-', 74, "standard output is closed"),
        ('exec nmt "$@" - <&-', MISSING, "standard input is closed"),
    ],
)
def test_streams_that_lose_lines_are_an_error(line: str, code: int, words: str, tiny_run: TinyRun, few: Path) -> None:
    actual = shell(line, "translate", tiny_run.run, few, *QUICK)
    assert actual.returncode == code
    assert actual.stderr.startswith("nmt: error: ")
    assert actual.stderr.count("\n") == 1
    assert words in actual.stderr


def test_head_ends_a_translation_by_sigpipe_and_gets_its_lines(tiny_run: TinyRun, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("\n" * 100_000)
    actual = shell('{ nmt "$@"; echo $? >&2; } | head -n 2', "translate", tiny_run.run, tmp_path / "in", *QUICK)
    assert (actual.stdout, actual.stderr) == ("\n\n", "141\n")


@pytest.mark.parametrize("name", ["locale", "ascii"])
def test_text_is_utf_8_in_a_locale_that_knows_none(
    name: str, tiny_run: TinyRun, tmp_path: Path, few: Path, few_translated: str
) -> None:
    environment = {"LC_ALL": "C", **({"PYTHONUTF8": "0"} if name == "ascii" else {})}
    shutil.copy(few, tmp_path / "한국어")
    more: list[str | Path] = ["translate", tiny_run.run, "--format", "tsv", *QUICK]
    assert shell('exec nmt "$@"', "translate", tiny_run.run, tmp_path / "한국어", *QUICK, **environment).stdout == (
        few_translated
    )
    for line in ('exec nmt "$@" - <"$IN"', 'exec nmt "$@" "$IN"', 'cat "$IN" | nmt "$@"'):
        actual = shell(line, *more, IN=str(few), **environment)
        assert actual.returncode == 0, actual.stderr
        sources = [record.split("\t")[0] for record in actual.stdout.splitlines()]
        assert sources == few.read_text(encoding="utf-8").splitlines()


def test_standard_output_by_name_is_written_to_and_not_replaced(
    tiny_run: TinyRun, tmp_path: Path, few: Path, few_translated: str
) -> None:
    arguments: list[str | Path] = ["translate", tiny_run.run, few, *QUICK, "-o", "/dev/stdout"]
    assert shell('nmt "$@" | cat', *arguments).stdout == few_translated
    (tmp_path / "out").write_text("before\n")
    assert shell('nmt "$@" >>"$OUT"', *arguments, OUT=str(tmp_path / "out")).returncode == 0
    assert (tmp_path / "out").read_text(encoding="utf-8") == f"before\n{few_translated}"
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_translation_ended_before_anything_is_done_leaves_nothing(
    number: signal.Signals, tiny_run: TinyRun, tmp_path: Path
) -> None:
    out = tmp_path / "out.en"
    command: list[str | Path] = ["translate", tiny_run.run, CORPUS / "train.ko", "-o", out, "--threads", "1"]
    with begun(*command, stderr=subprocess.PIPE, encoding="utf-8") as process:
        while not out.with_name("out.en.partial").exists() and process.poll() is None:
            time.sleep(0.01)
        said = interrupt(process, number)
    assert process.returncode == -number
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


SIGNALLED_AT = """
import os, signal, sys

folder, place = sys.argv.pop(1), int(sys.argv.pop(1))
seen = 0

def hook(event, arguments):  # a signal that comes during the event is handled right after it
    global seen
    if event in ("open", "os.mkdir") and str(arguments[0]).startswith(folder):
        seen += 1
        if seen == place:
            os.kill(os.getpid(), signal.SIGTERM)

sys.addaudithook(hook)
from nmt.cli import main
main()
"""


def test_a_signal_at_any_file_that_is_opened_leaves_nothing(tiny_run: TinyRun, tmp_path: Path, few: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    words: list[str | Path] = ["translate", tiny_run.run, few, *QUICK, "-o", folder / "out.en"]
    places = 0
    while True:
        code = nmt(folder, str(places + 1), *words, code=SIGNALLED_AT).returncode
        left = {path.name for path in folder.iterdir()}
        if "out.en" in left:
            break  # it was whole before the signal came
        places += 1
        assert (code, left) == (-signal.SIGTERM, set())
    assert places >= 3


BLANK = b"\n" * 4096  # a whole window, done in no time


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_ended_translation_keeps_what_is_done_and_goes_on(
    number: signal.Signals, tiny_run: TinyRun, tmp_path: Path, few: Path, few_translated: str
) -> None:
    out, journal = tmp_path / "out.en", tmp_path / "out.en.journal"
    command: list[str | Path] = ["translate", tiny_run.run, "-", "-o", out, *QUICK]
    text = BLANK + few.read_bytes()
    with begun(*command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin
        process.stdin.write(text)
        process.stdin.flush()
        while not (journal.exists() and journal.read_bytes().count(b"\n") == 2) and process.poll() is None:
            time.sleep(0.01)
        before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        second = nmt(*command, input="")
        assert second.returncode == 75
        assert "in use by another process" in second.stderr
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
        process.send_signal(number)
        process.wait(timeout=60)
    assert process.returncode == -number
    left = {"out.en.journal", "out.en.partial"} | ({"out.en.partial.lock"} if number == signal.SIGKILL else set())
    assert {path.name for path in tmp_path.iterdir()} == left
    again = nmt(*command, input=text.decode())
    assert again.returncode == 0
    assert re.fullmatch(
        r"nmt: resuming after line 4,096\nnmt: 4,098 lines in \S+ s, \S+ a second: .*/out\.en\n", again.stderr
    )
    assert out.read_bytes() == BLANK + few_translated.encode()
    assert os.listdir(tmp_path) == ["out.en"]


@pytest.mark.parametrize(("arguments", "code"), [(["--nosuch"], 2), (["translate", "/nonexistent", "x"], 66)])
def test_an_error_that_cannot_be_told_still_has_its_exit_code(arguments: list[str], code: int) -> None:
    with open("/dev/full", "w") as full:
        assert subprocess.run([PROGRAM, *arguments], stderr=full, stdout=subprocess.DEVNULL).returncode == code


def test_training_whose_log_is_on_a_full_disk_trains_on(tiny_run: TinyRun, tmp_path: Path) -> None:
    command: list[str | Path] = ["train", tiny_run.data, "-o", tmp_path / "run", *TRAIN.split()]
    with open("/dev/full", "w") as full, begun(*command, stderr=full) as process:
        assert process.wait(120) == 0
    assert (tmp_path / "run" / "model" / "manifest.json").exists()
