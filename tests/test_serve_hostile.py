"""The service and what strangers send: requests broken in every way that a seed can think of, and faults that were."""

import asyncio
import gc
import json
import random
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from conftest import CORPUS, ROOT, TinyRun
from serving import asked, connected, post, read_all, serving
from starlette.types import Message

from nmt import SearchOptions
from nmt.config import EngineOptions
from nmt.serve.app import application
from nmt.serve.directions import Directions
from nmt.serve.keys import Keys
from nmt.serve.limits import Limits
from nmt.serve.listening import Server
from nmt.serve.log import Log
from nmt.serve.observing import PIECE
from nmt.serve.service import Service

OPTIONS = SearchOptions(beam_size=2, max_length_factor=0.3)
LIMITS = Limits(body=20_000, lines=50, line=500, patience=1.0)
LARGEST_ANSWER = 50_000  # bytes: that of a model's positions
LINES = (CORPUS / "train.ko").read_text(encoding="utf-8").splitlines()[300:330]


@pytest.fixture(scope="module")
def logged() -> list[str]:
    return []


@pytest.fixture(scope="module")
def service(tiny_run: TinyRun, logged: list[str]) -> Service:
    directions = Directions.load([tiny_run.run], OPTIONS, EngineOptions(threads=1, device="cpu"), None)
    return Service.of(directions, Keys(), LIMITS, Log(logged.append))


@pytest.fixture(scope="module")
def served(service: Service) -> Iterator[tuple[str, Server]]:
    with serving(service) as both, service.log.hears():
        yield both


def answer(url: str, *parts: bytes) -> bytes:
    """All that comes back until the connection is closed; parts are sent one after another."""
    with connected(url) as stranger:
        with suppress(ConnectionError):
            for part in parts:
                stranger.sendall(part)
        return read_all(stranger)


def statuses(received: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]


# --- any request ------------------------------------------------------------------------------------------------------

TEXTS: list[object] = [
    *LINES[:30], "집", "", "\n\n", "\x00", "\ud800", "a\x0bb\u2028c\x85d\re", "\ufeff" * 3, "\u202e집", "👍🏽" * 50,
    "가" * 500, "<b>&#0;", "1" * 499, None, 1, -0.0, float("nan"), float("inf"), 10**300, True, [], {}, ["집", 1],
    [["집"]], ["집"] * 50, [""] * 51,
]  # fmt: skip
CODES: list[object] = [
    "ko", "en", "auto", "KO", "ko-KR", "kor", "x" * 5000, "\ud800", "", "../..", "en\n", None, 7, ["en"]
]  # fmt: skip
PATHS = [
    *["/translate"] * 90, *["/think"] * 8, "/detect", "/languages", "/health", "/metrics", "/", "/page.js",
    "/frontend/settings", "",
    "/translate/", "//translate", "/../../etc/passwd", "/%2e%2e/%00", "/\xff", "http://a.org/health", "*",
    "/" + "a" * 3000, "/?q=%ff&" + "a=b&" * 100, "/translate?q=1#x",
]  # fmt: skip
JSON, FORM, PARTS = "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
KINDS = [JSON, f"{JSON}; charset=utf-16", FORM, PARTS, f"{PARTS}; charset=undefined", "multipart/form-data", "\xff", ""]
HEADERS = [
    "Authorization: Bearer \xff\xfe", "Authorization: " + "a" * 900, "Content-Encoding: gzip", "Expect: 100-continue",
    "Expect: nonsense", "Upgrade: websocket\r\nConnection: upgrade", "Cookie: " + "a=b; " * 200, "Origin: null",
    "X: a\r\n b", "Content-Length: 5", "Content-Length: -1", "Transfer-Encoding: chunked", "Transfer-Encoding: gzip",
    "Host: b", ":", "a", "Range: bytes=0-1", "X-Forwarded-For: \"'<", "Accept: \x00", "X-HTTP-Method-Override: DELETE",
]  # fmt: skip
NUMBERS: list[object] = [0, 1, 2, -1, 10**30, True, None, 1.5, "0", [0] * 900, []]
Dice = random.Random


