"""Searches for synthetic pairs: by the model in training, in both directions, or by teachers. Knows no schedule."""

import copy
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from nmt.config import EngineOptions, SearchOptions
from nmt.corpus.dataset import Dataset
from nmt.decoding.checks import Checks
from nmt.decoding.engine import EXTRA_PIECES
from nmt.decoding.engines.pytorch import PyTorchEngine
from nmt.decoding.loading import load_engine
from nmt.model.family import TranslationModel
from nmt.text.directions import targets_of
from nmt.text.tokenizer import EOS
from nmt.training.request import TrainJob
from nmt.training.stages import TEACHER, Stage
from nmt.training.state import TrainState
from nmt.training.synthetic import Texts, Way
from nmt.training.validation import work_of

MARGIN = 1.5  # longest translation allowed, as a ratio to the longest of the validation set
BY_TEACHER = SearchOptions(beam_size=5, n_best=5)


@contextmanager
def searching(
    job: TrainJob, state: TrainState, stage: Stage, threads: int, factor: float = 0.0
) -> Iterator[tuple[Texts, str]]:
    """What is translated for a stage, and a digest of all that its pairs depend on.

    On a CPU there are ``threads`` searches at once, each with one thread for the block. ``factor`` is another limit of
    length than that of the validation set.
    """
    is_on_cpu = state.average.output_weight.device.type == "cpu"
    before, workers = torch.get_num_threads(), threads if is_on_cpu else 1
    if workers > 1:
        torch.set_num_threads(1)
    try:
        make = by_teacher(job, threads) if stage.round == TEACHER else by_model(job, state, stage, workers, factor)
        texts, work = make
        yield texts, hashlib.sha256(json.dumps([stage.round, work]).encode()).hexdigest()
    finally:
        torch.set_num_threads(before)


def by_model(job: TrainJob, state: TrainState, stage: Stage, workers: int, factor: float = 0.0) -> tuple[Texts, str]:
    """The monolingual text, to be translated by the averaged model; and a name for that work."""
    data, (source, target), device = job.data, job.tokenizers, state.average.output_weight.device
    assert data.mono
    forth, back = (options_of(data, side, factor) for side in (0, 1))
    engine = PyTorchEngine.of(state.average, target.control_ids(), device, workers)
    checks = Checks.of(data.target_language, data.profile)
    forwards, backwards = Way(engine, source, target, forth, [checks]), None
    if data.mono.pieces[1]:
        reverse = PyTorchEngine.of(reversed_(state.average, data), source.control_ids(), device, workers)
        backwards = Way(reverse, target, source, back, [Checks(data.source_language, 1 / checks.ratio)])
    # As long as both directions train, texts of the source language teach the model to translate backwards.
    reads_made = backwards is not None and stage.begins < job.config.training.bidirectional
    texts = Texts(data.mono, forwards, backwards, reads_made=reads_made)
    return texts, f"{work_of(state, data)} {forth.max_length_factor} {back.max_length_factor}"


def options_of(data: Dataset, side: int, factor: float = 0.0) -> SearchOptions:
    """Greedy search for texts of a side, 0 for sources, limited to ``MARGIN`` times the longest validation target."""
    lengths = data.valid.lengths(np.arange(len(data.valid)))
    read, made = lengths[side], lengths[1 - side]
    longest = float(((made - EXTRA_PIECES) / np.maximum(1, read)).max())
    usual = min(SearchOptions().max_length_factor, max(1.0, MARGIN * longest))
    return SearchOptions(beam_size=1, max_length_factor=factor or usual)


def reversed_(model: TranslationModel, data: Dataset) -> TranslationModel:
    """A copy of a model of both directions that may produce the pieces of sources."""
    counts = data.train.piece_counts("source")
    if data.mono:
        counts = counts + data.mono.piece_counts("source")
    counts[: EOS + 1] = 1
    twin = copy.deepcopy(model)
    twin.embeddings.produced.copy_(torch.from_numpy(counts > 0))
    return twin


def by_teacher(job: TrainJob, threads: int) -> tuple[Texts, str]:
    """The training sources, to be translated by the job's teachers; and a digest of these."""
    first, *others = job.teachers
    wanted = EngineOptions(device=job.request.device, threads=threads)
    engine = load_engine(first, BY_TEACHER, wanted, others)
    way = Way(engine, *job.tokenizers, BY_TEACHER, checks_of(job.data))
    work = [job.data.digest, *(teacher.digest for teacher in job.teachers), *map(str, engine.about().values())]
    return Texts(job.data.train, way, by_reference=True), " ".join(work)


def checks_of(data: Dataset) -> list[Checks]:
    """The checks of translations of each training corpus: those into the language of its targets."""
    into = {target: Checks.of(target, data.profile_of(target)) for target in targets_of(data.directions)}
    return [into[target] for _, target in data.directions_of(range(data.train.corpora))]
