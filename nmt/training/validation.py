"""Validation: the averaged model's loss on the validation pairs, and its real translations of them, scored."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp

import torch

from nmt.config import SearchOptions
from nmt.corpus.batches import Batch, blocks, halves, pad_batch, plan_block
from nmt.corpus.dataset import Dataset
from nmt.decoding.engines.pytorch import PyTorchEngine
from nmt.decoding.translator import Translator
from nmt.errors import BusyError, is_out_of_memory
from nmt.model.attention import without_cudnn
from nmt.scoring.metrics import corpus_scores
from nmt.text.progress import Silent
from nmt.text.tokenizer import Tokenizer
from nmt.training.objective import Objective, TensorBatch
from nmt.training.state import TrainState

BATCH_TOKENS = 4096
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


@dataclass(frozen=True)
class Watch(Silent):
    """Asks at every batch whether to go on."""

    should_stop: Callable[[], bool]

    def advance(self, count: int = 1) -> None:
        if self.should_stop():
            raise Stopped


def validate(
    state: TrainState,
    data: Dataset,
    tokenizers: tuple[Tokenizer, Tokenizer],
    should_stop: Callable[[], bool],
    threads: int = 1,
) -> Validation | None:
    """Score the running average of the weights on the validation set; None when ``should_stop`` breaks it off.

    By greedy search, since it ranks models as beams do; on a CPU ``threads`` batches are searched at once.
    """
    source_tokenizer, target_tokenizer = tokenizers
    device = next(state.average.parameters()).device
    workers = threads if device.type == "cpu" else 1
    engine = PyTorchEngine.of(state.average, target_tokenizer.control_ids(), device, workers)
    options = SearchOptions(beam_size=1)
    translator = Translator(engine, source_tokenizer, target_tokenizer, options, profile=data.profile)
    watch = Watch(should_stop)
    before = torch.get_num_threads()
    if workers > 1:
        torch.set_num_threads(1)  # for each search
    try:
        hypotheses = [translation.text for translation in translator.translate(data.valid_source, watch)]
        loss = validation_loss(state, data, watch)
    except Stopped:
        return None
    finally:
        torch.set_num_threads(before)
    bleu, chrf = corpus_scores(hypotheses, data.valid_target, data.target_language)
    chosen = range(0, len(hypotheses), max(1, len(hypotheses) // SAMPLES))[:SAMPLES]
    samples = [Sample(data.valid_source[i], data.valid_target[i], hypotheses[i]) for i in chosen]
    return Validation(state.counters.step, loss, bleu, chrf, samples)


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
