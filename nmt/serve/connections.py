"""Connections whose clients must move: what neither sends nor reads is closed. Knows HTTP's framing; no request."""

import asyncio
import json
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from nmt.serve.limits import Limits

LARGEST_HEAD = 1 << 15  # bytes of a request before its body


class Parser(h11.Connection):
    """The reader of a connection, h11's, which refuses a body in very many chunks.

    Each costs as much as a request of one piece, and holds up all clients meanwhile. The head of an answer is sent with
    the first part of its body, for each time that something is sent costs both sides as much as reading a request.
    """

    def __init__(self, most_chunks: int) -> None:
        super().__init__(h11.SERVER, LARGEST_HEAD)
        self.most_chunks, self._chunks = most_chunks, 0
        self._head: list[bytes] = []

    @property
    def is_over(self) -> bool:
        """Whether the body has too many chunks."""
        return self._chunks > self.most_chunks

    def next_event(self) -> Any:
        """The next event of the connection. Raises RemoteProtocolError for what is no HTTP, or too much of it."""
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._chunks = 0
        elif isinstance(event, h11.Data) and event.chunk_start:
            self._chunks += 1
            if self.is_over:
                raise h11.RemoteProtocolError("too many chunks")
        return event

    def send_with_data_passthrough(self, event: h11.Event) -> list[bytes] | None:
        """The bytes of an event, those of a head with what comes after it; None for the end of the connection."""
        said = super().send_with_data_passthrough(event)
        if isinstance(event, h11.Response):
            self._head = said or []
            return []
        head, self._head = self._head, []
        return said if said is None else head + said


class Connection(H11Protocol):
    """A connection of uvicorn's, with a deadline for the client's part and a bound on their number.

    uvicorn's own timeout begins after a first answer: a client that sends half a request would stay for good.
    """

    def __init__(self, *given: Any, limits: Limits, **named: Any) -> None:
        super().__init__(*given, **named)
        self.limits = limits
        self.conn = self.parser = Parser(limits.chunks)
        self._sends = Deadline(self, limits.patience)  # for a whole request
        self._reads = Deadline(self, limits.patience)  # for the answer to be read

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin with a connection, or refuse one too many."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=0)  # so that any byte that is not read is told of
        if len(self.connections) > self.limits.connections:
            self.refuse(503, "too many connections; try again later", "retry-after: 1\r\n")
        self._expect_request()

    def data_received(self, data: bytes) -> None:
        """Read on, and stop the clock when the request is whole."""
        super().data_received(data)
        self._expect_request()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        super().on_response_complete()
        self._expect_request()

    def pause_writing(self) -> None:
        """Give the client a time to read what was sent."""
        super().pause_writing()
        self._reads.start()

    def resume_writing(self) -> None:
        """Stop the clock: all was read."""
        super().resume_writing()
        self._reads.stop()

    def connection_lost(self, exc: Exception | None) -> None:
        """End with a connection."""
        super().connection_lost(exc)
        self._reads.stop()
        self._sends.stop()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, unless it comes after an answer has begun: another would be taken for its rest."""
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.close()
        elif self.parser.is_over:
            self.refuse(413, f"a body has at most {self.limits.chunks:,} chunks")
        else:
            self.refuse(400, "this is not HTTP")

    def refuse(self, status: int, error: str, header: str = "") -> None:
        """Send an error that needs no request, and close."""
        body = json.dumps({"error": error})
        head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: application/json\r\n{header}"
        self.transport.write(f"{head}connection: close\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode())
        self.transport.close()

    def _expect_request(self) -> None:
        """Run the clock while the client owes the rest of a request, or the next one."""
        if self.conn.their_state in (h11.IDLE, h11.SEND_BODY) and not self.transport.is_closing():
            self._sends.start()
        else:
            self._sends.stop()


class Deadline:
    """A time after which a connection is closed, unless the clock is stopped before."""

    def __init__(self, connection: Connection, seconds: float) -> None:
        self._connection, self._seconds = connection, seconds
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Start the clock, if it does not run."""
        if not self._timer:
            self._timer = self._connection.loop.call_later(self._seconds, self._connection.transport.abort)

    def stop(self) -> None:
        """Stop the clock."""
        if self._timer:
            self._timer.cancel()
            self._timer = None


def protocol(limits: Limits) -> Callable[..., Connection]:
    """What makes the connections of a server."""
    return partial(Connection, limits=limits)
