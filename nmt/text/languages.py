"""Language codes: ISO 639-1 and 639-3, and what NLLB (``zho_Hans``) and BCP 47 (``en-US``) write after them.

The table is that of langcodes; the names are those of the IANA registry that it brings. Each is read only when it is
asked for, since that takes 0.05 s.
"""

import re
import unicodedata
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from nmt.disk.compression import COMPRESSED

if TYPE_CHECKING:
    from langcodes import Language

# Endings of files that ISO 639-3 gives to languages of few speakers: `ref.txt` is a text, and not in Citak.
# fmt: off
FILE_ENDINGS = frozenset((
    "bpe", "csv", "doc", "log", "new", "old", "one", "raw", "sgm", "spm", "src", "tag", "tgt", "tmp", "trg", "tsv",
    "two", "txt", "xml",
))
# fmt: on
_TAG = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")


@lru_cache(1 << 14)
def script_of_letter(character: str) -> str:
    """The script of a letter, as Unicode's names of its letters begin: HANGUL, LATIN, CJK."""
    return unicodedata.name(character, "").partition(" ")[0]


def base_language(code: str) -> str:
    """The shortest code of the language alone: ``zho_Hans``, ``cmn`` and ``zh-TW`` are all ``zh``.

    A code that is unknown comes back as it is, in lower case.
    """
    first = re.split("[-_]", code.lower(), maxsplit=1)[0]
    if len(first) != 3:
        return first  # nothing to look up
    known = _parsed(code, macro=True)
    return str(known.language) if known else first


def is_language(code: str) -> bool:
    """Whether a code is that of a language, alone or with a script and a region."""
    return _parsed(code) is not None


def language_name(code: str) -> str | None:
    """The English name of a language, as in ``Korean`` or ``Chinese (Simplified)``; None when the code is unknown."""
    known = _parsed(code)
    if known is None:
        return None
    # A script is worth its word where the language has another one too.
    simple, names = known.simplify_script(), _names()
    parts = [names.get((kind, str(code))) for kind, code in (("script", simple.script), ("region", simple.territory))]
    inner = ", ".join(part for part in parts if part)
    name = names.get(("language", str(simple.language)))
    return f"{name} ({inner})" if name and inner else name


# How Unicode's names of a script's letters begin.
_LETTERS = {
    "Latn": ("LATIN",),
    "Cyrl": ("CYRILLIC",),
    "Grek": ("GREEK",),
    "Kore": ("HANGUL",),
    "Jpan": ("HIRAGANA", "KATAKANA", "CJK"),
    "Hans": ("CJK",),
    "Hant": ("CJK",),
    "Arab": ("ARABIC",),
    "Hebr": ("HEBREW",),
    "Deva": ("DEVANAGARI",),
    "Thai": ("THAI",),
    "Geor": ("GEORGIAN",),
    "Armn": ("ARMENIAN",),
    "Ethi": ("ETHIOPIC",),
}


def script_of(code: str) -> frozenset[str]:
    """How Unicode's names of the letters that a language is written in begin; empty when nobody knows."""
    known = _parsed(code)
    return frozenset(_LETTERS.get(str(known.maximize().script), ())) if known else frozenset()


def same_language(code: str, other: str) -> bool:
    """Whether two codes name one language, and contradict each other neither in script nor in region."""
    left, right = _parsed(code, macro=True), _parsed(other, macro=True)
    if left is None or right is None:
        return code.lower() == other.lower()
    parts = ((left.script, right.script), (left.territory, right.territory))
    return left.language == right.language and all(not one or not two or one == two for one, two in parts)


def language_of(path: Path) -> str:
    """The language code that a file's name ends with, as in ``test.ko`` or ``test.pt_BR.gz``; "" where none does."""
    plain = path.with_suffix("") if path.suffix in COMPRESSED else path
    code = plain.suffix[1:]
    return code if code.lower() not in FILE_ENDINGS and is_language(code) else ""


@cache
def _parsed(code: str, macro: bool = False) -> "Language | None":
    """The parts of a code in their normal form; with ``macro``, ``cmn`` is ``zh``. None for an unknown language."""
    if not _TAG.fullmatch(code):
        return None
    from langcodes import Language, standardize_tag

    try:
        known = Language.get(standardize_tag(code, macro=macro))
    except (LookupError, ValueError):  # its LanguageTagError is a ValueError
        return None
    return known if known.is_valid() and known.language not in (None, "und", "zxx") else None


@cache
def _names() -> dict[tuple[str, str], str]:
    """English names by kind (language, script, region) and code, without what the registry says in brackets."""
    from langcodes.registry_parser import parse_registry

    names = {}
    for entry in parse_registry():
        name = entry["Description"][0]
        variant = re.search(r"\((\w+) variant\)", name)  # "Han (Simplified variant)"
        plain = variant[1] if variant else re.sub(r" *\([^()]*\)", "", name)
        names[entry["Type"], entry.get("Subtag", "")] = plain
    return names
