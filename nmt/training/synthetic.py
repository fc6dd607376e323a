"""Pairs that a model made: texts are translated, what looks wrong is dropped, and the rest is kept as a split.

Back-translation of monolingual text (Sennrich et al. 2016) and a teacher's translations of the training sources (Kim
and Rush 2016) are the same work. It is done in windows, and a process that is killed loses one at most. Knows ids, an
engine and checks; not when pairs are made or read.
"""

import hashlib
import json
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, Self

import numpy as np

from nmt.config import SearchOptions
from nmt.corpus.batches import Integers
from nmt.corpus.dataset import Dataset
from nmt.corpus.shards import Ids, Ragged, Split, SplitWriter
from nmt.decoding.batching import Batches
from nmt.decoding.checks import CHECKS, Checks
from nmt.decoding.engine import Engine, Hypothesis, length_limit
from nmt.decoding.segments import Segment
from nmt.disk.folders import create_folder
from nmt.disk.manifest import read_manifest, replaceable, write_manifest
from nmt.disk.scratch import Scratch, Stage, drop_scratch, open_scratch
from nmt.errors import BusyError, DataError, MissingInputError, StorageError
from nmt.scoring.metrics import sentence_bleu
from nmt.text.progress import Progress, Silent
from nmt.text.reserved import SLOTS
from nmt.text.tokenizer import Tokenizer
from nmt.training.stages import fitting

KIND, FORMAT = "nmt synthetic pairs", 1
NAME = "pairs"
OURS = re.compile(rf"{NAME}-(?:rows|\d{{5,}}\.(?:source|target))\.bin")
WINDOW = 1024  # texts, after which a process that is killed has lost nothing
SEARCH_TOKENS = 2048  # padded source tokens of a batch to translate
EMPTY, LONG, SLOTS_DIFFER = "empty", "too-long", "slots"  # why a translation is dropped, beside CHECKS
WINDOW_STREAM = 5  # begins the seed of the order of windows
_AGAIN = "restore the folder, or start anew with `overwrite`, which moves the run aside"


class Interrupted(BusyError):  # noqa: N818  # no error: someone asked for it
    """Raised when the run is asked to stop; what is done already stays for the next process."""


