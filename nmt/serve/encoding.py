"""Answers as JSON, in small steps, between which other threads run. Knows no answer."""

from json import JSONEncoder
from typing import Any

_encoded = JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def json_of(value: Any) -> str:
    """JSON, a text or a list of numbers at a time: a whole answer at once would hold up others for up to 0.1 s."""
    if isinstance(value, dict):
        return f"{{{','.join(f'{_encoded(name)}:{json_of(each)}' for name, each in value.items())}}}"
    if isinstance(value, list | tuple) and any(isinstance(each, dict | list | tuple | str) for each in value):
        return f"[{','.join(map(json_of, value))}]"
    return _encoded(value)
