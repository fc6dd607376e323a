"""Sentences are written as training's are, and their translations written back. Knows texts; no engine.

A line is split into sentences. What stays as it is becomes slots, a final mark is lent where training always had one,
and capitals become small letters. What a line becomes depends on its own text alone.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from itertools import accumulate, islice, pairwise
from unicodedata import category

from nmt.decoding.remarks import Remarks
from nmt.decoding.segments import Segment
from nmt.decoding.tokenizers import SourceTokenizer
from nmt.text.casing import CAPITALS, TITLE, as_sentence, case_of, cased_apart, in_capitals, in_small_letters
from nmt.text.lines import one_line
from nmt.text.list_marks import VERSION as LIST_MARKS
from nmt.text.list_marks import has_dotted_marks, with_list_mark
from nmt.text.mistyped import VERSION as MISTYPED
from nmt.text.profile import Profile
from nmt.text.sentences import RULES, ends_in_word, final_mark, split_sentences
from nmt.text.slots import Slotted, filled, slotted, spaced, without_signs
from nmt.text.terms import Found
from nmt.text.verbatim import VERSION, Grammar, Match, is_code

SELDOM = 0.005
"""Share of training's lines in capitals, or in title case, below which such a line is written as a sentence.

German lines look like titles more often, for their nouns have capitals, so they stay as they are."""

ALWAYS = 0.98
"""Smallest share of training's lines with a final mark for which a line without a mark is given one."""

_SEEN = "LNPS"  # categories of characters that stand for themselves: not accents, spaces and joiners


@dataclass
class Sentence:
    """A sentence of a line, before it is cut."""

    text: Slotted
    marked: bool = False
    gap: str = " "
    in_capitals: bool = False
    recased: bool = False  # written as a sentence
    given: str = ""  # the same text before that
    pieces: list[int] = field(default_factory=list)
    terms: Sequence[Found] = ()
    told: Sequence[int] = ()  # its pieces with translations of the terms; (): the model does not know such sources


