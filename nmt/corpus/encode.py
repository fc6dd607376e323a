"""Second pass over the text: kept pairs are encoded and written to the dataset, dropped pairs are listed.

Knows verdicts, tokenizers and the files of a dataset; not how pairs were judged.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import compress
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from nmt.corpus.dataset import DROPPED, VALID_TEXT
from nmt.corpus.means import Means
from nmt.corpus.parallel import Corpus, Pair, read_chunks
from nmt.corpus.scan import Scanned
from nmt.corpus.shards import SplitWriter
from nmt.corpus.verdicts import HELD_OUT, KEPT, TOO_LONG, Verdicts
from nmt.disk.files import create_binary
from nmt.disk.scratch import Stage
from nmt.text.ahead import ahead
from nmt.text.directions import Direction
from nmt.text.lines import one_line
from nmt.text.normal import normal
from nmt.text.profile import ProfileCounter
from nmt.text.reserved import RESERVED, SLOTS
from nmt.text.slots import Find, slotted, slotted_pair
from nmt.text.tokenizer import Tokenizer
from nmt.text.verbatim import Grammar, LateLines

LEAST_SHOWN = 50  # pairs with a slot from which a model copies it


@dataclass(frozen=True)
class Encoder:
    """Encodes pairs: one tokenizer for each side, the length limit in pieces, and the number of threads.

    What both sides have of the ``grammar`` becomes slots. ``tags`` are the pieces that ask for a target language, where
    there are several.
    """

    source: Tokenizer
    target: Tokenizer
    max_length: int
    workers: int
    grammar: Grammar
    tags: Mapping[str, int] = field(default_factory=dict)

    def encode(
        self, pairs: Sequence[Pair], tag: Sequence[int] = (), late: Sequence[set[str]] = ()
    ) -> tuple[list[list[int]], list[list[int]], npt.NDArray[np.bool_]]:
        """Encode pairs: source ids, target ids, and whether each pair is within the length limit, bool (pairs,).

        A pair over the limit may come back with empty lists. The ``tag`` is one that its sources get later. Each set of
        ``late`` gets the kinds that are left out of a pair, because their patterns take too long.
        """
        find = self.grammar.find
        finds: list[Find] = [partial(find, late=some) for some in late] or [find] * len(pairs)
        given, pairs = pairs, [slotted_pair(*pair, own, vary=True) for pair, own in zip(pairs, finds, strict=True)]
        slotted = [pair != as_given for pair, as_given in zip(pairs, given, strict=True)]
        may_fit = [self._may_fit(pair) for pair in pairs]
        pairs = [pair if may else ("", "") for pair, may in zip(pairs, may_fit, strict=True)]
        source = self.source.encode_slotted([pair[0] for pair in pairs], slotted, self.workers)
        target = self.target.encode_slotted([pair[1] for pair in pairs], slotted, self.workers)
        longest = [max(len(left) + len(tag), len(right)) for left, right in zip(source, target, strict=True)]
        return source, target, np.array(may_fit, bool) & (np.array(longest, np.int64) <= self.max_length)

    def tag(self, target_language: str) -> list[int]:
        """What the sources of a target language begin with."""
        return [self.tags[target_language]] if self.tags else []

    def encode_side(self, texts: Sequence[str], side: int, slots: int) -> tuple[list[list[int]], npt.NDArray[np.bool_]]:
        """Encode texts of one side, 0 for sources: their ids, and whether each is within the length limit.

        The first ``slots`` matches of the grammar become slots, as when a line is translated.
        """
        tokenizer = (self.source, self.target)[side]
        made = [slotted(text, self.grammar.find, slots) for text in texts]
        may_fit = [self._may_fit((text.text, "") if side == 0 else ("", text.text)) for text in made]
        given = [text.text if may else "" for text, may in zip(made, may_fit, strict=True)]
        ids = tokenizer.encode_slotted(given, [text.items for text in made], self.workers)
        fits = np.fromiter(map(len, ids), np.int64, len(ids)) <= self.max_length
        return ids, fits & np.array(may_fit, bool)

    def _may_fit(self, pair: Pair) -> bool:
        """Whether each side has so few characters that ``max_length`` pieces could spell it; if not, skip encoding."""
        most = self.source.longest * self.max_length, self.target.longest * self.max_length
        return all(len(text) <= limit or len(normal(text)) <= limit for text, limit in zip(pair, most, strict=True))


class _Outputs:
    """The files of the dataset that grow chunk by chunk, as far as an earlier process has written them."""

    def __init__(self, stage: Stage, encoder: Encoder, counters: Mapping[Direction, ProfileCounter]) -> None:
        state = stage.value or {"pairs": 0, "splits": {}, "profiles": [{}] * len(counters), "late": {}}
        self._stage = stage
        self.done: int = state["pairs"]
        self.counters = counters
        for counter, counted in zip(counters.values(), state["profiles"], strict=True):
            counter.restore(counted)
        self.late = LateLines(*map(dict.fromkeys, state["late"].values()))
        sizes = (encoder.source.size, encoder.target.size)
        self.splits = {
            name: SplitWriter(stage.append, name, *sizes, state=state["splits"].get(name))
            for name in ("train", "valid")
        }
        self.valid_text = [stage.append(name) for name in VALID_TEXT.values()]
        self.verdicts = stage.append("verdicts.bin")  # of the pairs that were encoded, for the next process

    def note(self, verdicts: Verdicts) -> None:
        """Note that the chunk with these verdicts is done."""
        self.verdicts.write(verdicts)
        self.done += len(verdicts)
        splits = {name: split.state for name, split in self.splits.items()}
        profiles = [counter.state() for counter in self.counters.values()]
        late = {name: list(names) for name, names in vars(self.late).items()}
        self._stage.note({"pairs": self.done, "splits": splits, "profiles": profiles, "late": late})

    def counter(self, direction: Direction) -> ProfileCounter:
        """What counts the pairs of a direction."""
        return self.counters[direction] if len(self.counters) > 1 else next(iter(self.counters.values()))


def encode(
    folder: Path,
    scanned: Sequence[Scanned],
    encoder: Encoder,
    counters: Mapping[Direction, ProfileCounter],
    means: Means,
) -> dict[str, int]:
    """Write both splits, the validation text and the list of dropped pairs; return the number of rows by split.

    Marks pairs over the length limit in ``scanned``, and counts the training pairs of each direction. Raises what
    ``read_pairs`` raises; a corpus that changed since the first pass no longer matches its hashes.
    """
    corpora = [entry for entry in scanned if entry.role != "test"]
    means.progress.start("encoding", total=sum(len(entry.verdicts) for entry in corpora), unit="pairs")
    with means.scratch.stage("encoded") as stage:
        outputs = _Outputs(stage, encoder, counters)
        done = _restore(corpora, stage.path("verdicts.bin"), outputs.done)
        means.progress.advance(outputs.done)
        for number, entry in enumerate(corpora):
            start = done[number]
            for pairs in ahead(_chunks(entry.corpus, start)) if start < len(entry.verdicts) else ():
                outputs.note(_encode_chunk(entry, number, start, pairs, encoder, outputs))
                start += len(pairs)
                means.progress.advance(len(pairs))
    stage.hand_over(folder, without={"verdicts.bin"})
    with create_binary(folder / DROPPED) as dropped:
        for entry in corpora:
            _list_dropped(entry, dropped)
    means.progress.finish()
    outputs.late.warn(means.progress)
    return {name: split.rows for name, split in outputs.splits.items()}


def _restore(corpora: Sequence[Scanned], path: Path, done: int) -> list[int]:
    """Give the first ``done`` pairs the verdicts in the file; return how many those are of each corpus."""
    counts = []
    with path.open("rb") as file:
        for entry in corpora:
            count = min(done, len(entry.verdicts))
            entry.verdicts[:count] = np.fromfile(file, np.uint8, count)
            counts.append(count)
            done -= count
    return counts


def _chunks(corpus: Corpus, done: int) -> Iterator[list[Pair]]:
    """The chunks of a corpus without its first ``done`` pairs."""
    for chunk in read_chunks(corpus):
        if done < len(chunk):
            yield chunk[done:]
        done = max(0, done - len(chunk))


def _encode_chunk(
    entry: Scanned, number: int, start: int, pairs: list[Pair], encoder: Encoder, outputs: _Outputs
) -> Verdicts:
    """Encode the pairs of corpus ``number`` from ``start`` on; returns their verdicts."""
    verdicts = entry.verdicts[start : start + len(pairs)]  # a view, so marks made in it reach ``entry``
    wanted = np.flatnonzero((verdicts == KEPT) | (verdicts == HELD_OUT))
    tag = encoder.tag(entry.corpus.languages[1])
    late = [set[str]() for _ in wanted]
    source, target, fits = encoder.encode([pairs[row] for row in wanted], tag, late)
    for row, kinds in zip(wanted.tolist(), late, strict=True):
        outputs.late.add(f"{entry.corpus.name} line {start + row + 1}", kinds)
    verdicts[wanted[~fits]] = TOO_LONG
    for split, verdict in ((entry.role, KEPT), ("valid", HELD_OUT)):
        chosen = verdicts[wanted] == verdict
        sources = list(compress(source, chosen))
        outputs.splits[split].append(
            [tag + ids for ids in sources] if tag else sources, list(compress(target, chosen)), number
        )
        texts = [pairs[row] for row in wanted[chosen]]
        if split == "train":
            outputs.counter(entry.corpus.languages).add(texts, map(len, sources))
        else:
            for pair in texts:
                for text, file in zip(pair, outputs.valid_text, strict=True):
                    file.write(one_line(text).encode() + b"\n")
    return verdicts


def slots_shown(counts: npt.NDArray[np.int64]) -> int:
    """The number of slots that training shows often enough, by the ``counts`` (V,) of the pieces of its targets."""
    shown = counts[len(counts) - RESERVED :][:SLOTS] >= LEAST_SHOWN
    return int(shown.cumprod().sum())


def _list_dropped(entry: Scanned, file: BinaryIO) -> None:
    for row in np.flatnonzero(entry.verdicts).tolist():
        rule, score = entry.names[entry.verdicts[row]], entry.scores[row] or 1.0
        file.write(f"{entry.corpus.name}\t{row + 1}\t{rule}\t{score:.4g}\n".encode())
