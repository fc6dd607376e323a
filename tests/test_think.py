"""What is shown of a model that thinks: its own numbers, against PyTorch's layers; the service, and the page."""

import json
import math
import os
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest
import torch
from browsing import contrast, luminance, opened_browser
from conftest import TinyRun, nmt
from serving import WAIT, running
from starlette.responses import JSONResponse
from torch import Tensor
from torch.nn.functional import layer_norm, scaled_dot_product_attention

from nmt import SearchOptions, Translator
from nmt.config import LEARNED_POSITIONS, EngineOptions, ModelConfig
from nmt.decoding.engine import NotNumbersError
from nmt.errors import DataError, SettingsError
from nmt.model import build_model
from nmt.serve.directions import Directions
from nmt.serve.encoding import json_of
from nmt.serve.keys import Keys
from nmt.serve.limits import Limits, QueueFullError
from nmt.serve.log import Log
from nmt.serve.service import Service
from nmt.serve.waiting import CHANGED
from nmt.serve.watched import MOST_WAITING
from nmt.show.attention import Inspector
from nmt.show.recording import record
from nmt.show.thinking import LONGEST, Thinker
from nmt.store.model_folder import ModelAbout, ModelFolder, export_model
from nmt.text.reserved import RESERVED
from nmt.text.tokenizer import BOS, EOS

TEXT = "나는 집에 간다."
REFERENCE = "I go home."
JSON = {"Content-Type": "application/json"}
BASE = ModelConfig(width=16, feed_forward=24, encoder_layers=2, decoder_layers=2, heads=4, dropout=0.0)
RECURRENT = replace(BASE, family="recurrent", encoder_layers=1, decoder_layers=1)
TRANSFORMERS = {
    "pre": BASE,
    "post": replace(BASE, norm="post", positions="learned", attention_score="dot"),
}
ATTENDING = {
    **TRANSFORMERS,
    "concat": replace(RECURRENT, attention_score="concat"),
    "general": replace(RECURRENT, attention_score="general"),
    "scaled dot": replace(RECURRENT, attention_score="scaled-dot"),
    "location": replace(RECURRENT, attention_score="location"),
}
CONFIGS = {**ATTENDING, "none": replace(RECURRENT, attention_score="none")}


def random_model(
    tiny_run: TinyRun,
    folder: Path,
    config: ModelConfig,
    languages: tuple[str, str] = ("ko", "en"),
    scale: float = 1.5,
) -> Path:
    """A model with random weights and the tokenizer of the tiny run, which doubts and ends after some pieces."""
    torch.manual_seed(5)
    model = build_model(config, 664, 664, True)
    for parameter in model.parameters():
        parameter.data.mul_(scale).add_(0.2 * torch.randn_like(parameter))
    model.embeddings.produced[-RESERVED:] = 0
    tokenizer = (tiny_run.run / "model" / "tokenizer.model").read_bytes()
    about = ModelAbout(config, dict(zip(("source", "target"), languages, strict=True)), {"tokenizer.model": tokenizer})
    export_model(folder, model.state_dict(), about, {})
    return folder


@pytest.fixture(scope="module")
def thinkers(tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Thinker]:
    folder = tmp_path_factory.mktemp("models")
    made = {name: random_model(tiny_run, folder / name, config) for name, config in CONFIGS.items()}
    return {name: Thinker(Inspector.load(path)) for name, path in made.items()}


def as_tensor(numbers: Any) -> Tensor:
    """Numbers of an answer, with -inf where it has none."""
    return torch.tensor([-math.inf if number is None else number for number in numbers], dtype=torch.float64)


def own_maps(thinker: Thinker) -> dict[str, Tensor]:
    """The attention maps of the model, in float64 and without any hook."""
    teacher, thought = thinker.inspector.engine.teacher(), thinker.thought(TEXT, 5)
    source = thinker.inspector.source_tokenizer.encode([TEXT])[0]
    target = [teacher.column_of[piece] for piece in thought.trace.target]
    with torch.inference_mode():
        return teacher.model.attention_maps(torch.tensor([*source, EOS]), torch.tensor([BOS, *target]))


