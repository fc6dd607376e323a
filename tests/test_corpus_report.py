"""``nmt report`` and ``prepare --report``: sums that add up, safe texts, a page that works; and what a dry run is."""

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import contrast, luminance, opened_browser
from conftest import TinyRun, nmt, write_corpus

from nmt.corpus.cleaning import LARGEST, Cleaning
from nmt.corpus.dataset import Dataset
from nmt.corpus.findings import BINS, LENGTHS
from nmt.disk.manifest import write_manifest
from nmt.errors import DataError
from nmt.show.corpus_report import report
from nmt.show.histogram import BASE, TOP, length_histogram, score_histogram
from nmt.text.spm_format import FIRST_PLAIN

SCRIPT = "<script>document.title = 'changed'</script> &amp; this stays text"
BIDI = "one \u202etwo\u202c three \x1b[31mfour five six"
PREPARE = ["prepare", "-s", "ko", "-t", "en", "--vocab-size", "600", "--max-length", "60", "--workers", "1"]


def write_dirty(folder: Path) -> list[str]:
    """Corpora with bad pairs of several kinds, and the flags that name them."""
    draw = [write_corpus(folder, name, first, count) for name, first, count in (("a", 0, 240), ("b", 240, 60))]
    valid, test = write_corpus(folder, "valid", 400, 10), write_corpus(folder, "test", 420, 12)
    with (folder / "a.ko").open("a") as source, (folder / "a.en").open("a") as target:
        leaked = zip(*((folder / f"test.{side}").read_text().splitlines()[:5] for side in ("ko", "en")), strict=True)
        copied = zip(*((folder / f"b.{side}").read_text().splitlines()[:7] for side in ("ko", "en")), strict=True)
        bad = [(SCRIPT, SCRIPT), (BIDI, BIDI), ("", "Nothing here."), ("사과 333개", "777 apples are here.")]
        long = ("나는 집에 간다. " * 40, "I go home now. " * 40)
        for pair in [*bad, *leaked, *copied, long]:
            source.write(pair[0] + "\n")
            target.write(pair[1] + "\n")
    return ["--train", str(draw[0]), "--train", str(draw[1]), "--valid", str(valid), "--test", str(test)]


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a dataset ``data`` made of dirty corpora, and its ``page.html``; read-only."""
    folder = tmp_path_factory.mktemp("dirty")
    flags = write_dirty(folder / "text")
    made = nmt(*PREPARE, *flags, "--report", "page.html", "-o", "data", cwd=folder)
    assert made.returncode == 0, made.stderr
    assert made.stderr.endswith("nmt: wrote page.html\n")
    return folder


class Tables(HTMLParser):
    """The cells of each table, by the table's class."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self._rows: list[list[str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._rows = self.tables.setdefault(dict(attributes)["class"] or "", [])
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "table":
            self._rows = []

    def handle_data(self, data: str) -> None:
        if self._rows and self._rows[-1]:
            self._rows[-1][-1] += data


def count(cell: str) -> int:
    return int(re.sub(r"[^\d]", "", cell))


# --- what it says -----------------------------------------------------------------------------------------------------


def test_the_counts_on_the_page_add_up_and_are_those_of_the_manifest(dirty: Path) -> None:
    tables = Tables((dirty / "page.html").read_text("utf-8")).tables
    corpora = json.loads((dirty / "data/manifest.json").read_text())["corpora"]
    heads, *rows = tables["corpora"]
    assert len(rows) == len(corpora) == 4
    for row, corpus in zip(rows, corpora, strict=True):
        pairs, kept, *dropped = map(count, row[2:])
        assert pairs == kept + sum(dropped)
        assert (row[0], row[1], pairs, kept) == tuple(corpus[key] for key in ("role", "path", "pairs", "kept"))
        told = {rule: number for rule, number in zip(heads[4:], dropped, strict=True) if number}
        assert told == corpus["dropped"]
    train = [corpus for corpus in corpora if corpus["role"] == "train"]
    first, *parts, last = ((row[0], count(row[2])) for row in tables["sums"][1:])
    assert first == ("training pairs", sum(corpus["pairs"] for corpus in train))
    assert last == ("kept", sum(corpus["kept"] for corpus in train))
    assert first[1] - sum(number for _, number in parts) == last[1]
    assert {"empty", "source-equals-target", "numbers", "in-test", "duplicate", "too-long"} <= {
        name for name, _ in parts
    }


