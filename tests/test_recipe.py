"""The recipes: Make runs only what is needed, and a failed command leaves no target behind."""

import gzip
import hashlib
import os
import re
import subprocess
from pathlib import Path

import pytest
from conftest import CORPUS, PROGRAM, ROOT, write_corpus

RECIPE, FEW_PAIRS = (ROOT / "data/recipes" / name / "Makefile" for name in ("multi30k", "few-pairs"))
ALL = ["prepare", "train", "translate", "evaluate"]
SHAPE = ("model.width=16", "model.feed_forward=16", "model.encoder_layers=1", "model.decoder_layers=1", "model.heads=2")
FAST = "--beam-size 1 --max-length-factor 0.1 --threads 1 --device cpu"
TRAIN_FLAGS = "--preset tiny --steps 3 --validate-every 3 --threads 1 --device cpu " + " ".join(
    f"--set {setting}" for setting in SHAPE
)

# Makes what the commands make, and fails where $FAIL says: train after its model, evaluate after its first words.
FAKE = """#!/bin/sh
command=$1
while [ $# -gt 0 ]; do [ "$1" = -o ] && out=$2; shift; done
case $command in
    prepare) [ "$FAIL" = prepare ] || { mkdir -p $out && echo {} > $out/manifest.json; } ;;
    train) mkdir -p $out/model && echo {} > $out/model/manifest.json ;;
    translate) [ "$FAIL" = translate ] || echo text > $out ;;
    evaluate) echo score ;;
esac
[ "$command" != "$FAIL" ]
"""


def fake(folder: Path) -> Path:
    program = folder / "fake"
    program.write_text(FAKE)
    program.chmod(0o755)
    return program


class Recipe:
    """The recipe, run on a corpus in a folder with a given program as nmt."""

    def __init__(self, folder: Path, program: Path) -> None:
        self.corpus = folder / "text"
        self.out = folder / "out"
        self.program = program
        for name, first, count in (("train", 0, 300), ("valid", 300, 10), ("test2016", 310, 10)):
            write_corpus(self.corpus, name, first, count)

    def make(self, *flags: str, fail: str = "") -> subprocess.CompletedProcess[str]:
        variables = {
            "CORPUS": self.corpus,
            "OUT": self.out,
            "NMT": self.program,
            "SRC": "ko",
            "TRG": "en",
            "PREPARE_FLAGS": "--vocab-size 500",
            "TRAIN_FLAGS": TRAIN_FLAGS,
            "TRANSLATE_FLAGS": FAST,
        }
        settings = [f"{name}={value}" for name, value in variables.items()]
        command: list[str | Path] = ["make", "-f", RECIPE, *settings, *flags]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
        return subprocess.run(
            command, env={**environment, "FAIL": fail}, capture_output=True, encoding="utf-8", timeout=300
        )

    def would_run(self, *flags: str) -> list[str]:
        """The nmt commands that Make would run now."""
        lines = self.make("-n", *flags).stdout.splitlines()
        return [line.split()[1] for line in lines if line.startswith(str(self.program))]

    def settled(self, *flags: str) -> bool:
        return self.make("-q", *flags).returncode == 0


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """The recipe after a run with the real program."""
    recipe = Recipe(tmp_path_factory.mktemp("recipe"), PROGRAM)
    assert recipe.would_run() == ALL
    result = recipe.make()
    assert result.returncode == 0, result.stderr
    assert "BLEU" in result.stdout
    return recipe


def test_four_commands_run_once(real: Recipe) -> None:
    assert real.settled()
    assert (real.out / "test2016.en").read_bytes().count(b"\n") == 10
    assert "BLEU" in (real.out / "scores.txt").read_text()


@pytest.mark.parametrize(
    ("name", "commands"),
    [
        ("text/train.ko", ALL),
        ("text/valid.en", ALL),
        ("text/test2016.ko", ALL),  # prepare keeps it out of training
        ("out/data/manifest.json", ALL[1:]),
        ("out/run/trained", ALL[2:]),
        ("out/test2016.en", ALL[3:]),
        ("out/scores.txt", []),
    ],
)
def test_touching_a_file_runs_what_depends_on_it(name: str, commands: list[str], real: Recipe) -> None:
    path = real.corpus.parent / name
    before = path.stat()
    os.utime(path)
    try:
        assert real.would_run() == commands
    finally:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert real.settled()


def test_touched_text_costs_no_training_and_changed_text_moves_the_run_aside(real: Recipe) -> None:
    metrics = real.out / "run/metrics.jsonl"
    before = metrics.read_text()
    os.utime(real.corpus / "train.ko")
    touched = real.make()
    assert touched.returncode == 0, touched.stderr
    assert metrics.read_text() == before
    assert real.settled()

    write_corpus(real.corpus, "train", 0, 299)
    changed = real.make()
    assert changed.returncode == 0, changed.stderr
    assert metrics.read_text() != before
    assert (real.out / "run.old-1/metrics.jsonl").read_text() == before
    assert real.settled()


@pytest.mark.parametrize(
    ("command", "target"),
    [
        ("prepare", "data/manifest.json"),
        ("train", "run/trained"),
        ("translate", "test2016.en"),
        ("evaluate", "scores.txt"),
    ],
)
def test_failing_command_leaves_no_target(command: str, target: str, tmp_path: Path) -> None:
    recipe = Recipe(tmp_path, fake(tmp_path))
    assert recipe.make(fail=command).returncode != 0
    assert not (recipe.out / target).exists()
    assert recipe.would_run() == ALL[ALL.index(command) :]
    assert recipe.make().returncode == 0
    assert recipe.settled()


