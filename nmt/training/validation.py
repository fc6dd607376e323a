"""Validation: the averaged model's loss on the validation pairs, and its real translations of them, scored.

A young model goes on to the length limit on each line, so a validation may take longer than a process lives, or than a
budget has room for. Its translations are kept batch by batch, and its length is known after the first of them.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from math import exp, inf
from pathlib import Path
from threading import Lock

import numpy as np
import torch

from nmt.config import SearchOptions
from nmt.corpus.batches import Batch, blocks, halves, pad_batch, plan_block
from nmt.corpus.dataset import Dataset
from nmt.decoding.engine import EXTRA_PIECES, Hypothesis
from nmt.decoding.engines.pytorch import PyTorchEngine
from nmt.decoding.translator import Translator
from nmt.errors import BusyError, is_out_of_memory
from nmt.model.attention import without_cudnn
from nmt.scoring.metrics import corpus_scores
from nmt.store.kept import Kept
from nmt.text.progress import Silent
from nmt.text.tokenizer import Tokenizer
from nmt.training.objective import Objective, TensorBatch
from nmt.training.state import TrainState

BATCH_TOKENS = 4096
SEARCH_TOKENS = 2048  # padded source tokens of a batch that is translated
MARGIN = 1.5  # over the longest reference, that a translation may have
SAMPLES = 3  # translations shown to a person after each validation


@dataclass(frozen=True)
class Sample:
    source: str
    reference: str
    hypothesis: str


@dataclass(frozen=True)
class Validation:
    """The scores of one validation."""

    step: int
    loss: float  # cross-entropy of a target token without smoothing, in nats
    bleu: float
    chrf: float
    samples: Sequence[Sample]

    @property
    def perplexity(self) -> float:
        return exp(min(self.loss, 700.0))


class Stopped(Exception):  # noqa: N818  # no error: someone asked for it
    """Raised in the midst of a validation when it is to be left."""


class TooLongError(Exception):
    """Raised early in a validation that would take ``seconds``, more than it may."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


@dataclass
class KeptEngine:
    """An engine whose hypotheses are kept, and found again by the same batch of sources."""

    engine: PyTorchEngine
    kept: Kept
    batches: int = 0  # searched here
    tokens: int = 0  # of their sources
    found: int = 0  # tokens of the sources of those that were kept
    lock: Lock = field(default_factory=Lock)

    @property
    def workers(self) -> int:
        return self.engine.workers

    def supports(self, options: SearchOptions) -> str | None:
        return self.engine.supports(options)

    def about(self) -> Mapping[str, str | int]:
        return self.engine.about()

    def search(self, sources: Sequence[Sequence[int]], options: SearchOptions) -> list[list[Hypothesis]]:
        key = hashlib.sha256(json.dumps([list(source) for source in sources]).encode()).hexdigest()
        value = self.kept.get(key)
        if value is None:
            hypotheses = self.engine.search(sources, options)
            self.kept.put(key, [[[list(map(int, one.pieces)), one.score] for one in some] for some in hypotheses])
            with self.lock:
                self.batches += 1
                self.tokens += sum(map(len, sources))
            return hypotheses
        with self.lock:
            self.found += sum(map(len, sources))
        return [[Hypothesis(pieces, score) for pieces, score in some] for some in value]


@dataclass
class Watch(Silent):
    """Asks at every batch whether to go on, and once whether there is time enough."""

    should_stop: Callable[[], bool]
    engine: KeptEngine
    tokens: int = 0  # of all sources
    allowed: float = inf  # seconds
    started: float = field(default_factory=time.monotonic)
    found: int = 0

    def advance(self, count: int = 1) -> None:
        if self.found != self.engine.found:  # what was kept takes no time: however many of those, the next is new
            self.found = self.engine.found
            return
        if self.should_stop():
            raise Stopped
        # Each worker has one batch behind it; with most of them behind it is too late to ask.
        tokens = self.tokens - self.engine.found
        if self.engine.workers <= self.engine.batches and self.engine.tokens < tokens / 2:
            seconds = (time.monotonic() - self.started) * tokens / self.engine.tokens
            if seconds > self.allowed:
                raise TooLongError(seconds)


