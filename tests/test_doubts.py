"""Corpora that look wrong are used as they are, and prepare warns once of each problem."""

import os
import sys
from pathlib import Path

import pytest
from conftest import CORPUS, TRAIN, nmt
from fakes import Recorder
from test_prepare import OPTIONS, TEST, VALID, write
from test_prepare import TRAIN as PAIRS

from nmt.config import PrepareOptions
from nmt.corpus.dataset import Dataset
from nmt.corpus.doubts import Sides
from nmt.corpus.prepare import PrepareRequest, prepare
from nmt.disk.manifest import read_manifest

Pairs = list[tuple[str, str]]


def warnings(tmp_path: Path, train: Pairs, test: Pairs = TEST) -> list[str]:
    """The warnings of prepare."""
    paths = [write(tmp_path / name, pairs) for name, pairs in (("train", train), ("valid", VALID), ("test", test))]
    progress = Recorder()
    prepare(PrepareRequest("ko", "en", (paths[0],), paths[1], (paths[2],), tmp_path / "data"), OPTIONS, 1, progress)
    return [warning.replace(f"{tmp_path}/", "") for warning in progress.warnings]


def test_a_corpus_in_order_has_no_doubts(tmp_path: Path) -> None:
    assert warnings(tmp_path, PAIRS) == []


def test_swapped_sides_are_told_by_their_scripts(tmp_path: Path) -> None:
    (warning,) = warnings(tmp_path, [(target, source) for source, target in PAIRS])
    assert warning.startswith("train: the ko side is written in the script of en, and the en side in that of ko; swap")


@pytest.mark.parametrize(
    ("languages", "pairs", "doubted"),
    [
        (("ko", "en"), [("I go.", "나는 간다.")], True),
        (("ko", "en"), [("나는 간다.", "I go.")], False),
        (("ko", "en"), [("I go.", "I go.")], False),  # not translated, perhaps; not swapped
        (("ko", "en"), [("Windows 95 나는 간다", "I go")], False),
        (("de", "en"), [("I go.", "Ich gehe.")], False),  # of one script
        (("ja", "zh"), [("我走了", "私は行く")], False),
        (("ru", "ja"), [("私は行く", "Я иду")], True),
        (("sr_Latn", "en"), [("Ја идем", "I go")], False),
        (("xx", "en"), [("I go", "나는 간다")], False),
        (("ko", "en"), [("1 2", "3 4")], False),
    ],
)
def test_sides_are_doubted_only_where_scripts_leave_no_doubt(
    languages: tuple[str, str], pairs: Pairs, doubted: bool
) -> None:
    sides, progress = Sides(languages), Recorder()
    sides.add(pairs)
    sides.warn("c", progress)
    assert bool(progress.warnings) == doubted


@pytest.mark.parametrize(
    ("first", "header"),
    [
        (("source", "target"), True),
        (("Korean", "English"), True),
        (("ko", "en"), True),
        (("src", "tgt"), True),
        (("한국어", "Korean"), False),
        (("나는 간다", "I go"), False),
        (("source", "I go"), False),
    ],
)
def test_a_first_line_of_names_alone_is_taken_for_a_header(first: tuple[str, str], header: bool) -> None:
    for name, mend in (("c.tsv", "name the columns with `columns`"), ("c", "remove that line")):
        sides, progress = Sides(("ko", "en")), Recorder()
        sides.add([first, *PAIRS])
        sides.add([("source", "target")])  # not the first
        sides.warn(name, progress)
        looks = f"{name} line 1 looks like a header, "
        told = [warning.startswith(looks) and warning.endswith(f"; {mend}") for warning in progress.warnings]
        assert told == [True] * header


@pytest.mark.parametrize("shift", [0, 1])
def test_a_corpus_that_is_shifted_by_a_line_is_said(tmp_path: Path, shift: int) -> None:
    sides = [(CORPUS / f"train.{code}").read_text(encoding="utf-8").splitlines()[:2000] for code in ("ko", "en")]
    pairs = list(zip(sides[0], sides[1][shift:] + sides[1][:shift], strict=True))
    progress = Recorder()
    options = PrepareOptions(rules="language=off,order=off,coverage=off")
    request = PrepareRequest("ko", "en", (write(tmp_path / "train", pairs),), None, (), tmp_path / "data")
    prepare(request, options, 1, progress)
    assert [warning.split(":")[0] for warning in progress.warnings] == [
        "the sides of the training pairs hardly agree"
    ] * shift


@pytest.mark.skipif(sys.platform == "darwin", reason="names of files are UTF-8 there")
def test_a_corpus_whose_path_is_not_utf_8_is_prepared_and_trained_on(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/b\xff\t"))
    folder.mkdir()
    for language in ("ko", "en"):
        lines = (CORPUS / f"train.{language}").read_bytes().splitlines(keepends=True)
        (folder / f"c.{language}").write_bytes(b"".join(lines[:100] + lines[:1]))
    flags: list[str | Path] = [
        "-s",
        "ko",
        "-t",
        "en",
        "--vocab-size",
        "600",
        "--train",
        folder / "c",
        "-o",
        folder / "data",
    ]
    for _ in range(2):
        result = nmt("prepare", *flags)
        assert result.returncode == 0, result.stderr
    assert "up to date" in result.stderr
    name = f"{tmp_path}/b\\udcff\\t/c"
    assert read_manifest(folder / "data")["corpora"][0]["path"] == name
    assert Dataset.open(folder / "data").origins([0]) == [(name, 1)]
    training: list[str | Path] = ["train", folder / "data", "-o", folder / "run", *TRAIN.replace("20", "2").split()]
    commands: tuple[list[str | Path], ...] = (
        training,
        [*training[:4], *TRAIN.replace("20", "2").replace("steps 2", "steps 3").split()],
        ["translate", folder / "run", folder / "c.ko", "-o", folder / "out.en", "--beam-size", "1"],
    )
    for command in commands:
        result = nmt(*command)
        assert result.returncode == 0, result.stderr
