"""The page at /, and the files that it needs; nothing comes from the network. Knows no model."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import nmt.show

HERE = Path(__file__).parent
FONTS = Path(nmt.show.__file__).parent / "fonts"
FILES = {
    "/": (HERE / "page.html", "text/html"),
    "/page.css": (HERE / "page.css", "text/css"),
    "/page.js": (HERE / "page.js", "text/javascript"),
    "/hangul.ttf": (FONTS / "NanumSquareR.ttf", "font/ttf"),  # many machines have no font with Hangul
}
"""The file of each path, and its type."""


def page_routes() -> list[Route]:
    """The routes of the page's files, which are read once."""
    return [_route(path, file.read_bytes(), kind) for path, (file, kind) in FILES.items()]


def _route(path: str, content: bytes, kind: str) -> Route:
    keep = {"Cache-Control": "max-age=86400"} if kind == "font/ttf" else None

    async def answer(request: Request) -> Response:
        return Response(content, headers=keep, media_type=kind)

    return Route(path, answer)
