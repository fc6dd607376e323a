"""A service in a thread of the tests' own process, with a real server and a real socket."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

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