@dataclass(frozen=True)
class Way:
    """A direction in which a model translates, and what its translations are held to."""

    engine: Engine
    source: Tokenizer
    target: Tokenizer
    options: SearchOptions
    checks: Sequence[Checks]  # by the corpus of a text

    def translate(
        self, texts: Sequence[Ids], interrupted: Callable[[], bool], progress: Progress
    ) -> list[list[Hypothesis]]:
        """The hypotheses for each text. Raises Interrupted; BusyError when a text does not fit into memory."""
        segments = [Segment(place, ids.tolist()) for place, ids in enumerate(texts)]

        def work(batch: list[Segment]) -> list[list[Hypothesis]]:
            return self.engine.search([segment.query(segment.line) for segment in batch], self.options)

        found: list[list[Hypothesis]] = [[] for _ in texts]
        batches = Batches(SEARCH_TOKENS // self.options.beam_size, self.engine.workers)
        for batch, results in batches.run(segments, work, _alone, Silent()):
            for segment, hypotheses in zip(batch, results, strict=True):
                found[segment.line] = hypotheses
            progress.advance(len(batch))
            if interrupted():
                raise Interrupted("stopped while it translated", "the same command resumes")
        return found

    def failed(
        self, texts: Sequence[Ids], made: Sequence[Sequence[int]], corpora: Sequence[int], longest: int
    ) -> list[str]:
        """Why each translation is dropped, by the name of a check; "" for one that is kept."""
        sources = self.source.decode_slotted([ids.tolist() for ids in texts])
        translations = self.target.decode_slotted(made)
        lines = zip(texts, made, zip(sources, translations, strict=True), corpora, strict=True)
        return [self._failed(*line, longest) for line in lines]

    def _failed(self, ids: Ids, made: Sequence[int], texts: tuple[str, str], corpus: int, longest: int) -> str:
        if not texts[1].strip():
            return EMPTY
        if len(made) > longest:
            return LONG
        if slots_of(ids.tolist(), self.source) != slots_of(made, self.target):
            return SLOTS_DIFFER
        is_cut_off = len(made) >= length_limit(len(ids), self.options.max_length_factor)
        return next(iter(self.checks[corpus].failed(*texts, (len(ids), len(made)), is_cut_off)), "")


def _alone(segment: Segment) -> BusyError:
    return BusyError("out of memory while translating a single text", "prepare with a smaller `max_length`")


def slots_of(ids: Sequence[int], tokenizer: Tokenizer) -> Counter[int]:
    """How often each slot is among the ids."""
    first = tokenizer.first_reserved
    return Counter(id - first for id in ids if 0 <= id - first < SLOTS)


def longest_of(data: Dataset) -> int:
    """The length limit of a side, in pieces."""
    longest: int = data.manifest["options"]["max_length"]
    return longest


@dataclass(frozen=True)
class Texts:
    """What is translated: rows of a split, each with a text on one side, or pairs whose targets are references."""

    split: Split
    forwards: Way
    backwards: Way | None = None  # for texts in the target language; None: there are none
    reads_made: bool = False  # whether pairs of texts in the source language read what was made, as others do
    by_reference: bool = False  # whether the hypothesis that is most like the target is taken

    def pairs(
        self, rows: Integers, longest: int, interrupted: Callable[[], bool], progress: Progress
    ) -> tuple[list[Sequence[int]], list[Sequence[int]], list[int], Counter[str]]:
        """Sources, targets and corpora of the pairs made of these rows; how many were dropped, by a check's name."""
        sources, targets = self.split.ids(rows)
        corpora = self.corpora(rows)
        made: dict[int, tuple[Sequence[int], Sequence[int]]] = {}
        dropped = Counter[str]()
        for side, way in enumerate((self.forwards, self.backwards)):
            own = [row for row in range(len(rows)) if way and bool(len(sources[row])) == (side == 0)]
            if not (way and own):
                continue
            texts = [(sources, targets)[side][row] for row in own]
            found = way.translate(texts, interrupted, progress)
            best = [self._best(hypotheses, targets[row]) for row, hypotheses in zip(own, found, strict=True)]
            failed = way.failed(texts, best, [corpora[row] for row in own], longest)
            for row, text, translation, check in zip(own, texts, best, failed, strict=True):
                if check:
                    dropped[check] += 1
                elif side or self.reads_made:
                    made[row] = (translation, text.tolist())
                else:
                    made[row] = (text.tolist(), translation)
        kept = sorted(made)
        return [made[row][0] for row in kept], [made[row][1] for row in kept], [corpora[row] for row in kept], dropped

    def corpora(self, rows: Integers) -> list[int]:
        """The number of each row's corpus; texts of one language are one corpus."""
        return self.split.corpus_ids(rows) if self.by_reference else [0] * len(rows)

    def _best(self, hypotheses: Sequence[Hypothesis], reference: Ids) -> list[int]:
        if not self.by_reference:
            return list(map(int, hypotheses[0].pieces))
        wanted = reference.tolist()
        scores = [sentence_bleu(hypothesis.pieces, wanted) for hypothesis in hypotheses]
        return list(map(int, hypotheses[scores.index(max(scores))].pieces))


@dataclass(frozen=True)
class Pairs:
    """Finished pairs on disk."""

    split: Split
    facts: Mapping[str, Any]

    @classmethod
    def open(cls, folder: Path, data: Dataset, weighted: bool = False) -> Self:
        """The pairs in a folder, for a run on ``data``. Raises DataError when it is missing or damaged.

        ``weighted`` pairs are made of the training pairs, and weigh as much as the corpora of these.
        """
        try:
            facts = read_manifest(folder, verify=False)
        except MissingInputError as error:
            raise DataError(error.what, _AGAIN) from None
        counts = (facts.get("pairs"), facts.get("texts"))
        if (facts.get("kind"), facts.get("format")) != (KIND, FORMAT) or not all(type(n) is int for n in counts):
            raise DataError(f"{folder} does not hold synthetic pairs of this version", _AGAIN)
        sizes, files = (data.source_vocabulary, data.target_vocabulary), facts["files"]
        weights, corpora = (data.train.weights.tolist(), data.train.corpora) if weighted else ([], 1)
        known = {"longest": longest_of(data), "rows": facts["pairs"], "files": files}
        return cls(Split(folder, NAME, *sizes, weights=weights, corpora=corpora, **known), facts)

    @property
    def digest(self) -> str:
        """SHA-256 of the pairs."""
        return hashlib.sha256(json.dumps(self.facts["files"], sort_keys=True).encode()).hexdigest()


@dataclass
class Making:
    """Makes the pairs of ``texts`` in ``folder`` but for those that an earlier process made by the same ``work``."""

    folder: Path
    texts: Texts
    data: Dataset
    work: str  # a digest of the model and of all else that the pairs depend on
    seed: Sequence[int]  # of the order of windows
    most: float  # texts that are translated: as many as training will read
    progress: Progress
    seconds: float = inf  # that it may take; windows are cut to what fits
    least: float = 0.0  # texts of which an earlier process must have made the pairs, if there are so many

    def make(self, interrupted: Callable[[], bool]) -> Mapping[str, Any]:
        """Make the pairs that are missing; returns the facts of their manifest. Raises Interrupted."""
        made = self._made()
        if made and made.facts["texts"] >= min(self.least, len(self.texts.split)):
            drop_scratch(self.folder, OURS)  # of a process that was killed right after it was done
            return made.facts
        # On a full disk hours of translations would be lost for the little space that they take.
        with open_scratch(self.folder, self.work, OURS, stays_after=(StorageError,)) as scratch:
            if made:
                self._begin_with(made, scratch)
            with scratch.stage(NAME) as stage:
                self.progress.start("translating", self.total, "texts")
                try:
                    facts = self._run(stage, interrupted)
                finally:
                    self.progress.finish()
            with create_folder(self.folder, replaceable(KIND)) as new:
                stage.hand_over(new)
                write_manifest(new, facts)
        return facts

    @property
    def total(self) -> int:
        """Texts that are translated at most."""
        return int(min(self.most, len(self.texts.split)))

    def _made(self) -> Pairs | None:
        """The finished pairs of this work, if there are any."""
        try:
            pairs = Pairs.open(self.folder, self.data)
        except DataError:
            return None
        return pairs if pairs.facts.get("work") == self.work else None

    def _begin_with(self, made: Pairs, scratch: Scratch) -> None:
        """Copy finished pairs of fewer texts, unless they are copied: they stay as they are until there are more."""
        facts = made.facts
        with scratch.stage(NAME) as stage:
            if stage.value:
                return
            for name in filter(OURS.fullmatch, facts["files"]):
                with (self.folder / name).open("rb") as file:
                    shutil.copyfileobj(file, copy := stage.append(name))
                if copy.digest.hexdigest() != facts["files"][name]["sha256"]:
                    return
            stage.note({name: facts[name] for name in ("texts", "dropped", "seconds")} | {"split": made.split.state})

    def _run(self, stage: Stage, interrupted: Callable[[], bool]) -> dict[str, Any]:
        state = stage.value or {"texts": 0, "dropped": {}, "split": None, "seconds": 0.0}
        started = time.monotonic() - state["seconds"]
        sizes = (self.data.source_vocabulary, self.data.target_vocabulary)
        writer = SplitWriter(stage.append, NAME, *sizes, state=state["split"])
        texts, dropped = state["texts"], Counter(state["dropped"])
        longest = longest_of(self.data)
        self.progress.advance(texts)
        windows, left = self._windows(texts), np.empty(0, np.int64)
        while texts < self.total and (
            count := int(min(self.total - texts, fitting(texts, time.monotonic() - started, self.seconds)))
        ):
            left = left if len(left) else next(windows)
            rows, left = left[:count], left[count:]
            sources, targets, corpora, failed = self.texts.pairs(rows, longest, interrupted, self.progress)
            if sources:
                writer.append(Ragged.of(sources), Ragged.of(targets), np.array(corpora))
            dropped += failed
            texts += len(rows)
            state = {"texts": texts, "dropped": dropped, "split": writer.state}
            stage.note({**state, "seconds": time.monotonic() - started})
        names = (*CHECKS, EMPTY, LONG, SLOTS_DIFFER)
        return {
            "kind": KIND,
            "format": FORMAT,
            "work": self.work,
            "texts": texts,
            "pairs": writer.rows,
            "dropped": {name: dropped[name] for name in names if dropped[name]},
            "seconds": round(time.monotonic() - started, 1),
        }

    def _windows(self, done: int) -> Iterator[Integers]:
        """The rows of each window, without the first ``done``; which windows come first is drawn by the seed."""
        count = -(-len(self.texts.split) // WINDOW)
        order = np.random.default_rng([WINDOW_STREAM, *self.seed]).permutation(count)
        for window in order.tolist():
            rows = np.arange(window * WINDOW, min((window + 1) * WINDOW, len(self.texts.split)))
            if done < len(rows):
                yield rows[done:]
            done = max(0, done - len(rows))
