"""What a request to translate asks for: its fields, checked. Knows no translation.

What is wrong is an HTTPException, whose words a client reads: they name fields of the request, and quote little of it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from starlette.exceptions import HTTPException

from nmt.documents import parse_text
from nmt.documents.document import Document
from nmt.errors import DataError, shown
from nmt.serve.bodies import Fields
from nmt.serve.limits import Limits

TAGS_OF_A_LINE = 20  # times the lines of a request that a page may have: each takes some 10 µs to read
NO_TEXT = re.compile("[\ud800-\udfff]")  # halves of a character, which JSON can spell and UTF-8 cannot


def text_of(value: object) -> str:
    """A text of a request; halves of characters are replaced, as in a file that is not UTF-8."""
    if not isinstance(value, str):
        raise HTTPException(400, "q is missing: give a text, or a list of texts" if value is None else "q is not text")
    return NO_TEXT.sub("\ufffd", value)


def lines_of(text: str) -> list[str]:
    """The lines of a text, as ``nmt.text.lines`` reads them; the last one is empty after a line end."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")


@dataclass(frozen=True)
class Asked:
    """A request to translate, checked."""

    texts: list[list[str]]  # the lines of each
    is_list: bool  # whether q was a list: then the answer has lists
    source: str
    target: str
    alternatives: int
    details: bool  # how usable each line is, and what is wrong with it
    alignment: bool  # which words of a line its translation's come from
    pages: Sequence[Document] = ()  # of HTML, those whose segments are the lines of each text

    @classmethod
    def of(cls, fields: Fields, limits: Limits, most_alternatives: int) -> Self:
        """What the fields ask for. Raises HTTPException for what is missing, wrong or too much."""
        q = fields.get("q")
        texts = [text_of(text) for text in (q if isinstance(q, list) else [q])]
        for name in ("source", "target"):
            if not isinstance(fields.get(name), str) or not fields[name]:
                raise HTTPException(400, f"{name} is missing: give the code of a language, like en")
        if len(texts) > limits.lines:  # of pages, whose texts need not have a line
            raise HTTPException(413, f"a request has at most {limits.lines:,} texts")
        pages: list[Document] = []
        if is_html(fields):
            if sum(text.count("<") for text in texts) > TAGS_OF_A_LINE * limits.lines:
                raise HTTPException(413, f"a request has at most {TAGS_OF_A_LINE * limits.lines:,} tags")
            pages = list(map(page_of, texts))
        lines = [page.segments for page in pages] if pages else list(map(lines_of, texts))
        if sum(map(len, lines)) > limits.lines:
            raise HTTPException(413, f"a request has at most {limits.lines:,} lines")
        if any(len(line) > limits.line for each in lines for line in each):
            raise HTTPException(413, f"a line has at most {limits.line:,} characters")
        alternatives = _number(fields.get("alternatives"))
        if not 0 <= alternatives <= most_alternatives:
            raise HTTPException(400, f"alternatives is a number from 0 to {most_alternatives}")
        details, alignment = (_truth(fields, name) for name in ("details", "alignment"))
        sides = fields["source"], fields["target"]
        return cls(lines, isinstance(q, list), *sides, alternatives, details, alignment, pages)

    def written(self, number: int, translations: Sequence[str]) -> str:
        """The text ``number`` with translations of its lines; of a page, what they would break stays as it was."""
        return self.pages[number].filled(translations)[0] if self.pages else "\n".join(translations)


def is_html(fields: Fields) -> bool:
    """Whether texts are HTML. Raises HTTPException for a format that is neither that nor text."""
    form = fields.get("format") or "text"
    if form not in ("text", "html"):
        raise HTTPException(400, "format is text or html")
    return bool(form == "html")


def page_of(text: str) -> Document:
    """The document of a text in HTML. Raises HTTPException for a tag that never ends."""
    try:
        return parse_text(text, "html", "q")
    except DataError as error:
        raise HTTPException(400, error.what) from None


def _number(value: object) -> int:
    """A small whole number, 0 where there is none, -1 where it is something else."""
    if value in (None, ""):
        return 0
    text = str(value) if isinstance(value, str) or type(value) is int else ""
    return int(text) if re.fullmatch("[0-9]{1,4}", text) else -1


def _truth(fields: Fields, name: str) -> bool:
    """Whether a field is true. Raises HTTPException for what is neither true nor false."""
    value = fields.get(name)
    if value in (None, False, "", "false"):
        return False
    if value is True or value == "true":
        return True
    raise HTTPException(400, f"{name} is true or false")


def unknown_language(code: str, known: list[str]) -> HTTPException:
    """The answer for a code that is none of this service's."""
    return HTTPException(400, f"{shown(code)} is not among the languages here: {', '.join(known)}")
