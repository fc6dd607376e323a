"""The service: a client that we did not write, many at once, hostile ones, and what ends it.

Most tests share one server, in a thread, with a model that was trained for an instant: its translations are nonsense,
and differ from line to line, so that none can be taken for another.
"""

import asyncio
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from threading import get_ident
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from conftest import CORPUS, ROOT, TinyRun, begun, nmt, plain
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from libretranslatepy import LibreTranslateAPI
from serving import WAIT, asked, connected, post, read_all, running, serving
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from warm import Forked

from nmt import SearchOptions, Translation, Translator
from nmt.config import EngineOptions
from nmt.decoding.engine import Hypothesis, Query
from nmt.decoding.request import Line
from nmt.disk.manifest import read_manifest, write_manifest
from nmt.errors import BusyError, CannotCreateError
from nmt.serve import bodies, translating
from nmt.serve.app import application
from nmt.serve.batcher import Batcher
from nmt.serve.bodies import pairs_of
from nmt.serve.directions import Directions, Served
from nmt.serve.encoding import json_of
from nmt.serve.keys import Keys
from nmt.serve.limits import Limits, QueueFullError
from nmt.serve.listening import Listening
from nmt.serve.log import Log
from nmt.serve.observing import Observed
from nmt.serve.service import Service
from nmt.serve.waiting import NO_ROOM
from nmt.text.progress import Progress

# A limit that no line reaches: where one does, CTranslate2 ends its search a little earlier or later in other company.
SEARCH = [
    "--beam-size",
    "3",
    "--min-length",
    "6",
    "--no-repeat-ngram",
    "2",
    "--max-length-factor",
    "9",
    "--threads",
    "1",
]
OPTIONS = SearchOptions(beam_size=3, min_length=6, no_repeat_ngram=2, max_length_factor=9.0)
LIMITS = Limits(body=100_000, lines=300, line=1_000)
LINES = (CORPUS / "train.ko").read_text(encoding="utf-8").splitlines()[300:500]
KEY = "a-key-that-nobody-guesses"


@pytest.fixture(scope="module")
def directions(tiny_run: TinyRun) -> Directions:
    return Directions.load([tiny_run.run], OPTIONS, EngineOptions(threads=1, device="cpu"), None)


@pytest.fixture(scope="module")
def logged() -> list[str]:
    return []


@pytest.fixture(scope="module")
def service(directions: Directions, logged: list[str]) -> Service:
    return Service.of(directions, Keys(), LIMITS, Log(logged.append))


@pytest.fixture(scope="module")
def url(service: Service) -> Iterator[str]:
    with running(service) as address:
        yield address


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=WAIT) as client:
        yield client


@pytest.fixture(scope="module")
def expected(tiny_run: TinyRun) -> list[str]:
    """What the command makes of the lines."""
    result = nmt("translate", tiny_run.run, *SEARCH, input="".join(f"{line}\n" for line in LINES))
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


