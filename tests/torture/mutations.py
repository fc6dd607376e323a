"""Mutations of the files of a model folder, as accidents and attackers make them.

A mutation gets the bytes of a file and the random numbers, and returns a description and the new bytes.
"""

import json
import os
import random
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .vocabulary import change_pieces, change_settings

Dice = random.Random
Maker = Callable[[Path], None]  # puts something else than a file there
Mutation = Callable[[bytes, Dice], bytes]


# --- any file: bytes --------------------------------------------------------------------------------------------------


def flip_bits(data: bytes, dice: Dice) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 8, 100))):
        changed[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def set_bytes(data: bytes, dice: Dice) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.choice((1, 2, 8, 100))):
        changed[dice.randrange(len(data))] = dice.choice((0, 0x7F, 0x80, 0xFF, dice.randrange(256)))
    return bytes(changed)


def cut(data: bytes, dice: Dice) -> bytes:
    return data[: dice.choice((0, 1, 7, 8, 9, dice.randrange(len(data)), len(data) - 1))]


def lengthen(data: bytes, dice: Dice) -> bytes:
    return data + dice.choice((b"\0", b"\n", b"x" * 100_000, dice.randbytes(20), data))


def insert(data: bytes, dice: Dice) -> bytes:
    place = dice.randrange(len(data) + 1)
    return data[:place] + dice.randbytes(dice.choice((1, 2, 8, 300))) + data[place:]


def remove(data: bytes, dice: Dice) -> bytes:
    place = dice.randrange(len(data))
    return data[:place] + data[place + dice.choice((1, 2, 8, 300)) :]


def splice(data: bytes, dice: Dice) -> bytes:
    start, place = dice.randrange(len(data)), dice.randrange(len(data))
    return data[:place] + data[start : start + dice.choice((1, 10, 100, 1000))] + data[place:]


def replace_all(data: bytes, dice: Dice) -> bytes:
    pickled = b"\x80\x04\x95\x1e\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x04true\x94\x85\x94R\x94."
    return dice.choice((b"", b"\0" * len(data), dice.randbytes(len(data)), pickled, b"PK\x03\x04" + data, b"{}", b"[]"))


BYTES: Sequence[Mutation] = (flip_bits, flip_bits, set_bytes, cut, lengthen, insert, remove, splice, replace_all)


# --- any file: something else than a file -----------------------------------------------------------------------------


def link_to(target: str) -> Maker:
    def make(path: Path) -> None:
        path.symlink_to(target)

    make.__name__ = f"a link to {target}"
    return make


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 33)


def nothing(path: Path) -> None:
    pass


OBJECTS: Sequence[Maker] = (
    os.mkfifo,
    Path.mkdir,
    sparse,
    nothing,
    *map(link_to, ("/dev/zero", "/dev/stdin", "/proc/self/mem", "/proc/kmsg", "..", "nowhere", "manifest.json")),
)


# --- JSON -------------------------------------------------------------------------------------------------------------

NUMBERS = [0, -1, 1, 3, 2**31, 2**53, 2**63 - 1, 2**63, 2**64, -(2**63), 10**400, 1e308, -0.0, 0.5, True, False, None]
TEXTS = [
    "",
    "x" * 100_000,
    "a\nb",
    "\x1b[31m",
    "\ud800",
    "../..",
    "/etc/passwd",
    "\0",
    "한국어",
    "F8_E4M3",
    "BF16",
    "U64",
]
NESTS: list[Any] = [[], {}, [[]], {"": {}}, [0] * 10_000, {str(number): number for number in range(1000)}]


def change_tree(value: Any, dice: Dice) -> Any:
    """Change one item somewhere in a value."""
    inner = list(value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ())
    if inner and dice.random() < 0.75:
        key, chosen = dice.choice(inner)
        changed = value.copy()
        match dice.randrange(8):
            case 0:
                del changed[key]
            case 1 if isinstance(value, dict):
                changed[dice.choice(TEXTS) + dice.choice(("", key))] = changed.pop(key)
            case 2:
                changed[key] = dice.choice(inner)[1]
            case 3 if isinstance(value, list):
                changed.append(dice.choice(NUMBERS))
            case _:
                changed[key] = change_tree(chosen, dice)
        return changed
    if type(value) is int and dice.random() < 0.5:
        return value + dice.choice((-1, 1, 4, -4, value))
    return dice.choice((*NUMBERS, *TEXTS, *NESTS, [value], {"a": value}, str(value)))


def change_text(text: str, dice: Dice) -> str:
    """JSON text with a construct that a Python value cannot express."""
    places = [place for place, letter in enumerate(text) if letter in ":,[{"]
    place = dice.choice(places) + 1 if places else 0
    odd = (
        "NaN",
        "-Infinity",
        "1e999",
        "9" * 5000,
        "[" * 100_000,
        '{"a":' * 50_000,
        "// comment\n",
        "'x'",
        "﻿",
        ",",
        "-",
    )
    if dice.random() < 0.3:
        key = dice.choice(text.split('"')[1::2] or [""])
        return text.replace(f'"{key}":', f'"{key}": 0, "{key}":', 1)
    return text[:place] + dice.choice(odd) + text[place:]


