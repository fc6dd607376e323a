"""What makes an evaluation doubtful is noticed: texts that are shifted by a line, swapped, tokenized or leaked."""

import json
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from conftest import CORPUS
from fakes import Recorder
from typer.testing import CliRunner

from nmt.cli import app
from nmt.corpus.parallel import find_corpus
from nmt.scoring.lint import best_stretch, doubts
from nmt.scoring.systems import System, Texts
from nmt.scoring.training_text import look_up
from nmt.text.words import words

ENGLISH = (CORPUS / "test.en").read_text("utf-8").splitlines()[:300]
KOREAN = (CORPUS / "test.ko").read_text("utf-8").splitlines()[:300]


def told(hypotheses: Sequence[str], references: Sequence[str], sources: Sequence[str] | None = None) -> list[str]:
    system = System.of("x", list(hypotheses))
    return doubts(Texts("x", [system], [list(references)], "en", list(sources) if sources is not None else None))


def wrong(lines: Sequence[str], share: float, seed: int = 1) -> list[str]:
    """The lines with some of their words replaced by those of any lines."""
    drawing = random.Random(seed)
    pool = [word for line in lines for word in line.split()]
    return [
        " ".join(drawing.choice(pool) if drawing.random() < share else word for word in line.split()) for line in lines
    ]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5])
@pytest.mark.parametrize(("first", "where"), [(0, "after"), (100, "after"), (100, "before")])
def test_lines_that_are_shifted_by_one_are_noticed_with_their_place(share: float, first: int, where: str) -> None:
    hypotheses = wrong(ENGLISH, share)
    if where == "after":
        hypotheses = [*hypotheses[:first], *hypotheses[first + 1 :], "x"]
    else:
        hypotheses = [*hypotheses[:first], "x", *hypotheses[first:-1]]
    (warning,) = told(hypotheses, ENGLISH, KOREAN)
    start, stop = int(warning.split()[1]), int(warning.split()[3])
    assert abs(start - (first + 1)) <= 5
    assert stop >= 290
    assert f"fit the references of the line {where} them" in warning


@pytest.mark.parametrize("seed", range(20))
def test_bad_translations_are_not_taken_for_shifted_ones(seed: int) -> None:
    assert told(wrong(ENGLISH, 0.7, seed), ENGLISH) == []
    drawn = random.Random(seed).sample(ENGLISH, len(ENGLISH))
    assert told(drawn, ENGLISH) == []


def test_equal_neighbours_are_not_shifted() -> None:
    assert told(["the same line"] * 50, ["the same line"] * 50) == []


@pytest.mark.parametrize(
    ("gains", "wanted"),
    [
        ([], (0, 0, 0.0)),
        ([-1.0, -2.0], (0, 0, 0.0)),
        ([1.0, -2.0, 3.0, -1.0, 2.0, -5.0, 1.0], (2, 5, 4.0)),
        ([0.5] * 4, (0, 4, 2.0)),
    ],
)
def test_the_best_stretch_has_the_largest_sum(gains: list[float], wanted: tuple[int, int, float]) -> None:
    assert best_stretch(gains) == wanted


def test_swapped_files_are_noticed() -> None:
    output = wrong(ENGLISH, 0.2)
    (warning,) = told(output, KOREAN, ENGLISH)  # source and reference
    assert "of their words from the source" in warning
    assert "are the two files swapped?" in warning
    (warning,) = told(KOREAN, ENGLISH)  # the source as hypotheses
    assert "written in HANGUL and the references in LATIN" in warning
    (warning,) = told(KOREAN, ENGLISH, KOREAN)
    assert warning == "300 of 300 hypotheses are the source unchanged"
    assert told(output, ENGLISH, KOREAN) == []


@pytest.mark.parametrize(
    ("line", "mark"),
    [
        ("the hou@@ se is red", "@@ "),
        ("▁the ▁house ▁is ▁red", "▁"),
        ("a well @-@ known house", "@-@"),
        ("it &apos;s a house", "&apos;"),
        ("mail me@home.org @@", ""),
    ],
)
def test_marks_of_tokenizers_are_noticed_on_either_side(line: str, mark: str) -> None:
    plain = ["the house is red"] * 10
    for what, sides in (("hypotheses", ([line] * 10, plain)), ("references", (plain, [line] * 10))):
        warnings = told(*sides)
        assert [f"the {what} have {mark!r}" in warning for warning in warnings] == [True] * bool(mark)


def test_test_lines_in_the_training_text_are_counted_by_side_and_pair(tmp_path: Path) -> None:
    train = [("나는 집에 간다", "I go home."), ("개", "A dog."), ("고양이", "x"), ("y", "THE HOUSE")]
    test = [
        ("나는 집에 간다!", "i go home"),
        ("개", "A cat."),
        ("고양이", "A dog."),
        ("새", "the house."),
        ("말", "A horse"),
    ]
    for name, pairs in (("train", train), ("test", test)):
        for side, ending in enumerate(("ko", "en")):
            (tmp_path / f"{name}.{ending}").write_text("".join(f"{pair[side]}\n" for pair in pairs), "utf-8")
    sources, targets = ([pair[side] for pair in test] for side in (0, 1))
    seen = look_up([find_corpus(tmp_path / "train", "ko", "en")], sources, targets, Recorder())
    assert seen.leaks(sources, targets) == (3, 3, 1)
    assert seen.leaks(None, targets) == (0, 3, 0)
    assert seen.source_words == {word for line in ("나는 집에 간다", "개 고양이") for word in words(line)}
    files = ["--hyp", tmp_path / "test.en", "--ref", tmp_path / "test.en", "--src", tmp_path / "test.ko"]
    done = CliRunner().invoke(
        app, ["evaluate", *map(str, files), "--train", str(tmp_path / "train"), "--json", "--buckets"]
    )
    (entry,) = json.loads(done.stdout)["sets"]
    assert (
        "3 sources and 3 references of 5 lines are in the training text, 1 as the same pair: "
        "scores on them are too high"
    ) in entry["warnings"]
    assert [(each["name"], each["lines"]) for each in entry["buckets"]["unseen words"]] == [
        ("all seen", 2),
        ("1 unseen", 3),
    ]


def test_training_text_of_files_without_a_language_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("a\n")
    command = ["evaluate", "--hyp", str(tmp_path / "x"), "--ref", str(tmp_path / "x"), "--train", "y"]
    assert "the languages of --train are unknown" in str(CliRunner().invoke(app, command).exception)
