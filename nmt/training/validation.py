"""Validation: the loss of the averaged model on the validation pairs, and the scores of its translations of them.

A young model translates each line up to the length limit, so a validation may outlast its process or its share of the
budget. Translations are therefore stored batch by batch, and the duration is estimated after the first of them. Knows
nothing of what follows from the scores.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from math import exp, inf
from pathlib import Path
from threading import Lock

import numpy as np
import torch

from nmt.config import SearchOptions
from nmt.corpus.batches import Batch, blocks, halves, plan_block, read_batch
from nmt.corpus.dataset import Dataset
from nmt.decoding.engine import EXTRA_PIECES, Hypothesis, Query
from nmt.decoding.engines.pytorch import PyTorchEngine
from nmt.decoding.usable import Usable
from nmt.errors import BusyError, is_out_of_memory
from nmt.model.attention import without_cudnn
from nmt.store.kept import Kept
from nmt.text.progress import Silent
from nmt.training.objective import Objective, TensorBatch
from nmt.training.request import TrainJob
from nmt.training.scores import scores_of, translated
from nmt.training.state import TrainState

BATCH_TOKENS = 4096
MARGIN = 1.5  # longest translation allowed, as a ratio to the longest reference
SAMPLES = 3  # translations that a reporter and the log get after each validation
LONGEST_SAMPLE = 300  # characters of a text in the log


@dataclass(frozen=True)
class Sample:
    """A validation pair with its translation."""

    source: str
    reference: str
    hypothesis: str

    def shortened(self) -> dict[str, str]:
        """The texts as metrics.jsonl has them, each cut to LONGEST_SAMPLE characters."""
        return {name: value[:LONGEST_SAMPLE] for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Validation:
    """The scores of one validation."""

    step: int
    loss: float  # mean cross-entropy of the target tokens without label smoothing, in nats
    bleu: float
    chrf: float
    samples: Sequence[Sample] = ()
    usable: Mapping[str, Usable | None] = field(default_factory=dict)  # says of translations into each language how
    # probably they are; None if fitted on too few lines
    directions: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # BLEU and chrF of each of several

    @property
    def by_direction(self) -> dict[str, dict[str, float]]:
        """The scores of each of several directions, as metrics and manifests have them."""
        return {name: {"bleu": bleu, "chrf": chrf} for name, (bleu, chrf) in self.directions.items()}

    @property
    def perplexity(self) -> float:
        return exp(min(self.loss, 700.0))


class Stopped(Exception):  # noqa: N818  # no error: someone asked for it
    """Raised in a validation when the run is asked to stop."""


class TooSlow(Exception):  # noqa: N818  # no error: the caller translates fewer lines
    """Raised early in a validation whose estimated ``seconds`` are more than it may take."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


@dataclass
class KeptEngine:
    """An engine that stores its hypotheses on disk and reuses them for the same batch of sources."""

    engine: PyTorchEngine
    kept: Kept
    batches: int = 0  # searched by this process
    tokens: int = 0  # source tokens of these batches
    reused: int = 0  # source tokens of the batches that were stored already
    lock: Lock = field(default_factory=Lock)
    scores: bool = False  # a young model loses all slots, and to look for the best place of each takes minutes

    @property
    def workers(self) -> int:
        return self.engine.workers

    def supports(self, options: SearchOptions) -> str | None:
        return self.engine.supports(options)

    def about(self) -> Mapping[str, str | int]:
        return self.engine.about()

    def search(self, queries: Sequence[Query], options: SearchOptions) -> list[list[Hypothesis]]:
        key = hashlib.sha256(json.dumps([list(query.pieces) for query in queries]).encode()).hexdigest()
        value = self.kept.get(key)
        if value is None:
            hypotheses = self.engine.search(queries, options)
            self.kept.put(key, [[[list(map(int, each.pieces)), each.score] for each in beam] for beam in hypotheses])
            with self.lock:
                self.batches += 1
                self.tokens += sum(len(query.pieces) for query in queries)
            return hypotheses
        with self.lock:
            self.reused += sum(len(query.pieces) for query in queries)
        return [[Hypothesis(pieces, score) for pieces, score in beam] for beam in value]


