"""The pages at / and /think, and the files that they need; nothing comes from the network. Knows no model."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import nmt.show

WEB = Path(__file__).parent / "web"
FONTS = Path(nmt.show.__file__).parent / "fonts"
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
PAGES = {"/": "page.html", "/think": "think.html"}
FILES = {
    **{path: (WEB / name, "text/html") for path, name in PAGES.items()},
    **{
        f"/{file.name}": (file, KINDS[file.suffix]) for file in sorted(WEB.iterdir()) if file.name not in PAGES.values()
    },
    "/hangul.ttf": (FONTS / "NanumSquareR.ttf", "font/ttf"),  # many machines have no font with Hangul
}
"""The file of each path, and its type."""


def page_routes() -> list[Route]:
    """The routes of the pages' files, which are read once."""
    return [_route(path, file.read_bytes(), kind) for path, (file, kind) in FILES.items()]


def _route(path: str, content: bytes, kind: str) -> Route:
    keep = {"Cache-Control": "max-age=86400"} if kind == "font/ttf" else None

    async def answer(request: Request) -> Response:
        return Response(content, headers=keep, media_type=kind)

    return Route(path, answer)
