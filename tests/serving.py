"""A service in a thread of the tests' own process, with a real server and a real socket."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from nmt.serve.app import application
from nmt.serve.listening import Listening, Server
from nmt.serve.service import Service

WAIT = 60.0  # seconds, after which a test hangs


@contextmanager
def running(service: Service) -> Iterator[str]:
    """The address of a server in a thread of this process."""
    with serving(service) as (url, _):
        yield url


@contextmanager
def serving(service: Service) -> Iterator[tuple[str, Server]]:
    """A server in a thread of this process, and its address."""
    listening = Listening("127.0.0.1", 0)
    listening.listen()
    server = Server(application(service), service.limits)
    thread = threading.Thread(target=server.answer, args=(listening,))
    url = listening.url
    thread.start()
    try:
        yield url, server
    finally:
        server.should_exit = True
        thread.join(WAIT)
        service.stop()


def asked(q: object, **more: object) -> dict[str, object]:
    return {"q": q, "source": "ko", "target": "en", **more}


def connected(url: str, buffer: int = 0) -> socket.socket:
    host, port = url.removeprefix("http://").split(":")
    stranger = socket.socket()
    if buffer:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    stranger.settimeout(WAIT)
    try:
        stranger.connect((host, int(port)))
    except OSError:
        stranger.close()
        raise
    return stranger


def read_all(stranger: socket.socket) -> bytes:
    """All that comes until the connection is closed, in whatever way."""
    received = b""
    with suppress(ConnectionError):
        while part := stranger.recv(1 << 16):
            received += part
    return received


def post(body: object, more: str = "") -> bytes:
    content = json.dumps(body).encode()
    head = f"POST /translate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{more}"
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content