# --- the numbers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ATTENDING)
def test_an_opened_row_is_the_softmax_that_the_model_computed(thinkers: dict[str, Thinker], name: str) -> None:
    thinker = thinkers[name]
    rows, opened = 0, None
    for kind, map_LHTS in own_maps(thinker).items():
        for layer, head, row in torch.cartesian_prod(*map(torch.arange, map_LHTS.shape[:3])).tolist():
            place = {"what": "row", "kind": kind, "layer": layer, "head": head, "row": row}
            opened = thinker.open(TEXT, 5, place)
            assert opened
            score_S, weight_S = as_tensor(opened["scores"]), map_LHTS[layer, head, row]
            assert score_S.softmax(0).numpy() == pytest.approx(weight_S.numpy(), abs=2e-4)
            assert opened["weights"] == pytest.approx(weight_S.tolist(), abs=1e-6)
            assert opened["sum"] == pytest.approx(1.0, abs=1e-9)
            seen = [place for place, score in enumerate(opened["scores"]) if score is not None]
            assert seen == list(range(row + 1 if kind == "decoder" else len(score_S)))  # the causal mask
            assert [opened["scores"][at] for at in seen] == pytest.approx(
                [opened["products"][at] * opened["scale"] for at in seen], abs=2e-4
            )
            if "keys" in opened:
                products = torch.tensor(opened["keys"]) @ torch.tensor(opened["query"])
                assert products.numpy() == pytest.approx(opened["products"], abs=5e-3)
            rows += 1
    assert rows > 10
    assert opened
    assert ("keys" in opened) == (name not in ("concat", "location"))


def test_a_recorded_head_is_pytorchs_attention(thinkers: dict[str, Thinker]) -> None:
    for layers in thinkers["pre"].thought(TEXT, 5).recording.attended.values():
        for seen in layers:
            assert seen.query_HTE is not None
            assert seen.key_HSE is not None
            assert seen.value_HSE is not None
            expected = scaled_dot_product_attention(seen.query_HTE, seen.key_HSE, seen.value_HSE, seen.allowed_TS)
            assert (seen.scores().softmax(-1) @ seen.value_HSE).numpy() == pytest.approx(expected.numpy(), abs=1e-12)


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_layer_norm_and_residual_are_pytorchs(thinkers: dict[str, Thinker], name: str) -> None:
    thinker = thinkers[name]
    told = thinker.think(TEXT)["sublayers"]
    names = [(each["side"], each["name"]) for each in told]
    assert names[:2] == [("encoder", "self-attention"), ("encoder", "feed-forward")]
    assert names[4:7] == [("decoder", each) for each in ("self-attention", "cross-attention", "feed-forward")]
    assert len(told) == 2 * 2 + 2 * 3
    after = None
    for place, sublayer in enumerate(told):
        opened = thinker.open(TEXT, 5, {"what": "sublayer", "place": place, "position": 1})
        assert opened
        before, added = torch.tensor(opened["before"]), torch.tensor(opened["added"])
        numbers = {name: torch.tensor(value) for name, value in opened["norm"].items()}
        x, gamma, beta = numbers["input"], numbers["gamma"], numbers["beta"]
        assert opened["norm"]["output"] == pytest.approx(layer_norm(x, x.shape, gamma, beta).tolist(), abs=2e-3)
        assert opened["norm"]["normalised"] == pytest.approx(layer_norm(x, x.shape).tolist(), abs=2e-3)
        assert opened["norm"]["mean"] == pytest.approx(float(x.mean()), abs=1e-4)
        assert opened["norm"]["deviation"] == pytest.approx(float(x.std(correction=0)), abs=1e-3)
        total = before + added
        expected = total if name == "pre" else layer_norm(total, total.shape, gamma, beta)
        assert opened["after"] == pytest.approx(expected.tolist(), abs=2e-3)
        assert sublayer["before"][1] == pytest.approx(float(before.norm()), abs=0.02)
        assert sublayer["added"][1] == pytest.approx(float(added.norm()), abs=0.02)
        if after and place != 4:  # where the decoder begins
            assert opened["before"] == after
        after = opened["after"]


def test_an_example_of_three_numbers_is_the_notes() -> None:
    assert layer_norm(torch.tensor([1.0, 2.0, 3.0]), (3,)).tolist() == pytest.approx([-1.22, 0, 1.22], abs=0.005)


