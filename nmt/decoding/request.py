"""A line with what its translation must or must not have. Knows no model and no pieces."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields

from nmt.text.slots import typed


@dataclass(frozen=True)
class Request:
    """A line to translate, and what its translation begins with, must have and must not have.

    A phrase appears where its words stand as they are written, in the same case, and are no part of longer words. A
    tuple or list of phrases in ``constraints`` means that any one of them must appear.
    """

    text: str
    prefix: str = ""
    constraints: Sequence[str | Sequence[str]] = ()
    avoid: Sequence[str] = ()

    def __post_init__(self) -> None:
        texts = [(name, getattr(self, name)) for name in ("text", "prefix")]
        for name in ("constraints", "avoid"):
            phrases = getattr(self, name)
            if isinstance(phrases, str) or not isinstance(phrases, Sequence):
                raise TypeError(f"`{name}` is of type {type(phrases).__name__}: pass a list of phrases")
            for phrase in phrases:
                forms = phrase if name == "constraints" and isinstance(phrase, Sequence) else [phrase]
                texts += [(name, form) for form in ([phrase] if isinstance(phrase, str) else forms)]
        for name, text in texts:
            if not isinstance(text, str):
                raise TypeError(f"`{name}` has a value of type {type(text).__name__}: it is text")

    @property
    def asks(self) -> bool:
        """Whether it asks for anything but a translation."""
        return bool(self.prefix or self.constraints or self.avoid)

    def forms(self) -> list[list[str]]:
        """For each constraint the phrases of which one must appear, with single spaces; blank ones are left out."""
        each = [[phrase] if isinstance(phrase, str) else phrase for phrase in self.constraints]
        spaced = [[plain for form in forms if (plain := " ".join(typed(form).split()))] for forms in each]
        return [forms for forms in spaced if forms]

    def unwanted(self) -> list[str]:
        """The phrases that must not appear, with single spaces; blank ones are left out."""
        return [plain for phrase in self.avoid if (plain := " ".join(typed(phrase).split()))]


Line = str | Request


def text_of(line: Line) -> str:
    """The text of a line."""
    return line if isinstance(line, str) else line.text


def fingerprint(line: Line) -> str:
    """A text by which a journal knows a line: that of a plain one is the line itself."""
    if isinstance(line, str):
        return line
    # No line of text has a line break.
    return "\n" + json.dumps([getattr(line, spec.name) for spec in fields(line)])
