"""Language codes: ISO 639-1 and 639-3, with the suffixes of NLLB (``zho_Hans``) and of BCP 47 (``en-US``).

Codes are parsed by langcodes; names come from its copy of the IANA registry. Both are loaded on first use, because
loading takes 0.05 s. Knows codes, names and scripts; no texts.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from nmt.disk.compression import COMPRESSED

if TYPE_CHECKING:
    from langcodes import Language

# File endings that are also ISO 639-3 codes of languages with few speakers: `ref.txt` is a text, not in Citak (txt).
# fmt: off
FILE_ENDINGS = frozenset((
    "bpe", "csv", "doc", "log", "new", "old", "one", "raw", "sgm", "spm", "src", "tag", "tgt", "tmp", "trg", "tsv",
    "two", "txt", "xml",
))
# fmt: on
_TAG = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")


@lru_cache(1 << 14)
def script_of_letter(character: str) -> str:
    """The script of a letter: the first word of its Unicode name, such as HANGUL, LATIN or CJK."""
    return unicodedata.name(character, "").partition(" ")[0]


def base_language(code: str) -> str:
    """The shortest code of the language, without script and region: ``zho_Hans``, ``cmn`` and ``zh-TW`` are ``zh``.

    An unknown code is returned as it is, in lower case.
    """
    first = re.split("[-_]", code.lower(), maxsplit=1)[0]
    if len(first) != 3:
        return first  # already the shortest
    known = _parsed(code, macro=True)
    return str(known.language) if known else first


def is_language(code: str) -> bool:
    """Whether this is the code of a known language, with or without a script and a region."""
    return _parsed(code) is not None


def language_name(code: str) -> str | None:
    """The English name of a language, such as ``Korean`` or ``Chinese (Simplified)``; None for an unknown code."""
    known = _parsed(code)
    if known is None:
        return None
    # The name includes the script only if the language is written in another one, too.
    simple, names = known.simplify_script(), _names()
    parts = [names.get((kind, str(code))) for kind, code in (("script", simple.script), ("region", simple.territory))]
    inner = ", ".join(part for part in parts if part)
    name = names.get(("language", str(simple.language)))
    return f"{name} ({inner})" if name and inner else name


# By ISO 15924 code, the first words of the Unicode names of a script's letters.
_LETTERS = {
    "Latn": ("LATIN",),
    "Cyrl": ("CYRILLIC",),
    "Grek": ("GREEK",),
    "Kore": ("HANGUL",),
    "Hang": ("HANGUL",),
    "Jpan": ("HIRAGANA", "KATAKANA", "CJK"),
    "Hani": ("CJK",),
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
    """The scripts that a language is written in, as ``script_of_letter`` names them; empty when unknown."""
    known = _parsed(code)
    if known is None or not _has_likely_script(known):
        return frozenset()
    return frozenset(_LETTERS.get(str(known.maximize().script), ()))


def _has_likely_script(known: "Language") -> bool:
    """Whether the code or CLDR says how the language is written: langcodes takes any other for English in Latin."""
    from langcodes.data_dicts import LIKELY_SUBTAGS

    return bool(known.script) or any(tag in LIKELY_SUBTAGS for tag in known.broader_tags() if tag != "und")


def same_language(first: str, second: str) -> bool:
    """Whether two codes name the same language, and do not differ in script or region where both have one."""
    left, right = _parsed(first, macro=True), _parsed(second, macro=True)
    if left is None or right is None:
        return first.lower() == second.lower()
    differ = [a and b and a != b for a, b in ((left.script, right.script), (left.territory, right.territory))]
    return left.language == right.language and not any(differ)


def sides_of(code: str, languages: Sequence[str]) -> list[int]:
    """The numbers of those languages that a code names: the one of this code, or else all of its language.

    Codes that differ in ``-`` and ``_`` or in capitals alone are one.
    """
    equal = [side for side, language in enumerate(languages) if _plain(language) == _plain(code)]
    return equal or [side for side, language in enumerate(languages) if same_language(code, language)]


def _plain(code: str) -> str:
    return code.lower().replace("_", "-")


def name_before_compression(path: Path) -> Path:
    """The path without the ending of a compressed file: ``test.ko`` of ``test.ko.gz``."""
    return path.with_suffix("") if path.suffix in COMPRESSED else path


def language_of(path: Path) -> str:
    """The language code at the end of a file name, as in ``test.ko`` or ``test.pt_BR.gz``; "" if there is none."""
    code = name_before_compression(path).suffix[1:]
    return code if code.lower() not in FILE_ENDINGS and is_language(code) else ""


@lru_cache(1 << 12)  # not without a bound: a service is asked for codes by strangers
def _parsed(code: str, macro: bool = False) -> "Language | None":
    """Parse a code into its normal form; ``macro`` replaces ``cmn`` by ``zh``. None for an unknown language."""
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
    """English names by kind (language, script, region) and code, without the registry's remarks in brackets."""
    from langcodes.registry_parser import parse_registry

    names = {}
    for entry in parse_registry():
        name = entry["Description"][0]
        variant = re.search(r"\((\w+) variant\)", name)  # "Han (Simplified variant)"
        plain = variant[1] if variant else re.sub(r" *\([^()]*\)", "", name)
        names[entry["Type"], entry.get("Subtag", "")] = plain
    return names
