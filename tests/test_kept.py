"""What evaluate says of placeholders, tags, addresses and numbers: whether each line's are all in its translation."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from nmt.cli import app
from nmt.errors import NmtError
from nmt.scoring.kept import Kept, kept
from nmt.scoring.systems import System, Texts
from nmt.text.verbatim import Grammar

SOURCES = [
    "Could not open %s: %d",
    "Moved %1$s to %2$s",
    "Press <b>Start</b> now",
    "See http://example.org/a for 3 details",
    "Nothing to keep here",
    "Serial number 1234567",
    "%s and %s",
]
GOOD = [
    "%s: %d을(를) 열 수 없습니다",
    "%2$s(으)로 %1$s을(를) 옮겼습니다",
    '<b class="x">시작</b>을 누르세요',
    "http://example.org/a를 보세요",
    "아무것도 없음",
    "일련번호 1234567",
    "%s, %s",
]
BAD = [
    "%s을(를) 열 수 없습니다",
    *GOOD[1:2],
    "시작을 누르세요",
    "http://example.org/b를 보세요",
    *GOOD[4:5],
    "1234568",
    "%s",
]
PLAIN = ["A dog runs", "Two cats sit"]


def write(path: Path, lines: list[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with sources, two systems' translations, references, and texts that have nothing to keep."""
    for name, lines in {"a.en": SOURCES, "good": GOOD, "bad": BAD, "a.ko": [*GOOD[:6], "%s"]}.items():
        write(tmp_path / name, lines)
    write(tmp_path / "plain.en", PLAIN)
    write(tmp_path / "plain.ko", ["개가 달린다", "고양이 둘"])
    return tmp_path


def run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, ["evaluate", *map(str, arguments), "--no-confidence"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_lines_are_counted_whose_translation_has_all_that_the_source_has() -> None:
    texts = Texts("a", [System.of("good", GOOD), System.of("bad", BAD)], [[*GOOD[:6], "%s"]], "ko", SOURCES)
    assert kept(texts, Grammar()) == [
        Kept("address", 1, (1.0, 0.0), 1),
        Kept("tag", 1, (1.0, 0.0), 1),
        Kept("printf", 3, (3.0, 1.0), 2),
        Kept("number", 1, (1.0, 0.0), 1),
    ]
    assert kept(Texts("a", [System.of("good", GOOD)], [GOOD], "ko", None), Grammar()) == []


def test_runs_of_a_system_have_a_mean_and_one_reference_of_several_is_enough() -> None:
    system = System("both", ("1", "2"), (GOOD, BAD))
    texts = Texts("a", [system], [BAD, GOOD], "ko", SOURCES)
    assert kept(texts, Grammar(["printf"])) == [Kept("printf", 3, (2.0,), 3)]
    assert Kept("printf", 3, (1.5,), 3).to_json(["x"])["systems"] == [{"name": "x", "kept": 1.5}]


PIECES = st.lists(st.sampled_from(["%s", "%d", "<b>", "x", "{name}", "12345"]), max_size=6)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(PIECES, PIECES), min_size=1, max_size=4))
def test_counts_are_those_of_a_plain_definition(pairs: list[tuple[list[str], list[str]]]) -> None:
    sources, outputs = (list(map(" ".join, side)) for side in zip(*pairs, strict=True))
    texts = Texts("a", [System.of("a", outputs)], [outputs], "ko", sources)
    for kind, items in {"printf": ("%s", "%d"), "tag": ("<b>",), "field": ("{name}",), "number": ("12345",)}.items():
        having = [(left, right) for left, right in pairs if any(item in left for item in items)]
        good = sum(all(left.count(item) <= right.count(item) for item in items) for left, right in having)
        expected = [Kept(kind, len(having), (float(good),), good)] if having else []
        assert kept(texts, Grammar([kind])) == expected


def test_the_block_stands_below_the_scores(folder: Path) -> None:
    output = run("--hyp", folder / "bad", "--ref", folder / "a.ko", "--src", folder / "a.en")
    block = output.split("\n\n")[1].splitlines()
    assert [line.split() for line in block if "──" not in line][:-1] == [
        ["bad,", "kept", "lines", "kept", "references"],
        ["address", "1", "0", "1"],
        ["tag", "1", "0", "1"],
        ["printf", "3", "1", "2"],
        ["number", "1", "0", "1"],
    ]
    assert block[-1].startswith("kept: lines whose translation has all")
    latex = run("--hyp", folder / "bad", "--ref", folder / "a.ko", "--src", folder / "a.en", "--format", "latex")
    assert r"printf & 3 & 1 & 2 \\" in latex


def test_several_systems_have_a_column_each_and_json_has_the_same_figures(folder: Path) -> None:
    files: list[str | Path] = ["--hyp", folder / "good", "--ref", folder / "a.ko", "--src", folder / "a.en"]
    files += ["--baseline", folder / "bad"]
    output = run(*files)
    assert ["good,", "kept", "lines", "good", "bad", "references"] in [line.split() for line in output.splitlines()]
    assert ["printf", "3", "3", "1", "2"] in [line.split() for line in output.splitlines()]
    (entry,) = json.loads(run(*files, "--json"))["sets"]
    assert entry["kept"][2] == {
        "name": "printf",
        "lines": 3,
        "systems": [{"name": "good", "kept": 3}, {"name": "bad", "kept": 1}],
        "references": 2,
    }


def test_texts_that_have_nothing_to_keep_are_reported_as_before(folder: Path) -> None:
    files: list[str | Path] = ["--hyp", folder / "plain.ko", "--ref", folder / "plain.ko", "--src", folder / "plain.en"]
    assert run(*files) == run(*files[:4])
    assert "kept" not in json.loads(run(*files, "--json"))["sets"][0]
    without_source = run("--hyp", folder / "good", "--ref", folder / "a.ko")
    assert "kept" not in without_source


def test_kinds_are_left_out_and_added(folder: Path) -> None:
    files: list[str | Path] = ["--hyp", folder / "good", "--ref", folder / "a.ko", "--src", folder / "a.en", "--json"]
    kinds = ["--kind", "printf=off", "--kind", r"word=\bhere\b", "--kind", "tag=off"]
    (entry,) = json.loads(run(*files, *kinds))["sets"]
    found = [(kind["name"], kind["lines"], kind["systems"][0]["kept"]) for kind in entry["kept"]]
    assert found == [("word", 1, 0), ("address", 1, 1), ("number", 1, 1)]


@pytest.mark.parametrize(
    ("kinds", "code", "words"),
    [
        (["ticket"], 2, "is not NAME=REGEX; write it like ticket="),
        (["adress=off"], 2, "there is no kind 'adress'; the nearest known name is address"),
        (["a=x", "a=y"], 2, "`kind` a is given twice"),
        (["ticket=("], 78, "the pattern of ticket, '(', is no regular expression: missing )"),
        (["tag=x"], 78, "a kind of one's own cannot be called 'tag'"),
    ],
)
def test_kinds_that_cannot_be_used_are_refused_in_one_line(
    folder: Path, kinds: list[str], code: int, words: str
) -> None:
    flags = [part for kind in kinds for part in ("--kind", kind)]
    with pytest.raises(NmtError) as raised:
        run("--hyp", folder / "good", "--ref", folder / "a.ko", "--src", folder / "a.en", *flags)
    assert raised.value.exit_code == code
    assert words in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1
