"""The page at /, and the files that it needs; nothing comes from the network. Knows no model."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FILES = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
}
"""The file of each path, and its type."""


def page_routes() -> list[Route]:
    """The routes of the page's files, which are read once."""
    here = Path(__file__).parent
    return [_route(path, (here / name).read_bytes(), kind) for path, (name, kind) in FILES.items()]


def _route(path: str, content: bytes, kind: str) -> Route:
    async def answer(request: Request) -> Response:
        return Response(content, media_type=kind)

    return Route(path, answer)
