"""The line contract: what a line of input is, and how a text of output is kept on one line.

Only ``\\n`` ends a line of input; U+2028, U+0085, form feed and the like are text. N lines in give N lines out, so
output never contains a character at which another program could break a line, nor a terminal's control character.
Knows bytes and text; no files, no pieces.
"""

import re
from collections.abc import Iterator
from enum import Enum
from typing import BinaryIO, Final

from nmt.errors import DataError

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
LONGEST_LINE = 1 << 20  # bytes; a line of over 1 MiB is no sentence, and its pieces would take gigabytes

# Every character at which ``str.splitlines`` cuts, and every control character but the tab.
_TO_SPACE = dict.fromkeys([*range(0x09), *range(0x0A, 0x20), *range(0x7F, 0xA0), 0x2028, 0x2029], " ")

# Control characters, line breaks, characters that reverse the direction of text, and those that XML (SVG) forbids.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


class Pause(Enum):
    """Marks a pause of the input among its lines, so that the lines before it are translated without waiting."""

    PAUSE = "pause"


PAUSE: Final = Pause.PAUSE


def read_lines(stream: BinaryIO, name: str, strict: bool = True) -> Iterator[str]:
    """Yield the lines of a byte stream as text, without their line ends, each as soon as it is complete.

    A ``\\r`` before the ``\\n`` and a byte-order mark at the start are dropped; a last line without ``\\n`` counts.
    Invalid UTF-8 raises DataError with ``name``, the line and the byte column (both from 1) if ``strict``, and becomes
    U+FFFD otherwise. Raises DataError, too, for a line of over 1 MiB, and for a file that is compressed, UTF-16, or has
    carriage returns alone.
    """
    # Imported here, because every message imports this module and few need these.
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
            if not raw:  # a file that holds only the mark has no line
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
    """Complete lines that follow in the stream, if it can show them without waiting."""
    from nmt.text.encodings import SAMPLE

    peek = getattr(stream, "peek", None)
    ahead: bytes = peek(SAMPLE)[:SAMPLE] if peek else b""
    return ahead[: ahead.rfind(b"\n") + 1]


def one_line(text: str) -> str:
    """Replace each line break of ``str.splitlines`` and each control character, except the tab, by a space."""
    return text if text.isprintable() else text.translate(_TO_SPACE)  # none of those is printable


def printable(text: str) -> str:
    """Escape control characters, as ``\\x1b``, so that text from outside is safe to show in a terminal.

    Messages, tables and pictures pass everything through here: translations, names of files and languages, pieces of a
    vocabulary, errors of libraries.
    """
    return _UNPRINTABLE.sub(lambda sign: repr(sign[0])[1:-1], text)
