"""Training and translating on a GPU, or on what there is: nmt beside a plain PyTorch loop on the same batches.

Pairs of random pieces whose lengths are spread as WMT's are; bfloat16 where the device has it. Needs no network:
python benchmarks/gpu.py
"""

import argparse
import statistics
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from results import Figure, record
from torch import Tensor, nn

from nmt.config import Config, SearchOptions
from nmt.corpus.batches import plan_block
from nmt.decoding.engine import Query
from nmt.decoding.engines.pytorch import PyTorchEngine
from nmt.model import build_model
from nmt.model.device import choose_device
from nmt.presets import PRESETS, operations
from nmt.text.tokenizer import PAD
from nmt.training.loop import Update, train_steps
from nmt.training.objective import TensorBatch
from nmt.training.state import TrainState, products_of

VOCABULARY, CONTROL = 32_000, 4
WARM_UP = 3  # updates


class RandomPairs:
    """Pairs of random pieces, common ones more often; lengths are log-normal about 25, a target's near its source's."""

    def __init__(self, pairs: int, longest: int = 250) -> None:
        random = np.random.default_rng(1)
        source = np.exp(random.normal(np.log(25), 0.6, pairs))
        target = source * np.exp(random.normal(0, 0.15, pairs))
        self.source_length, self.target_length = (side.clip(1, longest).astype(np.int64) for side in (source, target))
        self.pieces = CONTROL + random.zipf(1.3, 1 << 20) % (VOCABULARY - CONTROL)

    def __len__(self) -> int:
        return len(self.source_length)

    @property
    def rows_per_epoch(self) -> float:
        return float(len(self))

    def weight(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        return np.ones(len(rows))

    def some(self, start: int, length: int) -> npt.NDArray[Any]:
        start %= len(self.pieces) - 1000
        return self.pieces[start : start + length].astype(np.uint16)

    def lengths(self, rows: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        return self.source_length[rows], self.target_length[rows]

    def ids(self, rows: npt.NDArray[np.int64]) -> tuple[list[npt.NDArray[Any]], list[npt.NDArray[Any]]]:
        source, target = (
            [self.some(step * row, int(lengths[row])) for row in rows.tolist()]
            for step, lengths in ((37, self.source_length), (53, self.target_length))
        )
        return source, target


class PlainModel(nn.Module):
    """What PyTorch's own modules make of the same shape."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        model = config.model
        self.embedding = nn.Embedding(VOCABULARY, model.width)
        self.transformer = nn.Transformer(
            model.width,
            model.heads,
            model.encoder_layers,
            model.decoder_layers,
            model.feed_forward,
            model.dropout,
            batch_first=True,
            norm_first=True,
        )

    def forward(self, source_BS: Tensor, target_BT: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(target_BT.size(1), device=target_BT.device)
        padding = source_BS == PAD
        hidden = self.transformer(
            self.embedding(source_BS),
            self.embedding(target_BT),
            tgt_mask=mask,
            tgt_is_causal=True,
            src_key_padding_mask=padding,
            memory_key_padding_mask=padding,
        )
        return nn.functional.linear(hidden, self.embedding.weight)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--preset", default="base")
    parser.add_argument("--batch-tokens", type=int, default=25_000)
    parser.add_argument("--updates", type=int, default=30)
    parser.add_argument("--pairs", type=int, default=200_000)
    parser.add_argument("--lines", type=int, default=3000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    device = choose_device("auto")
    torch.backends.cuda.enable_cudnn_sdp(False)  # for the plain loop too: it makes a plan for every shape
    budget = {"steps": 10**6, "batch_tokens": options.batch_tokens}
    config = Config.from_layers(PRESETS[options.preset], {"training": budget})
    pairs = RandomPairs(options.pairs)
    peak: list[float] = []
    ours: list[float] = []
    plain: list[float] = []
    for _ in range(options.repeats):
        peak.append(products_a_second(device, config))
        ours.append(rate(nmt_updates(config, pairs, device), options.updates, device))
        plain.append(rate(plain_updates(config, pairs, device), options.updates, device))
        print(
            f"  {peak[-1] / 1e12:.1f} Tflop/s; nmt {ours[-1]:,.0f}, a plain loop {plain[-1]:,.0f} tokens/s", flush=True
        )
    greedy, beam = (translated(config, pairs, device, options.lines, size) for size in (1, 5))
    name = torch.cuda.get_device_name() if device.type == "cuda" else str(device)
    each = operations(config.model, VOCABULARY, float(pairs.source_length.sum() / pairs.target_length.sum()))
    share = statistics.median(ours) * each / statistics.median(peak)
    figures = [
        Figure("nmt", "speed", round(statistics.median(ours)), "target tokens/s"),
        Figure("nmt", "share of one large product", round(share, 2)),
        Figure("one large product", "speed", round(statistics.median(peak) / 1e12), "Tflop/s"),
        Figure("a plain loop", "speed", round(statistics.median(plain)), "target tokens/s"),
        Figure("nmt against a plain loop", "ratio", round(statistics.median(ours) / statistics.median(plain), 2), "×"),
        Figure("translating, greedy", "speed", round(greedy), "pieces/s"),
        Figure("translating, beam 5", "speed", round(beam), "pieces/s"),
    ]
    line = f"python benchmarks/gpu.py --preset {options.preset} --batch-tokens {options.batch_tokens}"
    record(f"{options.preset}, {options.batch_tokens:,} tokens a batch, on {name}", line, figures)


def settled(device: torch.device) -> float:
    """The time when all that the device was given is done."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.monotonic()


def rate(updates: Iterator[int], count: int, device: torch.device) -> float:
    """Target tokens a second of so many updates after the first ones."""
    for _ in range(WARM_UP):
        next(updates)
    start = settled(device)
    tokens = sum(next(updates) for _ in range(count))
    return tokens / (settled(device) - start)


def nmt_updates(config: Config, pairs: RandomPairs, device: torch.device) -> Iterator[int]:
    """The target tokens of each update of nmt's own loop."""
    model = build_model(config.model, VOCABULARY, VOCABULARY, joint=True).to(device)
    state = TrainState.fresh(model, config.training)
    for event in train_steps(state, pairs, config.training):
        assert isinstance(event, Update)
        yield event.target_tokens


def plain_updates(config: Config, pairs: RandomPairs, device: torch.device) -> Iterator[int]:
    """The same of a loop as a tutorial writes it."""
    model = PlainModel(config).to(device).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    products = products_of("auto", device).layers
    for rows in plan_block(pairs, config.training.batch_tokens, config.training.seed, 0, 0):
        batch = TensorBatch.of(*pairs.ids(rows), device)
        with torch.autocast(device.type, products, enabled=products is not None):
            logits_BTV = model(batch.source_BS, batch.target_BT[:, :-1])
            loss = nn.functional.cross_entropy(
                logits_BTV.flatten(0, 1), batch.target_BT[:, 1:].flatten(), ignore_index=PAD, label_smoothing=0.1
            )
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        yield len(batch.target_N)


def products_a_second(device: torch.device, config: Config, seconds: float = 2.0) -> float:
    """Operations a second of one large product, in the type that training takes."""
    kind = products_of(config.training.precision, device).layers or torch.float32
    size = 8192 if device.type == "cuda" else 1024
    a, b = (torch.randn(size, size, device=device, dtype=kind) for _ in "ab")
    torch.mm(a, b)
    start, count = settled(device), 0
    while settled(device) - start < seconds:
        torch.mm(a, b)
        count += 1
    return 2 * size**3 * count / (settled(device) - start)


def translated(config: Config, pairs: RandomPairs, device: torch.device, lines: int, beam_size: int) -> float:
    """Pieces a second of translations that all end at their limit, for the weights are random."""
    model = build_model(config.model, VOCABULARY, VOCABULARY, joint=True).to(device).eval()
    engine = PyTorchEngine(model, range(CONTROL), device)
    options = SearchOptions(beam_size=beam_size, max_length_factor=1.0)
    sources = sorted((ids.tolist() for ids in pairs.ids(np.arange(lines))[0]), key=len)
    batches: list[list[list[int]]] = [[]]
    for source in sources:
        if len(batches[-1]) * len(source) > config.training.batch_tokens:
            batches.append([])
        batches[-1].append(source)

    def search(batch: list[list[int]]) -> int:
        return sum(len(best.pieces) for best, *_ in engine.search([Query(pieces) for pieces in batch], options))

    search(batches[0][:8])
    start = settled(device)
    return sum(search(batch) for batch in batches) / (settled(device) - start)


if __name__ == "__main__":
    main()