def ask(application: Callable[[Scope, Receive, Send], Any], method: str, path: str, **more: Any) -> httpx.Response:
    """A request to an application without a server."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            return await client.request(method, path, **more)

    return asyncio.run(send())


# --- details ----------------------------------------------------------------------------------------------------------


def test_details_are_those_of_the_commands_json_lines(client: httpx.Client, tiny_run: TinyRun) -> None:
    lines = [*LINES[:6], "", "3 7"]
    result = nmt(
        "translate",
        tiny_run.run,
        *SEARCH,
        "--format",
        "jsonl",
        "--alignments",
        "-",
        input="".join(f"{line}\n" for line in lines),
    )
    assert result.returncode == 0, result.stderr
    expected = [json.loads(line) for line in result.stdout.splitlines()]
    answer = client.post("/translate", json=asked("\n".join(lines), details=True, alignment=True)).json()
    assert answer["translatedText"].split("\n") == [line["translation"] for line in expected]
    assert [detail["alignment"] for detail in answer["details"]] == [line["alignment"] for line in expected]
    assert [detail["usable"] for detail in answer["details"]] == [None] * len(lines)  # its validation set is too small
    checks = Translator.load(tiny_run.run, device="cpu", threads=1).checks
    for line, told, detail in zip(lines, expected, answer["details"], strict=True):
        failed = checks.failed(line, told["translation"], (1, 1)) if line else []
        assert set(failed) <= set(detail["checks"]) <= {*failed, "length"}
    assert any(detail["checks"] for detail in answer["details"])
    assert answer["details"][6] == {"usable": None, "checks": [], "alignment": []}


def test_a_list_has_details_of_each_text_and_plain_requests_have_none(client: httpx.Client) -> None:
    plain_answer = client.post("/translate", json=asked(["나무", "집\n나무"])).json()
    assert list(plain_answer) == ["translatedText"]
    answer = client.post("/translate", json=asked(["나무", "집\n나무"], details="true")).json()
    assert answer["translatedText"] == plain_answer["translatedText"]
    assert [len(details) for details in answer["details"]] == [1, 2]
    assert client.post("/translate", json=asked("나무", details="yes")).status_code == 400


def test_a_glossary_is_told_with_its_terms(tiny_run: TinyRun, tmp_path: Path) -> None:
    (tmp_path / "terms.tsv").write_text("나무\tLINDEN\n", encoding="utf-8")
    options = SearchOptions(beam_size=2)
    engine = EngineOptions(threads=1, device="cpu")
    directions = Directions.load([tiny_run.run], options, engine, tmp_path / "terms.tsv")
    service = Service.of(directions, Keys(), LIMITS, Log(lambda line: None))
    answer = ask(application(service), "POST", "/translate", json=asked("나무.\n집.", details=True)).json()
    assert [[term["source"] for term in detail["terms"]] for detail in answer["details"]] == [["나무"], []]
    assert answer["details"][0]["terms"][0]["kept"] == ("LINDEN" in answer["translatedText"])
    service.stop()


# --- clients ----------------------------------------------------------------------------------------------------------


def test_a_foreign_client_translates_lists_languages_and_detects(url: str, expected: list[str]) -> None:
    foreign = LibreTranslateAPI(url)
    assert [foreign.translate(line, "ko", "en") for line in LINES[:3]] == expected[:3]
    assert foreign.languages() == [
        {"code": "ko", "name": "Korean", "targets": ["en"]},
        {"code": "en", "name": "English", "targets": []},
    ]
    assert foreign.detect("나는 집에 간다.")[0]["language"] == "ko"


def test_lines_of_sixteen_clients_at_once_are_those_of_the_command(client: httpx.Client, expected: list[str]) -> None:
    assert len(set(expected)) > 100  # or a mixture would not be seen

    def translate(line: str) -> str:
        return str(client.post("/translate", json=asked(line)).json()["translatedText"])

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(translate, LINES)) == expected


def test_a_list_is_translated_in_its_order(client: httpx.Client, expected: list[str]) -> None:
    assert client.post("/translate", json=asked(LINES)).json() == {"translatedText": expected}
    assert client.post("/translate", json=asked([])).json() == {"translatedText": []}


def test_forms_say_the_same_as_json(client: httpx.Client, expected: list[str]) -> None:
    said = asked(LINES[0])
    parts = {name: (None, str(value)) for name, value in said.items()}
    for answer in (client.post("/translate", data=said), client.post("/translate", files=parts)):
        assert answer.json() == {"translatedText": expected[0]}
    assert client.post("/translate", data=asked(LINES[:2])).json() == {"translatedText": expected[:2]}


def test_alternatives_are_the_rest_of_the_n_best_list(client: httpx.Client, tiny_run: TinyRun) -> None:
    listed = nmt("translate", tiny_run.run, *SEARCH, "--n-best", "3", input=f"{LINES[0]}\n").stdout.splitlines()
    best, *others = [line.split(" ||| ")[1] for line in listed]
    for count in (1, 2, "2"):
        answer = client.post("/translate", json=asked(LINES[0], alternatives=count)).json()
        assert answer == {"translatedText": best, "alternatives": others[: int(count)]}
    assert client.post("/translate", json=asked(LINES[:2], alternatives=1)).json()["alternatives"][0] == others[:1]


def test_a_text_of_several_lines_is_translated_line_by_line(client: httpx.Client, expected: list[str]) -> None:
    text = f"\ufeff{LINES[0]}\r\n\n{LINES[1]}\n"
    answer = client.post("/translate", json=asked(text)).json()
    assert answer == {"translatedText": f"{expected[0]}\n\n{expected[1]}\n"}


def test_half_a_character_is_replaced(client: httpx.Client) -> None:
    body = json.dumps(asked("1\ud800")).encode("ascii")
    answer = client.post("/translate", content=body, headers={"Content-Type": "application/json"})
    assert answer.json() == client.post("/translate", json=asked("1\ufffd")).json()


def test_the_language_of_a_source_is_told(client: httpx.Client, expected: list[str]) -> None:
    answer = client.post("/translate", json={**asked(LINES[0]), "source": "auto"}).json()
    assert answer["translatedText"] == expected[0]
    assert answer["detectedLanguage"]["language"] == "ko"


def test_without_the_extra_no_language_is_told(service: Service) -> None:
    app = application(replace(service, detector=None))
    answer = ask(app, "POST", "/translate", json={**asked("집"), "source": "auto"})
    assert (answer.status_code, answer.json()["error"]) == (400, "this service cannot tell languages: name the source")
    assert ask(app, "POST", "/detect", data={"q": "집"}).status_code == 501


def test_health_metrics_and_settings_are_there(client: httpx.Client) -> None:
    def lines() -> float:
        text = client.get("/metrics").text
        return sum(map(float, re.findall(r'^nmt_lines_total\{source="ko",target="en"\} (\S+)$', text, re.M)))

    before = lines()
    client.post("/translate", json=asked("1\n2"))
    assert lines() == before + 2
    assert 'nmt_requests_total{path="/translate",status="200"}' in client.get("/metrics").text
    assert client.get("/health").json() == {"status": "ok"}
    assert client.get("/frontend/settings").json()["language"]["target"] == {"code": "en", "name": "English"}


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({}, 400, "q is missing: give a text, or a list of texts"),
        ({"q": 1}, 400, "q is not text"),
        ({"q": ["a", None]}, 400, "q is missing: give a text, or a list of texts"),
        ({"q": "a"}, 400, "source is missing: give the code of a language, like en"),
        (asked("a", target="de"), 400, "'de' is not among the languages here: en"),
        (asked("a", source="de"), 400, "nothing here translates 'de' into en, only ko"),
        (asked("a", source="en"), 400, "nothing here translates 'en' into en, only ko"),
        (asked("<p>a <b", format="html"), 400, "q line 1 begins a tag that never ends"),
        (asked("<b>" * 6_001, format="html"), 413, "a request has at most 6,000 tags"),
        (asked([""] * (LIMITS.lines + 1), format="html"), 413, "a request has at most 300 texts"),
        (asked("a", format=["text"]), 400, "format is text or html"),
        (asked("a", alternatives=3), 400, "alternatives is a number from 0 to 2"),
        (asked("a", alternatives=True), 400, "alternatives is a number from 0 to 2"),
        (asked("\n" * LIMITS.lines), 413, "a request has at most 300 lines"),
        (asked("a" * (LIMITS.line + 1)), 413, "a line has at most 1,000 characters"),
        ([], 400, "the body is no JSON object: send one with q, source and target"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(client: httpx.Client, body: object, status: int, error: str) -> None:
    answer = client.post("/translate", json=body)
    assert (answer.status_code, answer.json()) == (status, {"error": error})


def test_a_page_is_translated_as_the_command_translates_its_file(
    client: httpx.Client, tiny_run: TinyRun, tmp_path: Path
) -> None:
    page = "".join(f"<p title='{line}'>{line} &amp;</p>\n<pre>{line}</pre>" for line in LINES[:5])
    (tmp_path / "a.html").write_text(page, encoding="utf-8")
    result = nmt("translate", tiny_run.run, tmp_path / "a.html", "-o", tmp_path / "b.html", *SEARCH)
    assert result.returncode == 0, result.stderr
    written = (tmp_path / "b.html").read_text(encoding="utf-8")
    assert written != page
    answer = client.post("/translate", json=asked([page, "<br>"], format="html"))
    assert (answer.status_code, answer.json()) == (200, {"translatedText": [written, "<br>"]})
    assert client.post("/translate", json=asked("<br>", format="html")).json() == {"translatedText": "<br>"}


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_too_large_is_refused_in_words(client: httpx.Client, chunked: bool) -> None:
    body = b'{"q": "' + b"a" * LIMITS.body + b'"}'
    content: Any = iter([body[:50_000], body[50_000:]]) if chunked else body
    answer = client.post("/translate", content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()) == (413, {"error": "a request has at most 100,000 bytes"})


def test_routes_that_are_not_there_are_json_too(client: httpx.Client) -> None:
    assert (client.get("/translate").status_code, client.get("/translate").json()) == (
        405,
        {"error": "Method Not Allowed"},
    )
    assert (client.get("/etc/passwd").status_code, client.get("/languages/").json()) == (404, {"error": "Not Found"})


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "q": JSON | st.just("집"),
        "source": JSON | st.sampled_from(["ko", "auto", "KO", "kor"]),
        "target": JSON | st.just("en"),
        "format": JSON | st.just("text"),
        "alternatives": JSON | st.sampled_from([1, "1", 10**400]),
        "api_key": JSON,
    },
)
BODIES = st.binary(max_size=300) | FIELDS.map(lambda fields: json.dumps(fields).encode())
BODIES |= st.sampled_from([b"[" * 90_000, b'{"q":' * 10_000, b"1" * 90_000, b"q=a&" * 20_000, b"--x\r\n\r\na\r\n--x--"])
KINDS = st.sampled_from(
    ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "multipart/form-data"]
) | st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=10)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(["/translate", "/detect"]), BODIES, KINDS)
def test_no_body_makes_it_fail(client: httpx.Client, path: str, body: bytes, kind: str) -> None:
    answer = client.post(path, content=body, headers={"Content-Type": kind})
    assert answer.status_code in {200, 400, 413, 415}
    error = answer.json()["error"] if answer.status_code != 200 else ""
    assert "Traceback" not in error
    assert str(ROOT) not in error


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "application/x-www-form-urlencoded"])
@pytest.mark.parametrize("charset", ["punycode", '"idna"', "latin-1", "UTF-8; charset=rot13", "rot13; boundary=x"])
def test_no_decoder_of_pythons_is_at_a_strangers_choice(client: httpx.Client, kind: str, charset: str) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="q-"\r\n\r\n' + b"a-" + b"a" * 40_000 + b"\r\n--x--\r\n"
    answer = client.post("/translate", content=body, headers={"Content-Type": f"{kind}; charset={charset}"})
    assert (answer.status_code, answer.json()) == (415, {"error": "a body is in UTF-8: leave charset out"})


@pytest.mark.parametrize("charset", ["utf-8", '"UTF-8"', "Utf8"])
def test_who_says_that_a_body_is_in_utf_8_is_answered(client: httpx.Client, expected: list[str], charset: str) -> None:
    headers = {"Content-Type": f"application/json; charset={charset}"}
    answer = client.post("/translate", content=json.dumps(asked(LINES[0])), headers=headers)
    assert answer.json() == {"translatedText": expected[0]}


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET / HTTP/one\r\n\r\n",
        b"POST /translate HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_not_http_is_refused_in_json(url: str, sent: bytes) -> None:
    with connected(url) as stranger:
        with suppress(ConnectionError):
            stranger.sendall(sent)
        answer = read_all(stranger)
    assert answer == b"" or b'{"error":' in answer.partition(b"\r\n\r\n")[2]


def test_answers_have_headers_for_browsers_and_no_page_elsewhere_may_read_them(client: httpx.Client) -> None:
    for answer in (client.get("/health"), client.get("/nowhere")):
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "server" not in answer.headers
    assert "access-control-allow-origin" not in client.get("/languages", headers={"Origin": "https://a.org"}).headers


def test_pages_of_an_origin_that_is_allowed_may_ask(service: Service) -> None:
    app = application(service, ["https://a.org"])
    for origin, allowed in (("https://a.org", "https://a.org"), ("https://b.org", None)):
        answer = ask(app, "GET", "/languages", headers={"Origin": origin})
        assert answer.headers.get("access-control-allow-origin") == allowed


@pytest.fixture(scope="module")
def only_here(tiny_run: TinyRun) -> Iterator[str]:
    with command(tiny_run.run) as (_, url):
        yield url


def status_for(url: str, *hosts: str) -> tuple[int, list[str]]:
    """The status of a request that names hosts, and the names in its answer."""
    named = "".join(f"Host: {host}\r\n" for host in hosts)
    with connected(url) as stranger:
        stranger.sendall(f"GET /languages HTTP/1.{bool(hosts):d}\r\n{named}Connection: close\r\n\r\n".encode())
        head, _, body = read_all(stranger).partition(b"\r\n\r\n")
    answer = json.loads(body)
    return int(head.split()[1]), list(answer) if isinstance(answer, dict) else []


@pytest.mark.parametrize(
    "host", ["localhost", "LocalHost:80", "127.0.0.1", "127.0.0.1:5000", "127.9.9.9", "[::1]", "[::1]:5000", None]
)
def test_a_request_to_this_machine_is_answered(only_here: str, host: str | None) -> None:
    assert status_for(only_here, *([host] if host else [])) == (200, [])


@pytest.mark.parametrize(
    "host",
    [
        "a.org",
        "a.org:5000",
        "localhost.a.org",
        "127.0.0.1.a.org:5000",
        "a.org#localhost",
        "192.168.0.1",
        "[::2]",
        "",
        ":",
    ],
)
def test_a_request_to_another_name_is_refused_where_only_this_machine_may_ask(only_here: str, host: str) -> None:
    assert status_for(only_here, host) == (421, ["error"])


@pytest.mark.parametrize("how", ["--no-key", "--api-key-file"])
def test_who_names_the_clients_answers_to_every_name(tiny_run: TinyRun, tmp_path: Path, how: str) -> None:
    (tmp_path / "keys").write_text(f"{KEY}\n", encoding="utf-8")
    with command(tiny_run.run, how, *([tmp_path / "keys"] if how == "--api-key-file" else [])) as (_, url):
        assert status_for(url, "a.org") == (200, [])


def test_without_a_key_nobody_is_answered(service: Service, expected: list[str], tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(f"another-key-of-another-client\n\n{KEY}\n", encoding="utf-8")
    app = application(replace(service, keys=Keys.read(tmp_path / "keys")))
    answered = {"translatedText": expected[0]}
    for kind in ("json", "data"):
        assert ask(app, "POST", "/translate", **{kind: asked(LINES[0], api_key=KEY)}).json() == answered
    bearer = {"Authorization": f"Bearer {KEY}"}
    assert ask(app, "POST", "/translate", json=asked(LINES[0]), headers=bearer).json() == answered
    assert ask(app, "GET", "/metrics", headers=bearer).status_code == 200
    for body, status in (
        (asked("집"), 401),
        (asked("집", api_key=KEY[:-1]), 403),
        (asked("집", api_key=[KEY]), 403),
        (asked("집", api_key="\ufffd"), 403),
    ):
        assert ask(app, "POST", "/translate", json=body).status_code == status
        assert ask(app, "POST", "/detect", json=body).status_code == status
    assert ask(app, "GET", "/metrics").status_code == 401
    assert ask(app, "GET", "/languages").status_code == ask(app, "GET", "/health").status_code == 200


def test_the_paths_that_need_a_key_are_those_of_the_docs(service: Service) -> None:
    app = application(replace(service, keys=Keys([KEY])))
    assert isinstance(app, Observed)
    needed = {
        path
        for path in app.paths
        for method in ("GET", "POST")
        if ask(app, method, path, data=asked("집")).status_code == 401
    }
    (said,) = re.findall(r"^(.*) need one; the pages", (ROOT / "docs/serve.md").read_text(encoding="utf-8"), re.M)
    assert needed == set(re.findall("`(/[a-z]+)`", said))


class Reads:
    """An application, and whether it has read a body."""

    def __init__(self, app: ASGIApp) -> None:
        self.app, self.has_read = app, False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def read() -> Message:
            self.has_read = True
            return await receive()

        await self.app(scope, read, send)


@pytest.mark.parametrize("path", ["/translate", "/think", "/detect"])
def test_a_wrong_key_in_the_header_is_refused_before_the_body_is_read(service: Service, path: str) -> None:
    app = Reads(application(replace(service, keys=Keys([KEY]))))
    for key, body, status in ((KEY[:-1], asked("집", api_key=KEY), 403), (KEY, {}, 400)):
        answer = ask(app, "POST", path, json=body, headers={"Authorization": f"Bearer {key}"})
        assert (answer.status_code, app.has_read) == (status, status == 400)


# --- the event loop ---------------------------------------------------------------------------------------------------


BYTES = st.binary(max_size=40) | st.text("%0aF+=&;q가", max_size=40).map(str.encode)


@given(st.lists(BYTES, max_size=5).map(b"".join))
def test_a_form_is_read_as_pythons_own_library_reads_its_bytes(body: bytes) -> None:
    pairs = parse_qsl(body.decode("latin-1"), keep_blank_values=True, encoding="latin-1")
    as_text = [tuple(each.encode("latin-1").decode("utf-8", "replace") for each in pair) for pair in pairs]
    assert pairs_of(body) == as_text


@pytest.mark.parametrize("kind", ["json", "data", "files"])
def test_long_requests_are_read_and_answered_by_threads_and_short_ones_at_once(
    service: Service, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    by_thread: list[bool] = []

    def spied(function: Callable[..., Any]) -> Callable[..., Any]:
        def spy(*given: Any) -> Any:
            by_thread.append(get_ident() != loop)
            return function(*given)

        return spy

    loop = get_ident()
    reads = "_json_fields" if kind == "json" else "_merged"
    monkeypatch.setattr(bodies, reads, spied(getattr(bodies, reads)))
    monkeypatch.setattr(translating, "json_of", spied(json_of))
    app = application(service)
    for lines in (1, 290):
        by_thread.clear()
        fields = asked("\n".join([LINES[0], *[" " * 60] * lines]))
        sent = {name: (None, value) for name, value in fields.items()} if kind == "files" else fields
        assert ask(app, "POST", "/translate", **{kind: sent}).status_code == 200
        assert by_thread == [lines > 1] * 2


# --- the log ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("texts", [False, True])
def test_texts_are_logged_only_when_asked(service: Service, expected: list[str], texts: bool) -> None:
    lines: list[str] = []
    app = application(replace(service, log=Log(lines.append, texts=texts)))
    ask(app, "POST", "/translate", json=asked([LINES[0], "1"]))
    ask(app, "GET", "/나무")
    ask(app, "GET", "/health")
    first, second = map(json.loads, lines)
    assert (first["path"], first["status"], first["lines"]) == ("/translate", 200, {"ko-en": 2})
    assert (second["path"], second["status"]) == ("other", 404)
    assert first.get("texts") == ([LINES[0], "1"] if texts else None)
    assert first.get("translations") == ([expected[0], "1"] if texts else None)
    assert all(line.isascii() or texts for line in lines)


def test_a_bug_is_one_line_of_the_log_and_says_nothing_to_the_client(service: Service, directions: Directions) -> None:
    class Broken(Translator):
        def translate_window(self, lines: Sequence[Line], before: int, progress: Progress) -> list[Translation]:
            raise ValueError(f"the secret {lines[0]}")

    loaded = directions.served[0].plain.loaded
    assert loaded
    broken = Broken.made(loaded, "en")
    logged: list[str] = []
    other = replace(service, directions=Directions([Served("ko", "en", broken, broken)]), log=Log(logged.append))
    answer = ask(application(other), "POST", "/translate", json=asked("암호"))
    assert (answer.status_code, list(answer.json())) == (500, ["error"])
    assert "secret" not in answer.text + "".join(logged)
    bug, request = map(json.loads, logged)
    assert (bug["error"], request["status"]) == ("ValueError", 500)
    assert "translate_window" in bug["where"][-1]


def test_what_does_not_fit_into_memory_is_no_bug_and_not_asked_again(
    directions: Directions, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = directions.served[0].plain.loaded
    assert loaded
    logged: list[str] = []
    service = Service.of(directions, Keys(), LIMITS, Log(logged.append))
    search = type(loaded.engine).search
    longest = max(map(len, LINES))

    def with_little_memory(engine: Any, queries: Sequence[Query], options: SearchOptions) -> list[list[Hypothesis]]:
        if any(len(query.pieces) > longest for query in queries):
            raise BusyError("it does not fit", "use a smaller one")
        return search(engine, queries, options)

    monkeypatch.setattr(type(loaded.engine), "search", with_little_memory)
    app = application(service)
    answer = ask(app, "POST", "/translate", json=asked(f"{LINES[0]}\n{'집' * (longest + 1)}"))
    assert (answer.status_code, answer.json()) == (507, {"error": NO_ROOM})
    assert "retry-after" not in answer.headers
    assert ask(app, "POST", "/translate", json=asked(LINES[0])).json() == {"translatedText": expected[0]}
    assert [json.loads(line)["status"] for line in logged] == [507, 200]
    service.stop()


# --- a full queue, and clients that go away ---------------------------------------------------------------------------


class Gate:
    """A translator that waits until it is let through; says when it waits, and what it has translated."""

    batch_tokens = 15

    def __init__(self) -> None:
        self.entered, self.opened = threading.Semaphore(0), threading.Event()
        self.windows: list[list[str]] = []

    def translate_window(self, lines: Sequence[Line], before: int, progress: Progress) -> list[Translation]:
        self.entered.release()
        assert self.opened.wait(WAIT)
        texts = list(map(str, lines))
        self.windows.append(texts)
        if "bad" in texts:
            raise BusyError("a line does not fit into memory", "use a smaller one")
        return [Translation(text, text.upper(), 0.0) for text in texts]


@pytest.fixture
def gate() -> Gate:
    return Gate()


@contextmanager
def batching(linger: float = 0.0) -> Iterator[Batcher]:
    batcher = Batcher(1, Limits(linger=linger, quiet=linger))
    try:
        yield batcher
    finally:
        batcher.stop()


def test_a_line_that_fails_fails_alone(gate: Gate) -> None:
    gate.opened.set()
    with batching(linger=WAIT) as batcher:
        jobs = [batcher.submit(gate, [text]) for text in ("a", "bad", "b", "c")]
        batcher.stop()  # which ends the lingering
        assert [[each.text for each in job.result(WAIT)] for job in jobs if job is not jobs[1]] == [["A"], ["B"], ["C"]]
        with pytest.raises(BusyError):
            jobs[1].result(WAIT)
    assert gate.windows[0] == ["a", "bad", "b", "c"]


def test_a_short_request_does_not_wait_for_a_long_one(gate: Gate) -> None:
    with batching() as batcher:
        first = batcher.submit(gate, ["first"])
        gate.entered.acquire(timeout=WAIT)
        long = batcher.submit(gate, ["0123456789"] * 100)
        short = batcher.submit(gate, ["short"])
        gate.opened.set()
        for job in (first, long, short):
            assert job.result(WAIT)
    assert "short" in gate.windows[1]


def test_a_full_queue_refuses_and_cancelled_lines_make_room(gate: Gate) -> None:
    dropped: list[int] = []
    batcher = Batcher(1, Limits(waiting_lines=3), dropped=dropped.append)
    first = batcher.submit(gate, ["first"])
    gate.entered.acquire(timeout=WAIT)
    second = batcher.submit(gate, ["a", "b", "c"])
    with pytest.raises(QueueFullError):
        batcher.submit(gate, ["d"])
    second.cancel()
    third = batcher.submit(gate, ["d"])
    gate.opened.set()
    assert [each.text for each in third.result(WAIT)] == ["D"]
    assert first.result(WAIT)
    batcher.stop()
    assert (gate.windows, dropped) == ([["first"], ["d"]], [3])


def test_who_would_wait_too_long_is_refused_at_once(gate: Gate) -> None:
    with batching() as batcher:
        first = batcher.submit(gate, ["first"])
        gate.entered.acquire(timeout=WAIT)
        batcher._speed = 10.0
        long = batcher.submit(gate, ["0123456789"] * 20)
        with pytest.raises(QueueFullError):
            batcher.submit(gate, ["0123456789"] * 20)  # the first 20 take 36 seconds
        assert batcher.seconds_left() == 36
        short = batcher.submit(gate, ["short"])  # waits for one of them
        gate.opened.set()
        assert [len(job.result(WAIT)) for job in (first, long, short)] == [1, 20, 1]


class Held(Translator):
    """The real translator behind a gate."""

    gate: Gate

    def translate_window(self, lines: Sequence[Line], before: int, progress: Progress) -> list[Translation]:
        self.gate.translate_window(lines, before, progress)
        return super().translate_window(lines, before, progress)


@contextmanager
def held(directions: Directions, gate: Gate, limits: Limits) -> Iterator[tuple[Service, str]]:
    loaded = directions.served[0].plain.loaded
    assert loaded
    translator = Held.made(loaded, "en")
    translator.gate = gate
    service = Service.of(
        Directions([Served("ko", "en", translator, translator)]), Keys(), limits, Log(lambda line: None)
    )
    with running(service) as url:
        try:
            yield service, url
        finally:
            gate.opened.set()


def until(service: Service, waiting: int) -> None:
    """Wait until so many lines wait."""
    changed = service.batcher._changed
    with changed:
        assert changed.wait_for(lambda: service.batcher.waiting_lines == waiting, WAIT)


def test_an_overrun_is_answered_by_503_and_a_client_that_leaves_takes_its_lines(
    directions: Directions, gate: Gate, expected: list[str]
) -> None:
    with held(directions, gate, Limits(waiting_lines=2)) as (service, url), ThreadPoolExecutor(2) as pool:
        first = pool.submit(httpx.post, f"{url}/translate", json=asked(LINES[0]), timeout=WAIT)
        gate.entered.acquire(timeout=WAIT)
        with connected(url) as stranger:
            stranger.sendall(post(asked(["leaves", "leaves"])))
            until(service, 2)
            refused = httpx.post(f"{url}/translate", json=asked("집"))
            assert (refused.status_code, list(refused.json())) == (503, ["error"])
            assert int(refused.headers["retry-after"]) >= 1
        until(service, 0)  # the client has gone
        last = pool.submit(httpx.post, f"{url}/translate", json=asked(LINES[1]), timeout=WAIT)
        until(service, 1)
        gate.opened.set()
        assert [each.result(WAIT).json()["translatedText"] for each in (first, last)] == expected[:2]
        assert "nmt_dropped_lines_total 2.0" in httpx.get(f"{url}/metrics").text
    assert gate.windows == [[LINES[0]], [LINES[1]]]


def test_a_request_that_takes_too_long_is_refused_and_dropped(directions: Directions, gate: Gate) -> None:
    with held(directions, gate, Limits(seconds=0.2)) as (service, url):
        answers = [httpx.post(f"{url}/translate", json=asked("집"), timeout=WAIT) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [503, 503]
        assert service.batcher.waiting_lines == 0


# --- connections ------------------------------------------------------------------------------------------------------


def test_clients_that_neither_send_nor_read_hold_nobody_up_and_are_closed(directions: Directions) -> None:
    limits = Limits(patience=1.0)
    service = Service.of(directions, Keys(), limits, Log(lambda line: None))
    with serving(service) as (url, server), ExitStack() as stack:
        font = httpx.get(f"{url}/hangul.ttf").content  # the largest answer there is
        request = post(asked("1"))
        silent, half, body, deaf = (stack.enter_context(connected(url, 1 << 12)) for _ in range(4))
        half.sendall(request[:20])
        body.sendall(request[:-1])
        deaf.sendall(20 * b"GET /hangul.ttf HTTP/1.1\r\nHost: a\r\n\r\n")  # more than the kernel keeps for it
        assert httpx.post(f"{url}/translate", json=asked("1"), timeout=WAIT).json() == {"translatedText": "1"}
        for stranger in (silent, half, body):
            assert read_all(stranger) == b""
        for _ in range(30):  # a second each, until the deaf one is closed, too
            if server.server_state.connections:
                with connected(url) as other:
                    assert read_all(other) == b""
        assert not server.server_state.connections
        assert len(read_all(deaf)) < 20 * len(font)


def test_a_connection_too_many_is_refused(directions: Directions) -> None:
    limits = Limits(connections=2)
    with running(Service.of(directions, Keys(), limits, Log(lambda line: None))) as url:
        kept = [httpx.Client(base_url=url) for _ in range(2)]
        assert [each.get("/health").status_code for each in kept] == [200, 200]
        refused = httpx.get(f"{url}/health")
        assert (refused.status_code, list(refused.json())) == (503, ["error"])
        for each in kept:
            each.close()
        assert kept[0].is_closed


# --- the command ------------------------------------------------------------------------------------------------------


@contextmanager
def command(*arguments: str | Path) -> Iterator[tuple[Forked, str]]:
    """``nmt serve`` in a process of its own, and its address."""
    process = begun("serve", *arguments, "--port", "0", "--threads", "1", stderr=subprocess.PIPE, encoding="utf-8")
    assert process.stderr
    with process:
        try:
            said = process.stderr.readline()
            address = re.fullmatch(r"nmt: (http://127\.0\.0\.1:\d+) translates ko → en with \w+\n", said)
            assert address, said + process.stderr.read()
            yield process, address[1]
        finally:
            process.kill()


def test_a_signal_ends_it_after_the_requests_that_it_has(tiny_run: TinyRun) -> None:
    with command(tiny_run.run) as (process, url), connected(url) as client:
        request = post(asked("1\n2"), "Expect: 100-continue\r\n")
        head, _, body = request.partition(b"\r\n\r\n")
        client.sendall(head + b"\r\n\r\n")
        assert client.recv(1 << 16).startswith(b"HTTP/1.1 100 ")  # it reads the request now
        process.send_signal(signal.SIGTERM)
        with suppress(ConnectionError):
            while True:  # until it accepts nobody any more
                connected(url).close()
        client.sendall(body)
        assert read_all(client).endswith(b'{"translatedText":"1\\n2"}')
        assert process.wait(WAIT) == -signal.SIGTERM
        assert process.stderr
        assert [json.loads(line)["status"] for line in process.stderr] == [200]


def test_a_client_that_goes_before_its_answer_does_not_end_it(tiny_run: TinyRun) -> None:
    with command(tiny_run.run) as (process, url):
        for _ in range(5):
            with connected(url) as stranger:
                stranger.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset, not an end
                stranger.sendall(post(asked("1")) * 20)
        assert httpx.get(f"{url}/health").status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(WAIT) == -signal.SIGINT


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        ("--host 0.0.0.0", 2, "--host 0.0.0.0 is reached from other machines; give --api-key-file, or --no-key .*"),
        ("--no-key --api-key-file {keys}", 2, "--api-key-file and --no-key exclude each other; .*"),
        ("--api-key-file {keys}", 65, r".*/keys line 1 is no key of at least 16 letters and digits; make one: .*"),
        ("--api-key-file {keys}.no", 66, "there is no file .*"),
        ("--host no.such.host.invalid", 66, "there is no address 'no.such.host.invalid'; choose another --host"),
        ("--port {port}", 75, r"port \d+ of 127.0.0.1 is in use; end the program .*, or choose another --port"),
        ("--port 0 {run}", 78, "two models translate ko → en; serve one of them, or each on its own --port"),
    ],
)
def test_what_cannot_be_served_is_said_in_one_line(
    tiny_run: TinyRun, tmp_path: Path, flags: str, code: int, message: str
) -> None:
    (tmp_path / "keys").write_text("short\n", encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        here = {"keys": tmp_path / "keys", "port": taken.getsockname()[1], "run": tiny_run.run}
        port = [] if "--port" in flags else ["--port", "0"]
        result = nmt("serve", tiny_run.run, *port, *(part.format(**here) for part in flags.split()))
    assert result.returncode == code
    assert re.fullmatch(f"nmt: error: {message}\n", result.stderr)
    assert "short" not in result.stderr.replace("shortest", "")


@pytest.mark.parametrize(
    ("host", "is_local"), [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("::", False)]
)
def test_an_address_is_known_to_be_of_this_machine_alone(host: str, is_local: bool) -> None:
    try:
        listening = Listening(host, 0)
    except CannotCreateError:
        pytest.skip("there is no IPv6 here")
    with listening.socket:
        assert listening.is_local == is_local
        assert re.fullmatch(r"http://(\[[0-9a-f:]+\]|[\d.]+):\d+", listening.url)


def relabelled(run: Path, folder: Path, source: str) -> Path:
    """A copy of a model that says it translates from another language."""
    shutil.copytree(run / "model", folder)
    settings = folder / "config.toml"
    settings.write_text(settings.read_text("utf-8").replace('source = "ko"', f'source = "{source}"'), encoding="utf-8")
    facts = read_manifest(folder, verify=False)
    write_manifest(folder, {name: value for name, value in facts.items() if name != "files"})
    return folder


def test_several_models_are_several_directions(tiny_run: TinyRun, tmp_path: Path) -> None:
    models = [tiny_run.run, relabelled(tiny_run.run, tmp_path / "fr", "fr")]
    several = Directions.load(models, OPTIONS, EngineOptions(threads=1, device="cpu"), None)
    service = Service.of(several, Keys(), LIMITS, Log(lambda line: None))
    app = application(service)
    targets = {language["code"]: language["targets"] for language in ask(app, "GET", "/languages").json()}
    assert targets == {"ko": ["en"], "en": [], "fr": ["en"]}
    answers = [
        ask(app, "POST", "/translate", json=asked(LINES[:2], source=code)).json() for code in ("ko", "fra", "FR")
    ]
    assert len(answers[0]["translatedText"]) == 2
    assert answers[0] == answers[1] == answers[2]
    texts = ["나는 집에 간다.", "je rentre à la maison maintenant"]
    told = ask(app, "POST", "/translate", json=asked(texts, source="auto")).json()["detectedLanguage"]
    assert [each["language"] for each in told] == ["ko", "fr"]
    service.batcher.stop()


@pytest.mark.parametrize("source", ["en", "auto"])
def test_a_code_of_several_languages_here_is_no_chance(directions: Directions, source: str) -> None:
    (one,) = directions.served
    pairs = [("en", "zh_Hans"), ("en", "zh_Hant"), ("ko", "zh_Hant")]
    several = Directions([Served(*pair, one.plain, one.n_best) for pair in pairs])
    service = Service.of(several, Keys(), LIMITS, Log(lambda line: None))
    app = application(service)
    answer = ask(app, "POST", "/translate", json=asked("a dog", source=source, target="zh"))
    error = "the languages may be en → zh_Hans, en → zh_Hant here: name them in full"
    assert (answer.status_code, answer.json()) == (400, {"error": error})
    for sides in ((source, "zh_Hans"), ("ko", "zh"), ("eng", "zh_Hant")):
        clear = asked("a dog", **dict(zip(("source", "target"), sides, strict=True)))
        assert ask(app, "POST", "/translate", json=clear).status_code == 200
    service.batcher.stop()


IGBO = "Achọrọ m ịga ahịa echi n'ụtụtụ mụ na enyi m."
HAUSA = "Ina son in je kasuwa gobe da safe tare da abokina."


@pytest.mark.parametrize(
    ("sources", "text", "told"),
    [
        (("hau", "swa"), HAUSA, "hau"),
        (("hau", "swa"), IGBO, ""),
        (("hau", "swa", "ibo"), IGBO, "ibo"),
        (("hau", "swa"), "", "hau"),
        (("hau", "swa"), "3 7", "hau"),
        (("ko", "en"), "a dog", "en"),
        (("hau", "fon"), HAUSA, ""),  # py3langid takes Fon for any other language
        (("zh_Hans", "zh_Hant"), "我去学校", ""),
        (("swa",), IGBO, "swa"),
    ],
)
def test_a_language_is_taken_only_where_it_is_told(
    directions: Directions, sources: tuple[str, ...], text: str, told: str
) -> None:
    pytest.importorskip("py3langid")
    (one,) = directions.served
    several = Directions([Served(source, "fr", one.plain, one.n_best) for source in sources])
    service = Service.of(several, Keys(), LIMITS, Log(lambda line: None))
    answer = ask(application(service), "POST", "/translate", json=asked(text, source="auto", target="fr"))
    if told:
        assert answer.json()["detectedLanguage"]["language"] == told
    else:
        error = f"cannot tell which of {', '.join(sources)} text 1 is in: name the source"
        assert (answer.status_code, answer.json()) == (400, {"error": error})
    service.stop()


ALONE = """
import asyncio, sys, threading
from pathlib import Path
import httpx
from nmt.config import EngineOptions, SearchOptions
from nmt.serve.app import application
from nmt.serve.directions import Directions
from nmt.serve.keys import Keys
from nmt.serve.limits import Limits
from nmt.serve.log import Log
from nmt.serve.service import Service

