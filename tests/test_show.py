"""``nmt inspect``: correct facts, attention maps that belong to their pieces, usable pages and pictures."""

import copy
import json
import re
import shutil
import struct
import subprocess
import sys
import xml.etree.ElementTree
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from browsing import contrast, luminance, opened_browser
from conftest import TinyRun, nmt, write_corpus
from safetensors.torch import load_file

from nmt import __version__
from nmt.config import SearchOptions
from nmt.decoding.engine import Query
from nmt.decoding.engines.pytorch import PyTorchEngine
from nmt.decoding.word_links import links_of, source_words, target_words, word_weights
from nmt.errors import DataError, SettingsError
from nmt.show.about import about
from nmt.show.attention import AttentionMap, Inspector, SentencePair
from nmt.show.charts import lines_picture, records, write_drawing, write_picture
from nmt.show.clearest import clearest, information
from nmt.show.page import write_attention_page
from nmt.show.pieces import words_of
from nmt.show.search_page import search_parts
from nmt.show.slide import slide
from nmt.store.model_folder import ModelFolder
from nmt.text.tokenizer import BOS, EOS

SOURCE, TARGET = "나는 집에 간다.", "I go home."


def random_pair(layers: int = 2, heads: int = 3) -> SentencePair:
    """A sentence pair with random weights, a repeated piece, and text that would break a page without escaping."""
    source, target = ["▁나는", "▁집", "에", "▁집", "</s>"], ["▁</script>", "▁&amp;", "</s>"]
    random = np.random.default_rng(1)

    def weights(rows: int, columns: int) -> Any:
        return random.dirichlet([0.3] * columns, (layers, heads, rows))

    return SentencePair(
        "나는 <b>집</b>에",
        "</script> &amp;",
        [
            AttentionMap("cross", target, source, weights(3, 5)),
            AttentionMap("encoder", source, source, weights(5, 5)),
            AttentionMap("decoder", target, ["<s>", *target[:-1]], weights(3, 3)),
        ],
    )


# --- facts ------------------------------------------------------------------------------------------------------------


def test_the_table_tells_the_facts_of_the_model(tiny_run: TinyRun) -> None:
    result = nmt("inspect", tiny_run.run)
    assert result.returncode == 0, result.stderr
    rows = dict(re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in result.stdout.splitlines())
    tensors = load_file(tiny_run.run / "model/model.safetensors")
    assert rows["parameters"] == f"{sum(tensor.numel() for tensor in tensors.values() if tensor.is_floating_point()):,}"
    parts = [int(value.replace(",", "")) for name, value in rows.items() if name.startswith("parameters: ")]
    assert sum(parts) == sum(tensor.numel() for tensor in tensors.values() if tensor.is_floating_point())
    assert rows["languages"] == "Korean (ko) → English (en)"
    assert rows["made by"] == f"nmt {__version__}"
    assert rows["licence of its text"] == "MIT"
    assert rows["family"] == "transformer"
    assert rows["layers"] == "1 encoder, 1 decoder; width 32"
    assert rows["vocabulary"] == "600 pieces, joint, and 64 reserved"
    assert rows["training updates"] == "20"
    assert rows["training pairs"] == "300"
    last = [json.loads(line) for line in (tiny_run.run / "metrics.jsonl").read_text().splitlines()][-1]
    assert rows["validation BLEU"] == f"{last['bleu']:.2f}"