@pytest.mark.parametrize("name", ["pre", "none"])
def test_a_given_translation_has_the_probability_of_nmt_score(
    thinkers: dict[str, Thinker], name: str, tmp_path: Path
) -> None:
    for language, text in (("ko", TEXT), ("en", REFERENCE)):
        (tmp_path / f"pair.{language}").write_text(f"{text}\n", encoding="utf-8")
    model = thinkers[name].inspector.folder.folder
    scored = nmt("score", model, tmp_path / "pair", "--sum", "--engine", "torch", "--device", "cpu")
    assert scored.returncode == 0, scored.stderr
    forced = thinkers[name].think(TEXT, REFERENCE)["forced"]
    assert forced["log_probability"] == pytest.approx(float(scored.stdout), rel=1e-4)
    assert [step["piece"] for step in forced["steps"]][-1] == "</s>"


@pytest.mark.parametrize("name", ["pre", "post", "concat", "none"])
def test_the_beam_leads_to_the_translation_of_the_command(thinkers: dict[str, Thinker], name: str) -> None:
    thinker = thinkers[name]
    told = thinker.think(TEXT, beam_size=3)
    folder = thinker.inspector.folder.folder
    options = SearchOptions(beam_size=3)
    translator = Translator.load(folder, options, engine="torch", device="cpu", threads=1)
    assert told["translation"] == next(translator.translate([TEXT])).text
    nodes = told["beam"]["nodes"]
    assert all(node["parent"] is None or nodes[node["parent"]]["step"] == node["step"] - 1 for node in nodes)
    kept = [node for node in nodes if node["kept"]]
    pieces = [step["piece"] for step in told["steps"]]
    assert [node["piece"] for node in kept] == pieces[: len(kept)]
    assert kept[-1]["score"] == max(node["score"] for node in nodes if node["score"] is not None)
    total = sum(math.log(step["probability"]) for step in told["steps"][: len(kept)])
    assert kept[-1]["sum"] == pytest.approx(total, abs=0.02)
    assert kept[-1]["score"] == pytest.approx(total / len(kept), abs=1e-3)


