"""The engine that runs a PyTorch model: queries become tensors and go through the search. Knows no text.

B sentences, S source positions.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from nmt.config import SearchOptions
from nmt.decoding.beam import Beam, by_length_penalty
from nmt.decoding.engine import Hypothesis, NotNumbersError, Query, forced
from nmt.decoding.engines.forked import tell_of_forks
from nmt.decoding.ensemble import Ensemble
from nmt.decoding.filters import forbid
from nmt.decoding.heeding import asks_nothing, heeding
from nmt.decoding.roles import Columns, Role, Stepper
from nmt.decoding.sample import Sample
from nmt.decoding.search import Search
from nmt.decoding.teacher import Teacher
from nmt.errors import BusyError, SettingsError, is_out_of_memory
from nmt.model.attention import without_cudnn
from nmt.model.device import choose_device
from nmt.model.family import TranslationModel
from nmt.store.model_folder import ModelFolder, load_model
from nmt.text.machine import available_cores
from nmt.text.tokenizer import BOS, EOS, PAD, UNK

if TYPE_CHECKING:
    from nmt.decoding.engine import Weights

Result = TypeVar("Result")


class PyTorchEngine:
    """An ``Engine`` over a model, which the caller has put into evaluation mode: training lends its live model.

    ``forbidden`` are the pieces that are never produced, the target tokenizer's ``control_ids()``. ``piece_V`` is the
    piece of each column of the model's logits; None: columns are pieces. ``searchers`` are the threads that search;
    None: the caller's. The attribute ``role`` makes the search role of a batch; set it to search otherwise.
    """

    score_tokens = None  # float64 leaves no digit that depends on the batch
    scores = True

    def __init__(
        self,
        model: Stepper[Any],
        forbidden: Iterable[int],
        device: torch.device | str = "cpu",
        workers: int = 1,
        piece_V: Tensor | None = None,
        searchers: "Searchers | None" = None,
    ) -> None:
        self.model = model
        self.searchers = searchers
        self._process = os.getpid()
        self.device = torch.device(device)
        self.role: Callable[[SearchOptions, Sequence[Query]], Role] = partial(role_of, self.device)
        self.workers = workers
        self.columns = Columns(self.device, piece_V)
        self.forbidden = frozenset(forbidden)
        self.filters = [forbid(self.forbidden, self.columns)]
        self._teacher: Teacher | None = None
        self._making = Lock()
        tell_of_forks(self)

    def after_fork(self) -> None:
        """Renew the lock, which another thread of the parent may have held."""
        self._making = Lock()

    @classmethod
    def of(
        cls,
        model: TranslationModel,
        forbidden: Iterable[int],
        device: torch.device | str = "cpu",
        workers: int = 1,
        searchers: "Searchers | None" = None,
    ) -> Self:
        """The engine of a model, sharing its weights: without dropout and the pieces that are never produced."""
        stepper, unwanted, piece_V = narrowed(model, forbidden)
        return cls(stepper, unwanted, device, workers, piece_V, searchers)

    def supports(self, options: SearchOptions) -> str | None:
        """None: this engine searches with every option."""
        return None

    def about(self) -> dict[str, str | int]:
        """PyTorch, its version and the device. The number of workers changes no sum, so it is left out."""
        return {"engine": "torch", "engine version": torch.__version__, "device": str(self.device)}

    def search(self, queries: Sequence[Query], options: SearchOptions) -> list[list[Hypothesis]]:
        """The hypotheses of each query, searched as one batch.

        Raises NotNumbersError for a model whose logits are not, BusyError when the batch does not fit into memory,
        SettingsError in a process that was forked after the model was loaded onto a GPU.
        """
        if not queries:
            return []
        results = self.compute(len(queries), partial(self.search_batch, queries, options))
        if not all(results):
            raise NotNumbersError
        return results

    def score(self, queries: Sequence[Query], targets: Sequence[Sequence[int]]) -> list[Hypothesis]:
        """See ``Scorer``; the engine must have been made ``of`` a model. Raises what ``search`` raises.

        Computes in float64, where the device has it, so that digits do not depend on the batch.
        """
        if not queries:
            return []
        return self.compute(len(queries), partial(self.score_batch, queries, targets))

    def compute(self, count: int, work: Callable[[], list[Result]]) -> list[Result]:
        """The results of ``work`` on a batch of ``count`` queries, done in a thread that searches.

        Raises BusyError when the batch does not fit into memory, SettingsError in a process that was forked after the
        model was loaded onto a GPU.
        """
        if self.device.type != "cpu" and os.getpid() != self._process:
            raise SettingsError(
                f"this process was forked after the model was loaded, and cannot use its {self.device.type} device",
                "load the model in each process, or start processes by spawn",
            )
        results: list[Result] | None = None
        try:
            with without_cudnn(self.device):
                results = self.searchers.pool.submit(work).result() if self.searchers else work()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        if results is None:  # outside of the except block, where the failed search still holds its tensors
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
            raise BusyError(f"{count} lines do not fit into memory together", "use a smaller `batch_tokens`")
        return results

    def search_batch(self, queries: Sequence[Query], options: SearchOptions) -> list[list[Hypothesis]]:
        """``search`` in this thread, with errors as PyTorch raises them; a query may be left without hypotheses."""
        if asks_nothing(queries, options):
            return self.search_by(self.plain(queries, options), queries, options)
        results: dict[int, list[Hypothesis]] = {}
        for constrained in (False, True):  # apart, because constraints need more rows of a sentence
            places = [place for place, query in enumerate(queries) if bool(query.constraints) is constrained]
            if some := [queries[place] for place in places]:
                search = heeding(self.plain(some, options), some, options, self.forbidden)
                results |= zip(places, self.search_by(search, some, options), strict=True)
        # Phrases may contradict each other: what cannot be heeded is searched without them.
        failed = [place for place, hypotheses in results.items() if not hypotheses and queries[place].has_phrases]
        if failed:
            freed = [replace(queries[place], constraints=(), avoided=None) for place in failed]
            results |= zip(failed, self.search_batch(freed, options), strict=True)
        return [results[place] for place in range(len(queries))]

    def plain(self, queries: Sequence[Query], options: SearchOptions) -> Search[Any]:
        """The search that heeds nothing but the options of every search."""
        ranking = by_length_penalty(options.length_penalty, options.n_best)
        return Search(self.model, self.columns, self.filters, self.role(options, queries), ranking)

    def search_by(
        self, search: Search[Any], queries: Sequence[Query], options: SearchOptions
    ) -> list[list[Hypothesis]]:
        """The hypotheses of each query, by one search of all."""
        source_BS, source_length_B = self.padded([[*query.pieces, EOS] for query in queries])
        return search.run(source_BS, source_length_B, [query.limit(options) for query in queries])

    def score_batch(self, queries: Sequence[Query], targets: Sequence[Sequence[int]]) -> list[Hypothesis]:
        """``score`` in this thread, with errors as PyTorch raises them."""
        source_BS, source_length_B, target_BT, target_length_B = self.forced_batch(queries, targets)
        scores = self.teacher().log_probabilities(source_BS, source_length_B, target_BT, target_length_B - 1)
        return list(map(forced, targets, scores))

    def align(self, queries: Sequence[Query], targets: Sequence[Sequence[int]]) -> "list[Weights]":
        """See ``Aligner``; the engine must have been made ``of`` a model. Raises what ``search`` raises.

        Computes in float64, where the device has it.
        """
        if not queries:
            return []
        return self.compute(len(queries), partial(self.align_batch, queries, targets))

    def align_batch(self, queries: Sequence[Query], targets: Sequence[Sequence[int]]) -> "list[Weights]":
        """``align`` in this thread, with errors as PyTorch raises them."""
        source_BS, source_length_B, target_BT, _ = self.forced_batch(queries, targets)
        weights_BLTS = self.teacher().source_weights(source_BS, source_length_B, target_BT[:, :-1])
        assert weights_BLTS is not None, "see load_aligner"
        weights_BTS = weights_BLTS.sum(1).cpu()
        found = []
        for weights_TS, query, target in zip(weights_BTS, queries, targets, strict=True):
            own_TS = weights_TS[: len(target), : len(query.pieces)]  # neither </s> nor padding
            total_T1 = own_TS.sum(1, keepdim=True)
            found.append((own_TS / total_T1.where(total_T1 > 0, 1.0)).double().numpy())
        return found

    def forced_batch(
        self, queries: Sequence[Query], targets: Sequence[Sequence[int]]
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Sources and given targets as a ``Teacher`` reads them, each padded, with their lengths."""
        rows = [[self.teacher().column_of.get(piece, UNK) for piece in target] for target in targets]
        source = self.padded([[*query.pieces, EOS] for query in queries])
        return *source, *self.padded([[BOS, *row, EOS] for row in rows])

    def teacher(self) -> Teacher:
        """The model for teacher forcing; made once, for search needs no copy in float64."""
        with self._making:
            if self._teacher is None:
                self._teacher = Teacher.of(cast("TranslationModel", self.model), self.columns, self.forbidden)
            return self._teacher

    def padded(self, rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """Rows of ids, right-padded, and their lengths, on the device."""
        padded = pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=PAD)
        return padded.to(self.device), torch.tensor([len(row) for row in rows], device=self.device)