directions = Directions.load([Path(sys.argv[1])], SearchOptions(), EngineOptions(threads=1, device="cpu"), None)
service = Service.of(directions, Keys(), Limits(), Log(print))
async def ask():
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application(service)), base_url="http://a") as client:
        q = {"q": "나무", "source": "auto", "target": "en", "alternatives": 2, "details": True}
        return await client.post("/translate", json=q), await client.get("/metrics")
assert [answer.status_code for answer in asyncio.run(ask())] == [200, 200]
print(sorted({"torch", "ctranslate2"} & set(sys.modules)))
"""


def test_pytorch_is_not_loaded_where_ctranslate2_serves(tiny_run: TinyRun) -> None:
    pytest.importorskip("ctranslate2")
    result = subprocess.run(
        [sys.executable, "-c", ALONE, tiny_run.run], capture_output=True, encoding="utf-8", env=plain(), timeout=120
    )
    assert result.stdout.splitlines()[-1] == "['ctranslate2']", result.stderr


def test_a_message_of_the_server_is_logged_without_its_values() -> None:
    import logging

    lines: list[str] = []
    with Log(lines.append).hears():
        logging.getLogger("uvicorn.error").warning("it said %s", "a secret")
        logging.getLogger("uvicorn.error").info("nothing")
    assert [json.loads(line)["message"] for line in lines] == ["it said %s"]