class Rewriter:
    """Writes lines for a model whose training lines had a ``profile``, and translations back.

    ``languages`` are those of source and target, and ``sources`` those that lines may be in, where they are several.
    Without a profile, lines stay as they are; with ``whole`` they are not split into sentences. Words that ``spares``
    knows are not put right.
    """

    def __init__(
        self,
        tokenizer: SourceTokenizer,
        profile: Profile | None,
        languages: tuple[str, str] = ("", ""),
        whole: bool = False,
        spares: Callable[[str], bool] | None = None,
        sources: Sequence[str] = (),
    ) -> None:
        self._tokenizer = tokenizer
        self.profile = profile
        self._language, self._target_language = languages
        self._dotted = has_dotted_marks(sources or languages[:1])
        self._cased = cased_apart(sources or languages[:1])
        self._whole = whole
        self._spares = spares
        self.slots = profile.slots if profile else 0
        self._grammar = profile.grammar if profile else Grammar(())
        self.remarks = Remarks()
        self.is_strange = lru_cache(1 << 14)(tokenizer.is_strange)
        self.is_name = lru_cache(1 << 14)(self._is_name)

    def about(self) -> dict[str, str | float]:
        """What the sentences depend on besides the model, by name."""
        if not self.profile:
            return {}
        told: dict[str, str | float] = {"marked from": ALWAYS, "cased below": SELDOM}
        if self.slots:
            told |= {"slots": self.slots, "grammar": VERSION, "list marks": LIST_MARKS}
        if self.profile.words:
            told |= {"mistyped words": MISTYPED}
        return told if self._whole else {**told, "sentence rules": RULES, "source language": self._language}

    def slotted(self, text: str, number: int) -> Slotted:
        """A text of line ``number`` with slots for what stays as it is, and mistyped words put right."""
        late = set[str]()
        found = slotted(text, partial(self.find, late=late), self.slots)
        found = found._replace(text=self._without_unseen(found.text))
        self.remarks.late.add(f"line {number}", late)
        words = self.profile.words if self.profile else None
        if not words or self.copied(found):
            return found
        return found._replace(text=words.put_right(found.text, self._spares))

    def _without_unseen(self, text: str) -> str:
        """The text without invisible signs that the vocabulary lacks, like a soft hyphen: they cut words into bytes."""
        if not self.profile or text.isascii() or text.isprintable():
            return text
        unseen = [sign for sign in set(text) if category(sign) == "Cf" and self.is_strange(sign)]
        if not unseen:
            return text
        runs = f"[{re.escape(''.join(unseen))}]+"
        return re.sub(rf"(?<=\S){runs}|{runs}(?=\S)", "", text)  # one that stands alone is a word of the line

    def shown(self, line: str) -> str:
        """A line with the characters that the model is given of it, and no others; it has the same words."""
        text, items = slotted(line, self.find, self.slots)
        return filled(self._without_unseen(text), items)

    def sentences(self, line: str, number: int, whole: Sentence) -> list[Sentence]:
        """The sentences of line ``number``, those that have to be encoded without pieces."""
        pieces = len(whole.pieces)
        if not pieces or not self.profile or self.copied(whole.text):
            return [whole]
        # One sentence a segment, even if training's lines had several: so few long lines taught a model little.
        sentences = [line] if self._whole else self._split(line)
        gaps = ["", *(one_line(sentence[len(sentence.rstrip()) :]) for sentence in sentences)]
        # The mark of a list item in front of a line has the blanks before it.
        texts = [sentences[0].rstrip(), *map(str.strip, sentences[1:])]
        if len(texts) <= self.profile.sentences and pieces <= self.profile.longest:
            texts = [line]
        cut_up = [self.slotted(text, number) for text in texts] if len(texts) > 1 else [whole.text]
        marked = [self._lacks_mark(text, sentence) for text, sentence in zip(texts, cut_up, strict=True)]
        case = self._odd_case(whole.text.text)
        if len(texts) == 1 and not marked[0] and not case:
            return [whole]
        written = []
        for (text, items), lacks, gap in zip(cut_up, marked, gaps, strict=False):
            given = text.rstrip() + self.profile.source_mark if lacks else text
            slots = Slotted(self._as_sentence(given) if case else given, items)
            written.append(Sentence(slots, lacks, gap, case == CAPITALS, bool(case), given))
        return written

    def _split(self, line: str) -> list[str]:
        """The sentences of a line; what stays as it is is never cut."""
        sentences = split_sentences(line, self._language)
        if len(sentences) == 1 or not self.slots:
            return sentences
        matches = [Match(0, 0, ""), *self.find(line)]
        starts = [match.start for match in matches]
        ends = [
            end for end in accumulate(map(len, sentences)) if matches[max(0, bisect_left(starts, end) - 1)].end <= end
        ]
        return [line[start:end] for start, end in pairwise([0, *ends])]

    def _as_sentence(self, text: str) -> str:
        """A text in small letters but for names; that of several languages is written as the model knows it best."""
        written = list(dict.fromkeys(as_sentence(text, language, self.is_name) for language in self._cased))
        if len(written) == 1:
            return written[0]
        pieces = self._tokenizer.encode_slotted(written, [False] * len(written))
        return min(zip(pieces, written, strict=True), key=lambda each: len(each[0]))[1]

    def _is_name(self, word: str) -> bool:
        """Whether a word keeps its capital: training had it so more often, or it has fewer pieces that way."""
        known = self.profile.words.is_name(word) if self.profile and self.profile.words else None
        if known is not None:
            return known
        written = [word, *(in_small_letters(word, language) for language in self._cased)]
        given, *small = map(len, self._tokenizer.encode_slotted(written, [False] * len(written)))
        return given < min(small)

    def finished(self, segment: Segment, translation: str) -> str:
        """What was translated of a segment, without a mark that was lent, with its items, in capitals if it was."""
        text = self.unmarked(translation) if segment.marked else translation
        text = in_capitals(text, self._target_language) if segment.in_capitals else text
        return one_line(filled(spaced(text, segment.signs), segment.items) if segment.items else text)

    def unmarked(self, translation: str) -> str:
        """The translation of a marked segment without its final mark, unless it is nothing else."""
        mark = self.profile.target_mark if self.profile else ""
        return translation.rstrip().removesuffix(mark).rstrip() or translation

    def copied(self, text: Slotted) -> str:
        """The text if there is nothing to translate: no letter outside its slots, or a line of code; else ""."""
        nothing = self.profile and (not any(map(str.isalpha, text.text)) or is_code(text.text))
        return text.text if nothing else ""

    def find(self, text: str, late: set[str] | None = None) -> list[Match]:
        """What of a text gets slots: the mark of a list item in front, what the grammar finds, and words and signs of
        which the vocabulary has no character.

        Kinds that are left out, because their patterns take too long, are added to ``late``.
        """
        matches = self._grammar.find(text, late)
        if not self.slots:
            return matches
        matches = with_list_mark(matches, text, self._dotted)
        if text.isascii():
            return matches
        strange = [sign for sign in set(text) if category(sign)[0] in _SEEN and self.is_strange(sign)]
        if not strange:
            return matches
        runs, found = re.compile(f"[{re.escape(''.join(strange))}]+"), list[Match]()
        # Between the matches, and no more than there are slots: a line may be all such signs.
        for before, after in pairwise([Match(0, 0, ""), *matches, Match(len(text), len(text), "")]):
            left = runs.finditer(text, before.end, after.start)
            found += [Match(*run.span(), "strange") for run in islice(left, self.slots - len(found))]
        return sorted([*matches, *found])

    def _odd_case(self, text: str) -> str:
        """The case of a line, where training hardly had such lines; else "".

        A single word in capitals may be a name, like NATO: it stays, unless it takes more pieces than in small letters.
        """
        case = case_of(text)
        usual = {CAPITALS: self.profile.capitals, TITLE: self.profile.titles} if self.profile else {}
        if usual.get(case, 1.0) >= SELDOM:
            return ""
        plain = without_signs(text)
        if case == TITLE or sum(any(map(str.isalpha, word)) for word in plain.split()) > 1:
            return case
        given, small = self._tokenizer.encode_slotted([plain, self._as_sentence(plain)], [False, False])
        return case if len(small) < len(given) else ""

    def _lacks_mark(self, text: str, sentence: Slotted) -> bool:
        """Whether a sentence is to be lent a final mark; ``text`` is the sentence as it was given."""
        usual = self.profile is not None and self.profile.final >= ALWAYS
        return usual and not final_mark(text) and ends_in_word(text) and not self.copied(sentence)
