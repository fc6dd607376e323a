"""What a program hands to the Translator, checked: mistakes are TypeErrors that say what to pass instead."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from difflib import get_close_matches
from inspect import signature
from typing import Any

from nmt.config import SearchOptions
from nmt.text.lines import PAUSE, Pause


def check_arguments(call: Callable[..., Any], unknown: Mapping[str, object]) -> None:
    """Raise TypeError for an argument that ``call`` does not have, and say what to pass instead."""
    for name in unknown:
        if name in {spec.name for spec in fields(SearchOptions)}:
            mend = f"pass SearchOptions({name}=…) to Translator.load as `options`"
        else:
            known = [other for other in signature(call).parameters if other != "unknown"]
            mend = f"the nearest is `{get_close_matches(name, known, n=1, cutoff=0.0)[0]}`"
        raise TypeError(f"{call.__qualname__} has no argument `{name}`: {mend}")


def checked_options(options: SearchOptions | None) -> SearchOptions:
    if isinstance(options, SearchOptions | None):
        return options or SearchOptions()
    raise TypeError(f"`options` is {described(options)}: pass SearchOptions(beam_size=…)")


def checked_lines(lines: Iterable[str], at_once: bool) -> Iterator[str | Pause]:
    """The lines, each followed by a pause when ``at_once``. Raises TypeError, for what is no line while iterating."""
    if isinstance(lines, str | bytes) or not isinstance(lines, Iterable):
        raise TypeError(f"`lines` is {described(lines)}: pass a list of lines, or another iterable of them")
    return _each_checked(lines, at_once)


def _each_checked(lines: Iterable[str], at_once: bool) -> Iterator[str | Pause]:
    for place, line in enumerate(lines):
        if not isinstance(line, str):
            raise TypeError(f"`lines[{place}]` is {described(line)}: a line is a str")
        yield line
        if at_once:
            yield PAUSE


def described(value: object) -> str:
    """A value of the wrong type, for an error's one line."""
    return "None" if value is None else f"of type {type(value).__name__}"
