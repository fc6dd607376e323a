"""What happens around each request: headers for browsers, counters, a line of the log. Knows no route's meaning."""

from collections.abc import Iterator, Set
from time import perf_counter
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nmt.serve.log import Log
from nmt.serve.metrics import Metrics

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
]
PRIVATE = (b"cache-control", b"no-store")
"""The header of what says nothing of caches itself."""

PIECE = 1 << 16
"""Bytes of an answer that wait for a client to read them, at most."""

ROUTINE = {"/health", "/metrics"}
"""What machines ask all day: logged only when it fails."""


class Observed:
    """An application that is counted, logged and given headers. ``paths`` are told apart; others are one."""

    def __init__(self, app: ASGIApp, metrics: Metrics, log: Log, paths: Set[str]) -> None:
        self.app, self.metrics, self.log, self.paths = app, metrics, log, paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, as ASGI calls it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = perf_counter()
        facts: dict[str, Any] = {}
        scope.setdefault("state", {})["facts"] = facts
        status = 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message["headers"], *HEADERS]
                message = {**message, "headers": headers if PRIVATE[0] in dict(headers) else [*headers, PRIVATE]}
            for piece in pieces_of(message):
                await send(piece)

        try:
            await self.app(scope, receive, answer)
        except Exception as error:  # it was answered by a 500, and must not end in a log with texts
            self.log.bug(error)
        path = scope["path"] if scope["path"] in self.paths else "other"
        seconds = perf_counter() - began
        self.metrics.answered(path, status, seconds)
        if path not in ROUTINE or status != 200:
            client = (scope.get("client") or ("",))[0]
            known = {"client": client, "method": scope["method"], "path": path, "status": status}
            self.log.event("info", "request", **known, seconds=round(seconds, 4), **facts)


def pieces_of(message: Message) -> Iterator[Message]:
    """A message to the server, the body of an answer in pieces: each is sent when the one before it was read."""
    if message["type"] != "http.response.body" or len(message.get("body", b"")) <= PIECE:
        yield message
        return
    body, more = message["body"], message.get("more_body", False)
    for first in range(0, len(body), PIECE):
        end = first + PIECE
        yield {**message, "body": body[first:end], "more_body": more or end < len(body)}
