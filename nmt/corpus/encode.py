"""Third pass over the text: kept pairs are encoded and written to the dataset.

Knows verdicts, tokenizers and the files of a dataset; not how pairs were judged.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nmt.corpus.dataset import VALID_TEXT
from nmt.corpus.encoder import Encoded, Encoder, Unencoded
from nmt.corpus.means import Means
from nmt.corpus.parallel import read_chunks
from nmt.corpus.rules.rule import AT_A_TIME
from nmt.corpus.scan import Scanned
from nmt.corpus.shards import SplitWriter
from nmt.corpus.verdicts import Verdicts
from nmt.disk.scratch import Stage
from nmt.text.ahead import ahead
from nmt.text.directions import Direction
from nmt.text.lines import one_line
from nmt.text.profile import ProfileCounter
from nmt.text.reserved import RESERVED, SLOTS
from nmt.text.verbatim import LateLines

LEAST_SHOWN = 50  # pairs with a slot from which a model copies it


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


def encode(
    folder: Path,
    scanned: Sequence[Scanned],
    encoder: Encoder,
    counters: Mapping[Direction, ProfileCounter],
    means: Means,
) -> dict[str, int]:
    """Write both splits and the validation text; return the number of rows by split.

    Marks pairs over the length limit in ``scanned``, and counts the training pairs of each direction. Raises what
    ``read_pairs`` raises; a corpus that changed since the first pass no longer matches its hashes.
    """
    corpora = [entry for entry in scanned if entry.role != "test"]
    total = sum(len(entry.verdicts) for entry in corpora)
    means.progress.start("encoding", total=total, unit="pairs")
    with means.scratch.stage("encoded") as stage:
        outputs = _Outputs(stage, encoder, counters)
        done = _restore(corpora, stage.path("verdicts.bin"), outputs.done)
        means.progress.advance(outputs.done)
        with means.mapped(encoder, total - outputs.done) as encode_all:
            for encoded in encode_all(ahead(_chunks(corpora, done, counters))) if outputs.done < total else ():
                _write(encoded, corpora, outputs)
                means.progress.advance(len(encoded.chunk.verdicts))
    stage.hand_over(folder, without={"verdicts.bin"})
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


def _chunks(
    corpora: Sequence[Scanned], done: Sequence[int], counters: Mapping[Direction, ProfileCounter]
) -> Iterator[Unencoded]:
    """The chunks of the corpora without the pairs that are ``done`` of each."""
    for number, (entry, before) in enumerate(zip(corpora, done, strict=True)):
        (_, toward), first = entry.corpus.languages, 0
        language = _of(counters, entry.corpus.languages).language
        for pairs in read_chunks(entry.corpus) if before < len(entry.verdicts) else ():
            end = first + len(pairs)
            for start in range(max(first, before), end, AT_A_TIME):
                rows = slice(start, min(start + AT_A_TIME, end))
                own = pairs[rows.start - first : rows.stop - first]
                about = number, entry.corpus.name, entry.role, start
                yield Unencoded(*about, own, entry.verdicts[rows], language, toward)
            first = end


def _of(counters: Mapping[Direction, ProfileCounter], direction: Direction) -> ProfileCounter:
    """What counts the pairs of a direction."""
    return counters[direction] if len(counters) > 1 else next(iter(counters.values()))


def _write(encoded: Encoded, corpora: Sequence[Scanned], outputs: _Outputs) -> None:
    """Write what has become of a chunk."""
    chunk = encoded.chunk
    entry = corpora[chunk.corpus]
    entry.verdicts[chunk.start : chunk.start + len(chunk.verdicts)] = chunk.verdicts
    for split, sides in encoded.rows.items():
        outputs.splits[split].append(*sides, chunk.corpus)
    for pair in encoded.valid:
        for text, file in zip(pair, outputs.valid_text, strict=True):
            file.write(one_line(text).encode() + b"\n")
    _of(outputs.counters, entry.corpus.languages).restore(encoded.counted)
    outputs.late.add_all(encoded.late)
    outputs.note(chunk.verdicts)


def slots_shown(counts: npt.NDArray[np.int64]) -> int:
    """The number of slots that training shows often enough, by the ``counts`` (V,) of the pieces of its targets."""
    shown = counts[len(counts) - RESERVED :][:SLOTS] >= LEAST_SHOWN
    return int(shown.cumprod().sum())
