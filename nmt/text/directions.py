"""Directions: which language is translated into which, and what manifests say of several. Knows codes; no files."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nmt.config import is_name
from nmt.errors import DataError, SettingsError, shown
from nmt.text.languages import same_language, sides_of

Direction = tuple[str, str]
"""The codes of the source's and the target's language."""

SEVERAL = "mul"
"""The code of ISO 639-2 for several languages, which stands for a side that is not one alone."""

MOST = 32
"""Largest number of directions, and of languages: a vocabulary has so many pieces that name one."""


def side_of(directions: Sequence[Direction], side: int) -> str:
    """The language of all sources (0) or targets (1); ``SEVERAL`` where they differ."""
    languages = {direction[side] for direction in directions}
    return languages.pop() if len(languages) == 1 else SEVERAL


def languages_of(directions: Iterable[Direction]) -> list[str]:
    """All languages, each once, in the order in which they are named."""
    return list(dict.fromkeys(language for direction in directions for language in direction))


def targets_of(directions: Iterable[Direction]) -> list[str]:
    """The target languages, each once, in their order."""
    return list(dict.fromkeys(target for _, target in directions))


def spoken(directions: Iterable[Direction]) -> str:
    """The directions for a person: ``en → hau, en → ibo``."""
    return ", ".join(" → ".join(direction) for direction in directions)


def same_direction(first: Direction, second: Direction) -> bool:
    """Whether two directions are of the same languages, side by side; equal codes count before alike ones.

    So ``de`` → ``de_CH`` is ``de_DE`` → ``de_CH``, and not ``de_CH`` → ``de``.
    """
    sides = zip(first, second, strict=True)
    return all(
        code == other or (code not in second and other not in first and same_language(code, other))
        for code, other in sides
    )


def lacking(wanted: Sequence[Direction], known: Sequence[Direction], tagged: bool) -> list[Direction]:
    """The wanted directions that are not among those a model knows.

    Where a tag asks for the language, ``tagged``, codes must be equal: each has a tag of its own.
    """
    return [
        each
        for each in wanted
        if each not in known and (tagged or not any(same_direction(each, other) for other in known))
    ]


def check_directions(directions: Sequence[Direction]) -> None:
    """Raise SettingsError for directions that no dataset can have."""
    for source, target in directions:
        if source == target:
            raise SettingsError(f"{source} → {target} is no direction", "name two languages")
        if directions.count((source, target)) > 1:
            raise SettingsError(f"{source} → {target} is named twice", "name each direction once")
    if len(directions) > MOST or len(languages_of(directions)) > MOST:
        raise SettingsError(
            f"{len(directions)} directions of {len(languages_of(directions))} languages",
            f"train several models: one has at most {MOST} of each",
        )


def chosen_target(targets: Sequence[str], to: str, name: str) -> str:
    """The one of ``targets`` that ``to`` names, which may be empty where there is one.

    Raises SettingsError, calling the model ``name``, where it names none of them.
    """
    several = len(targets) > 1
    if not to and not several:
        return targets[0]
    alike = [targets[place] for place in sides_of(to, targets)] if to else []
    if len(alike) == 1:
        return alike[0]
    into = ", ".join(targets)
    if not to:
        raise SettingsError(f"{name} translates into {into}", f"name one of them, as `to` {targets[0]}")
    mend = f"name one of them, as `to` {targets[0]}" if several else "leave `to` out"
    raise SettingsError(f"{name} translates into {into}, not into {shown(to)}", mend)


def read_directions(facts: Mapping[str, Any], name: str) -> tuple[Direction, ...]:
    """The directions in the facts of a dataset or a model; of one alone, its two languages.

    Raises DataError, calling the file ``name``, for what nmt could not have written.
    """
    one = (facts["source_language"], facts["target_language"])
    if "directions" not in facts:
        return (one,)
    given = facts["directions"]
    is_sound = (
        isinstance(given, list)
        and 1 < len(given) <= MOST
        and all(isinstance(pair, list) and len(pair) == 2 and all(map(is_name, pair)) for pair in given)
    )
    directions = tuple((source, target) for source, target in given) if is_sound else ()
    if is_sound:
        try:
            check_directions(directions)
        except SettingsError:
            is_sound = False
    if not is_sound or (side_of(directions, 0), side_of(directions, 1)) != one:
        raise DataError(f"{name} has invalid directions: {shown(given)}", "restore the file")
    return directions
