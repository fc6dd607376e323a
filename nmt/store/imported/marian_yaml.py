"""Reads the YAML that Marian writes: settings with one value or a list each, and vocabularies. No other YAML.

A parser of all of YAML could read objects, and takes minutes for a vocabulary.
"""

import re

Settings = dict[str, str | list[str]]
_KEY = re.compile(r"([A-Za-z0-9_.-]+):(?:\s+(.*))?")
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)")
_NAMED = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "v": "\v"}
_NAMED |= {"_": "\xa0", "N": "\x85", "L": "\u2028", "P": "\u2029"}


def read_settings(text: str) -> Settings:
    """Read settings: ``key: value``, or a key and the items of its list. Raises ValueError for anything else."""
    found: Settings = {}
    key = ""
    for line in text.split("\n"):
        line = line.rstrip("\r \t")
        if not line or line.startswith(("#", "---", "...")):
            continue
        if whole := _KEY.fullmatch(line):
            key, value = whole[1], (whole[2] or "").strip()
            if key in found:
                raise ValueError(f"setting {key} occurs twice")
            found[key] = _items(value) if value.startswith("[") else _unquoted(value)
        elif key and line[0] in " -":
            items = found[key] if isinstance(found[key], list) else []
            item = line.strip()
            found[key] = [*items, *(_items(item) if item.startswith("[") else [_unquoted(item.removeprefix("- "))])]
        else:
            raise ValueError("it has a line that is no setting")
    return found


def read_vocabulary(text: str) -> dict[str, int]:
    """Read the id of each piece: ``piece: id`` on each line, or a long piece as ``? piece`` and ``: id``.

    Raises ValueError for a line that is neither, and for a piece or an id that occurs twice.
    """
    ids: dict[str, int] = {}
    waiting: str | None = None
    for number, line in enumerate(text.split("\n"), 1):
        line = line.rstrip("\r")
        if not line.strip():
            continue
        if waiting is None and line.startswith("? "):
            waiting = line[2:]
            continue
        piece, _, digits = line.rpartition(":")
        if not re.fullmatch(r" *[0-9]{1,9}", digits) or (waiting is not None and piece):
            raise ValueError(f"its line {number} is no piece with its number")
        piece, waiting = _unquoted(piece if waiting is None else waiting), None
        if piece in ids:
            raise ValueError(f"its line {number} repeats a piece")
        ids[piece] = int(digits)
    if waiting is not None or len(set(ids.values())) != len(ids):
        raise ValueError("it has a piece without a number, or a number twice")
    return ids


def _items(text: str) -> list[str]:
    if not text.endswith("]"):
        raise ValueError("it has a list without an end")
    inner = text[1:-1].strip()
    return [_unquoted(item.strip()) for item in inner.split(",")] if inner else []


def _unquoted(text: str) -> str:
    """The value of a scalar, plain or in quotes. Raises ValueError for an escape that is none."""
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    if len(text) > 1 and text[0] == text[-1] == '"':
        return _ESCAPE.sub(_escaped, text[1:-1])
    return text


def _escaped(match: re.Match[str]) -> str:
    sign = match[1]
    if len(sign) == 1:
        return _NAMED.get(sign, sign)
    code = int(sign[1:], 16)
    if code > 0x10FFFF or 0xD800 <= code < 0xE000:
        raise ValueError("it has a character that does not exist")
    return chr(code)
