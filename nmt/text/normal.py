"""The one form in which texts are read and compared, whatever their bytes are. Knows characters; no files, no pieces.

One text has several spellings in Unicode: "한" is one character, or three jamo after each other, as macOS writes names
of files. NFC is the form nearly all text has already. NFKC would also rewrite full-width forms and ligatures, which a
person chose; it is not used.
"""

from typing import Final
from unicodedata import is_normalized, normalize

FORM: Final = "NFC"


def normal(text: str) -> str:
    """The text in Unicode's NFC, with one space for every run of white space and none at the ends."""
    # Most lines are so already, and to look takes half the time: no white space but the space is printable.
    if not text.isprintable() or "  " in text or text[:1] == " " or text[-1:] == " ":
        text = " ".join(text.split())
    return text if text.isascii() else normalize(FORM, text)


def is_composed(text: str) -> bool:
    """Whether the text is in Unicode's NFC as it stands."""
    return is_normalized(FORM, text)


def say_decomposed(count: int) -> str:
    """The words for so many lines that are not in that form."""
    lines = f"{count:,} lines are" if count > 1 else "1 line is"
    return f"{lines} not in Unicode's normal form {FORM}, and read as if in it"