def test_sinusoids_meet_the_four_requirements_and_a_learnt_table_does_not(thinkers: dict[str, Thinker]) -> None:
    sines = thinkers["pre"].open(TEXT, 5, {"what": "positions"})
    assert sines
    frequencies = [10_000 ** (-2 * i / BASE.width) for i in range(BASE.width // 2)]
    expected = [math.sqrt(sum(2 - 2 * math.cos(k * w) for w in frequencies)) for k in range(1, 41)]
    for distances in sines["distances"]["by_start"]:
        assert distances == pytest.approx(expected, abs=1e-4)
    assert sines["nearest"]["distance"] > 0.1
    assert sines["lengths"] == pytest.approx([math.sqrt(BASE.width / 2)] * 5, abs=1e-4)
    assert (sines["difference"], sines["parameters"]) == (0.0, 0)
    assert sines["spread"] < 1e-6
    table = thinkers["post"].open(TEXT, 5, {"what": "positions"})
    assert table
    assert table["nearest"]["distance"] == 0.0
    assert min(table["nearest"]["positions"]) >= LEARNED_POSITIONS - 1
    assert table["spread"] > 0.1
    assert table["parameters"] == LEARNED_POSITIONS * BASE.width
    assert thinkers["none"].open(TEXT, 5, {"what": "positions"}) is None


def test_a_model_without_attention_shows_its_one_vector(thinkers: dict[str, Thinker]) -> None:
    told = thinkers["none"].think(TEXT)
    assert (told["attention"], told["best_head"], told["sublayers"]) == ({}, None, [])
    model = thinkers["none"].inspector.engine.teacher().model
    source = torch.tensor([[*thinkers["none"].inspector.source_tokenizer.encode([TEXT])[0], EOS]])
    with torch.inference_mode():
        memory = model.start(source, torch.tensor([source.size(1)])).memory.value_BSD
    assert told["vector"] == pytest.approx(memory[0, 0].tolist(), abs=1e-3)
    assert thinkers["concat"].think(TEXT)["vector"] is None


def test_hooks_are_gone_after_recording(thinkers: dict[str, Thinker]) -> None:
    for name in ("pre", "concat", "none"):
        model = thinkers[name].inspector.engine.teacher().model
        record(model, torch.tensor([7, 8, EOS]), torch.tensor([BOS, 5]))
        assert not any(module._forward_hooks for module in model.modules())


ROW = {"what": "row", "kind": "cross", "layer": 0, "head": 0, "row": 0}
SUBLAYER = {"what": "sublayer", "place": 0, "position": 0}
NO_INDICES: list[object] = [[0, 0], [], None, True, False, 10**30, 99, -1, 1.5, 0.0, "0", {}]


@pytest.mark.parametrize(
    ("place", "name"), [(place, name) for place in (ROW, SUBLAYER) for name in place if name not in ("what", "kind")]
)
def test_a_place_with_one_number_that_is_none_of_its_own_is_refused(
    thinkers: dict[str, Thinker], place: dict[str, Any], name: str
) -> None:
    assert thinkers["pre"].open(TEXT, 5, place)
    for wrong in NO_INDICES:
        with pytest.raises(DataError):
            thinkers["pre"].open(TEXT, 5, {**place, name: wrong})
    with pytest.raises(DataError):
        thinkers["pre"].open(TEXT, 5, {each: value for each, value in place.items() if each != name})


@pytest.mark.parametrize(
    "place", [{}, {"what": ["row"]}, *({**ROW, "kind": kind} for kind in ("other", None, ["cross"]))]
)
def test_a_place_of_an_unknown_kind_is_refused(thinkers: dict[str, Thinker], place: dict[str, Any]) -> None:
    with pytest.raises(DataError):
        thinkers["pre"].open(TEXT, 5, place)


# --- the service ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def service(tiny_run: TinyRun, thinkers: dict[str, Thinker]) -> Service:
    directions = Directions.load([tiny_run.run], SearchOptions(), EngineOptions(threads=1, device="cpu"), None)
    compared = [thinkers["none"].inspector.folder]
    return Service.of(directions, Keys(), Limits(), Log(lambda line: None), compared)


@pytest.fixture(scope="module")
def url(service: Service) -> Iterator[str]:
    with running(service) as address:
        yield address


def asked(**more: object) -> dict[str, object]:
    return {"q": TEXT, "source": "ko", "target": "en", **more}


def test_models_of_a_direction_answer_beside_each_other(url: str, thinkers: dict[str, Thinker]) -> None:
    answer = httpx.post(f"{url}/think", json=asked(reference=REFERENCE), timeout=WAIT)
    assert answer.status_code == 200
    first, second = answer.json()["models"]
    assert (first["model"]["family"], second["model"]["family"]) == ("transformer", "recurrent")
    assert second == {**thinkers["none"].think(TEXT, REFERENCE), "best_head": None}
    place = {"what": "row", "kind": "cross", "layer": 0, "head": 0, "row": 0}
    opened = httpx.post(f"{url}/think", json=asked(open=place), timeout=WAIT).json()["opened"]
    assert opened["weights"] == pytest.approx(first["attention"]["cross"]["weights"][0][0][0], abs=1e-4)
    assert httpx.post(f"{url}/think", json=asked(open={"what": "positions"}, model=1), timeout=WAIT).json() == {
        "opened": None
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"q": ""},
        {"q": None},
        {"q": "나무 " * (LONGEST + 1)},
        {"reference": "tree " * (LONGEST + 1)},
        {"reference": 5},
        {"source": "xx"},
        {"source": ["ko"]},
        {"beam_size": 9},
        {"beam_size": True},
        {"open": []},
        {"open": {}},
        {"model": 2, "open": {"what": "positions"}},
        {"model": -1},
    ],
)
def test_what_cannot_be_shown_is_400(url: str, wrong: dict[str, object]) -> None:
    answer = httpx.post(f"{url}/think", json=asked(**wrong), timeout=WAIT)
    assert (answer.status_code, list(answer.json())) == (400, ["error"])
    assert "/" not in answer.json()["error"]


@pytest.mark.parametrize(
    "q", ["a\nb", "\x00\ufeff", "▁ <s> </s>", "\ud800 나무", "<b>나무</b> %s https://example.org/x"]
)
def test_odd_text_is_shown_or_refused(url: str, q: str) -> None:
    answer = httpx.post(f"{url}/think", content=json.dumps(asked(q=q)), headers=JSON, timeout=WAIT)
    assert answer.status_code in (200, 400)
    if answer.status_code == 200:
        assert answer.json()["models"][0]["source"][-1] == "</s>"


