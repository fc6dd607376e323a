"""Splits lines into sentences, joins their translations, and rates places to cut. Knows no model.

A mark ends a sentence unless something speaks against it: an abbreviation or an ordinal of the language, an initial, a
small letter after it, or a quotation that the sentence goes on after. To leave two sentences in one piece costs less
than to tear one apart (docs/decisions/sentences-are-not-torn.md).
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import zip_longest

from nmt.text.abbreviations import Words, words_of

SENTENCE, CLAUSE, WORD, ANYWHERE, NEVER = 4, 3, 2, 1, 0
"""Ratings of a place to cut a line, the best first. NEVER is inside a character."""

_SPACED_MARKS, _UNSPACED_MARKS = ".!?…؟۔।॥։", "。！？｡．"
RULES = 3
"""Version of the rules by which lines are split: a journal of another version is not resumed."""

MARKS = _SPACED_MARKS + _UNSPACED_MARKS
"""All marks that end a sentence."""

# In scripts with spaces, a mark counts only before a space: not in 3.14. In the others it always counts.
_SPACED = {**dict.fromkeys(_SPACED_MARKS, SENTENCE), **dict.fromkeys(",;:،؛", CLAUSE)}
_UNSPACED = {**dict.fromkeys(_UNSPACED_MARKS, SENTENCE), **dict.fromkeys("、，；：､", CLAUSE)}
_CLOSING = "\"'”’»›)]}」』）】》〉〕］｝｣"

_CLOSING_AFTER_MARK = _CLOSING + "“‘«"  # also close a quotation: „Ja.“ »Ja.«
_OPENING = "\"'“‘„‚«»‹([{（［｛「『【《〈〔¿¡—–-"

# Where ``rate`` may give SENTENCE. A French » has a space before it, and none of a word after it.
_END = re.compile(
    f"[{re.escape(MARKS)}](?:[{re.escape(_CLOSING_AFTER_MARK)}]|[ \u00a0\u202f][»›](?!\\w))*(?=\\s)"
    f"|[{_UNSPACED_MARKS}][{re.escape(_CLOSING)}]*(?=[^\\s{re.escape(_CLOSING + ''.join(_UNSPACED))}])"
)
_TOKEN = re.compile(rf"[^\s{re.escape(_OPENING[:-3])}]*$")
_DOTTED = re.compile(r"[^\W\d_]{1,2}(\.-?[^\W\d_]{1,2})+")  # U.S, p.m
_ORDINAL = re.compile(r"\d{1,3}|[IVXLC]+")
_NUMBER = re.compile(r"\d|[IVXLC]{2,}\b")  # "No. I" is an answer
_WORD = re.compile(r"[^\W\d_]+")
_ENDINGS = "다요죠까네오지"  # of Korean sentences: a pause within one ends otherwise
_SAID = re.compile("이?라[고며는]|하[고며]|고 ")  # goes on after a Korean quotation
_QUOTED = re.compile("[とをがのな、]|って")  # goes on after a Japanese one
_LOOK = 32  # characters on each side of a mark that are examined
_QUOTATION = 200  # characters on each side of a mark in which brackets are looked for
_QUOTES = (("「", "」"), ("『", "』"), ("（", "）"))
WIDE_SPACE = "\u3000"  # of scripts without spaces
_LETTER = re.compile(r"[^\W\d_]")


def rate(before: str, after: str) -> int:
    """Rate a cut between the text ``before`` and the character ``after``: SENTENCE, CLAUSE, WORD or ANYWHERE."""
    text = before.rstrip(_CLOSING_AFTER_MARK)
    ended = text[-1:]
    if after == " ":
        return WORD if _is_initial(text) else _SPACED.get(ended) or _UNSPACED.get(ended) or WORD
    belongs_before = after in _CLOSING or after in _UNSPACED
    return ANYWHERE if belongs_before else _UNSPACED.get(ended, ANYWHERE)


def _is_initial(text: str) -> bool:
    """Whether the text ends in a single capital letter and a dot, as in ``J. S. Bach`` and ``E.S.E.``"""
    return text[-1:] == "." and text[-2:-1].isupper() and not text[-3:-2].isalpha()


def split_sentences(line: str, language: str = "") -> list[str]:
    """Cut a line into sentences, each with the white space after it: joined they are the line. [line] if it has one.

    ``language`` is the code of the line's language; "" if it is unknown. A sentence has a letter: "1." is joined to the
    text after it, and a mark alone at the end to the text before it.
    """
    sentences, start = [], 0
    for end in _ends(line, words_of(language)):
        sentences.append(line[start:end])
        start = end
    return [*sentences, line[start:]]


def _ends(line: str, words: Words) -> Iterator[int]:
    """Where each sentence but the last ends, behind its white space."""
    last = next((place for place in reversed(range(len(line))) if _LETTER.match(line, place)), -1)
    start, letter, has_capitals = len(line) - len(line.lstrip()), _LETTER.search(line), line != line.lower()
    for end in _END.finditer(line):
        if end.end() > last:
            return
        if not letter or letter.start() >= end.end() or not _is_end(line, start, end, words, has_capitals):
            continue
        start = end.end()
        while line[start].isspace():
            start += 1
        letter = _LETTER.search(line, start)
        yield start


def _is_end(line: str, start: int, end: re.Match[str], words: Words, has_capitals: bool) -> bool:
    """Whether a sentence that began at ``start`` ends with the mark and the closing signs of ``end``."""
    mark, closed = line[end.start()], end.end() - end.start() > 1
    spaced = line[end.end()].isspace()
    after = line[end.end() : end.end() + _LOOK].lstrip()
    following = after.lstrip(_OPENING)
    # A line in small letters throughout tells nothing by them.
    if has_capitals and following[:1].islower() and not following[1:2].isupper():
        return False
    if closed and (_SAID if spaced else _QUOTED).match(after):
        return False
    if not spaced and _goes_on(line, start, end.start()):
        return False
    token_match = _TOKEN.search(line, max(start, end.start() - _LOOK), end.start())
    token = token_match[0] if token_match else ""
    if mark in ".…" and (mark == "…" or token.endswith(".")):
        spoken = token.rstrip(".…")[-1:]
        return not "가" <= spoken <= "힣" or spoken in _ENDINGS
    return mark != "." or _is_final_dot(token, following, words)


def _is_final_dot(token: str, following: str, words: Words) -> bool:
    """Whether the dot after ``token`` ends a sentence when ``following`` comes after it."""
    lower, word = token.lower(), _WORD.match(following)
    begins = word is not None and word[0].lower() in words.first
    number = _NUMBER.match(following)
    if lower in words.never or (number and (lower in words.numbers or f"-{lower[-3:]}" in words.numbers)):
        return False
    if number and token.isdecimal():
        return False  # a date: 2024. 3. 5.
    is_ordinal = words.ordinals and _ORDINAL.fullmatch(token)
    return begins or not (is_ordinal or lower in words.seldom or _DOTTED.fullmatch(token) or _is_initial(f"{token}."))


def _goes_on(line: str, start: int, place: int) -> bool:
    """Whether ``place`` is in a quotation or in brackets after which the sentence that began at ``start`` goes on."""
    for opening, closing in _QUOTES:
        opened = line.rfind(opening, max(start, place - _QUOTATION), place)
        if opened < 0 or line.rfind(closing, opened, place) >= 0:
            continue
        closed = line.find(closing, place, place + _QUOTATION)
        if closed >= 0 and (_QUOTED.match(line, closed + 1) or (opening == "（" and opened > start)):
            return True
    return False


def join_sentences(sentences: Iterable[str], gaps: Iterable[str] = ()) -> str:
    """Join translated sentences into one line; blank ones are left out.

    ``gaps`` are the white space before each sentence's source, the first one's included; without any, a space each. One
    space or none is a habit of the script, so the translation's script decides. Other white space is kept.
    """
    text = ""
    for sentence, gap in zip_longest(sentences, gaps):
        if sentence and text:
            text += _gap(gap or "", text[-1], sentence[0])
        text += sentence or ""
    return text


def _gap(source: str, left: str, right: str) -> str:
    """The white space between two characters of a translation where its source has ``source``."""
    if left in _UNSPACED or (_is_unspaced(left) and _is_unspaced(right)):
        return "" if source == " " else source
    return source.replace(WIDE_SPACE, " ") or " "


def _is_unspaced(character: str) -> bool:
    """Whether a character is of a wide script without spaces: Han and kana, but not Hangul."""
    wide = unicodedata.east_asian_width(character) in "WF"
    return wide and not unicodedata.name(character, "").startswith("HANGUL")


def final_mark(line: str) -> str:
    """The sentence mark at the end of a line, ignoring closing quotes and brackets; "" if there is none."""
    last = line.rstrip().rstrip(_CLOSING_AFTER_MARK)[-1:]
    return last if last and last in MARKS else ""


def ends_in_word(line: str) -> bool:
    """Whether a line ends in a letter, a combining accent or a digit, ignoring closing quotes and brackets."""
    last = line.rstrip().rstrip(_CLOSING_AFTER_MARK)[-1:]
    return last.isalnum() or unicodedata.category(last or " ")[0] == "M"
