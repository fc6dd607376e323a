"""What is asked of translations beside their text: scores of their pieces, and links between words. Knows no engine.

Both come from forced decoding of the best hypotheses once a window is translated, so plain search pays nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, compress, groupby
from operator import not_
from typing import Protocol, Self, TypeVar, cast

from nmt.config import SearchOptions
from nmt.decoding.assembling import Assembler
from nmt.decoding.batching import Batches
from nmt.decoding.engine import Aligner, Engine, Query, Scorer
from nmt.decoding.segments import Segment
from nmt.decoding.tokenizers import SourceTokenizer
from nmt.decoding.translation import Token, Translation
from nmt.decoding.word_links import Link, links_of, source_words, target_words, word_weights
from nmt.errors import BusyError
from nmt.text.annotations import are_added
from nmt.text.progress import Silent
from nmt.text.sentences import join_sentences
from nmt.text.slots import spelled_out
from nmt.text.tokenizer import EOS

Result = TypeVar("Result")


class TargetTokenizer(Protocol):
    """The tokenizer of the target side, as details need it."""

    def pieces(self, ids: Sequence[int]) -> list[str]: ...

    def spell(self, pieces: Sequence[int]) -> list[bytes]: ...


@dataclass(frozen=True)
class Detail:
    """What was asked of one line; None: not asked for."""

    tokens: list[Token] | None = None  # of all its segments, each with </s>
    links: list[Link] | None = None  # (source word, target word), numbered as white space separates them


@dataclass(frozen=True)
class Item:
    """A segment whose best hypothesis is looked at."""

    segment: Segment
    source_words: Sequence[int] = field(default=())  # of its pieces

    @property
    def target(self) -> list[int]:
        return self.segment.hypotheses[0].pieces

    @property
    def width(self) -> int:
        """Pieces of the longer side, and </s>."""
        return max(len(self.segment.pieces), len(self.target)) + 1


@dataclass(frozen=True)
class Details:
    """Finds details of translated windows: token scores where there is a scorer, links where there is an aligner."""

    scorer: Scorer | None
    aligner: Aligner | None
    assembler: Assembler
    source_tokenizer: SourceTokenizer
    target_tokenizer: TargetTokenizer
    batch_tokens: int
    options: SearchOptions

    @classmethod
    def of(
        cls,
        engine: Engine,
        aligner: Aligner | None,
        assembler: Assembler,
        tokenizers: tuple[SourceTokenizer, TargetTokenizer],
        batch_tokens: int,
        options: SearchOptions,
    ) -> Self | None:
        """What finds the details that are asked for; None when none are."""
        scorer = cast("Scorer", engine) if options.token_scores else None
        return cls(scorer, aligner, assembler, *tokenizers, batch_tokens, options) if scorer or aligner else None

    def added(self, translations: Sequence[Translation], segments: Sequence[Segment], before: int) -> list[Translation]:
        """The translations of a window, made of ``segments``, with their details; ``before`` lines came before it.

        Raises BusyError for a line that does not fit into memory.
        """
        found = self.find([translation.source for translation in translations], segments, before)
        pairs = zip(translations, found, strict=True)
        return [replace(translation, tokens=detail.tokens, alignment=detail.links) for translation, detail in pairs]

    def find(self, lines: Sequence[str], segments: Sequence[Segment], before: int) -> list[Detail]:
        """The details of each line of a window, whose segments have hypotheses."""
        tokens: list[list[Token]] = [[] for _ in lines]
        if self.scorer:
            found = self.tokens(self.scorer, segments, before)
            for segment in segments:
                tokens[segment.line] += found[id(segment)]
        links: list[list[Link]] = [[] for _ in lines]
        if self.aligner:
            for line, some in self.links(self.aligner, lines, segments, before):
                links[line] = some
        pairs = zip(tokens, links, strict=True)
        return [Detail(scored if self.scorer else None, linked if self.aligner else None) for scored, linked in pairs]

    def tokens(self, scorer: Scorer, segments: Sequence[Segment], before: int) -> dict[int, list[Token]]:
        """The pieces of each segment's translation with their scores, by the segment's id."""
        batches = Batches(scorer.score_tokens or self.batch_tokens, scorer.workers)
        found = {}
        for item, scored in run(list(map(Item, segments)), scorer.score, batches, before):
            pieces = [*item.target, EOS]
            if len(item.target) >= item.segment.query(0).limit(self.options):
                pieces.pop()  # it was cut off there, without </s>
            scores = (scored.token_scores or [])[: len(pieces)]
            found[id(item.segment)] = list(zip(self.target_tokenizer.pieces(pieces), scores, strict=True))
        return found

    def links(
        self, aligner: Aligner, lines: Sequence[str], segments: Sequence[Segment], before: int
    ) -> Iterator[tuple[int, list[Link]]]:
        """The links of each line that has segments."""
        by_line = {line: list(parts) for line, parts in groupby(segments, key=lambda segment: segment.line)}
        items: list[Item] = []
        for line, parts in by_line.items():
            spelled = [spelled_out(self.source_tokenizer.spell(part.pieces), part.items) for part in parts]
            words = words_of_pieces(self.assembler.rewriter.shown(lines[line]), spelled, parts)
            items += map(Item, parts, words)
        found: dict[int, list[Link]] = {}
        for item, weights in run(items, aligner.align, Batches(self.batch_tokens, aligner.workers), before):
            spelling = spelled_out(self.target_tokenizer.spell(item.target), item.segment.items)
            ends = target_words(spelling)
            found[id(item.segment)] = links_of(word_weights(weights, ends, item.source_words))
        for line, parts in by_line.items():
            yield line, sorted(set(self.joined(parts, found)))

    def joined(self, parts: list[Segment], found: dict[int, list[Link]]) -> Iterator[Link]:
        """The links of a line from those of its segments, whose target words are counted from their own beginning."""
        texts = self.assembler.best(parts)
        before = words_before(texts, [part.gap for part in parts])
        for part, text, first in zip(parts, texts, before, strict=True):
            words = len(text.split())
            # A final mark that was lent may have been a word.
            yield from ((source, first + target) for source, target in found[id(part)] if target < words)


def words_of_pieces(line: str, spelled: Sequence[Sequence[bytes]], parts: Sequence[Segment]) -> Iterator[list[int]]:
    """The word of the line that each piece of each segment is part of; a term's translation in it is part of the term.

    ``spelled`` are the pieces.
    """
    added = [
        are_added(pieces) if part.added else [False] * len(pieces) for pieces, part in zip(spelled, parts, strict=True)
    ]
    own = [list(compress(pieces, map(not_, some))) for pieces, some in zip(spelled, added, strict=True)]
    for words, some in zip(source_words(line, own, [part.lent for part in parts]), added, strict=True):
        ended = accumulate(map(not_, some))
        yield [words[max(0, count - 1)] for count in ended]


def words_before(texts: Sequence[str], gaps: Sequence[str]) -> Iterator[int]:
    """The number of words before each text in the line that ``join_sentences`` makes of all.

    Without a space between two texts, the last word of one goes on in the other.
    """
    count, last = 0, ""
    for text, gap in zip(texts, gaps, strict=True):
        pair = join_sentences((last, text), ("", gap))
        count += len(pair.split()) - len(last.split())
        yield count - len(text.split())
        last = text or last


def run(
    items: list[Item],
    work: Callable[[Sequence[Query], Sequence[Sequence[int]]], list[Result]],
    batches: Batches,
    before: int,
) -> Iterator[tuple[Item, Result]]:
    """Each item with the result of its hypothesis. Raises BusyError for one that does not fit into memory."""

    def batch(some: list[Item]) -> list[Result]:
        return work([Query(item.segment.pieces) for item in some], [item.target for item in some])

    def alone(item: Item) -> BusyError:
        line = before + item.segment.line + 1
        return BusyError(f"line {line} does not fit into memory even alone", "use a smaller model")

    for some, results in batches.run(items, batch, alone, Silent()):
        yield from zip(some, results, strict=True)
