"""Checks of what a program passes to the Translator: a mistake is a TypeError that says what to pass instead.

Knows names and types of arguments; nothing of translating.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from difflib import get_close_matches
from inspect import signature
from typing import Any

from nmt.config import SearchOptions
from nmt.decoding.request import Line
from nmt.text.lines import PAUSE, Pause


def check_arguments(call: Callable[..., Any], unknown: Mapping[str, object]) -> None:
    """Raise TypeError for the first of the ``unknown`` arguments, which ``call`` does not have."""
    for name in unknown:
        if name in {spec.name for spec in fields(SearchOptions)}:
            mend = f"pass SearchOptions({name}=…) to Translator.load as `options`"
        else:
            known = [parameter for parameter in signature(call).parameters if parameter != "unknown"]
            mend = f"the nearest is `{get_close_matches(name, known, n=1, cutoff=0.0)[0]}`"
        raise TypeError(f"{call.__qualname__} has no argument `{name}`: {mend}")


def checked_options(options: SearchOptions | None) -> SearchOptions:
    """The options, or the default ones for None. Raises TypeError for anything else."""
    if isinstance(options, SearchOptions | None):
        return options or SearchOptions()
    raise TypeError(f"`options` is {described(options)}: pass SearchOptions(beam_size=…)")


def checked_lines(lines: Iterable[Line], at_once: bool) -> Iterator[Line | Pause]:
    """The lines, each followed by a pause when ``at_once``.

    Raises TypeError for what is not lines; while iterating, for an item that is not a line.
    """
    if isinstance(lines, str | bytes) or not isinstance(lines, Iterable):
        raise TypeError(f"`lines` is {described(lines)}: pass a list of lines, or another iterable of them")
    return _each_checked(lines, at_once)


def _each_checked(lines: Iterable[Line], at_once: bool) -> Iterator[Line | Pause]:
    for place, line in enumerate(lines):
        if not isinstance(line, Line):
            raise TypeError(f"`lines[{place}]` is {described(line)}: a line is a str")
        yield line
        if at_once:
            yield PAUSE


def described(value: object) -> str:
    """A value of the wrong type, as an error names it."""
    return "None" if value is None else f"of type {type(value).__name__}"