def test_a_model_replaced_while_it_is_served_is_neither_watched_nor_links(
    tiny_run: TinyRun, thinkers: dict[str, Thinker], tmp_path: Path
) -> None:
    shutil.copytree(tiny_run.run / "model", tmp_path / "model")
    directions = Directions.load([tmp_path / "model"], SearchOptions(), EngineOptions(threads=1, device="cpu"), None)
    shutil.rmtree(tmp_path / "model")
    shutil.copytree(thinkers["pre"].inspector.folder.folder, tmp_path / "model")
    with running(Service.of(directions, Keys(), Limits(), Log(lambda line: None))) as url:
        for replaced in (True, False):
            for path, more in (("think", {}), ("translate", {"alignment": True})):
                answer = httpx.post(f"{url}/{path}", json=asked(**more), timeout=WAIT)
                assert (answer.status_code, answer.json(), "retry-after" in answer.headers) == (
                    503,
                    {"error": CHANGED},
                    False,
                )
            if replaced:
                shutil.rmtree(tmp_path / "model")
        assert httpx.post(f"{url}/translate", json=asked(), timeout=WAIT).status_code == 200


def test_whoever_waits_for_links_is_told_in_time_and_others_do_not_wait(service: Service) -> None:
    impatient = Service.of(service.directions, Keys(), replace(Limits(), seconds=1.0), Log(lambda line: None))
    free = Event()
    loading = impatient.aligning._thread.submit(free.wait)
    with running(impatient) as url, ThreadPoolExecutor(40) as pool:
        try:
            ask = partial(httpx.post, f"{url}/translate", timeout=WAIT)
            linked = [pool.submit(ask, json=asked(alignment=True)) for _ in range(40)]
            assert ask(json=asked()).status_code == 200
            assert {each.result().status_code for each in linked} == {503}
        finally:
            free.set()
        assert loading.result(WAIT)
        assert httpx.post(f"{url}/translate", json=asked(alignment=True), timeout=WAIT).status_code in (200, 503)


def test_the_answer_in_parts_is_the_one_of_starlette(thinkers: dict[str, Thinker]) -> None:
    told = {"models": [thinkers["pre"].think(TEXT, REFERENCE)], "": [], "a": [{}, [[]], (1, None), True, '"\u2028']}
    assert json_of(told).encode() == JSONResponse(told).body


def test_too_many_that_wait_are_503_and_translating_goes_on(url: str, service: Service) -> None:
    free = Event()
    waiting = [service.thinking.submit(free.wait) for _ in range(MOST_WAITING)]
    try:
        with pytest.raises(QueueFullError):
            service.thinking.submit(free.wait)
        answer = httpx.post(f"{url}/think", json=asked(), timeout=WAIT)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert httpx.post(f"{url}/translate", json=asked(), timeout=WAIT).status_code == 200
    finally:
        free.set()
    assert all(future.result(WAIT) for future in waiting)
    assert httpx.post(f"{url}/think", json=asked(), timeout=WAIT).status_code == 200


def test_a_model_whose_outputs_are_not_numbers_is_no_bug_and_not_asked_again(tiny_run: TinyRun, tmp_path: Path) -> None:
    random_model(tiny_run, tmp_path / "diverged", BASE, scale=1e30)  # finite, and their products are not
    engine = EngineOptions(threads=1, device="cpu", engine="torch")
    directions = Directions.load([tmp_path / "diverged"], SearchOptions(beam_size=2), engine, None)
    logged: list[str] = []
    with running(Service.of(directions, Keys(), Limits(), Log(logged.append))) as url:
        for path in ("translate", "think"):
            answer = httpx.post(f"{url}/{path}", json=asked(), timeout=WAIT)
            assert (answer.status_code, answer.json()) == (503, {"error": str(NotNumbersError())})
            assert "retry-after" not in answer.headers
    assert [json.loads(line)["status"] for line in logged] == [503, 503]


