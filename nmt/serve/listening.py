"""A socket to listen on, and the server that answers there until it is told to end. Knows no flag and no signal."""

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from nmt.errors import BusyError, CannotCreateError, MissingInputError, NmtError, shown
from nmt.serve.connections import protocol
from nmt.serve.limits import Limits

BACKLOG = 128
KEPT = 1 << 16  # bytes of an answer that the kernel keeps for a client that does not read; by itself 2.5 million
GRACE = 5  # seconds that answers may take longer than they should when the server ends


class Listening:
    """A socket bound to an address. Until ``listen`` clients are refused."""

    def __init__(self, host: str, port: int) -> None:
        """Bind it; port 0 is any free one. Raises NmtError for an address that cannot be had."""
        self.host, self.port = host, port
        try:
            family, kind, number, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        except (OSError, UnicodeError):
            raise MissingInputError(f"there is no address {shown(host)}", "choose another `host`") from None
        try:
            self.socket = socket.socket(family, kind, number)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KEPT)  # also of its connections
            self.socket.bind(address)
        except OSError as error:
            raise self._refused(error) from None

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches it."""
        return ip_address(self._name[0].partition("%")[0]).is_loopback

    @property
    def url(self) -> str:
        """The address that clients use."""
        host, port = self._name[:2]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def listen(self) -> None:
        """Let clients in. Raises BusyError when another program was faster."""
        try:
            self.socket.listen(BACKLOG)
        except OSError as error:
            raise self._refused(error) from None

    @property
    def _name(self) -> Any:
        return self.socket.getsockname()

    def _refused(self, error: OSError) -> NmtError:
        if error.errno == errno.EADDRINUSE:
            what = f"port {self.port} of {self.host} is in use"
            return BusyError(what, "end the program that listens there, or choose another `port`")
        return CannotCreateError(
            f"port {self.port} of {self.host} cannot be had: {error.strerror}", "choose another `host` or `port`"
        )


class Server(uvicorn.Server):
    """The server of uvicorn without its handling of signals: ``should_exit`` ends it, after the running requests."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                loop="asyncio",
                http=protocol(limits),  # type: ignore[arg-type]  # it is called as a class is
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                backlog=BACKLOG,
                timeout_graceful_shutdown=int(limits.seconds) + GRACE,
            )
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield

    def answer(self, listening: Listening) -> None:
        """Answer requests until ``should_exit`` is set and those that came are answered."""
        self.run(sockets=[listening.socket])