@dataclass
class Watch(Silent):
    """Interrupts a validation between batches: when asked to stop, or early when it would take too long."""

    should_stop: Callable[[], bool]
    engine: KeptEngine
    tokens: int = 0  # of all sources
    allowed: float = inf  # seconds
    started: float = field(default_factory=time.monotonic)
    reused: int = 0  # by the engine, when last asked

    def advance(self, count: int = 1) -> None:
        if self.reused != self.engine.reused:  # a stored batch takes no time: a process always gets to a new one
            self.reused = self.engine.reused
            return
        if self.should_stop():
            raise Stopped
        # Estimated once each worker has finished a batch, and no longer when most are finished.
        tokens = self.tokens - self.engine.reused
        if self.engine.workers <= self.engine.batches and self.engine.tokens < tokens / 2:
            seconds = (time.monotonic() - self.started) * tokens / self.engine.tokens
            if seconds > self.allowed:
                raise TooSlow(seconds)


def validate(
    state: TrainState,
    job: TrainJob,
    keep: Path,
    should_stop: Callable[[], bool],
    threads: int,
    allowed: float = inf,
    lines: int | None = None,
) -> Validation | None:
    """Score the running average of the weights on the validation set; None when ``should_stop`` interrupts it.

    Translates by greedy search, which ranks models as beam search does; on a CPU ``threads`` batches at once. The file
    ``keep`` stores finished translations until all are there. With ``lines``, so many evenly spaced pairs are
    translated. Raises TooSlow when that would take more than ``allowed`` seconds, BusyError when a single pair
    does not fit into memory.
    """
    data = job.data
    device = state.average.output_weight.device
    workers = threads if device.type == "cpu" else 1
    chosen = spread(len(data.valid_source), len(data.valid_source) if lines is None else lines)
    before = torch.get_num_threads()
    if workers > 1:
        torch.set_num_threads(1)  # each search has one
    with closing(Kept(keep, work_of(state, data))) as kept:
        plain = PyTorchEngine.of(state.average, job.tokenizers[1].control_ids(), device, workers)
        engine = KeptEngine(plain, kept)
        options = SearchOptions(beam_size=1, max_length_factor=length_factor(data))
        try:
            # The loss first: it takes little time, and each process computes it again.
            loss = validation_loss(state, data, Watch(should_stop, engine))
            pieces = data.valid.pieces[0] * len(chosen) // len(data.valid_source)
            watch = Watch(should_stop, engine, pieces, allowed)
            translations = translated(job, engine, options, chosen, watch)
        except Stopped:
            return None
        finally:
            torch.set_num_threads(before)
        scores = scores_of(data, chosen, translations)
        kept.drop()
    shown = spread(len(chosen), min(SAMPLES, len(chosen)))
    samples = [
        Sample(data.valid_source[chosen[place]], data.valid_target[chosen[place]], translations[place].text)
        for place in shown
    ]
    return Validation(state.counters.step, loss, *scores.mean, samples, scores.usable, scores.named)


def spread(count: int, chosen: int) -> list[int]:
    """The indices of ``chosen`` evenly spaced rows of ``count``."""
    return [index * count // chosen for index in range(chosen)]


def work_of(state: TrainState, data: Dataset) -> str:
    """A name for the translations of these weights: a digest of the weights and of what is translated."""
    digest = hashlib.sha256(f"{state.counters.step} {data.digest} {length_factor(data)}".encode())
    for name, tensor in sorted(state.average.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def length_factor(data: Dataset) -> float:
    """The ``max_length_factor`` that allows MARGIN times the longest reference."""
    source, target = data.valid.lengths(np.arange(len(data.valid)))
    longest = float(((target - EXTRA_PIECES) / np.maximum(1, source)).max())
    return min(SearchOptions().max_length_factor, max(1.0, MARGIN * longest))


@torch.inference_mode()
def validation_loss(state: TrainState, data: Dataset, watch: Watch) -> float:
    """Mean cross-entropy of the target tokens of the validation pairs, in nats."""
    objective = Objective(state.average, label_smoothing=0.0).eval()
    device = state.average.output_weight.device
    total, tokens = 0.0, 0
    for block in range(blocks(len(data.valid))):
        for rows in plan_block(data.valid, BATCH_TOKENS, seed=0, epoch=0, block_in_epoch=block):
            batch = read_batch(data.valid, rows)
            total += summed_loss(objective, batch, device)
            tokens += batch.target_tokens
            watch.advance()
    return total / tokens


def summed_loss(objective: Objective, batch: Batch, device: torch.device) -> float:
    """The summed loss of a batch, by halves if memory is short. Raises BusyError when a single pair does not fit."""
    try:
        with without_cudnn(device):
            return float(objective(TensorBatch.of(batch.sources, batch.targets, device), 1.0).item())
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    if len(batch.rows) == 1:
        raise BusyError("out of memory while validating a single pair", "prepare with a smaller `max_length`")
    return sum(summed_loss(objective, half, device) for half in halves(batch))
