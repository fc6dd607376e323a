"""The normal form in which texts are compared and encoded. Knows characters; no files, no pieces.

Unicode has several spellings of the same text: "한" is one character, or three jamo in sequence, as macOS writes file
names. Nearly all text is in NFC already. NFKC is not used, because it also rewrites full-width forms and ligatures,
which the author chose.
"""

import re
from typing import Final
from unicodedata import is_normalized, normalize

FORM: Final = "NFC"
_SURROGATE = re.compile("[\ud800-\udfff]")


def normal(text: str) -> str:
    """The text in Unicode's NFC, with every run of white space made one space and none at the ends.

    Half of a surrogate pair, which no file has and a Python program may have, becomes U+FFFD.
    """
    # Most lines need no change, and this check takes half the time. No white space except the space is printable, and
    # no surrogate.
    if not text.isprintable() or "  " in text or text[:1] == " " or text[-1:] == " ":
        text = _SURROGATE.sub("\ufffd", " ".join(text.split()))
    return text if text.isascii() else normalize(FORM, text)


def is_composed(text: str) -> bool:
    """Whether the text is in Unicode's NFC already."""
    return is_normalized(FORM, text)


def say_decomposed(count: int) -> str:
    """The words of a warning about ``count`` lines that are not in NFC."""
    lines = f"{count:,} lines are" if count > 1 else "1 line is"
    return f"{lines} not in Unicode's normal form {FORM}, and converted to it"
