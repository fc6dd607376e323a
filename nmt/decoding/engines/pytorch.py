"""The engine that runs a PyTorch model: ids become tensors and go through the beam search. Knows no text.

B sentences, S source positions.
"""

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock, Thread
from typing import Any, Self, cast

import torch
from torch.nn.utils.rnn import pad_sequence

from nmt.config import SearchOptions
from nmt.decoding.beam import beam_search
from nmt.decoding.engine import Hypothesis, Query
from nmt.decoding.engines.forked import tell_of_forks
from nmt.decoding.filters import forbid
from nmt.decoding.stepper import Stepper
from nmt.errors import BusyError, DataError, SettingsError, is_out_of_memory
from nmt.model.attention import without_cudnn
from nmt.model.device import choose_device
from nmt.model.family import TranslationModel
from nmt.store.model_folder import ModelFolder, load_model
from nmt.text.machine import available_cores
from nmt.text.tokenizer import EOS, PAD


class PyTorchEngine:
    """An ``Engine`` over a model in eval mode, which is the caller's to see to: training lends its live model.

    ``forbidden`` are the pieces that are never produced, the target tokenizer's ``control_ids()``. ``pieces`` are the
    ids of what the model knows by its place among them; None: its own numbers are the ids. ``searchers`` are the
    threads that search; None: the caller's.
    """

    def __init__(
        self,
        model: Stepper[Any],
        forbidden: Iterable[int],
        device: torch.device | str = "cpu",
        workers: int = 1,
        pieces: Sequence[int] | None = None,
        searchers: "Searchers | None" = None,
    ) -> None:
        self.model = model
        self.searchers = searchers
        self._process = os.getpid()
        self.device = torch.device(device)
        self.workers = workers
        self.pieces = pieces
        unwanted = set(forbidden)
        places = unwanted if pieces is None else [place for place, id in enumerate(pieces) if id in unwanted]
        self.filters = [forbid(places, self.device)]

    @classmethod
    def of(
        cls,
        model: TranslationModel,
        forbidden: Iterable[int],
        device: torch.device | str = "cpu",
        workers: int = 1,
        searchers: "Searchers | None" = None,
    ) -> Self:
        """The engine of a model, on its weights: without dropout, and without the pieces that are never produced."""
        narrow, piece_P = model.narrowed()
        narrow.eval()
        unwanted = {*forbidden, *piece_P[narrow.embeddings.produced == 0].tolist()}
        return cls(cast("Stepper[Any]", narrow), unwanted, device, workers, piece_P.tolist(), searchers)

    def supports(self, options: SearchOptions) -> str | None:
        """None: this engine searches with every option."""
        return None

    def about(self) -> dict[str, str | int]:
        """PyTorch, its version, and the device. Workers do not share out sums, so they do not count."""
        return {"engine": "torch", "engine version": torch.__version__, "device": str(self.device)}

    def search(self, queries: Sequence[Query], options: SearchOptions) -> list[list[Hypothesis]]:
        """The hypotheses of each query, searched as one batch.

        Raises DataError when the model's logits are not numbers, BusyError when memory does not suffice for the batch,
        SettingsError in a process that was forked after the model was loaded onto a GPU.
        """
        if not queries:
            return []
        if self.device.type != "cpu" and os.getpid() != self._process:
            raise SettingsError(
                f"this process was forked after the model was loaded, and cannot use its {self.device.type} device",
                "load the model in each process, or start processes by spawn",
            )
        found: list[list[Hypothesis]] | None = None
        try:
            with without_cudnn(self.device):
                found = self.run(queries, options)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        if found is None:  # only now are the tensors of the failed search free
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
            raise BusyError(f"{len(queries)} lines do not fit into memory together", "use a smaller `batch_tokens`")
        if not all(found):
            raise DataError("the model's outputs are not numbers (NaN)", "its training diverged: take another one")
        return found

    def run(self, queries: Sequence[Query], options: SearchOptions) -> list[list[Hypothesis]]:
        if self.searchers:
            return self.searchers.pool.submit(self.search_batch, queries, options).result()
        return self.search_batch(queries, options)

    def search_batch(self, queries: Sequence[Query], options: SearchOptions) -> list[list[Hypothesis]]:
        rows = [torch.tensor([*query.pieces, EOS]) for query in queries]
        source_BS = pad_sequence(rows, batch_first=True, padding_value=PAD).to(self.device)
        source_length_B = torch.tensor([len(row) for row in rows], device=self.device)
        found = beam_search(self.model, source_BS, source_length_B, options, self.filters)
        ids = self.pieces
        if ids is None:
            return found
        return [[Hypothesis([ids[piece] for piece in one.pieces], one.score) for one in some] for some in found]


class Searchers:
    """Threads in which PyTorch computes with one thread each; for all others its number of threads stays as it is."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.pool = ThreadPoolExecutor(count, "nmt-search", SingleThreaded.begin)
        tell_of_forks(self)

    def after_fork(self) -> None:
        SingleThreaded.lock = Lock()  # which another thread of the parent may have held
        self.pool = ThreadPoolExecutor(self.count, "nmt-search", SingleThreaded.begin)


class SingleThreaded:
    """PyTorch keeps a number of threads for each thread, and one more that threads begin with."""

    lock = Lock()

    @classmethod
    def begin(cls) -> None:
        """Compute with one thread in this thread, and put back what other threads begin with."""
        with cls.lock:
            before = torch.get_num_threads()
            torch.set_num_threads(1)
            other = Thread(target=torch.set_num_threads, args=(before,))
            other.start()
            other.join()


def load_engine(folder: ModelFolder, forbidden: Iterable[int], device: str, threads: int) -> PyTorchEngine:
    """The engine of a model folder on ``auto`` (the fastest there is), ``cpu``, ``cuda`` or ``mps``.

    On a CPU ``threads`` batches are searched at once, 0 for as many as there are cores, in threads of its own, in which
    PyTorch has one thread: two such searches are faster than one by two. Raises SettingsError for a device that is not
    here.
    """
    chosen = choose_device(device)
    model = load_model(folder, str(chosen))
    if chosen.type != "cpu":
        return PyTorchEngine.of(model, forbidden, chosen)
    workers = threads or available_cores()
    return PyTorchEngine.of(model, forbidden, chosen, workers, Searchers(workers))
