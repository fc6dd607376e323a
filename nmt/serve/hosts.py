"""Requests that name another host are refused where only this machine may ask. Knows names; no route.

A page of another site can have its own name lead to this machine (DNS rebinding): to the browser the service then
belongs to that site. What it cannot do is call the service localhost, or by its number.
"""

from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

ERROR = "this service answers to localhost alone; ask it there, or have it started with keys"


class OnlyHere:
    """An application that is reached by the names of this machine: ``name``, localhost and its loopback addresses."""

    def __init__(self, app: ASGIApp, name: str) -> None:
        self.app, self.name = app, name.lower()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, as ASGI calls it."""
        named = Headers(scope=scope).getlist("host") if scope["type"] == "http" else []
        if all(host_of(each) in (self.name, "localhost") or is_loopback(host_of(each)) for each in named):
            await self.app(scope, receive, send)
        else:
            await JSONResponse({"error": ERROR}, 421, {"Connection": "close"})(scope, receive, send)


def host_of(header: str) -> str:
    """The host in a Host header, without its port."""
    host = header.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if ":" in host else host


def is_loopback(host: str) -> bool:
    """Whether a host is an address of this machine alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