def test_each_rule_says_how_many_it_judged_and_dropped_with_pairs_on_both_sides(dirty: Path) -> None:
    page = (dirty / "page.html").read_text("utf-8")
    rules = json.loads((dirty / "data/cleaning.json").read_text("utf-8"))["rules"]
    sections = re.findall(r'<details class="rule".*?</details>', page, re.DOTALL)
    assert len(sections) == len(rules) >= 14
    judged = 312 + 5 - 1  # all training pairs but the empty one
    assert sum(rules[0]["bins"]) + rules[0]["unknown"] == judged
    for rule, section in zip(rules, sections, strict=True):
        told = re.search(r"<span>(none|[\d,]+) of ([\d,]+) dropped", section)
        assert told
        assert (told[1].replace("none", "0"), told[2]) == (f"{rule['dropped']:,}", f"{judged:,}")
        judged -= rule["dropped"]
        assert len(re.findall("<li>", section)) == len(rule["victims"]) + len(rule["survivors"])
        assert len(rule["victims"]) == min(rule["dropped"], 20)
        assert (" open><summary id=" in section) == (rule["dropped"] > 0)
        near = [*rule.get("victims_near", ()), *rule.get("survivors_near", ())]
        assert section.count('class="near"') == len(near)
        assert near or rule["name"] != "duplicate"


def test_test_lines_in_training_are_counted_by_line_and_what_was_done_is_said(dirty: Path) -> None:
    page = (dirty / "page.html").read_text("utf-8")
    heads, *rows = Tables(page).tables["leaks"]
    told = {row[0].rpartition("/")[2]: dict(zip(heads[1:], row[1:], strict=True)) for row in rows}
    assert [told["test"][key] for key in ("lines", "with a near-copy in training", "copies")] == ["12", "5", "5"]
    assert "dropped 5 training pairs; none stays." in re.sub("<[^>]*>", "", page)


def test_pieces_and_bytes_are_those_of_the_dataset(dirty: Path) -> None:
    train = Dataset.open(dirty / "data").train
    _, *rows = Tables((dirty / "page.html").read_text("utf-8")).tables["pieces"]
    for row, pieces, side in zip(rows, train.pieces, (0, 1), strict=True):
        rows_ids = train.ids(range(len(train)))[side]
        single = sum(int((ids < FIRST_PLAIN).sum()) for ids in rows_ids)
        assert [row[2], row[4]] == [f"{pieces:,}", f"{single:,}"]
        assert row[3] == f"{pieces / len(train):.1f}"
    *_, (_, *used) = Tables((dirty / "page.html").read_text("utf-8")).tables["used"]
    ids, counts = np.unique(np.concatenate([*map(np.concatenate, train.ids(range(len(train))))]), return_counts=True)
    counts = counts[ids >= FIRST_PLAIN]
    wanted = [sum((counts >= low) & (counts < high)) for low, high in ((1, 10), (10, 100), (100, 10**9))]
    assert [count(cell) for cell in used] == [600 - FIRST_PLAIN - sum(wanted), *wanted]


def test_the_same_facts_give_the_same_page(dirty: Path, tmp_path: Path) -> None:
    done = nmt("report", "data", "-o", tmp_path / "again.html", cwd=dirty)
    assert (done.returncode, done.stdout) == (0, "")
    assert (tmp_path / "again.html").read_bytes() == (dirty / "page.html").read_bytes()
    flags = write_dirty(tmp_path / "text")  # the second time, the dataset is up to date, and the page is written
    for name in ("first.html", "second.html"):
        assert nmt(*PREPARE, *flags, "--report", name, "-o", "data", "--quiet", cwd=tmp_path).returncode == 0
    assert (tmp_path / "first.html").read_bytes() == (tmp_path / "second.html").read_bytes()


