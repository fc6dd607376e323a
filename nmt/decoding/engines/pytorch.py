"""The engine that runs a PyTorch model: ids become tensors and go through the beam search. Knows no text.

B sentences, S source positions.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Self, cast

import torch
from torch.nn.utils.rnn import pad_sequence

from nmt.config import SearchOptions
from nmt.decoding.beam import beam_search
from nmt.decoding.engine import Hypothesis
from nmt.decoding.filters import forbid
from nmt.decoding.stepper import Stepper
from nmt.errors import BusyError, DataError, SettingsError, is_out_of_memory
from nmt.model.family import TranslationModel
from nmt.store.model_folder import ModelFolder, load_model
from nmt.text.machine import available_cores
from nmt.text.tokenizer import EOS, PAD


class PyTorchEngine:
    """An ``Engine`` over a model in eval mode, which is the caller's to see to: training lends its live model.

    ``forbidden`` are the pieces that are never produced, the target tokenizer's ``control_ids()``. ``pieces`` are the
    ids of what the model knows by its place among them; None: its own numbers are the ids.
    """

    def __init__(
        self,
        model: Stepper[Any],
        forbidden: Iterable[int],
        device: torch.device | str = "cpu",
        workers: int = 1,
        pieces: Sequence[int] | None = None,
    ) -> None:
        self.model = model
        self.device = torch.device(device)
        self.workers = workers
        self.pieces = pieces
        unwanted = set(forbidden)
        places = unwanted if pieces is None else [place for place, id in enumerate(pieces) if id in unwanted]
        self.filters = [forbid(places, self.device)]

    @classmethod
    def of(
        cls, model: TranslationModel, forbidden: Iterable[int], device: torch.device | str = "cpu", workers: int = 1
    ) -> Self:
        """The engine of a model, on its weights: without dropout, and without the pieces that are never produced."""
        narrow, piece_P = model.narrowed()
        narrow.eval()
        unwanted = {*forbidden, *piece_P[narrow.embeddings.produced == 0].tolist()}
        return cls(cast("Stepper[Any]", narrow), unwanted, device, workers, piece_P.tolist())

    def supports(self, options: SearchOptions) -> str | None:
        """None: this engine searches with every option."""
        return None

    def about(self) -> dict[str, str | int]:
        """PyTorch, its version, and the device. Workers do not share out sums, so they do not count."""
        return {"engine": "torch", "engine version": torch.__version__, "device": str(self.device)}

    def search(self, sources: Sequence[Sequence[int]], options: SearchOptions) -> list[list[Hypothesis]]:
        """The hypotheses of each source (ids without </s>), searched as one batch.

        Raises DataError when the model's logits are not numbers, BusyError when memory does not suffice for the batch.
        """
        if not sources:
            return []
        found: list[list[Hypothesis]] | None = None
        try:
            found = self.search_batch(sources, options)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        if found is None:  # only now are the tensors of the failed search free
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
            raise BusyError(f"{len(sources)} lines do not fit into memory together", "use smaller --batch-tokens")
        if not all(found):
            raise DataError("the model's outputs are not numbers (NaN)", "its training diverged: take another one")
        return found

    def search_batch(self, sources: Sequence[Sequence[int]], options: SearchOptions) -> list[list[Hypothesis]]:
        rows = [torch.tensor([*source, EOS]) for source in sources]
        source_BS = pad_sequence(rows, batch_first=True, padding_value=PAD).to(self.device)
        source_length_B = torch.tensor([len(row) for row in rows], device=self.device)
        found = beam_search(self.model, source_BS, source_length_B, options, self.filters)
        ids = self.pieces
        if ids is None:
            return found
        return [[Hypothesis([ids[piece] for piece in one.pieces], one.score) for one in some] for some in found]


def load_engine(folder: ModelFolder, forbidden: Iterable[int], device: str, threads: int) -> PyTorchEngine:
    """The engine of a model folder on ``auto`` (the fastest there is), ``cpu``, ``cuda`` or ``mps``.

    On a CPU ``threads`` batches are searched at once, 0 for as many as there are cores, and PyTorch is left one thread
    for each: two searches of one thread are faster than one of two. Raises SettingsError for a device that is not here.
    """
    chosen = choose_device(device)
    workers = (threads or available_cores()) if chosen.type == "cpu" else 1
    if chosen.type == "cpu":
        torch.set_num_threads(1)
    return PyTorchEngine.of(load_model(folder, str(chosen)), forbidden, chosen, workers)


def choose_device(name: str) -> torch.device:
    """The device of that name. Raises SettingsError when this machine has none."""
    # cuDNN's attention makes a plan for every shape, which takes longer than an update, and each batch has its own.
    torch.backends.cuda.enable_cudnn_sdp(False)
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(kind for kind, here in present.items() if here)
    if not present.get(name):
        here = ", ".join(kind for kind, is_here in present.items() if is_here)
        raise SettingsError(f"there is no device {name!r} here", f"choose --device auto or one of: {here}")
    return torch.device(name)
