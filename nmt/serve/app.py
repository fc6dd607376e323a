"""The routes of the service, in LibreTranslate's shape; an error is JSON that says what is wrong. Knows no socket."""

import asyncio
from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from nmt.serve.asking import check_key, fields_of, text_of
from nmt.serve.hosts import OnlyHere
from nmt.serve.observing import Observed
from nmt.serve.page import page_routes
from nmt.serve.service import Service
from nmt.serve.thinking import think
from nmt.serve.translating import GONE, percent, translate


async def languages(request: Request) -> Response:
    """Answer GET /languages."""
    service: Service = request.app.state.service
    return JSONResponse(service.directions.languages())


async def detect(request: Request) -> Response:
    """Answer POST /detect."""
    service: Service = request.app.state.service
    fields = await fields_of(request, service.limits)
    check_key(request, fields, service.keys)
    if not service.detector:
        raise HTTPException(501, "this service cannot tell languages")
    found = await asyncio.to_thread(service.detector.detect, text_of(fields.get("q")))
    return JSONResponse([{"language": code, "confidence": percent(probability)} for code, probability in found])


async def health(request: Request) -> Response:
    """Answer GET /health."""
    return JSONResponse({"status": "ok"})


async def metrics(request: Request) -> Response:
    """Answer GET /metrics."""
    service: Service = request.app.state.service
    check_key(request, {}, service.keys)
    return Response(service.metrics.text(), media_type=service.metrics.content_type)


async def settings(request: Request) -> Response:
    """Answer GET /frontend/settings, by which clients of LibreTranslate learn what they may ask."""
    service: Service = request.app.state.service
    first = service.directions.served[0]
    names = {language["code"]: language["name"] for language in service.directions.languages()}
    sides = {"source": first.source, "target": first.target}
    return JSONResponse(
        {
            "apiKeys": bool(service.keys),
            "keyRequired": bool(service.keys),
            "charLimit": service.limits.line,
            "frontendTimeout": 500,
            "language": {side: {"code": code, "name": names[code]} for side, code in sides.items()},
            "suggestions": False,
            "filesTranslation": False,
            "supportedFilesFormat": [],
            # Not LibreTranslate's, for the page:
            "detects": service.detector is not None,
            "alternatives": service.directions.alternatives,
            "thinks": service.thinking.is_there,
        }
    )


async def refused(request: Request, error: Exception) -> Response:
    """Answer a request that cannot be granted."""
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def gone(request: Request, error: Exception) -> Response:
    """Answer nobody: the client is gone."""
    return Response(status_code=GONE)


async def failed(request: Request, error: Exception) -> Response:
    """Answer a request that ran into a bug, which goes to the log."""
    return JSONResponse({"error": "something went wrong here; the log of the service says what"}, 500)


def application(service: Service, origins: Sequence[str] = (), only_here: str = "") -> ASGIApp:
    """The service as an ASGI application. Pages from ``origins`` may ask it from a browser (CORS).

    With ``only_here``, the name of an address of this machine, requests that name another host are refused.
    """
    routes = [
        Route("/translate", translate, methods=["POST"]),
        Route("/detect", detect, methods=["POST"]),
        Route("/think", think, methods=["POST"]),
        Route("/languages", languages),
        Route("/health", health),
        Route("/metrics", metrics),
        Route("/frontend/settings", settings),
        *page_routes(),
    ]
    cors = Middleware(CORSMiddleware, allow_origins=list(origins), allow_methods=["GET", "POST"], allow_headers=["*"])
    app = Starlette(
        routes=routes,
        middleware=[cors] if origins else [],
        exception_handlers={HTTPException: refused, ClientDisconnect: gone, Exception: failed},
    )
    app.state.service = service
    app.router.redirect_slashes = False  # a redirection would repeat the name of the host that the client gave
    inner = OnlyHere(app, only_here) if only_here else app
    return Observed(inner, service.metrics, service.log, {route.path for route in routes})
