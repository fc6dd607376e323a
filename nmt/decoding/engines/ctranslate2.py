"""The engine that runs CTranslate2, on the CPU or a GPU: ids become its tokens. Knows no text and imports no torch.

Its model is a copy of a model folder, see ``nmt.store.ctranslate2_cache``.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from nmt.config import SearchOptions
from nmt.decoding.engine import MAX_PIECES, Hypothesis, NotNumbersError, Query, forced, length_limit
from nmt.decoding.engines.forked import never_delete, tell_of_forks
from nmt.errors import BusyError, DataError, SettingsError, is_out_of_memory, shown
from nmt.store.ctranslate2_cache import load_cached
from nmt.store.ctranslate2_model import POSITIONS
from nmt.store.model_folder import ModelFolder
from nmt.text.machine import available_cores

ALMOST_ZERO = 1e-30
"""A length penalty that changes no score: any length to this power is 1. At 0 CTranslate2 ends a search by another rule
than the PyTorch search, one that depends on the number of hypotheses wanted."""

NO_PHRASES = "CTranslate2 cannot search for phrases that must or must not appear"


class CTranslate2Engine:
    """An ``Engine`` over a CTranslate2 model, which searches ``workers`` batches at once, one thread each.

    ``pieces`` are the source's and the target's, by id. ``open_model`` loads the model on the ``device``, with weights
    of ``compute_type``; a forked child loads it again, for CTranslate2's threads stay in the parent.
    """

    scores = True
    score_tokens = 512  # its sums are float32; the fastest of 256 to 2,048

    def __init__(
        self,
        open_model: Callable[[], Any],
        pieces: tuple[list[str], list[str]],
        workers: int,
        compute_type: str,
        device: str = "cpu",
    ) -> None:
        import ctranslate2

        self.version: str = ctranslate2.__version__
        self.workers = workers
        self.compute_type, self.device = compute_type, device
        self.source_pieces, self.target_pieces = pieces
        self.id_of = {piece: id for id, piece in enumerate(self.target_pieces)}
        self._open_model = open_model
        self._model: Any = open_model()
        self._opening = Lock()
        tell_of_forks(self)

    @property
    def model(self) -> Any:
        """CTranslate2's own Translator, loaded again after a fork. Raises what is wrong with the model folder now."""
        with self._opening:
            if self._model is None:
                self._model = self._open_model()
            return self._model

    def after_fork(self) -> None:
        """Forget the parent's model; the next search loads it again."""
        never_delete(self._model)
        self._model = None
        self._opening = Lock()

    def supports(self, options: SearchOptions) -> str | None:
        """See ``Engine``."""
        return why_not_options(options)

    def about(self) -> dict[str, str | int]:
        """CTranslate2, its version and its compute type. The number of threads changes no sum, so it is left out."""
        engine = {"engine": "ctranslate2", "engine version": self.version}
        return {**engine, "device": self.device, "compute type": self.compute_type}

    def search(self, queries: Sequence[Query], options: SearchOptions) -> list[list[Hypothesis]]:
        """The hypotheses of each query, searched as one batch.

        Raises NotNumbersError for a model whose outputs are not, BusyError when the batch does not fit into memory.
        """
        if any(query.has_phrases for query in queries):
            raise SettingsError(NO_PHRASES, "set `engine` to torch")
        limits = [min(query.limit(options), POSITIONS) for query in queries]
        longest = max(limits, default=0)
        results = self.search_batch(queries, options, longest)
        # CTranslate2 has one limit a batch. A search that went on to the last step that its own limit allows, or past
        # it, would have ended otherwise there: all its rows finish as they are.
        again: dict[int, list[int]] = {}  # the queries of each limit
        for number, limit in enumerate(limits):
            if limit < longest and last_step(results[number]) >= limit:
                again.setdefault(limit, []).append(number)
        for limit, numbers in again.items():
            found = self.search_batch([queries[number] for number in numbers], options, limit)
            for number, hypotheses in zip(numbers, found, strict=True):
                results[number] = hypotheses
        return [hypotheses[: options.n_best] for hypotheses in results]

    def search_batch(self, queries: Sequence[Query], options: SearchOptions, limit: int) -> list[list[Hypothesis]]:
        """``search`` with one length limit for all queries; the hypotheses of each are those of its whole beam."""
        prefixes = [[self.target_pieces[id] for id in query.prefix] for query in queries]
        with memory_for(queries):
            results = self.model.translate_batch(
                self.tokens(queries),
                target_prefix=prefixes if any(prefixes) else None,
                beam_size=options.beam_size,
                num_hypotheses=options.beam_size,
                length_penalty=options.length_penalty or ALMOST_ZERO,
                max_input_length=0,
                max_decoding_length=limit,
                min_decoding_length=options.min_length,
                no_repeat_ngram_size=options.no_repeat_ngram,
                return_scores=True,
            )
        return [list(self.hypotheses(*each)) for each in zip(queries, results, strict=True)]

    def score(self, queries: Sequence[Query], targets: Sequence[Sequence[int]]) -> list[Hypothesis]:
        """See ``Scorer``. Raises what ``search`` raises."""
        given = [[self.target_pieces[id] for id in target] for target in targets]
        with memory_for(queries):
            results = self.model.score_batch(self.tokens(queries), given, max_input_length=0)
        # CTranslate2 reads a piece outside its vocabulary as <unk>, which a bias forbids.
        return [forced(target, result.log_probs) for target, result in zip(targets, results, strict=True)]

    def tokens(self, queries: Sequence[Query]) -> list[list[str]]:
        """The queries as CTranslate2 reads them."""
        return [[self.source_pieces[id] for id in query.pieces] for query in queries]

    def hypotheses(self, query: Query, result: Any) -> Iterator[Hypothesis]:
        """The hypotheses of a query in CTranslate2's result. Raises NotNumbersError."""
        given = len(query.prefix)  # its pieces that the model never produces come back as <unk>
        for tokens, score in zip(result.hypotheses, result.scores, strict=True):
            if score != score:
                raise NotNumbersError
            yield Hypothesis([*query.prefix, *(self.id_of[token] for token in tokens[given:])], float(score))