@pytest.fixture(scope="module")
def pretended(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """The recipe after a run with the fake program."""
    folder = tmp_path_factory.mktemp("pretended")
    recipe = Recipe(folder, fake(folder))
    assert recipe.make().returncode == 0
    return recipe


@pytest.mark.parametrize(
    ("changed", "commands"),
    [
        (r"PREPARE_FLAGS=--kind ticket='\bTKT\n?[0-9]+\c'", ALL),
        ("TRAIN_FLAGS=--minutes 120", ALL[1:]),
        ("TRANSLATE_FLAGS=--glossary 'my terms.tsv'", ALL[2:]),
    ],
)
def test_another_command_runs_with_what_depends_on_it_until_it_is_done(
    changed: str, commands: list[str], pretended: Recipe
) -> None:
    assert pretended.would_run(changed) == commands
    assert pretended.would_run() == [], "only asked"
    assert pretended.make(changed).returncode == 0
    assert pretended.settled(changed)
    assert pretended.make().returncode == 0
    assert pretended.settled()


def test_text_that_is_given_later_is_prepared_and_learnt_however_old_it_is(tmp_path: Path) -> None:
    program = fake(tmp_path)
    for name in ("pairs", "valid", "test"):
        write_corpus(tmp_path, name, 0, 2)
    (tmp_path / "books.en").write_text("a\n")
    os.utime(tmp_path / "books.en", (0, 0))
    assert few_pairs(tmp_path, f"NMT={program}", parent=False).returncode == 0
    later = few_pairs(tmp_path, f"NMT={program}", f"MONO={tmp_path}/books.en", "-n", parent=False).stdout
    assert f"--mono {tmp_path}/books.en" in later
    assert {f"{tmp_path}/out/{run}" for run in ("data", "alone", "text", "student")} <= set(later.split())
    assert f"--teacher {tmp_path}/out/text" in later


def download(folder: Path, checksum: str) -> subprocess.CompletedProcess[str]:
    """Download one file of the text from a folder that replaces the repository."""
    with gzip.open(folder / "val.de.gz", "wb") as file:
        file.write(b"Ein Hund.\n")
    (folder / "sums").write_text(f"{checksum}  valid.de\n")
    command: list[str | Path] = ["make", "-f", RECIPE, f"FROM=file://{folder}", f"SUMS={folder / 'sums'}"]
    target = "build/multi30k/text/valid.de"
    return subprocess.run([*command, target], cwd=folder, capture_output=True, encoding="utf-8", timeout=60)


def test_download_unpacks_and_checks_the_text(tmp_path: Path) -> None:
    result = download(tmp_path, hashlib.sha256(b"Ein Hund.\n").hexdigest())
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "build/multi30k/text/valid.de").read_bytes() == b"Ein Hund.\n"


def test_download_of_another_text_is_refused(tmp_path: Path) -> None:
    result = download(tmp_path, hashlib.sha256(b"Eine Katze.\n").hexdigest())
    assert result.returncode != 0
    assert "has the wrong SHA-256" in result.stderr
    assert not (tmp_path / "build/multi30k/text/valid.de").exists()


def few_pairs(folder: Path, *flags: str, parent: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the recipe for few pairs with the real program, in a folder that has the text."""
    variables = {
        **{name: folder / name.lower() for name in ("PAIRS", "VALID", "TEST", "OUT")},
        **({"PARENT_PAIRS": folder / "parent", "MONO": f"{folder}/books.en {folder}/news.ko"} if parent else {}),
        "NMT": PROGRAM,
        "SRC": "ko",
        "TRG": "en",
        "PREPARE_FLAGS": "--vocab-size 500",
        "TRAIN_FLAGS": TRAIN_FLAGS,
        "STUDENT_FLAGS": TRAIN_FLAGS.replace("tiny", "student"),
        "EVALUATE_FLAGS": FAST,
    }
    settings = [f"{name}={value}" for name, value in variables.items()]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command: list[str | Path] = ["make", "-f", FEW_PAIRS, *settings, *flags]
    return subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", timeout=300)


def test_few_pairs_text_and_a_parent_become_a_table_and_a_student(tmp_path: Path) -> None:
    for name, first, count in (("pairs", 0, 200), ("valid", 300, 10), ("test", 310, 10), ("parent", 400, 200)):
        write_corpus(tmp_path, name, first, count)
    for language, name, first in (("en", "books", 600), ("ko", "news", 700)):
        text = (CORPUS / f"train.{language}").read_text(encoding="utf-8").splitlines(keepends=True)
        (tmp_path / f"{name}.{language}").write_text("".join(text[first : first + 40]), encoding="utf-8")
    made = few_pairs(tmp_path)
    assert made.returncode == 0, made.stderr
    scores = (tmp_path / "out" / "scores.txt").read_text(encoding="utf-8")
    assert scores in made.stdout
    for run in ("parented", "text", "alone", "student"):
        assert re.search(rf"\b{run}\b", scores), scores
    assert re.search(r"real pairs, \d+ of round 2", scores), "what text brought, by nmt report"
    assert (tmp_path / "out" / "int8" / "model.bin").exists()
    assert few_pairs(tmp_path, "-q").returncode == 0, "nothing is left to do"
    alone = few_pairs(tmp_path, "-n", "OUT=elsewhere", parent=False)
    assert "--mono" not in alone.stdout
    assert "--init" not in alone.stdout
    assert "--teacher elsewhere/alone" in alone.stdout