def a_place(dice: Dice) -> object:
    """A place of a model to open, most often with one number that is wrong."""
    names = ["layer", "head", "row", "place", "position"]
    numbers: dict[str, object] = {**dict.fromkeys(names, 0), dice.choice(names): dice.choice(NUMBERS)}
    what = dice.choice([*["row", "sublayer"] * 20, "positions", *TEXTS])
    kind = dice.choice([*["cross", "encoder", "decoder"] * 20, *TEXTS])
    return dice.choice([{"what": what, "kind": kind, **numbers}] * 9 + [[numbers]])


def a_body(dice: Dice) -> tuple[str, bytes]:
    """A body, and what it is."""
    fields = {"q": dice.choice(TEXTS), "source": dice.choice(CODES), "target": dice.choice(CODES)}
    if dice.random() < 0.8:
        fields |= {"source": "ko", "target": "en"}
    more: dict[str, list[object]] = {
        "alternatives": [1, *TEXTS],
        "format": ["text", "html", None, []],
        "api_key": TEXTS,
        "beam_size": NUMBERS,
        "reference": TEXTS,
        "model": NUMBERS,
        "\ud800": TEXTS,
    }
    fields |= {name: dice.choice(values) for name, values in more.items() if dice.random() < 0.1}
    if dice.random() < 0.1:
        fields["open"] = a_place(dice)
    said = json.dumps(fields)
    parts = [f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{fields[name]}\r\n' for name in fields]
    pairs = "&".join(f"{name}={value}" for name, value in fields.items())
    made: list[tuple[str, str | bytes]] = [
        *[(JSON, said)] * 8,
        (JSON, json.dumps(fields, ensure_ascii=False)),
        (JSON, said.encode("utf-16")),
        (JSON, said[: dice.randrange(len(said))]),
        (JSON, said[:-1] + ', "q": "2"}'),
        (JSON, dice.choice("[{") * dice.randrange(15_000)),
        (JSON, "1" * dice.randrange(15_000)),
        (JSON, dice.randbytes(dice.randrange(300))),
        (JSON, b"a" * dice.choice([20_000, 20_001, 200_000])),
        *[(FORM, pairs)] * 4,
        (FORM, "q=%ED%A0%80%00%FF&" * dice.randrange(1200)),
        *[(PARTS, "".join(parts) + end) for end in ("--x--\r\n", "--x--\r\n", "", "--x\r\n:::\r\n\r\n")],
    ]
    kind, body = dice.choice(made)
    return kind, body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass")


def framed(dice: Dice, body: bytes) -> tuple[str, bytes]:
    """A header that says how long the body is, and the body; sometimes they do not agree."""
    way = dice.random()
    if way < 0.8:
        return f"Content-Length: {len(body)}\r\n", body
    if way < 0.85:
        return f"Content-Length: {dice.choice([0, len(body) + 1, len(body) // 2, 10**30])}\r\n", body
    if way < 0.88:
        return "", body
    size = dice.choice([1, 7, 500, 5000])
    chunks = [body[first : first + size] for first in range(0, len(body), size)]
    end = dice.choice([b"0\r\n\r\n", b"0\r\n\r\n", b"0\r\nX: a\r\n\r\n", b"zz\r\n", b"-1\r\n", b""])
    wire = b"".join(b"%x%s\r\n%s\r\n" % (len(chunk), dice.choice([b"", b";a=b"]), chunk) for chunk in chunks) + end
    return "Transfer-Encoding: chunked\r\n", wire


def a_request(dice: Dice) -> bytes:
    """A request, whole or broken."""
    method = dice.choice(
        ["POST"] * 60 + ["GET", "HEAD", "OPTIONS", "PUT", "TRACE", "CONNECT", "get", "G\x00T", "\xff", ""]
    )
    kind, body = a_body(dice)
    kind = kind if dice.random() < 0.9 else dice.choice(KINDS)
    length, body = framed(dice, body)
    more = "".join(f"{header}\r\n" for header in dice.sample(HEADERS, dice.choice([0] * 8 + [1, 2])))
    close = "Connection: close\r\n" if dice.random() < 0.9 else ""
    version = dice.choice(["1.1"] * 40 + ["1.0", "2.0", "9"])
    line = f"{method} {dice.choice(PATHS)} HTTP/{version}\r\nHost: a\r\n"
    request = f"{line}Content-Type: {kind}\r\n{close}{length}{more}\r\n".encode("latin-1") + body
    breaks: list[Callable[[bytes], bytes]] = [
        lambda whole: whole[: dice.randrange(len(whole))],
        lambda whole: whole * 3,  # pipelined
        lambda whole: whole[: (place := dice.randrange(len(whole)))] + dice.randbytes(9) + whole[place:],
        lambda whole: whole.replace(b"\r\n", b"\n"),
        lambda whole: b"\r\n" * dice.randrange(50) + whole,
        lambda whole: dice.randbytes(200),
    ]
    return dice.choice(breaks)(request) if dice.random() < 0.2 else request


def send(url: str, number: int) -> bytes:
    """Send request ``number`` of all, whole or in two parts; what came back. Few leave without reading."""
    dice = random.Random(number)
    request = a_request(dice)
    place = dice.randrange(len(request) + 1) if dice.random() < 0.3 else len(request)
    if dice.random() < 0.1:
        with connected(url) as stranger, suppress(ConnectionError):
            stranger.sendall(request)
        return b""
    return answer(url, request[:place], request[place:])


@pytest.mark.parametrize(
    "numbers", [range(30), pytest.param(range(30, 300), marks=pytest.mark.slow)], ids=["a few", "the rest of 300"]
)
def test_no_request_makes_it_fail_and_it_answers_the_next(
    served: tuple[str, Server], service: Service, logged: list[str], numbers: range
) -> None:
    url, server = served
    before = answer(url, post(asked(LINES[:8]), "Connection: close\r\n")).partition(b"\r\n\r\n")[2]
    assert len(json.loads(before)["translatedText"]) == 8
    with ThreadPoolExecutor(16) as pool:
        answers = dict(zip(numbers, pool.map(lambda number: send(url, number), numbers), strict=True))
    wrong = {number: said for number, said in answers.items() if max(statuses(said), default=0) >= 500}
    wrong |= {number: said for number, said in answers.items() if b"Traceback" in said or bytes(ROOT) in said}
    assert not wrong
    assert sum(200 in statuses(said) for said in answers.values()) > len(numbers) // 10
    assert [line for line in logged if json.loads(line)["level"] == "error"] == []
    assert answer(url, post(asked(LINES[:8]), "Connection: close\r\n")).partition(b"\r\n\r\n")[2] == before
    assert not server.server_state.connections
    assert service.batcher.waiting_lines == 0


def test_no_place_makes_it_fail_and_no_answer_is_large(served: tuple[str, Server]) -> None:
    url, _ = served
    dice, answers = random.Random(0), []
    for _ in range(150):
        body = json.dumps({"q": "집", "source": "ko", "target": "en", "open": a_place(dice)}).encode()
        head = f"Content-Type: {JSON}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        answers.append(answer(url, f"POST /think HTTP/1.1\r\nHost: a\r\n{head}".encode() + body))
    assert {status for said in answers for status in statuses(said)} == {200, 400}
    assert max(map(len, answers)) < LARGEST_ANSWER


# --- faults that were -------------------------------------------------------------------------------------------------


def chunked(chunks: int, end: bytes = b"0\r\n\r\n", path: str = "/translate") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head.encode() + b"1\r\na\r\n" * chunks + end


@pytest.mark.parametrize("path", ["/translate", "/nowhere"])
def test_a_body_in_too_many_chunks_is_refused(served: tuple[str, Server], path: str) -> None:
    url, _ = served
    most = statuses(answer(url, chunked(LIMITS.chunks, path=path)))
    assert most == [415 if path == "/translate" else 404]
    assert statuses(answer(url, chunked(LIMITS.chunks + 1, path=path))) == [413]


def test_what_is_broken_after_an_answer_has_no_answer_of_its_own(served: tuple[str, Server]) -> None:
    url, _ = served
    whole = chunked(1, b"", "/nowhere").replace(b"Connection: close\r\n", b"")
    with connected(url) as stranger:
        stranger.sendall(whole)
        first = b""
        while not first.endswith(b"}"):  # the head and the body may come apart
            first += stranger.recv(1 << 16)
        assert statuses(first) == [404]
        stranger.sendall(b"zz\r\n")
        assert read_all(stranger) == b""


def test_a_client_that_leaves_is_no_error_in_the_log(served: tuple[str, Server], logged: list[str]) -> None:
    url, server = served
    before = len(logged)
    with connected(url) as stranger:
        stranger.sendall(post(asked(LINES)))
    while server.server_state.tasks:
        answer(url, b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    gc.collect()
    assert {json.loads(line)["level"] for line in logged[before:]} <= {"info"}


def test_pipelined_requests_are_answered_in_their_order(served: tuple[str, Server]) -> None:
    url, _ = served
    with connected(url) as stranger:
        stranger.sendall(b"".join(post(asked(str(number))) for number in range(20)))
        received = read_all(stranger)
    assert re.findall(rb'"translatedText":"(\d+)"', received) == [b"%d" % number for number in range(20)]


def test_a_client_that_does_not_read_holds_little_of_an_answer(service: Service) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send_on(message: Message) -> None:
        sent.append(message)

    scope: dict[str, object] = {
        "type": "http",
        "method": "GET",
        "path": "/hangul.ttf",
        "query_string": b"",
        "headers": [],
        "app": None,
    }

    async def ask() -> None:
        await application(service)(scope, receive, send_on)

    asyncio.run(ask())
    bodies = [message["body"] for message in sent[1:]]
    assert len(bodies) > 3
    assert max(map(len, bodies)) == PIECE
    assert b"".join(bodies) == (ROOT / "nmt/show/fonts/NanumSquareR.ttf").read_bytes()
    assert [message["more_body"] for message in sent[1:]] == [True] * (len(bodies) - 1) + [False]


def test_methods_that_are_not_there_are_told_which_are(served: tuple[str, Server]) -> None:
    url, _ = served
    for method, path, allowed in (("PUT", "/translate", b"POST"), ("OPTIONS", "/languages", b"GET, HEAD")):
        said = answer(url, f"{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        assert statuses(said) == [405]
        allow = re.search(rb"allow: (.*)\r\n", said)
        assert allow
        assert sorted(allow[1].split(b", ")) == sorted(allowed.split(b", "))
    head = answer(url, b"HEAD /languages HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert head.endswith(b"\r\n\r\n")


def test_libraries_put_no_text_into_the_log(served: tuple[str, Server], logged: list[str]) -> None:
    import logging

    url, _ = served
    before = len(logged)
    logging.getLogger("asyncio").error("it broke\nfuture: <ValueError('a secret')>")
    body = b"--x\r\nsecret:::\r\n\r\nsecret\r\n--x--\r\n"
    head = f"Content-Type: multipart/form-data; boundary=x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    assert statuses(answer(url, f"POST /translate HTTP/1.1\r\nHost: a\r\n{head}".encode() + body)) == [400]
    said = logged[before:]
    assert [json.loads(line)["event"] for line in said] == ["server", "request"]
    assert "secret" not in "".join(said)
    logged[before:] = []
