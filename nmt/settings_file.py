"""The strict reading of settings in TOML: a file, or one assignment. Knows no setting."""

import tomllib
from pathlib import Path
from typing import Any

from nmt.errors import MissingInputError, SettingsError, UnreadableError, shown

LARGEST_SETTINGS = 1 << 16  # bytes of a settings file
MOST_DOTS = 64  # in a line of TOML: the memory of Python's reader grows with the square of the dots in a key


def read_toml(path: Path) -> dict[str, dict[str, Any]]:
    """Read the sections of a settings file. Raises MissingInputError or SettingsError, naming the file."""
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST_SETTINGS + 1)
    except FileNotFoundError:
        raise MissingInputError(f"there is no settings file {path}", "check the path") from None
    except IsADirectoryError:
        raise MissingInputError(f"{path} is a folder", "name the .toml file inside it") from None
    except PermissionError as error:
        raise UnreadableError(f"{path} cannot be read: {error.strerror}", "check its permissions") from None
    return parse_toml(text, path)


def parse_toml(text: bytes, path: Path) -> dict[str, dict[str, Any]]:
    """Parse the bytes of a settings file into sections. Raises SettingsError, naming the file."""
    if len(text) > LARGEST_SETTINGS:
        raise SettingsError(f"{path} has over {LARGEST_SETTINGS} bytes", "settings are a short file; check the path")
    try:
        layer = load_toml(text.decode("utf-8-sig"))  # a byte-order mark is dropped, as in every text file
    except ValueError as error:  # not UTF-8, not TOML, or a number of thousands of digits
        raise SettingsError(f"{path} is not TOML: {error}", "correct that line") from None
    except RecursionError:
        raise SettingsError(f"{path} is not TOML: it is nested too deep", "write sections with keys") from None
    for section, values in layer.items():
        if not isinstance(values, dict):
            raise SettingsError(f"{path}: {shown(section)} is outside a section", "put it under [model] or [training]")
    return layer


def load_toml(text: str) -> dict[str, Any]:
    """Parse short TOML in bounded memory. Raises ValueError, or RecursionError when it is nested too deep."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.count(".") > MOST_DOTS and not line.lstrip().startswith("#"):
            raise ValueError(f"line {number} has over {MOST_DOTS} dots")
    return tomllib.loads(text)


def parse_assignment(text: str) -> dict[str, dict[str, Any]]:
    """Parse an assignment like ``model.width=512`` into a layer; a value that is not valid TOML is taken as a string.

    Raises SettingsError for text that is not an assignment.
    """
    path, equals, value = text.partition("=")
    section, dot, key = path.strip().partition(".")
    if not (equals and dot and key):
        raise SettingsError(f"`set` {text!r} is not section.key=value", "write it as in model.width=256")
    try:
        parsed = load_toml(f"value = {value.strip()}")["value"]
    except (ValueError, RecursionError):
        parsed = value.strip()
    return {section: {key: parsed}}
