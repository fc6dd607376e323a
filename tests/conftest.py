"""A small training run, made once by the real commands, for all tests that need a model on disk."""

import atexit
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from warm import PROGRAM as PROGRAM
from warm import Forked, Stream, Warm

ROOT = Path(__file__).parents[1]
CORPUS = ROOT / "data"

# Tests run a process a core: PyTorch's own threads on top of that would only fight each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# What commands keep for their user is kept apart from what is the user's.
os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="nmt-cache-")
atexit.register(shutil.rmtree, os.environ["XDG_CACHE_HOME"], ignore_errors=True)

# A shell gives its background jobs an ignored SIGINT, nohup an ignored SIGHUP, which are handed on: `make test` should
# pass there too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

PREPARE = "-s ko -t en --vocab-size 600 --licence MIT"
TRAIN = (
    "--preset tiny --set model.width=32 --set model.feed_forward=64 --set model.encoder_layers=1 "
    "--set model.decoder_layers=1 --steps 20 --validate-every 20 --threads 1 --device cpu "
    "--set training.odd_input=0"  # by itself the example has no slots, which are in tests of their own
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the longest tests first, so that no worker is left alone with them at the end."""
    items.sort(key=lambda item: item.path.name != "test_torture.py")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name an argument of bytes by its parameter alone: gzip writes the time, and workers must agree on names."""
    return argname if isinstance(val, bytes) else None


class TinyRun(NamedTuple):
    """The outputs of the commands; read-only, so tests that change them make a copy."""

    data: Path
    run: Path


def started(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Start the program as a shell does, in a locale without UTF-8; ``options`` go to ``subprocess.run``."""
    options = {"env": plain(), "timeout": 120, **options}
    return subprocess.run([PROGRAM, *arguments], capture_output=True, encoding="utf-8", **options)


def nmt(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the program in a process that is forked from one that has imported PyTorch; ``options`` as of ``started``.

    With ``code``, what Python runs by ``-c code``, with all of nmt imported already.
    """
    if options.keys() - {"timeout", "cwd", "input", "stdin", "code"}:
        return started(*arguments, **options)
    return warm().run([str(argument) for argument in arguments], plain(), **{"timeout": 120, **options})


def plain() -> dict[str, str]:
    """The environment of commands: a locale without UTF-8."""
    return {**os.environ, "LC_ALL": "C", "COLUMNS": "80"}


def begun(
    *arguments: str | Path,
    stdin: Stream = None,
    stdout: Stream = None,
    stderr: Stream = None,
    encoding: str | None = None,
    env: dict[str, str] | None = None,
) -> Forked:
    """Begin what ``nmt`` runs; options as of ``subprocess.Popen``. What Python reads at its start is set."""
    words = [str(argument) for argument in arguments]
    return warm().begin(words, env or plain(), streams=(stdin, stdout, stderr), encoding=encoding)


def warm() -> Warm:
    """One of two processes that commands are forked from, in turn: in the next command sets have another order."""
    if len(_warm) < 2 or not any(each.is_free for each in _warm):
        _warm.append(Warm(plain()))
        atexit.register(_warm[-1].close)
    _warm.reverse()
    return next(each for each in _warm if each.is_free)


_warm: list[Warm] = []


def weights(folder: Path) -> dict[str, Any]:
    """The tensors of a model's or a checkpoint's model.safetensors."""
    from safetensors.torch import load_file

    tensors: dict[str, Any] = load_file(folder / "model.safetensors")
    return tensors


def equal(first: Path, second: Path) -> bool:
    """Whether two folders hold the same weights, bit for bit."""
    left, right = weights(first), weights(second)
    return left.keys() == right.keys() and all(left[name].equal(right[name]) for name in left)


def write_corpus(folder: Path, name: str, first: int, count: int, among: int = 0) -> Path:
    """``count`` bundled training pairs from the ``first`` on, as ``folder/name.ko`` and ``.en``; returns the prefix.

    With ``among``, the shortest of so many: a small training spends most of its time on translating the lines that it
    validates on. References have four words at least, so that BLEU decides.
    """
    folder.mkdir(parents=True, exist_ok=True)
    texts = [(CORPUS / f"train.{language}").read_text(encoding="utf-8").splitlines() for language in ("ko", "en")]
    rows = list(zip(*texts, strict=True))[first : first + (among or count)]
    if among:
        rows = sorted((row for row in rows if len(row[1].split()) >= 4), key=lambda row: len(row[0]))[:count]
    for place, language in enumerate(("ko", "en")):
        (folder / f"{name}.{language}").write_text("".join(f"{row[place]}\n" for row in rows), encoding="utf-8")
    return folder / name


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> TinyRun:
    """A run of 20 updates on 300 pairs: its translations are bad, everything else is real."""
    folder = tmp_path_factory.mktemp("tiny")
    train = write_corpus(folder / "text", "train", 0, 300)
    valid = write_corpus(folder / "text", "valid", 300, 20)
    made = TinyRun(folder / "data", folder / "run")
    for result in (
        nmt("prepare", *PREPARE.split(), "--train", train, "--valid", valid, "-o", made.data),
        nmt("train", made.data, "-o", made.run, *TRAIN.split()),
    ):
        assert result.returncode == 0, result.stderr
    return made


@pytest.fixture(scope="session")
def short_data(tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of the tiny run's training pairs and vocabulary, with short lines for validation."""
    folder = tmp_path_factory.mktemp("short")
    train, valid = tiny_run.data.parent / "text" / "train", write_corpus(folder, "valid", 300, 20, among=600)
    where: list[str | Path] = ["--train", train, "--valid", valid, "--vocab", tiny_run.run, "-o", folder / "data"]
    made = nmt("prepare", "-s", "ko", "-t", "en", *where)
    assert made.returncode == 0, made.stderr
    return folder / "data"
