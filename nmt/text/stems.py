"""Stems of words, by language: what the inflected forms of a word have in common.

The package snowballstemmer (the extra ``terms``) has rules for some 35 languages. Of other languages, and without the
package, the stem of a word is the word itself without regard to case. Knows words; no texts.
"""

import re
from collections.abc import Callable
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version
from itertools import takewhile
from threading import local
from typing import Any

from nmt.text.languages import base_language

Stem = Callable[[str], str]

_CACHED = 1 << 16  # words of a language; a stem takes some 50 µs
_ALGORITHMS = {
    "ar": "arabic",
    "ca": "catalan",
    "cs": "czech",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "eo": "esperanto",
    "es": "spanish",
    "et": "estonian",
    "eu": "basque",
    "fa": "persian",
    "fi": "finnish",
    "fr": "french",
    "ga": "irish",
    "hi": "hindi",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "nb": "norwegian",
    "ne": "nepali",
    "nl": "dutch",
    "nn": "norwegian",
    "no": "norwegian",
    "pl": "polish",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "st": "sesotho",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
    "yi": "yiddish",
}

# Plurals and genitives in -s that the rules leave: menus; Menüs, Videos, Apps.
_FINAL_S = {"english": re.compile("(?<=...u)s$"), "german": re.compile("(?<=...[aeiouy])s$|(?<=..[cpw])s$")}

# Inflections, of which two words with one stem and a common beginning have one each after it: file and filing, but not
# operate and operator. The rules cut off more than these.
_INFLECTIONS = {
    "english": re.compile("(?:'?s|es|e|d|ed|ing|y|ies|ied|is|[bdfglmnprtvz](?:ed|ing))?"),
    "german": re.compile("(?:e?r|e?st)?(?:e|en|er|es|s|n|ns|em|ens|ern|t|te|ten|tes|et)?"),
}
_UMLAUTS = str.maketrans("äöü", "aou")


@cache
def inflection(language: str) -> Callable[[str, str], bool]:
    """Whether two words of one stem are forms of one word, as far as the rules of a language say; else they are."""
    endings = _INFLECTIONS.get(algorithm(language))
    if not endings:
        return lambda word, other: True

    @lru_cache(_CACHED)
    def are_forms(word: str, other: str) -> bool:
        both = [each.lower().translate(_UMLAUTS) for each in (word, other)]
        common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(*both, strict=False)))
        return all(endings.fullmatch(each, common) for each in both)

    return are_forms


@cache
def stemmer(language: str) -> Stem:
    """The function that cuts a word of a language ("" and unknown ones have whole words) to its stem."""
    name = algorithm(language)
    if not name:
        return str.casefold
    import snowballstemmer

    own, final_s = local(), _FINAL_S.get(name)  # a stemmer has one word at a time

    @lru_cache(_CACHED)
    def stem(word: str) -> str:
        rules: Any = getattr(own, "rules", None)
        if rules is None:
            rules = own.rules = snowballstemmer.stemmer(name)
        found: str = rules.stemWord(word.lower())
        return final_s.sub("", found) if final_s else found

    return stem


def algorithm(language: str) -> str:
    """The name of the rules for a language; "" where there are none, or the package is not installed."""
    name = _ALGORITHMS.get(base_language(language), "")
    try:
        import snowballstemmer
    except ImportError:
        return ""
    return name if name in snowballstemmer.algorithms() else ""


def stems_by(language: str) -> str:
    """What the stems of a language depend on, in words for a journal."""
    name = algorithm(language)
    try:
        return f"{name} of snowballstemmer {version('snowballstemmer')}" if name else "whole words"
    except PackageNotFoundError:  # its files were copied, without what an installer notes
        return f"{name} of snowballstemmer"