def change_json(data: bytes, dice: Dice) -> bytes:
    tree = json.loads(data)
    for _ in range(dice.choice((1, 1, 2, 5))):
        tree = change_tree(tree, dice)
    text = json.dumps(tree, ensure_ascii=dice.random() < 0.5)
    if dice.random() < 0.3:
        text = change_text(text, dice)
    return text.encode("utf-8", "surrogatepass")


# --- safetensors: a length, a header, bytes ---------------------------------------------------------------------------


def change_header(data: bytes, dice: Dice) -> bytes:
    length = int.from_bytes(data[:8], "little")
    header, rest = change_json(data[8 : 8 + length], dice), data[8 + length :]
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + rest


def change_length(data: bytes, dice: Dice) -> bytes:
    length = int.from_bytes(data[:8], "little")
    odd = (0, 1, length - 1, length + 1, len(data) - 8, len(data), 100_000_000, 2**31, 2**63 - 1, 2**64 - 1)
    return dice.choice(odd).to_bytes(8, "little") + data[8:]


def change_metadata(data: bytes, dice: Dice) -> bytes:
    length = int.from_bytes(data[:8], "little")
    header, rest = json.loads(data[8 : 8 + length]), data[8 + length :]
    header["__metadata__"] = dice.choice(({"a": "x" * dice.choice((10, 10**6, 5 * 10**6))}, *NESTS, *NUMBERS, *TEXTS))
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + rest


def change_values(data: bytes, dice: Dice) -> bytes:
    """Replace numbers of tensors by NaN, infinity or huge values."""
    start = 8 + int.from_bytes(data[:8], "little")
    values = [float("nan"), float("inf"), -float("inf"), 3e38, -3e38, 1e20, 1e-45, 0.0]
    changed, value = bytearray(data), struct.pack("<f", dice.choice(values))
    count = (len(data) - start) // 4
    for place in range(count) if dice.random() < 0.3 else dice.sample(range(count), dice.choice((1, 10, 100))):
        changed[start + 4 * place : start + 4 * place + 4] = value
    return bytes(changed)


# --- TOML -------------------------------------------------------------------------------------------------------------

TOML_VALUES = [
    *("0", "1", "-1", "2", "7", "16", "128", "256", "16384", "65536", "99999999999999999999", "0x" + "F" * 3000),
    *(
        "9" * 3500,
        "1e400",
        "nan",
        "-inf",
        "0.5",
        "true",
        "false",
        '""',
        '"\\u001b[31m"',
        '"' + "x" * 3000 + '"',
        "'..'",
    ),
    *("1979-05-27", "07:32:00", "1979-05-27T07:32:00Z", "1979-99-99", "[]", "[1, [2]]", "{}", "{a = 1}", "[" * 3000),
    *("{a=" * 900, "'transformer'", "'recurrent'", "'pre'", "'post'", "'learned'", "'none'", "'concat'", "'location'"),
    *("'gru'", "'lstm'", "'general'", "'한국어'", "''''''", "0o7", "0b1", "1_000", "+1", "--1", "", "#", "\0"),
]
TOML_LINES = [
    "[model]",
    "[languages]",
    "[[model]]",
    "[training]",
    "model = 1",
    ".".join("a" * 1500) + " = 1",
    "a.b = 1",
]
TOML_LINES += [
    "[" + ".".join("b" * 1000) + "]",
    "\ufeff",
    "x" * 100_000,
    '"\\ud800" = 1',
    "한국어 = 1",
    "= 1",
    "model.width = 2",
]


def change_toml(data: bytes, dice: Dice) -> bytes:
    lines = data.decode().splitlines()
    for _ in range(dice.choice((1, 1, 2, 5))):
        place = dice.randrange(len(lines))
        key, equals, value = lines[place].partition(" = ")
        match dice.randrange(8):
            case 0:
                lines.insert(place, dice.choice(lines))
            case 1:
                lines.insert(place, dice.choice(TOML_LINES))
            case 2 if len(lines) > 1:
                del lines[place]
            case 3 if equals:
                lines[place] = f"{dice.choice(('width', key.upper(), key + 's', chr(34) * 2, 'a.b'))} = {value}"
            case _ if equals:
                lines[place] = f"{key} = {dice.choice(TOML_VALUES)}"
            case _:
                dice.shuffle(lines)
    return "\n".join(lines).encode()


# --- which for which --------------------------------------------------------------------------------------------------

STRUCTURE: dict[str, Sequence[Mutation]] = {
    "manifest.json": (change_json,),
    "model.safetensors": (change_header, change_header, change_length, change_metadata, change_values),
    "config.toml": (change_toml,),
    "tokenizer.model": (change_pieces, change_settings),
}


def mutate(name: str, data: bytes, dice: Dice) -> tuple[str, bytes | Maker]:
    """Mutate the file ``name`` of a model: a description of the change, and the new bytes."""
    if dice.random() < 0.06:
        maker = dice.choice(OBJECTS)
        return f"{maker.__name__} in its place", maker
    mutation = dice.choice(BYTES if dice.random() < 0.4 else STRUCTURE[name])
    return mutation.__name__, mutation(data, dice)
