"""A text of several lines in a string of a file, as PO and JSON have them: each line is translated by itself.

Knows text; no format.
"""

from collections.abc import Sequence


class Lines:
    """The lines of a text that have words, without the blanks around them; what is between stays."""

    __slots__ = ("_between", "texts")

    def __init__(self, text: str) -> None:
        self.texts: list[str] = []
        self._between = [""]
        for line in text.splitlines(keepends=True):
            if not any(map(str.isalpha, line)):
                self._between[-1] += line
                continue
            start, end = len(line) - len(line.lstrip()), len(line.rstrip())
            self._between[-1] += line[:start]
            self._between.append(line[end:])
            self.texts.append(line[start:end])

    def joined(self, translations: Sequence[str]) -> str:
        """The text with translations in the place of its lines."""
        pairs = zip(self._between[1:], translations, strict=True)
        return self._between[0] + "".join(line + between for between, line in pairs)