def test_without_pytorch_it_is_501(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # as if it were not installed
    assert httpx.post(f"{url}/think", json=asked(), timeout=WAIT).status_code == 501
    assert httpx.get(f"{url}/frontend/settings", timeout=WAIT).json()["thinks"] is False


def test_a_model_of_another_direction_cannot_be_compared(tiny_run: TinyRun, tmp_path: Path, service: Service) -> None:
    other = ModelFolder.open(random_model(tiny_run, tmp_path / "other", CONFIGS["none"], ("en", "ko")))
    with pytest.raises(SettingsError, match="en → ko"):
        Service.of(service.directions, Keys(), Limits(), Log(lambda line: None), [other])


# --- the page ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with opened_browser() as browser:
        yield browser


@pytest.mark.parametrize(("locale", "scheme", "width"), [("en-US", "light", 400), ("ko-KR", "dark", 1920)])
def test_the_page_is_watched_by_keyboard_alone(browser: Any, url: str, locale: str, scheme: str, width: int) -> None:
    from playwright.sync_api import expect

    context = browser.new_context(locale=locale, color_scheme=scheme, viewport={"width": width, "height": 900})
    page = context.new_page()
    requests: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.goto(f"{url}/think#source=ko&target=en&reference=I+go+home.")
    page.wait_for_selector("#target option", state="attached")
    page.focus("#text")
    page.keyboard.type(TEXT)
    page.keyboard.press("Enter")
    expect(page.locator("#row-table tfoot td").nth(4)).to_have_text("1.000", timeout=1000 * WAIT)
    expect(page.locator("#positions-shown li h3")).to_have_count(4, timeout=1000 * WAIT)
    example = page.locator("#norm-example tbody tr").nth(1).locator("td").all_text_contents()
    assert example == ["−1.22", "0.00", "1.22"]
    page.focus("#step")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#target-pieces [aria-current]")).to_have_count(1)
    assert page.locator("#target-pieces button").nth(1).get_attribute("aria-current") == "step"
    page.locator("#map tbody button").nth(0).focus()
    page.keyboard.press("Enter")
    assert page.input_value("#step") == "0"
    page.select_option("#kind", "decoder")
    expect(page.locator("#row-table tbody tr").nth(1).locator("td").nth(2)).to_have_text("−∞", timeout=1000 * WAIT)
    assert page.locator("#beside-shown .card").count() == 2
    assert page.locator("#forcing-shown table").count() == 2
    unnamed = page.evaluate(
        """[...document.querySelectorAll('input, select, button, [role=region], svg[role=img], canvas[role=img]')]
        .filter(each => !(each.labels?.length || each.ariaLabel || each.textContent.trim()))
        .map(each => each.outerHTML)"""
    )
    assert unnamed == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.documentElement.lang") == locale[:2]
    assert page.evaluate("[...document.querySelectorAll('[data-say]')].filter(each => !each.textContent).length") == 0
    paper = luminance(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    names = ["body", ".about", "label", "caption", "#row-table thead th"]
    for name in names:
        colour = page.locator(name).first.evaluate("each => getComputedStyle(each).color")
        assert contrast(luminance(colour), paper) >= 4.5, name
    assert [address for address in requests if not address.startswith(url)] == []
    assert wrong == []
    context.close()


def test_the_place_chosen_last_is_drawn_though_another_answers_later(browser: Any, url: str) -> None:
    held: list[Any] = []

    def intercept(route: Any) -> None:
        wanted = (route.request.post_data_json or {}).get("open") or {}
        if wanted.get("what") == "sublayer" and wanted["position"] == 1:
            held.append(route)
        else:
            route.continue_()

    context = browser.new_context(locale="en-US", bypass_csp=True)
    page = context.new_page()
    page.route("**/think", intercept)
    page.goto(f"{url}/think#source=auto&target=xx&q={TEXT}")  # a link may name what is not served
    page.wait_for_selector("#norm-numbers *", timeout=1000 * WAIT)
    assert [page.input_value(f"#{side}") for side in ("source", "target")] == ["ko", "en"]
    with page.expect_request("**/think"):
        page.select_option("#position", "1")
    before = page.inner_html("#norm-numbers")
    with page.expect_response("**/think"):
        page.select_option("#position", "2")
    page.wait_for_function("before => document.querySelector('#norm-numbers').innerHTML !== before", arg=before)
    last = page.inner_html("#norm-numbers")
    (late,) = held
    with page.expect_response("**/think") as response:
        late.continue_()
    response.value.finished()
    page.evaluate("() => new Promise(requestAnimationFrame)")
    page.evaluate("() => new Promise(requestAnimationFrame)")
    assert page.inner_html("#norm-numbers") == last
    context.close()


def test_axe_finds_nothing_serious(browser: Any, url: str) -> None:
    axe = os.environ.get("NMT_AXE")
    if not axe:
        pytest.skip("NMT_AXE names no axe.min.js of axe-core")
    for path in ("/", f"/think#source=ko&target=en&q={TEXT}"):
        context = browser.new_context(locale="en-US")
        context.add_init_script(path=axe)
        page = context.new_page()
        page.goto(url + path)
        page.wait_for_selector("#target option", state="attached")
        if path != "/":
            page.wait_for_selector("#row-table tfoot", timeout=1000 * WAIT)
        found = page.evaluate("() => axe.run()")
        assert found["passes"]  # it did look
        assert [each["id"] for each in found["violations"] if each["impact"] in ("serious", "critical")] == []
        context.close()