def validate(
    state: TrainState,
    data: Dataset,
    tokenizers: tuple[Tokenizer, Tokenizer],
    should_stop: Callable[[], bool],
    threads: int,
    keep: Path,
    allowed: float = inf,
    lines: int | None = None,
) -> Validation | None:
    """Score the running average of the weights on the validation set; None when ``should_stop`` breaks it off.

    By greedy search, since it ranks models as beams do; on a CPU ``threads`` batches are searched at once. What was
    translated is kept in the file ``keep`` until all is. Of the pairs ``lines`` are translated, spread over all. Raises
    TooLongError when that would take more than ``allowed`` seconds.
    """
    source_tokenizer, target_tokenizer = tokenizers
    device = next(state.average.parameters()).device
    workers = threads if device.type == "cpu" else 1
    chosen = spread(len(data.valid_source), len(data.valid_source) if lines is None else lines)
    sources, references = ([text[row] for row in chosen] for text in (data.valid_source, data.valid_target))
    before = torch.get_num_threads()
    if workers > 1:
        torch.set_num_threads(1)  # for each search
    with closing(Kept(keep, work_of(state, data))) as kept:
        plain = PyTorchEngine.of(state.average, target_tokenizer.control_ids(), device, workers)
        engine = KeptEngine(plain, kept)
        options = SearchOptions(beam_size=1, max_length_factor=length_factor(data))
        translator = Translator(
            engine, source_tokenizer, target_tokenizer, options, SEARCH_TOKENS, profile=data.profile
        )
        try:
            # The loss first: it is short, and is made again by each process.
            loss = validation_loss(state, data, Watch(should_stop, engine))
            pieces = data.valid.pieces[0] * len(chosen) // len(data.valid_source)
            watch = Watch(should_stop, engine, pieces, allowed)
            hypotheses = [translation.text for translation in translator.translate(sources, watch)]
        except Stopped:
            return None
        finally:
            torch.set_num_threads(before)
        bleu, chrf = corpus_scores(hypotheses, references, data.target_language)
        kept.drop()
    shown = spread(len(hypotheses), min(SAMPLES, len(hypotheses)))
    samples = [Sample(sources[row], references[row], hypotheses[row]) for row in shown]
    return Validation(state.counters.step, loss, bleu, chrf, samples)


def spread(count: int, chosen: int) -> list[int]:
    """So many of ``count`` rows, evenly."""
    return [index * count // chosen for index in range(chosen)]


def work_of(state: TrainState, data: Dataset) -> str:
    """A name for the translations of these weights."""
    digest = hashlib.sha256(f"{state.counters.step} {data.digest} {length_factor(data)}".encode())
    for name, tensor in sorted(state.average.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def length_factor(data: Dataset) -> float:
    """The ``max_length_factor`` that leaves room for every reference, and not for much more."""
    source, target = data.valid.lengths(np.arange(len(data.valid)))
    longest = float(((target - EXTRA_PIECES) / np.maximum(1, source)).max())
    return min(SearchOptions().max_length_factor, max(1.0, MARGIN * longest))


@torch.inference_mode()
def validation_loss(state: TrainState, data: Dataset, watch: Watch) -> float:
    """Cross-entropy of a target token on the validation pairs, in nats."""
    objective = Objective(state.average, label_smoothing=0.0).eval()
    device = next(state.average.parameters()).device
    total, tokens = 0.0, 0
    for block in range(blocks(len(data.valid))):
        for rows in plan_block(data.valid, BATCH_TOKENS, seed=0, epoch=0, block_in_epoch=block):
            batch = pad_batch(data.valid, rows)
            total += summed_loss(objective, batch, device)
            tokens += int(batch.target_length.sum())
            watch.advance()
    return total / tokens


def summed_loss(objective: Objective, batch: Batch, device: torch.device) -> float:
    """The loss of a batch, or of its halves where memory has no room for it. Raises BusyError for a pair alone."""
    try:
        with without_cudnn(device):
            return float(objective(TensorBatch.of(batch, device), 1.0)[0].item())
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    if len(batch.rows) == 1:
        raise BusyError("out of memory while validating a single pair", "prepare with a smaller `max_length`")
    return sum(summed_loss(objective, half, device) for half in halves(batch))
