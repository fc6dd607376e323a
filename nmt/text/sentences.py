"""Splits lines into sentences and rates places to cut, by punctuation marks alone. Knows no model and no language.

Each dot ends a sentence, even that of ``Mr.``, except the dot of an initial.
"""

import re
import unicodedata
from collections.abc import Iterable

SENTENCE, CLAUSE, WORD, ANYWHERE, NEVER = 4, 3, 2, 1, 0
"""Ratings of a place to cut a line, the best first. NEVER is inside a character."""

_SPACED_MARKS, _UNSPACED_MARKS = ".!?…؟۔।॥։", "。！？｡．"
MARKS = _SPACED_MARKS + _UNSPACED_MARKS
"""All marks that end a sentence."""

# In scripts with spaces, a mark counts only before a space: not in 3.14. In the others it always counts.
_SPACED = {**dict.fromkeys(_SPACED_MARKS, SENTENCE), **dict.fromkeys(",;:،؛", CLAUSE)}
_UNSPACED = {**dict.fromkeys(_UNSPACED_MARKS, SENTENCE), **dict.fromkeys("、，；：､", CLAUSE)}
_CLOSING = "\"'”’»›)]}」』）】》〉〕］｝｣"

# Matches where ``rate`` gives SENTENCE, without a call for each character.
_END = re.compile(
    f"[{re.escape(MARKS)}][{re.escape(_CLOSING)}]*(?= )"
    f"|[{_UNSPACED_MARKS}][{re.escape(_CLOSING)}]*(?=[^ {re.escape(_CLOSING + ''.join(_UNSPACED))}])"
)
_LETTER = re.compile(r"[^\W\d_]")


def rate(before: str, after: str) -> int:
    """Rate a cut between the text ``before`` and the character ``after``: SENTENCE, CLAUSE, WORD or ANYWHERE."""
    text = before.rstrip(_CLOSING)
    ended = text[-1:]
    if after == " ":
        return WORD if _is_initial(text) else _SPACED.get(ended) or _UNSPACED.get(ended) or WORD
    belongs_before = after in _CLOSING or after in _UNSPACED
    return ANYWHERE if belongs_before else _UNSPACED.get(ended, ANYWHERE)


def _is_initial(text: str) -> bool:
    """Whether the text ends in a single capital letter and a dot, as in ``J. S. Bach`` and ``E.S.E.``"""
    return text[-1:] == "." and text[-2:-1].isupper() and not text[-3:-2].isalpha()


def split_sentences(line: str) -> list[str]:
    """Split a line into sentences, with every run of white space made one space and none at the ends.

    A sentence has a letter: "1." is joined to the text after it, and a mark alone at the end to the text before it.
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
    """Join sentences into one line, with a space between them unless their script has no spaces."""
    text = ""
    for sentence in filter(None, sentences):
        text += sentence if not text or _needs_no_space(text[-1], sentence[0]) else f" {sentence}"
    return text


def _needs_no_space(left: str, right: str) -> bool:
    return left in _UNSPACED or (_is_unspaced(left) and _is_unspaced(right))


def _is_unspaced(character: str) -> bool:
    """Whether a character is of a wide script without spaces: Han and kana, but not Hangul."""
    wide = unicodedata.east_asian_width(character) in "WF"
    return wide and not unicodedata.name(character, "").startswith("HANGUL")


def final_mark(line: str) -> str:
    """The sentence mark at the end of a line, ignoring closing quotes and brackets; "" if there is none."""
    last = line.rstrip().rstrip(_CLOSING)[-1:]
    return last if last and last in MARKS else ""


def ends_in_word(line: str) -> bool:
    """Whether a line ends in a letter, a combining accent or a digit, ignoring closing quotes and brackets."""
    last = line.rstrip().rstrip(_CLOSING)[-1:]
    return last.isalnum() or unicodedata.category(last or " ")[0] == "M"
