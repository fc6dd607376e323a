"""Checks of a translation against its source: texts in, names of what looks wrong out. Knows no model and no search.

Human translations hardly ever fail them: docs/experiments/checks.md has the shares.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, compress, groupby
from operator import eq
from typing import Self

from nmt.text.languages import script_of, script_of_letter
from nmt.text.numerals import differing_numbers
from nmt.text.profile import Profile
from nmt.text.words import bare

LOOP, CUT_OFF, COPIED, WRONG_SCRIPT, LENGTH, NUMBER = "loop", "cut-off", "copied", "wrong-script", "length", "number"
PLACEHOLDER = "placeholder"
TERM = "term"  # found by whoever knows what was asked for
CHECKS = (LOOP, CUT_OFF, COPIED, WRONG_SCRIPT, LENGTH, NUMBER, PLACEHOLDER, TERM)

LOOPING = 3  # repeats from which words or characters on end are a loop
LONG = 5  # words, of which one repeat less is a loop
LONGEST = 60  # words that are looked at as one unit: longer ones end at a length limit
STUTTER = 4  # times that a letter stands on end in a loop: three do in Schifffahrt
LONGER, FEW = 2.0, 5  # a side has at most LONGER × the pieces to be expected by the other + FEW
ALLOWANCE = 5  # letters of the right script that every translation is granted: terms in Latin letters prove nothing
NAME = 3  # words, below which an equal text may be a name or a term
SMALL = 31  # numbers up to this may be spelt out on one side, or be days, months or hours

_TOKEN = re.compile(r"\w+|[^\w\s]+")
_LETTER = re.compile(rf"([^\W\d_])\1{{{STUTTER - 1},}}")
_LETTERS = re.compile(r"(\S{2,40}?)\1{2,}")
_WORD = re.compile(r"[^\W\d_]+")
_MARKS = ".,:;!?…\"'()[]«»„“”‘’"


@dataclass(frozen=True)
class Checks:
    """The checks of translations into a language; "" is an unknown one, for which no script is wrong.

    ``ratio`` is how many pieces translations usually have for each piece of their source.
    """

    target_language: str = ""
    ratio: float = 1.0

    @classmethod
    def of(cls, target_language: str, profile: Profile | None) -> Self:
        """The checks of translations by a model whose training pairs had a ``profile``."""
        return cls(target_language, profile.ratio if profile else 1.0)

    @cached_property
    def scripts(self) -> frozenset[str]:
        """The scripts that the target language is written in."""
        return script_of(self.target_language)

    @cached_property
    def _usual(self) -> set[str]:
        """Characters that are no letters of another script, as far as translations had them."""
        return set()

    def failed(
        self,
        source: str,
        translation: str,
        pieces: tuple[int, int],
        is_cut_off: bool = False,
        kept: Sequence[str] = (),
    ) -> list[str]:
        """The names of the checks that a translation fails, in the order of ``CHECKS``.

        ``pieces`` are the lengths of source and translation; ``is_cut_off``: the search ended at its limit of length;
        ``kept``: what the translation must have as it is.
        """
        verdicts = (
            loops(source, translation),
            is_cut_off,
            self.is_copied(source, translation),
            self.has_wrong_script(source, translation),
            differ_in_length(*pieces, self.ratio) or is_blank(source, translation),
            differ_in_numbers(source, translation),
            any(translation.count(item) < kept.count(item) for item in kept),
        )
        return list(compress(CHECKS, verdicts)) if any(verdicts) else []

    def is_copied(self, source: str, translation: str) -> bool:
        """Whether the translation is the source but for case and marks, and the source has words to translate.

        Those are words of a script, other than Latin, that the target language has not; and words in lower case among
        at least ``NAME``: names, numbers, terms and code may stay as they are.
        """
        if _begin_differently(source, translation) or bare(source) != bare(translation):
            return False
        letters = [word[0] for word in _WORD.findall(source)]
        if any(script_of_letter(letter) != "LATIN" and self._is_foreign(letter) for letter in letters):
            return True
        words = [word for part in source.split() if (word := part.strip(_MARKS)).isalpha() and len(word) > 1]
        return len(words) >= NAME and any(map(str.islower, words))

    def has_wrong_script(self, source: str, translation: str) -> bool:
        """Whether most letters are of a script that the target language has not, and do not stand in the source."""
        if translation.isascii() and "LATIN" in self.scripts:
            return False
        strange = {letter for letter in set(translation) - self._usual if letter.isalpha() and self._is_foreign(letter)}
        if not strange:
            self._usual.update(translation)
            return False
        kept, foreign, own = source.lower(), 0, ALLOWANCE
        for word in _WORD.findall(translation):
            for is_foreign, run in groupby(word, strange.__contains__):
                text = "".join(run)
                if not is_foreign:
                    own += len(text)
                elif text.lower() not in kept:
                    foreign += len(text)
        return foreign > own

    def _is_foreign(self, letter: str) -> bool:
        """Whether a letter is of a script that the target language has not."""
        return bool(self.scripts) and script_of_letter(letter) not in self.scripts


def _begin_differently(source: str, translation: str) -> bool:
    """Whether the first letters show that the texts are no copies, which most lines do."""
    first, other = source[:1], translation[:1]
    return (
        first.isascii() and other.isascii() and first.isalnum() and other.isalnum() and first.lower() != other.lower()
    )


def loops(source: str, translation: str) -> bool:
    """Whether the same words or characters stand on end in the translation, more often than in the source."""
    most = repeats(translation)
    # One language says in two words what the other says in five.
    return most >= LOOPING and most > repeats(source, long=1)


def repeats(text: str, long: int = LONG) -> int:
    """How often the same words, or the same characters without a space, stand on end.

    A unit of ``long`` words counts once more. Anything below ``LOOPING`` is 1.
    """
    tokens, most = _TOKEN.findall(text.lower()), 1
    again = len(tokens) - len(set(tokens))  # words that stand there already: the copies of a unit, but for its last one
    for period in range(1, min(len(tokens) // 2, LONGEST, again + 1) + 1):
        granted = period > 1  # the last one may lack its final mark: a dog, a dog, a dog.
        copies_needed = LOOPING - 1 - (period >= long)
        needed = copies_needed * period - granted
        if again < needed:
            continue
        same = list(map(eq, tokens[period:], tokens))
        if same.count(True) < needed:
            continue
        run = longest = 0
        for is_same in same:
            run = run + 1 if is_same else 0
            longest = max(longest, run)
        copies = (longest + granted) // period
        if copies >= copies_needed:
            most = max(most, copies + 1 + (period >= long))
    # Four letters on end are three letters again, and ererer, like a longer unit, is four.
    long_words = [word for word in text.split() if len(word) >= STUTTER and len(word) - len(set(word)) >= STUTTER - 1]
    for match in chain.from_iterable(chain(map(_LETTER.finditer, long_words), map(_LETTERS.finditer, long_words))):
        unit = match[1]
        copies = len(match[0]) // len(unit) - (STUTTER - LOOPING if len(unit) == 1 else 0)
        if copies > max(most, LOOPING - 1) and any(map(str.isalpha, unit)):
            most = copies
    return most


def is_blank(source: str, translation: str) -> bool:
    """Whether the translation has no letter and no digit, and the source has letters."""
    return not any(map(str.isalnum, translation)) and any(map(str.isalpha, source))


def differ_in_length(source_pieces: int, target_pieces: int, ratio: float = 1.0) -> bool:
    """Whether one side has many more pieces than the other, which usually has ``ratio`` for each of the source."""
    shorter, longer = sorted((ratio * source_pieces, target_pieces))
    return longer > LONGER * shorter + FEW


def differ_in_numbers(source: str, translation: str) -> bool:
    """Whether a number was lost or came from nowhere; small and round ones of one side alone may be spelt out."""
    missing, added = differing_numbers(source, translation)
    return bool(missing and added) or not all(map(_may_be_a_word, (*missing, *added)))


def _may_be_a_word(number: str) -> bool:
    """Whether a number is up to ``SMALL``, or one like 100 and 1000."""
    # Python converts no number of over 4,300 digits.
    return (len(number) < 3 and int(number) <= SMALL) or number.rstrip("0") == "1"
