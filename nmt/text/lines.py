"""The line contract: what a line is on the way in, and how text is kept to one line on the way out.

Only ``\\n`` ends a line of input; U+2028, U+0085, form feed and the like are text. N lines in are N lines out, so
output must never hold a character at which another program could cut, nor one that a terminal obeys. Knows bytes and
text; no files, no pieces.
"""

import re
from collections.abc import Iterator
from enum import Enum
from typing import BinaryIO, Final

from nmt.errors import DataError

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
LONGEST_LINE = 1 << 20  # bytes; a "line" beyond 1 MiB is no sentence, and its pieces would take gigabytes

# Every character at which ``str.splitlines`` cuts, and every control character but the tab.
_TO_SPACE = dict.fromkeys([*range(0x09), *range(0x0A, 0x20), *range(0x7F, 0xA0), 0x2028, 0x2029], " ")

# Those and the tab; what changes the order in which text is shown; and what no file of XML, a picture, may hold.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


class Pause(Enum):
    """Stands among lines where their source has no more for the moment, so that nobody waits for what is read."""

    PAUSE = "pause"


PAUSE: Final = Pause.PAUSE


def read_lines(stream: BinaryIO, name: str, strict: bool = True) -> Iterator[str]:
    """Yield the lines of a byte stream as text, without their ends, each as soon as it is there.

    One ``\\r`` before the ``\\n`` is dropped, and so is a byte-order mark at the start; a last line without ``\\n``
    counts. Invalid UTF-8 raises DataError with ``name``, the line and the byte column (both from 1) when ``strict``;
    otherwise U+FFFD stands in its place. A line of over 1 MiB raises DataError, and so does a file that is not UTF-8
    lines at all: compressed, UTF-16, or with carriage returns alone.
    """
    # Not above: every message passes through this module, and needs none of it.
    from nmt.text.encodings import not_utf_8, refuse_no_text

    number, is_utf_8 = 0, False
    while raw := stream.readline(LONGEST_LINE + 1):
        number += 1
        if number == 1:
            refuse_no_text(raw, name)
        if len(raw) > LONGEST_LINE:
            raise DataError(
                f"{name} line {number} has over {LONGEST_LINE} bytes", "leave it out, or put a sentence on each line"
            )
        if number == 1:
            raw = raw.removeprefix(BYTE_ORDER_MARK)
            if not raw:  # a file of nothing but the mark has no line
                return
        if raw.endswith(b"\n"):
            raw = raw[:-2] if raw.endswith(b"\r\n") else raw[:-1]
        try:
            text = raw.decode("utf-8", "strict" if strict else "replace")
        except UnicodeDecodeError as error:
            sample = b"" if is_utf_8 else raw + b"\n" + _lines_ahead(stream)
            raise not_utf_8(name, number, error.start + 1, sample) from None
        is_utf_8 = is_utf_8 or not text.isascii()
        yield text


def _lines_ahead(stream: BinaryIO) -> bytes:
    """Some of the whole lines that follow, where the stream can tell without waiting for them."""
    from nmt.text.encodings import SAMPLE

    peek = getattr(stream, "peek", None)
    ahead: bytes = peek(SAMPLE)[:SAMPLE] if peek else b""
    return ahead[: ahead.rfind(b"\n") + 1]


def one_line(text: str) -> str:
    """The text with one space for each line break of ``str.splitlines`` and each control character but the tab."""
    return text.translate(_TO_SPACE)


def printable(text: str) -> str:
    """Text from outside as a person may see it: ``\\x1b`` and the like stand for what a terminal would obey.

    Everything that messages, tables and pictures show goes through here: translations, names of files and languages,
    pieces of a vocabulary, what a library says of them.
    """
    return _UNPRINTABLE.sub(lambda sign: repr(sign[0])[1:-1], text)
