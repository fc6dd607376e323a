"""Bodies of requests, read within bounds from who has a key: JSON or a form, as fields. Knows no field but the key."""

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Any

from python_multipart.multipart import parse_options_header
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message

from nmt.serve.keys import Keys
from nmt.serve.limits import Limits

MOST_FIELDS = 2_000  # of a form
READ_ON = 8  # times the limit that is read of a body too large, so that its client hears why
SHORT = 1 << 14  # bytes of a body that are parsed, and their texts checked, in some 2 ms at most
UTF_8 = (b"utf-8", b"utf8")  # Python would decode any other: punycode, for one, in minutes
ESCAPE = re.compile("%([0-9A-Fa-f]{2})")

Fields = Mapping[str, Any]


async def fields_of(request: Request, keys: Keys, limits: Limits) -> tuple[Fields, bool]:
    """The fields of a request's body, by name, and whether the body is so short that it needs no thread.

    A key in the header is looked at before the body is read, one in the body before anything else there. Raises
    HTTPException. The longest body takes some 60 ms of CPU, in a thread.
    """
    if header := bearer_of(request):
        check_key(header, keys)
    body = await _read(request, limits.body)
    is_short = len(body) <= SHORT
    if is_short:
        fields = await _parsed(request, body, limits)
    else:
        fields = await asyncio.to_thread(lambda: asyncio.run(_parsed(request, body, limits)))
    if not header:
        check_key(fields.get("api_key"), keys)
    return fields, is_short


def bearer_of(request: Request) -> str:
    """The key in the header of a request; empty where there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def check_key(key: object, keys: Keys) -> None:
    """Raise HTTPException unless who has this key may ask."""
    if not keys.admit(key if isinstance(key, str) else None):
        if key:
            raise HTTPException(403, "the API key is not one of this service's")
        raise HTTPException(401, "give an API key, as api_key or as a bearer token", {"WWW-Authenticate": "Bearer"})


async def _read(request: Request, largest: int) -> bytes:
    body, size = bytearray(), 0
    async for part in request.stream():
        size += len(part)
        if size <= largest:
            body += part
        elif size > READ_ON * largest:
            break
    if size > largest:
        raise HTTPException(413, f"a request has at most {largest:,} bytes", {"Connection": "close"})
    return bytes(body)


async def _parsed(request: Request, body: bytes, limits: Limits) -> Fields:
    """The fields of a whole body. It waits for nothing, so that any loop can run it."""
    header = request.headers.get("content-type", "")
    kind = header.partition(";")[0].strip().lower()
    if parse_options_header(header)[1].get(b"charset", b"utf-8").lower() not in UTF_8:
        raise HTTPException(415, "a body is in UTF-8: leave charset out")
    if kind == "application/json":
        return _json_fields(body)
    if kind == "application/x-www-form-urlencoded":
        return _merged(pairs_of(body))
    if kind == "multipart/form-data":

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        again = Request(request.scope, receive)
        try:
            form = await again.form(max_files=0, max_fields=MOST_FIELDS, max_part_size=limits.body)
        except ValueError:
            raise HTTPException(400, "the form is damaged") from None
        return _merged([(name, value) for name, value in form.multi_items() if isinstance(value, str)])
    raise HTTPException(415, "send JSON, with Content-Type: application/json, or a form")


def _json_fields(body: bytes) -> Fields:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        raise HTTPException(400, "the body is not JSON") from None
    if not isinstance(fields, dict):
        raise HTTPException(400, "the body is no JSON object: send one with q, source and target")
    return fields


def pairs_of(body: bytes) -> list[tuple[str, str]]:
    """Names and values of an urlencoded form, as ``urllib.parse.parse_qsl`` with blank values. Raises HTTPException.

    It takes at most some 60 ns a byte, where parse_qsl takes 350 for ``%%%``: no escape has a step of its own.
    """
    parts = body.decode("latin-1").replace("+", " ").split("&")
    if len(parts) > MOST_FIELDS:
        raise HTTPException(413, f"the form has over {MOST_FIELDS} fields")
    pairs = (part.partition("=") for part in parts if part)
    return [(_unescaped(name), _unescaped(value)) for name, _, value in pairs]


def _unescaped(text: str) -> str:
    """A text in UTF-8, given as a character for each byte, or as %XX."""
    pieces = ESCAPE.split(text)
    pieces[1::2] = bytes.fromhex("".join(pieces[1::2])).decode("latin-1")
    return "".join(pieces).encode("latin-1").decode("utf-8", "replace")


def _merged(pairs: list[tuple[str, str]]) -> Fields:
    """The fields of a form; q may be repeated."""
    texts = [value for name, value in pairs if name == "q"]
    several = {"q": texts if len(texts) > 1 else texts[0]} if texts else {}
    return {**dict(pairs), **several}
