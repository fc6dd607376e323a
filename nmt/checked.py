"""Settings that check themselves: dataclasses whose fields have types, bounds or choices, and a help text.

Knows types and bounds; no setting of the program.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from nmt.errors import SettingsError, nearest, shown


def setting(
    default: Any,
    help: str,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    kind: type | None = None,
) -> Any:
    """Make a dataclass field with a help text and the values it may take: choices, or bounds, which are inclusive.

    With a ``kind`` its values are of that type, and None is one more.
    """
    return field(default=default, metadata={"help": help, "low": low, "high": high, "choices": choices, "kind": kind})


@dataclass(frozen=True)
class Checked:
    """Base class of settings: checks the type and the bounds of every field made by ``setting``."""

    section = ""  # of a settings file; "": not in settings files, but arguments of the library and flags of commands

    def __post_init__(self) -> None:
        for spec in fields(self):
            value = getattr(self, spec.name)
            name = f"{self.section}.{spec.name}" if self.section else f"`{spec.name}`"
            low, high, choices, kind = (spec.metadata.get(key) for key in ("low", "high", "choices", "kind"))
            if kind and value is None:
                continue
            wanted = kind or type(spec.default)
            if type(value) not in ((int, float) if wanted is float else (wanted,)):
                raise SettingsError(f"{name} is {shown(value)}", f"give it a value of type {wanted.__name__}")
            if choices and value not in choices:
                raise SettingsError(f"{name} is {shown(value)}", f"choose one of {', '.join(choices)}")
            if (low is not None and not value >= low) or (high is not None and not value <= high):
                bounds = f"from {low} to {high}" if high is not None else f"of at least {low}"
                raise SettingsError(f"{name} is {shown(value)}", f"choose a value {bounds}")
            if wanted is float:  # bounds first: an integer may be too large to be a float
                object.__setattr__(self, spec.name, float(value))


T = TypeVar("T", bound=Checked)


def build(kind: type[T], values: Mapping[str, Any]) -> T:
    """Build a settings dataclass. Raises SettingsError for an unknown key, with the nearest known one, or bad value."""
    names = [spec.name for spec in fields(kind)]
    for name in values:
        known(name, names, f"{kind.section} setting")
    return kind(**values)


def known(name: str, names: list[str], what: str) -> None:
    """Raise SettingsError unless ``name`` is in ``names``; the error says the nearest of them. ``what`` is its kind."""
    if name not in names:
        raise SettingsError(f"there is no {what} {shown(name)}", nearest(name, names))
