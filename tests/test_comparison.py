"""The page of ``evaluate --report``: what it says, that texts stay texts, and how it looks in a browser."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import contrast, luminance, opened_browser
from test_corpus_report import Tables
from typer.testing import CliRunner

from nmt.cli import app
from nmt.scoring.evaluate import ScoringOptions, score_set
from nmt.scoring.reports import SetReport
from nmt.scoring.systems import System, Texts
from nmt.show.comparison import EXAMPLES, LONGEST, comparison
from nmt.show.word_differences import Part, differences

SCRIPT = "<script>document.title = 'changed'</script> &amp; \\input{x} 100%"
NAME = "a<b> & 한글"
REFERENCES = [f"number {number} is a good line" for number in range(60)]
SOURCES = [f"문장 {number} 좋은 줄" for number in range(60)]


def lines(bad: int, word: str) -> list[str]:
    """The references, of which the first so many have other words."""
    return [word if number < bad else line for number, line in enumerate(REFERENCES)]


def report_of(*systems: System, references: list[str] = REFERENCES) -> SetReport:
    return score_set(Texts("test", systems, [references], "en", SOURCES), ScoringOptions())


@pytest.fixture(scope="module")
def compared() -> SetReport:
    first = System("ours", ("ours-1", "ours-2"), (lines(10, SCRIPT), lines(12, "x y z")))
    other = lines(30, "something else")
    other[5], other[40] = REFERENCES[5], SCRIPT
    return report_of(first, System.of(NAME, other))


@pytest.fixture(scope="module")
def page(compared: SetReport, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(comparison([compared]), "utf-8")
    return path


# --- words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ours", "theirs", "reference", "wanted"),
    [
        ("a cat sat", "a dog sat", "a cat sat", [("a ", "same"), ("cat", "hit"), (" sat", "same")]),
        ("a dog sat", "a cat sat", "a cat sat", [("a ", "same"), ("dog", "miss"), (" sat", "same")]),
        ("big red cat", "cat", "red cat", [("big", "miss"), (" ", "same"), ("red", "hit"), (" cat", "same")]),
        ("the the cat", "the cat", "the cat", [("the", "miss"), (" the cat", "same")]),
        ("the the", "x", "the", [("the", "hit"), (" ", "same"), ("the", "miss")]),
        ("one two", "x", "one two", [("one two", "hit")]),
        ("same", "same", "other", [("same", "same")]),
        ("", "x", "x", []),
        ("나는 집에", "나는 물을", "나는 집에", [("나는 ", "same"), ("집에", "hit")]),
        ("我是学生", "我是老师", "我是学生", [("我是", "same"), ("学生", "hit")]),
        ("Cat", "cat", "cat", [("Cat", "miss")]),
    ],
)
def test_the_words_that_differ_are_those_of_known_pairs(
    ours: str, theirs: str, reference: str, wanted: list[tuple[str, str]]
) -> None:
    parts = differences(ours, theirs, reference)
    assert parts == [Part(*part) for part in wanted]  # type: ignore[arg-type]
    assert "".join(part.text for part in parts) == ours


# --- what it says -----------------------------------------------------------------------------------------------------


def test_the_table_has_every_figure_of_the_report(compared: SetReport, page: Path) -> None:
    heads, *rows = Tables(page.read_text("utf-8")).tables["scores"]
    assert heads[:3] == ["system", "runs", "BLEU"]
    for row, entry in zip(rows, compared.systems, strict=True):
        bleu = entry.results["bleu"]
        assert row[:2] == [entry.system.name, str(len(entry.system.runs))]
        deviation = f" ± {bleu.deviation:.2f}" if bleu.deviation is not None else ""
        assert row[2] == f"{bleu.score.score:.2f}{deviation}"
        assert row[3] == f"{bleu.score.low:.1f} – {bleu.score.high:.1f}"
    assert f"{compared.systems[1].results['bleu'].p_value:.4f}" in rows[1]


def test_the_lines_of_each_side_are_those_that_it_does_better_the_largest_gains_first(page: Path) -> None:
    better, worse = re.findall(r'<div class="(?:survivors|victims)">(.*?)</ol>', page.read_text("utf-8"), re.DOTALL)
    for side, sign in ((better, 1), (worse, -1)):
        gains = [float(gain.replace("−", "-")) for gain in re.findall(r'<b class="score">([^<]*)</b>', side)]
        assert 0 < len(gains) <= EXAMPLES
        assert all(gain * sign > 0 for gain in gains)
        assert gains == sorted(gains, key=abs, reverse=True)
    places = [int(place) for place in re.findall(r"line (\d+)</span>", better)]
    assert set(places) <= {*range(11, 31), 41}
    assert re.findall(r"line (\d+)</span>", worse) == ["6"]


def test_a_system_alone_shows_its_worst_lines() -> None:
    found = comparison([report_of(System.of("ours", lines(3, "x y z")))])
    assert "Lines furthest from the reference" in found
    places = re.findall(r"line (\d+)</span>", found)
    assert sorted(places[:3], key=int) == ["1", "2", "3"]
    assert "Evaluation of ours" in found


def test_buckets_on_the_page_count_every_line(page: Path) -> None:
    _, *rows = Tables(page.read_text("utf-8")).tables["buckets"]
    assert sum(int(row[1]) for row in rows) == len(REFERENCES)


def test_what_must_stay_is_a_table_where_the_sources_have_any(page: Path) -> None:
    systems = [System.of(NAME, ["%s <b>x</b>", "y"]), System.of("other", ["x", "y"])]
    report = score_set(Texts("test", systems, [["%s b", "y"]], "en", ["<b>a</b> %s", "z"]), ScoringOptions())
    heads, *rows = Tables(comparison([report])).tables["kept"]
    assert heads == ["kind", "lines", NAME, "other", "references"]
    assert [list(map(str.strip, row)) for row in rows] == [["tag", "1", "1", "0", "0"], ["printf", "1", "1", "0", "1"]]
    assert "kept" not in Tables(page.read_text("utf-8")).tables


def test_a_long_line_is_cut() -> None:
    long = "word " * 10_000
    found = comparison([report_of(System.of("a", [long] * 60), System.of("b", lines(1, "x")))])
    shown = [re.sub("<[^>]*>", "", cell) for cell in re.findall("<dd[^>]*>(.*?)</dd>", found)]
    assert max(map(len, shown)) == LONGEST + 1
    assert all(cell.endswith("…") for cell in shown if len(cell) > LONGEST)


def test_the_command_writes_the_page_and_says_mistakes_before_any_work(tmp_path: Path) -> None:
    for name, text in (("a.en", lines(3, "x")), ("b.en", REFERENCES)):
        (tmp_path / name).write_text("".join(f"{line}\n" for line in text), "utf-8")
    command = ["evaluate", "--hyp", tmp_path / "a.en", "--ref", tmp_path / "b.en", "--report"]
    done = CliRunner().invoke(app, [*map(str, command), str(tmp_path / "page.html")])
    assert done.exit_code == 0, done.stderr
    assert "Evaluation of a.en" in (tmp_path / "page.html").read_text("utf-8")
    refused = CliRunner().invoke(app, [*map(str, command), str(tmp_path / "page.pdf")])
    assert "is not a page; end its name in .html" in str(refused.exception)


# --- in a browser -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with opened_browser() as browser:
        yield browser


def test_the_page_asks_for_nothing_runs_nothing_and_shows_texts_as_texts(browser: Any, page: Path) -> None:
    opened, said, asked = browser.new_page(), [], []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(page.as_uri())
    opened.wait_for_load_state("networkidle")
    assert opened.title() == f"ours beside {NAME}"
    assert opened.locator("script, img, iframe, object, link, b:not(.score)").count() == 0
    assert any(SCRIPT in text for text in opened.locator("dd").all_inner_texts())
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


def test_it_is_readable_in_light_and_dark_and_marks_need_no_colour(browser: Any, page: Path) -> None:
    for scheme in ("light", "dark"):
        opened = browser.new_page(color_scheme=scheme)
        opened.goto(page.as_uri())
        paper = luminance(opened.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert (paper < 0.05) == (scheme == "dark")
        for selector, key, least in (
            ("h1", "color", 7),
            ("dt", "color", 7),
            ("dd", "color", 7),
            ("mark", "color", 7),
            ("mark.hit", "textDecorationColor", 3),
            ("mark.miss", "textDecorationColor", 3),
            ("svg.interval circle", "fill", 3),
        ):
            ink = opened.evaluate(f"getComputedStyle(document.querySelector('{selector}')).{key}")
            assert contrast(luminance(ink), paper) >= least, (scheme, selector)
        styles = [
            opened.evaluate(f"getComputedStyle(document.querySelector('mark.{kind}')).textDecorationStyle")
            for kind in ("hit", "miss")
        ]
        assert styles == ["solid", "wavy"]


@pytest.mark.parametrize("width", [360, 1280])
def test_no_width_makes_the_page_scroll_sideways(browser: Any, page: Path, width: int) -> None:
    opened = browser.new_page(viewport={"width": width, "height": 800})
    opened.goto(page.as_uri())
    assert opened.evaluate("document.documentElement.scrollWidth") == width
