"""Where sentences and clauses end, by their marks alone. Knows no model and no language.

A dot ends a sentence, that of ``Mr.`` too, but not that of an initial.
"""

import re
import unicodedata
from collections.abc import Iterable

SENTENCE, CLAUSE, WORD, ANYWHERE, NEVER = 4, 3, 2, 1, 0
"""How good a cut is. NEVER is inside a character."""

_SPACED_MARKS, _UNSPACED_MARKS = ".!?…؟۔।॥։", "。！？｡．"
MARKS = _SPACED_MARKS + _UNSPACED_MARKS
"""All that ends a sentence."""

# Scripts with spaces have one after the mark; 3.14 has none. The others need none.
_SPACED = {**dict.fromkeys(_SPACED_MARKS, SENTENCE), **dict.fromkeys(",;:،؛", CLAUSE)}
_UNSPACED = {**dict.fromkeys(_UNSPACED_MARKS, SENTENCE), **dict.fromkeys("、，；：､", CLAUSE)}
_CLOSING = "\"'”’»›)]}」』）】》〉〕］｝｣"

# Where ``rate`` says SENTENCE, found without a step a character.
_END = re.compile(
    f"[{re.escape(MARKS)}][{re.escape(_CLOSING)}]*(?= )"
    f"|[{_UNSPACED_MARKS}][{re.escape(_CLOSING)}]*(?=[^ {re.escape(_CLOSING + ''.join(_UNSPACED))}])"
)
_LETTER = re.compile(r"[^\W\d_]")


def rate(before: str, after: str) -> int:
    """How good a cut between the text ``before`` and the character ``after`` is."""
    text = before.rstrip(_CLOSING)
    ended = text[-1:]
    if after == " ":
        return WORD if _is_initial(text) else _SPACED.get(ended) or _UNSPACED.get(ended) or WORD
    belongs_before = after in _CLOSING or after in _UNSPACED
    return ANYWHERE if belongs_before else _UNSPACED.get(ended, ANYWHERE)


def _is_initial(text: str) -> bool:
    """Whether the text ends in a capital letter alone and a dot, as in ``J. S. Bach`` and ``E.S.E.``"""
    return text[-1:] == "." and text[-2:-1].isupper() and not text[-3:-2].isalpha()


def split_sentences(line: str) -> list[str]:
    """The sentences of a line; every run of white space is one space, and none stands at an end.

    What has no letter is no sentence: "1." belongs to what follows, a lone mark at the end to what is before it.
    """
    text = " ".join(line.split())
    last = next((place for place in reversed(range(len(text))) if _LETTER.match(text, place)), -1)
    sentences, start, letter = [], 0, _LETTER.search(text)
    for end in _END.finditer(text):
        is_end = not _is_initial(text[: end.start() + 1])
        if is_end and letter and letter.start() < end.end() <= last:
            sentences.append(text[start : end.end()].strip())
            start = end.end()
            letter = _LETTER.search(text, start)
    return [*sentences, text[start:].strip()]


def join_sentences(sentences: Iterable[str]) -> str:
    """The sentences on one line, with a space between two unless their script has none."""
    text = ""
    for sentence in filter(None, sentences):
        text += sentence if not text or _needs_no_space(text[-1], sentence[0]) else f" {sentence}"
    return text


def _needs_no_space(left: str, right: str) -> bool:
    return left in _UNSPACED or (_is_unspaced(left) and _is_unspaced(right))


def _is_unspaced(character: str) -> bool:
    """Whether it is of a wide script that has no spaces: Han and kana, not Hangul."""
    wide = unicodedata.east_asian_width(character) in "WF"
    return wide and not unicodedata.name(character, "").startswith("HANGUL")


def final_mark(line: str) -> str:
    """The mark that ends the line, perhaps before closing signs; "" when none does."""
    last = line.rstrip().rstrip(_CLOSING)[-1:]
    return last if last and last in MARKS else ""


def ends_in_word(line: str) -> bool:
    """Whether the line ends in a letter, an accent on one or a digit, perhaps before closing signs."""
    last = line.rstrip().rstrip(_CLOSING)[-1:]
    return last.isalnum() or unicodedata.category(last or " ")[0] == "M"
