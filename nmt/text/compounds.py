"""Compounds that have a noun at one of their ends, as Menüeintrag has Menü and Eintrag: German alone.

There is no list of words, so the rest of the word is judged by its letters. Knows words; no texts.
"""

import re

from nmt.text.languages import base_language
from nmt.text.stems import Stem

LEAST = 4  # letters of a noun that is looked for: Art is in Start
REST = 3  # letters of what it is compounded with
_LINKS = ("", "e", "en", "es")  # Geräteliste; others begin with a consonant, as a word may
_PREFIX = re.compile("(?:auf|aus|bei|durch|ein|ent|her|hin|miss|mit|nach|über|ver|vor|vorher|weg|wider|zer|zurück)")
_VOWELS = "aeiouäöüy"
_BEGINNING = re.compile("(?:ab|an|auf|aus|ein|er|über|um|un|in|ende|ebene|editor|option|objekt|adress|element)")
_SUFFIX = re.compile(
    "s?(?:ung|heit|keit|schaft|lich|ig|isch|bar|los|haft|sam|chen|lein|tum|nis|ler|ner|ant|ent|ist|ismus|ier|tät|ition"
    "|weise|mäßig)"
    "(?:en|e|s|es|er|em|n|nen|ung|ungen)?"
)


def has_compounds(language: str) -> bool:
    """Whether nouns of a language are written together with others."""
    return base_language(language) == "de"


def is_compound_of(word: str, noun: str, stem: Stem) -> bool:
    """Whether a word is a compound that begins with a noun, or ends in a form of it."""
    if len(noun) < LEAST or len(word) < len(noun) + REST - 1 or not (word[0].isupper() and noun[0].isupper()):
        return False
    return _ends_in(word.lower(), noun, stem) or _begins_with(word.lower(), noun.lower())


def _ends_in(word: str, noun: str, stem: Stem) -> bool:
    wanted = stem(noun)
    longest = min(len(word) - REST, len(noun) + 3)
    for length in range(max(LEAST, len(noun) - 1), longest + 1):
        before = word[:-length]
        if (
            stem(word[-length:]) == wanted
            and not _PREFIX.fullmatch(before)
            and any(letter in _VOWELS for letter in before)
        ):
            return True
    return False


def _begins_with(word: str, noun: str) -> bool:
    shorter = noun.removesuffix("e")  # Adressbuch
    for begin in {noun, shorter}:
        if len(begin) < LEAST or not word.startswith(begin):
            continue
        rest = word[len(begin) :]
        for link in _LINKS:
            after = rest.removeprefix(link)
            if rest.startswith(link) and _is_word(after, len(noun)):
                return True
    return False


def _is_word(rest: str, letters: int) -> bool:
    """Whether the rest of a word after a noun of some letters may be a word, and is no ending."""
    if len(rest) < REST or not any(letter in _VOWELS for letter in rest) or _SUFFIX.fullmatch(rest):
        return False
    return rest[0] not in _VOWELS or bool(_BEGINNING.match(rest))