def narrowed(model: TranslationModel, forbidden: Iterable[int]) -> tuple[Stepper[Any], set[int], Tensor]:
    """A model for search: sharing its weights, all pieces that it never produces, and the piece of each column."""
    narrow, piece_V = model.narrowed()
    narrow.eval()
    return cast("Stepper[Any]", narrow), {*forbidden, *piece_V[narrow.embeddings.produced == 0].tolist()}, piece_V


def role_of(device: torch.device, options: SearchOptions, queries: Sequence[Query]) -> Role:
    """The search role for a batch of queries."""
    if options.sample is None:
        return Beam(options.beam_size)
    return Sample.of(options, [query.key for query in queries], device)


class Searchers:
    """Threads in which PyTorch computes with one thread each; the number of all other threads stays as it is.

    PyTorch keeps a number for each thread, and one more with which new threads begin.
    """

    lock = Lock()

    def __init__(self, count: int) -> None:
        self.count = count
        self.pool = ThreadPoolExecutor(count, "nmt-search", self.begin)
        tell_of_forks(self)

    def after_fork(self) -> None:
        """Make the threads anew: the parent's do not exist in a child."""
        Searchers.lock = Lock()  # another thread of the parent may have held the old one
        self.pool = ThreadPoolExecutor(self.count, "nmt-search", self.begin)

    @classmethod
    def begin(cls) -> None:
        """Compute with one thread in this thread, and restore the number with which new threads begin."""
        with cls.lock:
            before = torch.get_num_threads()
            torch.set_num_threads(1)
            restoring = Thread(target=torch.set_num_threads, args=(before,))
            restoring.start()
            restoring.join()


def load_engine(models: Sequence[ModelFolder], device: str, threads: int, wide: bool = False) -> PyTorchEngine:
    """The PyTorch engine of a model folder, or of an ensemble of several with the same tokenizers.

    It computes on ``auto`` (the fastest device), ``cpu``, ``cuda`` or ``mps``; ``wide`` in float64, where the device
    has it, so that no digit depends on the batch. On a CPU ``threads`` batches are searched at once (0: one a core),
    each by one thread: two searches of one thread are faster than one search of two threads. Raises SettingsError for a
    device that is not here.
    """
    chosen = choose_device(device)
    forbidden = models[0].tokenizers[1].control_ids()
    modules = [load_model(model, str(chosen)) for model in models]
    if wide and chosen.type != "mps":
        modules = [module.double() for module in modules]
    searchers = Searchers(threads or available_cores()) if chosen.type == "cpu" else None
    workers = searchers.count if searchers else 1
    if len(modules) == 1:
        return PyTorchEngine.of(modules[0], forbidden, chosen, workers, searchers)
    ensemble = Ensemble([narrowed(module, forbidden) for module in modules])
    engine = PyTorchEngine(ensemble, ensemble.never, chosen, workers, ensemble.piece_V, searchers)
    engine.scores = False
    return engine