def test_a_page_has_the_font_of_hangul_only_where_it_has_hangul(dirty: Path) -> None:
    cleaning = Cleaning.open(dirty / "data")
    plain = json.loads(re.sub("[가-힣]", "x", json.dumps(cleaning.facts, ensure_ascii=False)))
    with_font, without = (
        report(Cleaning(cleaning.languages, cleaning.corpora, facts, cleaning.sizes), "data")
        for facts in (cleaning.facts, plain)
    )
    assert "font/ttf" in with_font
    assert "font/ttf" not in without
    assert len(without) < 400_000


# --- the page in a browser --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with opened_browser() as browser:
        yield browser


def test_the_page_asks_for_nothing_runs_nothing_and_shows_texts_as_texts(browser: Any, dirty: Path) -> None:
    page, said, asked = browser.new_page(), [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto((dirty / "page.html").as_uri())
    page.wait_for_load_state("networkidle")
    assert page.title() == "What cleaning did: data"
    assert page.locator("script, img, iframe, object, link").count() == 0
    shown = page.locator("#rule-source-equals-target ~ .sides .victims li").all_inner_texts()
    assert any(SCRIPT in text for text in shown)
    assert any("one \\u202etwo\\u202c three \\x1b[31mfour" in text for text in shown)
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


def test_even_a_page_whose_texts_were_not_escaped_would_run_no_script(
    browser: Any, dirty: Path, tmp_path: Path
) -> None:
    text = (dirty / "page.html").read_text("utf-8").replace("&lt;script&gt;", "<script>").replace("&#x27;", "'")
    (tmp_path / "bad.html").write_text(text.replace("&lt;/script&gt;", "</script>"), "utf-8")
    page = browser.new_page()
    page.goto((tmp_path / "bad.html").as_uri())
    assert page.locator("script").count() > 0
    assert page.title() == "What cleaning did: data"


def test_it_is_readable_in_light_and_dark(browser: Any, dirty: Path) -> None:
    """Text has a contrast of at least 7 to 1 (WCAG's AAA) in both schemes, a bar of 3."""
    papers = {}
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme)
        page.goto((dirty / "page.html").as_uri())
        paper = luminance(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        for selector, key, least in (
            ("h1", "color", 7),
            (".about", "color", 7),
            ("a", "color", 6),
            ("li p + p", "color", 7),
            (".rule svg text", "fill", 7),
            (".rule svg rect.kept", "fill", 3),
            (".rule svg rect.dropped", "fill", 3),
        ):
            ink = page.evaluate(f"getComputedStyle(document.querySelector('{selector}')).{key}")
            assert contrast(luminance(ink), paper) >= least, (scheme, selector)
        papers[scheme] = paper
    assert papers["dark"] < 0.05 < 0.9 < papers["light"]


@pytest.mark.parametrize("width", [360, 1280, 2560])
def test_no_width_makes_the_page_scroll_sideways(browser: Any, dirty: Path, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto((dirty / "page.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == width
    columns = page.evaluate("getComputedStyle(document.querySelector('.sides')).gridTemplateColumns").split()
    assert len(columns) == (1 if width < 700 else 2)


def test_it_is_used_by_keyboard_and_printed_whole(browser: Any, dirty: Path) -> None:
    page = browser.new_page()
    page.goto((dirty / "page.html").as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Sums"
    closed = page.locator("details:not([open])").first
    closed.locator("summary").focus()
    page.keyboard.press("Enter")
    assert closed.count() == 0 or page.evaluate("document.activeElement.parentElement.open")
    page.keyboard.press("Enter")
    hidden = page.locator("details:not([open]) figure").first
    assert not hidden.is_visible()
    page.emulate_media(media="print")
    assert hidden.bounding_box()["height"] > 100
    assert not page.locator("nav").is_visible()


def test_hangul_has_glyphs(browser: Any, dirty: Path) -> None:
    """Two syllables differ in their pixels; missing glyphs would both be the same box."""
    page = browser.new_page()
    page.goto((dirty / "page.html").as_uri())
    drawn = []
    for syllable in "나집":
        page.evaluate(f"document.querySelector('li p').textContent = '{syllable}'")
        page.evaluate("document.fonts.ready")
        drawn.append(page.locator("li p").first.screenshot())
    assert drawn[0] != drawn[1]


# --- charts -----------------------------------------------------------------------------------------------------------


def bars(svg: str) -> list[tuple[str, float, float, float]]:
    """Kind, left, right and height of each bar."""
    rects = re.findall(r'<rect class="(\w+)" x="([\d.]+)%" width="([\d.]+)%" y="[\d.]+" height="([\d.]+)"/>', svg)
    return [
        (kind, float(x), float(x) + float(width), float(height)) for kind, x, width, height in rects if kind != "hit"
    ]


@pytest.mark.parametrize(
    ("threshold", "dropped", "line", "turn"),
    [
        (0.5, 60, 50.0, 50.0),  # between two bins
        (0.51, 55, 51.0, 51.0),  # inside one
        (0.0, 77, 2.5, 2.5),  # the first bin holds 3 pairs of score 0: kept, so the line is drawn behind them
        (0.99, 0, 99.0, 100.0),
        (2.0, 0, 100.0, 100.0),
    ],
)
def test_bars_left_of_the_threshold_are_kept_and_right_of_it_dropped(
    threshold: float, dropped: int, line: float, turn: float
) -> None:
    counts = [0] * BINS
    counts[0], counts[5], counts[20], counts[30] = 3, 17, 10, 50
    drawn = score_histogram("x", counts, 1.0, threshold, dropped)
    assert all(right <= turn + 0.2 for kind, _, right, _ in bars(drawn) if kind == "kept")
    assert all(left >= turn - 0.2 for kind, left, _, _ in bars(drawn) if kind == "dropped")
    (place,) = re.findall(r'<line class="threshold" x1="([\d.]+)%"', drawn)
    assert float(place) == line
    assert f"{80 - dropped:,} pairs" in drawn
    assert sum(count(told) for told in re.findall(r": ([\d,]+) pairs[,<]", drawn)) == 80


def test_a_bar_is_as_high_as_the_logarithm_of_its_count() -> None:
    counts = [10**power - 1 for power in range(6)] + [0] * (BINS - 6)
    heights = [height for *_, height in bars(score_histogram("x", counts, 1.0, 1.0, 0))]
    assert heights == pytest.approx([(BASE - TOP) * power / 5 for power in range(1, 6)], abs=0.1)
    assert bars(score_histogram("x", [0] * BINS, 1.0, 0.5, 0)) == []


def test_lengths_are_drawn_as_shares() -> None:
    kept, dropped = [0] * LENGTHS, [0] * LENGTHS
    kept[4], kept[6], dropped[10] = 100, 300, 2
    drawn = length_histogram("x", kept, dropped)
    assert [height for *_, height in bars(drawn)] == pytest.approx([(BASE - TOP) / 4, (BASE - TOP) * 3 / 4], abs=0.1)
    assert "<title>4 to 6 characters: 100 kept, 0 dropped</title>" in drawn
    assert length_histogram("x", [0] * LENGTHS, [0] * LENGTHS).count("rect") == LENGTHS


# --- a dry run --------------------------------------------------------------------------------------------------------


def told(stderr: str) -> dict[str, dict[str, int]]:
    """Pairs, kept, and dropped by rule, of each corpus that the lines tell of."""
    corpora = {}
    for path, pairs, kept, rest in re.findall(
        r"^nmt: (\S+): ([\d,]+) pairs, ([\d,]+) kept; dropped: (.*)$", stderr, re.M
    ):
        rules = {} if rest == "nothing" else dict(part.rsplit(" ", 1) for part in rest.split(", "))
        corpora[path] = {"pairs": count(pairs), "kept": count(kept)} | {rule: count(n) for rule, n in rules.items()}
    return corpora


@pytest.mark.parametrize(("clean", "with_valid"), [("normal", True), ("strict", False), ("off", True)])
def test_a_dry_run_counts_what_a_run_counts_and_writes_nothing(tmp_path: Path, clean: str, with_valid: bool) -> None:
    flags = [*write_dirty(tmp_path / "text"), "--clean", clean]
    if not with_valid:
        del flags[4:6]
    before = sorted(tmp_path.rglob("*"))
    dry = nmt(*PREPARE, *flags, "--dry-run", "-o", tmp_path / "data", cwd=tmp_path)
    assert (dry.returncode, dry.stdout) == (0, "")
    assert sorted(tmp_path.rglob("*")) == before
    real = nmt(*PREPARE, *flags, "-o", tmp_path / "data", cwd=tmp_path)
    assert real.returncode == 0, real.stderr
    wanted, counted = told(real.stderr), told(dry.stderr)
    assert sum(corpus.get("too-long", 0) for corpus in wanted.values()) > 0
    for corpus in (*wanted.values(), *counted.values()):
        # Found by their pieces, which a dry run does not make, among those that are kept or held out.
        corpus["kept"] += corpus.pop("too-long", 0) + (0 if with_valid else corpus.pop("held-out", 0))
    assert counted == wanted


def test_a_dry_run_makes_the_report_alone(dirty: Path, tmp_path: Path) -> None:
    flags = write_dirty(tmp_path / "text")
    done = nmt(*PREPARE, *flags, "--dry-run", "--report", tmp_path / "dry.html", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dry.html", "text"]
    dry, real = ((path).read_text("utf-8") for path in (tmp_path / "dry.html", dirty / "page.html"))
    rules = [re.findall(r'<details class="rule".*?</details>', page, re.DOTALL) for page in (dry, real)]
    assert [re.sub(r'title="[^"]*"', "", text) for text in rules[0]] == [
        re.sub(r'title="[^"]*"', "", text) for text in rules[1]
    ]
    assert "A dry run" in dry
    assert "A dry run" not in real


def test_without_a_dry_run_the_dataset_must_be_named(tmp_path: Path) -> None:
    done = nmt(*PREPARE, *write_dirty(tmp_path), cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "there is no --output for the dataset; name its folder" in done.stderr


# --- mistakes and strangers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("report {run}/checkpoints -o {tmp}/a.html", 66, "has no manifest.json"),
        ("report {tmp}/no -o {tmp}/a.html", 66, "there is no folder"),
        ("report {data} -o {tmp}/a.pdf", 2, "end its name in .html"),
        ("report {data} -o {data}/a.html", 2, "is inside the dataset"),
        ("report {data} -o {tmp}/no/a.html", 73, "cannot create"),
        ("report {data}", 2, "--output"),
        ("prepare -s ko -t en --train x -o {tmp}/d --report {tmp}/d/a.html", 2, "is inside the dataset"),
        ("prepare -s ko -t en --train x -o {tmp}/d --report {tmp}/no/a.html", 73, "cannot create"),
        ("prepare -s ko -t en --train x --dry-run --report {tmp}/a.txt", 2, "end its name in .html"),
    ],
)
def test_a_mistake_is_one_line_and_its_exit_code(
    tiny_run: TinyRun, tmp_path: Path, line: str, code: int, words: str
) -> None:
    done = nmt(*line.format(run=tiny_run.run, data=tiny_run.data, tmp=tmp_path).split())
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1), done.stderr
    assert words in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_dataset_without_its_facts_must_be_made_again(dirty: Path, tmp_path: Path) -> None:
    data = shutil.copytree(dirty / "data", tmp_path / "data")
    manifest = json.loads((data / "manifest.json").read_text())
    (data / "cleaning.json").unlink()
    write_manifest(data, {key: manifest[key] for key in manifest.keys() - {"files", "cleaning"}})
    done = nmt("report", data, "-o", tmp_path / "a.html")
    assert (done.returncode, done.stderr.count("\n")) == (65, 1)
    assert "was made before there were reports; make it again with nmt prepare" in done.stderr


def changed(path: str, value: Any) -> Callable[[dict[str, Any]], object]:
    """A change of one fact, named by its keys and indices."""

    def change(facts: Any) -> None:
        *above, last = [int(key) if key.isdigit() else key for key in path.split(".")]
        for key in above:
            facts = facts[key]
        facts[last] = value

    return change


BAD = [
    changed("format", 1),
    changed("corpora", ["other"]),
    changed("rules", {}),
    changed("rules.0", 7),
    changed("rules.0.name", "<b>"),
    changed("rules.1.name", "source-equals-target"),
    changed("rules.0.about", "x" * 301),
    changed("rules.0.unit", None),
    changed("rules.0.threshold", -1),
    changed("rules.0.threshold", True),
    changed("rules.0.highest", 0),
    changed("rules.0.highest", 10**400),
    changed("rules.0.bins", [0] * 39),
    changed("rules.0.bins.3", -1),
    changed("rules.0.bins.3", 1.5),
    changed("rules.0.unknown", "1"),
    changed("rules.0.dropped", 1),
    changed("rules.0.kinds", {"x": -1}),
    changed("rules.0.kinds", {str(number): 1 for number in range(20)}),
    changed("rules.0.victims", "none"),
    changed("rules.0.victims.0", [1, 2, 3]),
    changed("rules.0.victims.0.0", "high"),
    changed("rules.0.victims.0.1", 4),
    changed("rules.0.victims.0.2", 10**400),
    changed("rules.0.victims.0.3", "x" * 301),
    changed("rules.0.victims.0.4", 7),
    changed("rules.0.survivors", [[0.1, 0, 1, "a", "b"]] * 21),
    changed("rules.0.victims_near", []),
    changed("rules.0.survivors_near", [[0.1, 0, 1, "a", "b"]]),
    changed("settings", {}),
    changed("settings.clean", 7),
    changed("settings.rules", "x" * 5001),
    changed("settings.fix", 1),
    changed("same_source", -1),
    changed("lengths", {"kept": []}),
    changed("lengths.kept.0", [1]),
    changed("languages", [[{}]]),
    changed("languages.0.0", {"<b>": 1.0}),
    changed("languages.0.0", {"en": 1.5}),
    changed("leaks.0.corpus", 4),
    changed("leaks.0.lines", 99),
    changed("leaks.0.near", {"1": 4}),
    changed("vocabulary.pieces", [1, 2, 3]),
    changed("vocabulary.bytes", [10**9, 10**9]),
    changed("vocabulary.used", []),
]


@pytest.mark.parametrize("change", BAD, ids=map(str, range(len(BAD))))
def test_a_fact_that_prepare_cannot_have_written_is_refused(
    dirty: Path, tmp_path: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    facts = json.loads((dirty / "data/cleaning.json").read_text("utf-8"))
    change(facts)
    with pytest.raises(DataError, match=r"cleaning\.json: .* is invalid"):
        Cleaning.open(stranger(dirty, tmp_path, json.dumps(facts).encode()))


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"7", b"{", b'{"format": 1, "format": 1}', b"[" * 10**5, b'{"format": NaN}', b"\xff"]
)
def test_a_file_that_is_no_json_of_facts_is_refused(dirty: Path, tmp_path: Path, raw: bytes) -> None:
    with pytest.raises(DataError, match=r"cleaning\.json"):
        Cleaning.open(stranger(dirty, tmp_path, raw))


def test_a_file_of_facts_that_is_too_large_or_has_changed_is_refused(dirty: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="over the limit"):
        Cleaning.open(stranger(dirty, tmp_path, b" " * (LARGEST + 1)))
    (tmp_path / "data/cleaning.json").write_bytes(b"{}")
    with pytest.raises(DataError, match="bytes, not"):
        Cleaning.open(tmp_path / "data")


def stranger(dirty: Path, tmp_path: Path, raw: bytes) -> Path:
    """A dataset with another cleaning.json, which its manifest confirms."""
    data = tmp_path / "data"
    data.mkdir()
    manifest = json.loads((dirty / "data/manifest.json").read_text("utf-8"))
    manifest["files"]["cleaning.json"] = {"sha256": hashlib.sha256(raw).hexdigest(), "bytes": len(raw)}
    (data / "cleaning.json").write_bytes(raw)
    (data / "manifest.json").write_text(json.dumps(manifest))
    return data
