"""The page of the service in a real browser: it translates while one types, by keyboard, and asks nobody else."""

import json
import shutil
from collections.abc import Iterator
from math import log
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from browsing import contrast, luminance, opened_browser
from conftest import TinyRun
from serving import WAIT, running

from nmt import SearchOptions, Translator
from nmt.config import EngineOptions
from nmt.decoding.usable import FEATURES, VERSION
from nmt.serve.directions import Directions
from nmt.serve.keys import Keys
from nmt.serve.limits import Limits
from nmt.serve.log import Log
from nmt.serve.service import Service

KEY = "a-key-that-nobody-guesses"


@pytest.fixture(scope="module")
def directions(tiny_run: TinyRun) -> Directions:
    options = SearchOptions(beam_size=3, min_length=6, no_repeat_ngram=2, max_length_factor=0.5)
    return Directions.load([tiny_run.run], options, EngineOptions(threads=1, device="cpu"), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with opened_browser() as browser:
        yield browser


def opened(browser: Any, url: str, **options: Any) -> tuple[Any, list[str], list[str]]:
    """The page, the addresses that it asks for, and what goes wrong in it."""
    page = browser.new_context(**options).new_page()
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.goto(url)
    page.wait_for_selector("#target option", state="attached")
    return page, asked, wrong


def shows(page: Any, selector: str, text: str) -> None:
    """Wait until an element has a text, without evaluating a string, which the page's policy forbids."""
    from playwright.sync_api import expect

    expect(page.locator(selector)).to_have_text(text, timeout=1000 * WAIT)


def test_what_is_typed_is_translated_by_keyboard_alone_and_nobody_else_is_asked(
    browser: Any, directions: Directions
) -> None:
    expected = next(directions.served[0].n_best.translate(["나는 집에 간다."]))
    with running(Service.of(directions, Keys(), Limits(), Log(lambda line: None))) as url:
        page, asked, wrong = opened(browser, url, locale="en-US", viewport={"width": 400, "height": 700})
        for _ in range(3):  # the two languages, then the text
            page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "text"
        page.keyboard.type("나는 집에 간다.")
        shows(page, "#translation", expected.text)
        assert page.get_attribute("#translation", "lang") == "en"
        assert page.locator("#alternatives li").all_text_contents() == [text for text, _ in expected.alternatives]
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.fill("#text", "")
        shows(page, "#translation", "")
        page.close()
    assert [address for address in asked if not address.startswith(url)] == []
    assert wrong == []


@pytest.fixture(scope="module")
def doubtful(tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model, which finds every translation usable with a probability of 0.3."""
    folder = tmp_path_factory.mktemp("doubtful") / "model"
    shutil.copytree(tiny_run.run / "model", folder)
    features = {name: [0.0, 1.0, 0.0] for name in FEATURES}
    odds = log(0.3 / 0.7)
    facts = {"version": VERSION, "bound": 50.0, "lines": 200, "intercept": odds, "features": features}
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    (folder / "manifest.json").write_text(json.dumps({**manifest, "usable": facts}), encoding="utf-8")
    return folder


def test_the_words_of_a_translation_tell_by_keyboard_what_they_looked_at(browser: Any, doubtful: Path) -> None:
    engine, source = EngineOptions(threads=1, device="cpu"), "나는 집에 간다."
    terms = doubtful.parent / "terms.tsv"
    terms.write_text("집\tHOUSE\n", encoding="utf-8")
    directions = Directions.load([doubtful], SearchOptions(beam_size=2), engine, terms)
    linked = SearchOptions(beam_size=2, alignments=True)
    expected = next(Translator.load(doubtful, linked, device="cpu", threads=1, glossary=terms).translate([source]))
    assert expected.alignment
    words = source.split()
    with running(Service.of(directions, Keys(), Limits(), Log(lambda line: None))) as url:
        page, _, wrong = opened(browser, url, locale="en-US")
        page.fill("#text", source)
        shows(page, "#translation", expected.text)
        shows(page, "#usable", "usable with a probability of 30%: may well be wrong")
        assert page.locator("#terms li").count() == 1
        page.focus("#text")
        for place, word in enumerate(expected.text.split()[:3]):
            page.keyboard.press("ArrowRight" if place else "Tab")
            seen = " ".join(words[at] for at in sorted({at for at, target in expected.alignment if target == place}))
            shows(page, "#looked", f"{word} ← {seen}" if seen else f"{word}: no word of the text")
        assert page.get_attribute("#think", "href") == f"think#{urlencode(dict(target='en', q=source, source='ko'))}"
        page.close()
    assert wrong == []


def test_what_a_translation_is_shown_with_is_of_the_text_that_was_sent(browser: Any, doubtful: Path) -> None:
    directions = Directions.load([doubtful], SearchOptions(beam_size=2), EngineOptions(threads=1, device="cpu"), None)
    source, held, busy = "나는 집에 간다.", list[Any](), [True]

    def intercept(route: Any) -> None:
        body = route.request.post_data_json
        if body["q"] != source:
            held.append(route)  # never answered
        elif not body.get("alignment"):
            answer = {"translatedText": "word other", "detectedLanguage": {"language": "ko", "confidence": 9.0}}
            route.fulfill(json=answer)
        elif busy.pop() if busy else False:
            route.fulfill(status=503, json={"error": "busy now"})
        else:
            route.fulfill(json={"translatedText": "word other", "details": [{"alignment": [[1, 0]]}]})

    with running(Service.of(directions, Keys(), Limits(), Log(lambda line: None))) as url:
        page, _, _ = opened(browser, url, locale="en-US")
        page.route("**/translate", intercept)
        page.evaluate("() => document.querySelector('#source').append(new Option('told', 'auto'))")
        page.select_option("#source", "auto")
        page.fill("#text", source)
        shows(page, "#translation", "word other")
        with page.expect_request("**/translate"):
            page.fill("#text", "다른\n글")
        page.locator("#translation .word").last.focus()
        shows(page, "#looked", "busy now")
        page.locator("#translation .word").first.focus()
        shows(page, "#looked", "word ← 집에")
        assert page.get_attribute("#think", "href") == f"think#{urlencode(dict(target='en', q=source, source='ko'))}"
        page.close()
    assert held


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_korean_where_the_browser_is_and_can_be_read(
    browser: Any, directions: Directions, scheme: str
) -> None:
    with running(Service.of(directions, Keys([KEY]), Limits(), Log(lambda line: None))) as url:
        page, _, _ = opened(browser, url, locale="ko-KR", color_scheme=scheme)
        assert page.evaluate("document.documentElement.lang") == "ko"
        assert page.text_content("h1") == "번역"
        assert page.locator("#source option").all_text_contents() == ["한국어"]
        labels = page.evaluate(
            "[...document.querySelectorAll('input, select, textarea')].map(each => each.labels.length)"
        )
        assert labels == [1, 1, 1, 1, 1]
        page.fill("#text", "1")
        page.wait_for_selector("#state.wrong")
        colours = page.evaluate(
            "['body', '#state', 'label', 'h2'].map(each => getComputedStyle(document.querySelector(each)).color)"
        )
        paper = luminance(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert [colour for colour in colours if contrast(luminance(colour), paper) < 4.5] == []
        assert page.evaluate("document.fonts.check('1rem NanumSquare', '번역')")
        page.fill("#key", KEY)
        shows(page, "#translation", "1")
        page.close()
