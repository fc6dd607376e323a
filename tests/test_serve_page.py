"""The page of the service in a real browser: it translates while one types, by keyboard, and asks nobody else."""

from collections.abc import Iterator
from typing import Any

import pytest
from browsing import contrast, luminance, opened_browser
from conftest import TinyRun
from serving import WAIT, running

from nmt import SearchOptions
from nmt.config import EngineOptions
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
