"""Flags that name languages: directions of a dataset, and the language to translate into. Knows no model."""

from typing import Annotated

import typer

from nmt.config import is_name
from nmt.errors import SettingsError, UsageError, shown

To = Annotated[
    str, typer.Option("--to", metavar="LANG", help="Language to translate into, for a model of several; its code.")
]


def parse_directions(source: str, target: str, directions: str) -> list[tuple[str, str]]:
    """The directions of ``--source`` and ``--target``, each with each, or those of ``--directions``.

    Raises UsageError for a name that cannot be the ending of a file, and for what is no direction.
    """
    from nmt.text.directions import check_directions

    if directions and (source or target):
        raise UsageError(
            "--directions and --source or --target exclude each other", "leave those out: directions name both sides"
        )
    if directions:
        found = [parse_direction(text) for text in directions.split(",")]
    else:
        for flag, given in (("--source", source), ("--target", target)):
            if not given:
                raise UsageError(f"there is no {flag}", "name both languages, like -s en -t ko, or --directions en-ko")
        sides = [side.split(",") for side in (source, target)]
        found = [(left, right) for left in sides[0] for right in sides[1] if left != right or len(sides[0]) == 1]
    for language in (language for direction in found for language in direction):
        if not is_name(language):
            raise UsageError(f"{language!r} is not the name of a language", "write it like ko or en")
    if len(found) == 1 and found[0][0] == found[0][1]:
        what = f"source and target are both {found[0][0]!r}"
        raise UsageError(what, "give --source and --target different names")
    try:
        check_directions(found)
    except SettingsError as error:
        raise UsageError(error.what, error.mend) from None
    return found


def parse_direction(text: str, flag: str = "--directions") -> tuple[str, str]:
    """The two languages in ``en-hau``. Raises UsageError for another form."""
    source, minus, target = text.partition("-")
    if not (source and minus and target) or "-" in target:
        raise UsageError(f"{flag} {shown(text)} is no direction", "write each like en-hau; en-US as en_US")
    return source, target