def last_step(hypotheses: Sequence[Hypothesis]) -> int:
    """The step, from 1, at which a search ended that found these, the hypotheses of its whole beam.

    It ends when as many are finished as the beam has rows: one of the best as many was finished at that step, by </s>.
    """
    return max(len(hypothesis.pieces) for hypothesis in hypotheses) + 1


@contextmanager
def memory_for(queries: Sequence[Query]) -> Iterator[None]:
    """Raise BusyError where CTranslate2 runs out of memory in the block."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise BusyError(
            f"{len(queries)} lines do not fit into memory together", "use a smaller `batch_tokens`"
        ) from None


def why_not_options(options: SearchOptions) -> str | None:
    """Why CTranslate2 cannot search with these options; None when it can."""
    if options.sample is not None:
        return "CTranslate2 has one seed for all lines, and `sample` draws each line by its own"
    if options.phrases:
        return NO_PHRASES
    if length_limit(MAX_PIECES, options.max_length_factor) > POSITIONS:
        return f"CTranslate2 makes translations of up to {POSITIONS} pieces, and `max_length_factor` allows more"
    return None


def device_of(device: str) -> str:
    """The device that a wanted one stands for: "auto" is CUDA where CTranslate2 finds a GPU, else the CPU."""
    import ctranslate2

    if device == "auto":
        return "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
    return device


def load_engine(model: ModelFolder, threads: int, compute_type: str, device: str = "cpu") -> CTranslate2Engine:
    """The CTranslate2 engine of a model folder.

    ``threads`` 0 takes as many as this process has cores; with CUDA one batch is searched at a time. Raises
    SettingsError when CTranslate2 cannot run the model, or the device lacks the compute type; DataError when files of
    the model are damaged.
    """
    import ctranslate2

    if compute_type not in ctranslate2.get_supported_compute_types(device):
        what = "this processor" if device == "cpu" else "this GPU"
        raise SettingsError(f"{what} has no {compute_type} that is fast", "leave `compute_type` out")
    source, target = model.tokenizers
    pieces = source.pieces(range(source.size)), target.pieces(range(target.size))
    workers = 1 if device == "cuda" else threads or available_cores()
    numbers = {"compute_type": compute_type, "inter_threads": workers, "intra_threads": 1}

    def load(folder: Path) -> Any:
        try:
            # In a thread of its own: it changes the number of OpenMP threads of the thread that calls it.
            with ThreadPoolExecutor(1) as pool:
                return pool.submit(ctranslate2.Translator, str(folder), device=device, **numbers).result()
        except (RuntimeError, MemoryError) as error:
            if is_out_of_memory(error):
                raise BusyError("the model does not fit into memory", "free memory, or take a smaller model") from None
            raise DataError(f"CTranslate2 cannot read {folder}: {shown(str(error))}", "set `engine` to torch") from None

    return CTranslate2Engine(lambda: load_cached(model, load), pieces, workers, compute_type, device)