def test_a_manifest_of_an_older_nmt_or_of_a_stranger_shows_what_of_it_is_fit_to_be_shown(
    tiny_run: TinyRun, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_run.run / "model", tmp_path / "model")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest |= {"program": "\x1b[2Jnmt", "licence": 7, "languages": {"source": ["ko"], "target": "x" * 1000}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    names = dict(about(ModelFolder.open(folder)))
    assert names["languages"] == "ko → en"
    assert not {"made by", "licence of its text"} & set(names)


# --- maps -------------------------------------------------------------------------------------------------------------


def test_maps_are_the_models_own_with_the_pieces_of_the_sentences_as_labels(tiny_run: TinyRun) -> None:
    inspector = Inspector.load(tiny_run.run)
    pair = inspector.look(SOURCE, TARGET)
    (source_ids,), (target_ids,) = (inspector.source_tokenizer.encode([text]) for text in (SOURCE, TARGET))
    source, target = (inspector.source_tokenizer.pieces(ids) for ids in (source_ids, target_ids))
    labels = {actual.kind: (actual.rows, actual.columns) for actual in pair.maps}
    assert labels == {
        "cross": ([*target, "</s>"], [*source, "</s>"]),
        "encoder": ([*source, "</s>"], [*source, "</s>"]),
        "decoder": ([*target, "</s>"], ["<s>", *target]),
    }
    with torch.inference_mode():
        maps = inspector.model.attention_maps(torch.tensor([*source_ids, EOS]), torch.tensor([BOS, *target_ids]))
    for actual in pair.maps:
        assert np.array_equal(actual.weights, maps[actual.kind].double().numpy())
        assert actual.weights.shape[2:] == (len(actual.rows), len(actual.columns))


def test_without_a_target_it_looks_at_the_models_own_translation(tiny_run: TinyRun) -> None:
    pair = Inspector.load(tiny_run.run).look(SOURCE)
    result = nmt("translate", tiny_run.run, input=f"{SOURCE}\n")
    assert result.stdout == f"{pair.target}\n"


def test_an_average_is_the_mean_over_what_it_leaves_open() -> None:
    actual = random_pair().maps[0]
    assert np.allclose(actual.view(None, None), actual.weights.mean((0, 1)))
    assert np.allclose(actual.view(1, None), actual.weights[1].mean(0))
    assert np.allclose(actual.view(None, 2), actual.weights[:, 2].mean(0))
    assert np.array_equal(actual.view(1, 2), actual.weights[1, 2])


def test_words_are_what_spaces_separate_and_control_pieces_alone() -> None:
    pieces = ["<2de>▁", "▁na", "<0xEB>", "<0x82>", "<0x98>", "는", "▁", "<0>▁", ".", "▁x", "</s>"]
    numbers, texts = words_of(pieces)
    assert numbers == [0, 1, 1, 1, 1, 1, 2, 2, 2, 3, 4]
    assert texts == ["<2de>", "na나는", "<0>.", "x", "</s>"]


def test_weights_between_words_are_sums_over_columns_and_means_over_rows() -> None:
    actual = random_pair().maps[0]
    words = actual.by_words()
    assert (words.rows, words.columns) == (["</script>", "&amp;", "</s>"], ["나는", "집에", "집", "</s>"])
    wanted = np.stack([actual.weights[..., at].sum(-1) for at in ([0], [1, 2], [3], [4])], axis=-1)
    assert np.allclose(words.weights, wanted)
    encoder = random_pair().maps[1].by_words().weights
    assert np.allclose(encoder.sum(-1), 1.0)
    assert np.allclose(encoder[:, :, 1, 0], random_pair().maps[1].weights[:, :, [1, 2], 0].mean(-1))


def test_links_between_words_are_those_that_translate_writes(tiny_run: TinyRun) -> None:
    inspector = Inspector.load(tiny_run.run)
    tokenizer = inspector.source_tokenizer
    (source_ids,), (target_ids,) = (tokenizer.encode([text]) for text in (SOURCE, TARGET))
    engine = PyTorchEngine.of(inspector.model, inspector.target_tokenizer.control_ids())
    (weights,) = engine.align([Query(source_ids)], [target_ids])
    (source,) = source_words(SOURCE, [tokenizer.spell(source_ids)], [0])
    assert inspector.look(SOURCE, TARGET).links == links_of(
        word_weights(weights, target_words(tokenizer.spell(target_ids)), source)
    )


def test_the_clearest_head_is_the_one_that_gives_the_word_links() -> None:
    attention = random_pair().maps[0]
    attention.weights[1, 2] = [[0.9, 0.025, 0.025, 0.025, 0.025], [0.1, 0.1, 0.1, 0.6, 0.1], [0.0, 0.0, 0.0, 0.0, 1.0]]
    assert clearest(attention, [(0, 0), (2, 1)])[:2] == (1, 2)
    assert "F1 0.80" in clearest(attention, [(0, 0), (2, 1)]).why  # and a link of the second word


def test_without_links_the_clearest_head_is_the_one_whose_rows_look_at_the_most_different_places() -> None:
    attention = random_pair().maps[1]
    attention.weights[0, 0] = np.eye(5)[[4] * 5]  # sharp, and tells nothing
    attention.weights[0, 1] = 0.9 * np.eye(5) + 0.02
    assert clearest(attention, ())[:2] == (0, 1)
    assert information(np.full((4, 4), 0.25)) == information(attention.weights[0, 0]) == 0.0
    assert information(np.eye(4)) == 2.0


@pytest.mark.parametrize(("source", "target"), [("", None), ("  ", None), (SOURCE, ""), ("집 " * 300, None)])
def test_what_cannot_be_looked_at_is_refused(tiny_run: TinyRun, source: str, target: str | None) -> None:
    with pytest.raises(DataError):
        Inspector.load(tiny_run.run).look(source, target)


# --- pictures ---------------------------------------------------------------------------------------------------------


def test_a_piece_that_stands_twice_has_two_columns() -> None:
    cells = records(random_pair().maps[0], None, None)
    assert len({cell["column"] for cell in cells}) == 5
    assert len(cells) == 15


def texts_of(svg: str) -> set[str]:
    root = xml.etree.ElementTree.fromstring(svg)
    return {"".join(each.itertext()) for each in root.iter("{http://www.w3.org/2000/svg}text")}


def test_a_picture_has_the_shape_of_a_slide_all_labels_and_every_map(tmp_path: Path) -> None:
    pair = random_pair()
    for by, labels in (("pieces", {"_나는", "_집", "에", "</s>", "_&amp;"}), ("words", {"나는", "집에", "&amp;"})):
        drawn = slide(pair, by)
        assert labels <= texts_of(drawn)
        assert drawn.count('transform="translate') == 3 * 2 * 3
        write_drawing(drawn, tmp_path / "a.png")
        assert struct.unpack(">II", (tmp_path / "a.png").read_bytes()[16:24]) == (1920, 1080)


@pytest.mark.parametrize("longest", [1, 12, 100])
def test_everything_on_a_slide_is_on_it_and_apart(longest: int) -> None:
    pieces = [*(f"▁{'단어' * (1 + at % 3)}" for at in range(longest)), "</s>"]
    random = np.random.default_rng(1)
    maps = [
        AttentionMap(kind, pieces, pieces, random.dirichlet([0.3] * len(pieces), (6, 8, len(pieces))))
        for kind in ("cross", "encoder", "decoder")
    ]
    root = xml.etree.ElementTree.fromstring(slide(SentencePair("가 " * 100, "x " * 500, maps), "pieces"))
    squares = [each.attrib for each in root.iter("{http://www.w3.org/2000/svg}rect")][1:]
    cells = [each for each in squares if "fill-opacity" in each][: len(pieces) ** 2]
    small = [each for each in squares if each["fill"] == "none"]
    assert len(small) == 3 * 6 * 8
    assert all(float(each[side]) >= 5 for each in (*cells, *small) for side in ("width", "height"))
    assert max(float(each["x"]) + float(each["width"]) for each in squares) <= 1920 - 40
    assert max(float(each["y"]) + float(each["height"]) for each in squares) <= 1080 - 20
    assert max(float(each["x"]) + float(each["width"]) for each in cells) < min(float(each["x"]) for each in small)


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_a_piece_that_no_picture_may_hold_is_written_in_letters(ending: str, tmp_path: Path) -> None:
    pieces = ["\x01", "\x1b[2J", "\ufffe", "\ud800"]
    weights = np.full((1, 1, 1, len(pieces)), 0.25)
    pair = SentencePair("\x01", "\ud800", [AttentionMap("cross", ["x"], pieces, weights)])
    write_drawing(slide(pair, "pieces"), tmp_path / f"a.{ending}")
    if ending == "svg":
        assert {"\\x01", "\\x1b[2J", "\\ufffe", "\\ud800"} <= texts_of((tmp_path / "a.svg").read_text(encoding="utf-8"))


def test_a_page_holds_no_character_that_a_terminal_obeys(tmp_path: Path) -> None:
    pieces = ["\x01", "\x1b[2J", "\x9b", "\u202e"]
    maps = [AttentionMap("cross", pieces, pieces, np.full((1, 1, 4, 4), 0.25))]
    write_attention_page(SentencePair("\x1b]0;a\x07", "\x9b", maps), tmp_path / "a.html")
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", page)
    assert "\\x1b]0;a\\x07" in page


def test_a_series_may_have_any_name(tmp_path: Path) -> None:
    rows = [{"words": "1", "BLEU": 1.0, "model": "a\x01"}]
    write_picture(lines_picture(rows, "words", "BLEU", "model", ["a\x01"]), tmp_path / "a.svg")
    assert "a\\x01" in (tmp_path / "a.svg").read_text(encoding="utf-8")


def test_lines_have_a_point_for_each_row_and_a_name_for_each_series(tmp_path: Path) -> None:
    rows = [
        {"words": words, "BLEU": 10.0 * i, "model": model} for model in "abc" for i, words in enumerate(("1–5", "6+"))
    ]
    write_picture(lines_picture(rows, "words", "BLEU", "model", "abc"), tmp_path / "a.svg")
    drawn = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert {"a", "b", "c", "1–5", "6+"} <= set(re.findall(r">([^<>]+)</text>", drawn))
    points = re.findall(r'aria-label="([^"]*)"[^>]*aria-roledescription="point"', drawn)
    assert sorted(points) == sorted(
        f"words: {row['words']}; BLEU: {row['BLEU']:g}; model: {row['model']}" for row in rows
    )


def test_hangul_has_glyphs_in_a_png(tmp_path: Path) -> None:
    """Two sentences that differ only in syllables give different pictures; missing glyphs would all be the same box."""
    weights = np.full((1, 1, 1, 1), 1.0)
    for name, piece in (("a", "나"), ("b", "집")):
        pair = SentencePair("", "", [AttentionMap("cross", ["x"], [piece], weights)])
        write_drawing(slide(pair, "pieces"), tmp_path / f"{name}.png")
    first, second = ((tmp_path / f"{name}.png").read_bytes() for name in "ab")
    assert first[:8] == b"\x89PNG\r\n\x1a\n"
    assert first != second


# --- the page ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with opened_browser() as browser:
        yield browser


def opened(browser: Any, path: Path, width: int = 1200, scheme: str = "light") -> Any:
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.goto(path.as_uri())
    page.wait_for_selector("body[data-ready=yes]")
    return page


SHOWN = "[...document.querySelectorAll('.grid tbody td')].map(cell => Number(cell.ariaLabel))"
HEADS = "[...document.querySelectorAll('.grid %s th')].map(head => head.innerText.trim())"


def test_the_page_shows_every_map_when_its_controls_are_clicked(browser: Any, tmp_path: Path) -> None:
    """Tested in a real browser: no error in the console, no request, and each click shows the right weights."""
    pair = random_pair()
    write_attention_page(pair, tmp_path / "a.html")
    page, said, asked = browser.new_page(), [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto((tmp_path / "a.html").as_uri())
    page.wait_for_selector("body[data-ready=yes]")
    assert page.locator("h1").inner_text() == f"{pair.source} → {pair.target}"

    def choose(name: str, at: int | str) -> None:
        page.evaluate(f'document.querySelector(\'input[name="{name}"][value="{at}"]\').click()')

    for kind, pieces in enumerate(pair.maps):
        choose("kind", kind)
        for unit, actual in enumerate((pieces.by_words(), pieces)):
            choose("unit", unit)
            for layer in range(3):
                for head in range(4):
                    choose("view", f"{layer},{head}")
                    wanted = actual.view(layer - 1 if layer else None, head - 1 if head else None)
                    assert np.allclose(page.evaluate(SHOWN), wanted.flatten(), atol=6e-4)
            assert page.evaluate(HEADS % "thead") == actual.columns
            assert page.evaluate(HEADS % "tbody") == actual.rows
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []


def test_the_page_begins_with_the_clearest_head_and_says_why(browser: Any, tmp_path: Path) -> None:
    pair = random_pair()
    pair = replace(pair, links=[(0, 0), (3, 2)])
    write_attention_page(pair, tmp_path / "a.html")
    page = opened(browser, tmp_path / "a.html")
    for kind, actual in enumerate(pair.maps):
        page.evaluate(f"document.querySelector('input[name=kind][value=\"{kind}\"]').click()")
        layer, head, why = clearest(actual, pair.links if kind == 0 else ())
        assert np.allclose(page.evaluate(SHOWN), actual.by_words().view(layer, head).flatten(), atol=6e-4)
        assert page.locator("figcaption .why").inner_text() == f"layer {layer + 1}, head {head + 1}: {why}"
        assert page.locator(".grid td.link").count() == (0 if kind else 2)
        assert page.locator(".legend .ring").is_visible() == (kind == 0)


def test_every_square_is_reached_by_keyboard_and_told_in_words(browser: Any, tmp_path: Path) -> None:
    pair = random_pair()
    write_attention_page(pair, tmp_path / "a.html")
    page = opened(browser, tmp_path / "a.html")
    weights = pair.maps[0].by_words().view(*clearest(pair.maps[0], ())[:2])
    page.locator(".grid td[tabindex]").focus()
    told = page.locator("figcaption .cell")
    assert told.inner_text() == f"</script> looks at 나는: {weights[0, 0]:.3f}"
    for key, row, column in (
        ("End", 0, 3),
        ("ArrowLeft", 0, 2),
        ("ArrowDown", 1, 2),
        ("ArrowUp", 0, 2),
        ("Home", 0, 0),
    ):
        page.keyboard.press(key)
        rows, columns = ["</script>", "&amp;", "</s>"], ["나는", "집에", "집", "</s>"]
        assert told.inner_text() == f"{rows[row]} looks at {columns[column]}: {weights[row, column]:.3f}"
    page.locator("input[name=kind]:checked").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.name + document.activeElement.value") == "kind1"
    page.locator("input[name=view]:checked").focus()
    before = page.locator("figcaption .why").inner_text()
    page.keyboard.press("ArrowRight")
    assert page.locator("figcaption .why").inner_text() != before


@pytest.mark.parametrize("width", [400, 1200, 1920])
def test_a_long_map_scrolls_by_itself_under_its_labels(browser: Any, tmp_path: Path, width: int) -> None:
    pieces = [*(f"▁word{at}" for at in range(99)), "</s>"]
    maps = [AttentionMap("cross", pieces, pieces, np.full((2, 8, 100, 100), 0.01))]
    write_attention_page(SentencePair("a " * 99, "b " * 99, maps), tmp_path / "a.html")
    page = opened(browser, tmp_path / "a.html", width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate("document.querySelector('.grid').scrollTo(10000, 10000)")
    corner, last, above, beside = (
        page.locator(f".grid {each}").bounding_box()
        for each in ("thead td", "tbody tr:last-child td:last-child", "thead th:last-child", "tbody tr:last-child th")
    )
    assert last["x"] == pytest.approx(above["x"], abs=1)
    assert above["y"] + above["height"] <= last["y"]
    assert beside["x"] == pytest.approx(corner["x"], abs=1)
    assert beside["x"] >= 0
    assert last["x"] + last["width"] <= width


def test_the_page_is_readable_in_the_dark_and_in_the_light(browser: Any, tmp_path: Path) -> None:
    """Text has a contrast of at least 7 to 1 (WCAG's AAA) in both schemes, a pressed button of 4.5."""
    write_attention_page(random_pair(), tmp_path / "a.html")
    papers = {}
    for scheme in ("light", "dark"):
        page = opened(browser, tmp_path / "a.html", scheme=scheme)
        paper = luminance(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        for selector in ("h1", ".about", "legend", ".legend .scale", ".grid tbody th", ".grid thead th", ".heads th"):
            ink = page.evaluate(f"getComputedStyle(document.querySelector('{selector}')).color")
            assert contrast(luminance(ink), paper) >= 7, selector
        chosen = "getComputedStyle(document.querySelector('input:checked + span'))"
        ink, button = (luminance(page.evaluate(f"{chosen}.{key}")) for key in ("color", "backgroundColor"))
        assert contrast(ink, button) >= 4.5
        papers[scheme] = paper
    assert papers["dark"] < papers["light"]


# --- the search -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def traced(tiny_run: TinyRun) -> tuple[Inspector, SentencePair]:
    inspector = Inspector.load(tiny_run.run)
    torch.manual_seed(2)
    for parameter in inspector.model.parameters():  # a model that ends after some pieces, and doubts
        parameter.data.add_(0.2 * torch.randn_like(parameter))
    return inspector, inspector.look(SOURCE)


def test_candidates_are_the_models_distribution(traced: tuple[Inspector, SentencePair]) -> None:
    inspector, pair = traced
    assert pair.trace
    model, tokenizer = copy.deepcopy(inspector.model).double(), inspector.target_tokenizer
    source = inspector.source_tokenizer.encode([SOURCE])[0]
    allowed = model.embeddings.produced.bool()
    allowed[[piece for piece in tokenizer.control_ids() if piece != EOS]] = False
    state = model.start(torch.tensor([[*source, EOS]]), torch.tensor([len(source) + 1]))
    read = [BOS, *pair.trace.target]
    with torch.no_grad():
        for before, after, step in zip(read, [*read[1:], EOS], pair.trace.steps, strict=True):
            logits, state = model.step(torch.tensor([before]), state)
            share = logits[0].masked_fill(~allowed, -torch.inf).softmax(0)
            assert step.piece == tokenizer.pieces([after])[0]
            assert step.probability == pytest.approx(float(share[after]), rel=1e-6)
            best = share.topk(5)
            assert [probability for _, probability in step.candidates] == pytest.approx(best.values.tolist(), rel=1e-6)
            assert [piece for piece, _ in step.candidates] == tokenizer.pieces(best.indices.tolist())


def test_the_beam_leads_to_the_translation(traced: tuple[Inspector, SentencePair]) -> None:
    inspector, pair = traced
    trace = pair.trace
    assert trace
    assert trace.best
    engine = PyTorchEngine.of(inspector.model, inspector.target_tokenizer.control_ids())
    hypothesis = engine.search([Query(inspector.source_tokenizer.encode([SOURCE])[0])], SearchOptions())[0][0]
    path = trace.best.path
    pieces = [node.piece for node in path if node.piece != "</s>"]
    assert pieces == inspector.target_tokenizer.pieces(hypothesis.pieces)
    assert trace.best.score / len(path) == pytest.approx(hypothesis.score, abs=1e-6)
    for column in trace.columns:
        assert 1 <= sum(not node.finished for node in column) <= 5
        assert all(node.parent is None or node in node.parent.children for node in column)
    assert any(not node.finished and not node.children for column in trace.columns[:-1] for node in column)


def test_a_given_target_has_no_beam(traced: tuple[Inspector, SentencePair], tmp_path: Path) -> None:
    pair = traced[0].look(SOURCE, "I go home.")
    assert pair.trace
    assert (pair.trace.columns, pair.trace.best) == ([], None)
    assert "The beam" not in search_parts(pair.trace)


def test_the_page_shows_doubts_candidates_and_the_beam(
    browser: Any, traced: tuple[Inspector, SentencePair], tmp_path: Path
) -> None:
    pair = traced[1]
    assert pair.trace
    write_attention_page(pair, tmp_path / "a.html")
    said: list[str] = []
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto((tmp_path / "a.html").as_uri())
        page.wait_for_selector("body[data-ready=yes]")
        assert page.locator(".doubts span").all_text_contents() == [step.piece for step in pair.trace.steps]
        assert page.locator("table.candidates tbody tr").count() == len(pair.trace.steps)
        nodes = [node for column in pair.trace.columns for node in column]
        assert page.locator("svg.beam g").count() == len(nodes)
        dead = sum(not node.finished and not node.children for node in nodes)
        assert page.locator("svg.beam g.dead").count() == dead
        assert page.locator("svg.beam g.kept").count() == len(pair.trace.best.path if pair.trace.best else [])
        paper = luminance(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        for selector, key in ((".doubts span", "color"), ("td", "color"), ("small", "color"), (".beam .sum", "fill")):
            ink = page.evaluate(f"getComputedStyle(document.querySelector('{selector}')).{key}")
            assert contrast(luminance(ink), paper) >= 7, selector
        assert said == []


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.html", "a.png", "a.svg"])
@pytest.mark.parametrize("what", [["--text", SOURCE, "--target", TARGET], ["--positions"]])
def test_the_command_writes_pages_and_pictures(tiny_run: TinyRun, tmp_path: Path, name: str, what: list[str]) -> None:
    result = nmt("inspect", tiny_run.run, *what, "-o", tmp_path / name)
    assert result.returncode == 0, result.stderr
    assert result.stdout == ""
    assert (tmp_path / name).stat().st_size > 5000
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_without_a_file_it_prints_where_each_target_word_looks_most(tiny_run: TinyRun) -> None:
    result = nmt("inspect", tiny_run.run, "--text", SOURCE, "--target", TARGET)
    assert result.returncode == 0, result.stderr
    pair = Inspector.load(tiny_run.run).look(SOURCE, TARGET)
    actual = pair.maps[0]
    rows = [line.split() for line in result.stdout.splitlines()[2:]]
    layer, head, why = clearest(actual, pair.links)
    assert result.stderr == f"nmt: layer {layer + 1}, head {head + 1}: {why}\n"
    assert [row[0] for row in rows] == actual.by_words().rows
    best = actual.by_words().view(layer, head).argmax(1)
    assert [row[1] for row in rows] == [actual.by_words().columns[at] for at in best]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--target", "x"], 2, "--text"),
        (["--text", "x", "--positions"], 2, "one of them"),
        (["--by", "words"], 2, "--text"),
        (["-o", "a.html"], 2, "--positions"),
        (["--text", "x", "-o", "a.pdf"], 2, ".png"),
        (["--positions"], 2, "--output"),
        (["--text", "", "-o", "a.png"], 65, "empty"),
        (["--text", "x", "-o", "no/such/folder/a.png"], 73, "no/such"),
    ],
)
def test_a_mistaken_command_is_one_line_and_its_exit_code(
    tiny_run: TinyRun, tmp_path: Path, arguments: list[str], code: int, says: str
) -> None:
    result = nmt("inspect", tiny_run.run, *arguments, cwd=tmp_path)
    assert result.returncode == code, result.stderr
    assert result.stderr.startswith("nmt: error: ")
    assert result.stderr.count("\n") == 1
    assert says in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_recurrent_model_of_two_vocabularies_is_shown_with_the_pieces_of_each(tmp_path: Path) -> None:
    train, valid = (write_corpus(tmp_path, name, first, 60) for name, first in (("train", 0), ("valid", 60)))
    prepare = ["prepare", "-s", "ko", "-t", "en", "--vocab-size", "auto", "--separate-vocab"]
    shape = ["--set", "model.width=16", "--set", "model.attention_score=concat", "--steps", "2", "--threads", "1"]
    commands: list[list[str | Path]] = [
        [*prepare, "--train", train, "--valid", valid, "-o", tmp_path / "data"],
        ["train", tmp_path / "data", "-o", tmp_path / "run", "--preset", "rnn", *shape],
        ["inspect", tmp_path / "run", "--text", SOURCE, "--target", TARGET, "-o", tmp_path / "a.html"],
        ["inspect", tmp_path / "run", "--text", SOURCE, "--target", TARGET, "-o", tmp_path / "a.png"],
    ]
    for command in commands:
        result = nmt(*command)
        assert result.returncode == 0, result.stderr
    inspector = Inspector.load(tmp_path / "run")
    (actual,) = inspector.look(SOURCE, TARGET).maps
    assert actual.weights.shape[:2] == (1, 1)
    assert "".join(actual.rows[:-1]).replace("▁", " ").strip() == TARGET
    assert "".join(actual.columns[:-1]).replace("▁", " ").strip() == SOURCE
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    (maps,) = json.loads(re.search(r'id="maps"[^>]*>(\[.*\])</script>', page)[1])  # type: ignore[index]  # or it fails
    pieces = maps["units"][1]
    assert (pieces["rows"], pieces["columns"]) == (actual.rows, actual.columns)
    for layer, head in ((0, 0), (0, 1), (1, 0), (1, 1)):  # the average of one is itself
        assert np.allclose(np.divide(pieces["weights"][layer][head], 1000), actual.weights.flatten(), atol=6e-4)


def test_the_table_of_a_model_needs_no_torch(tiny_run: TinyRun) -> None:
    code = "import sys; sys.modules['torch'] = None; from nmt.cli import main; main()"
    result = subprocess.run([sys.executable, "-c", code, "inspect", tiny_run.run], capture_output=True)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("missing", ["altair", "vl_convert"])
def test_without_the_extra_it_says_what_to_install(missing: str, tmp_path: Path) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; from nmt.cli import main; main()"
    command: list[str | Path] = [
        sys.executable,
        "-c",
        code,
        "inspect",
        "model",
        "--text",
        "x",
        "-o",
        tmp_path / "a.png",
    ]
    result = subprocess.run(command, capture_output=True, encoding="utf-8")
    assert (result.returncode, result.stderr.count("\n")) == (78, 1)
    assert "install the extra 'show'" in result.stderr


def test_a_model_without_attention_or_positions_says_so(tiny_run: TinyRun, tmp_path: Path) -> None:
    settings = ["model.family=recurrent", "model.attention_score=none", "model.width=16"]
    result = nmt(
        "train",
        tiny_run.data,
        "-o",
        tmp_path / "run",
        *[part for setting in settings for part in ("--set", setting)],
        "--steps=2",
        "--threads=1",
    )
    assert result.returncode == 0, result.stderr
    inspector = Inspector.load(tmp_path / "run")
    with pytest.raises(SettingsError, match="no attention"):
        inspector.look(SOURCE, TARGET)
    with pytest.raises(SettingsError, match="no positional encoding"):
        inspector.positions(8)
    assert "recurrent" in nmt("inspect", tmp_path / "run").stdout
