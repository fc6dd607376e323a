"""The presets, and the choice of one for a corpus, a budget and a machine. Knows figures; no files and no tensors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nmt.checked import known
from nmt.config import Config, Layer, ModelConfig

# Share of the batches that show what users type: see docs/train.md.
SHOWN: Mapping[str, float] = dict(odd_input=0.15)
# Large presets read many more rows, so they need less. A changed batch of 25,000 tokens takes a processor 0.1 s, in
# which a GPU waits.
SHOWN_SELDOM: Mapping[str, float] = dict(odd_input=0.05)

# Width, depth and budget of the presets. tiny is the Transformer-Tiny of Wu et al. 2021, base and big those of Vaswani
# et al. 2017; rnn is the attentional model of Luong et al. 2015.
PRESETS: dict[str, Layer] = {
    "tiny": {
        "model": dict(width=128, feed_forward=256, encoder_layers=4, decoder_layers=4, heads=4, dropout=0.2),
        "training": dict(
            epochs=40,
            batch_tokens=1600,
            learning_rate=5e-3,
            warmup_steps=800,
            bidirectional=0.33,
            weight_decay=0.1,
            **SHOWN,
        ),
    },
    "small": {
        "model": dict(width=256, feed_forward=1024, encoder_layers=3, decoder_layers=3, heads=4, dropout=0.2),
        "training": dict(epochs=40, batch_tokens=4096, learning_rate=1e-3, warmup_steps=2000, **SHOWN),
    },
    "base": {
        "model": dict(width=512, feed_forward=2048, encoder_layers=6, decoder_layers=6, heads=8, dropout=0.1),
        "training": dict(steps=100_000, batch_tokens=25_000, learning_rate=7e-4, warmup_steps=4000, **SHOWN_SELDOM),
    },
    "big": {
        "model": dict(width=1024, feed_forward=4096, encoder_layers=6, decoder_layers=6, heads=16, dropout=0.3),
        "training": dict(steps=300_000, batch_tokens=25_000, learning_rate=5e-4, warmup_steps=4000, **SHOWN_SELDOM),
    },
    # A deep encoder and a decoder of one layer, for a model that learns from a teacher (Kasai et al. 2021).
    "student": {
        "model": dict(width=128, feed_forward=256, encoder_layers=6, decoder_layers=1, heads=4, dropout=0.1),
        "training": dict(epochs=40, batch_tokens=1600, learning_rate=5e-3, warmup_steps=800, weight_decay=0.1, **SHOWN),
    },
    "rnn": {
        "model": dict(
            family="recurrent",
            cell="lstm",
            attention_score="general",
            width=256,
            encoder_layers=1,
            decoder_layers=1,
            dropout=0.3,
        ),
        "training": dict(epochs=40, batch_tokens=1600, learning_rate=2e-3, warmup_steps=800),
    },
}


@dataclass(frozen=True)
class Rule:
    """A rule of auto: the preset for a corpus of fewer than ``below`` pairs, if the budget allows ``epochs`` epochs."""

    below: float
    epochs: float
    preset: str
    why: str
    layer: Layer = field(default_factory=dict)  # overrides the preset
    timed: Layer = field(default_factory=dict)  # overrides both if the budget is in minutes


# From the smallest model to the largest. If the budget is too small for a rule, auto takes an earlier rule. A small
# corpus needs a small model and much dropout (Araabi and Monz 2020; Wu et al. 2021).
RULES = (
    Rule(0, 0, "tiny", "measured on 29,000 pairs: 39.1 BLEU after 28 epochs with dropout 0.2; 0.3 is slower at first"),
    Rule(
        100_000,
        35,
        "tiny",
        "measured on 29,000 pairs: 40.8 BLEU after 44 epochs; width 256 in the same minutes: 39.4; dropout 0.2 is "
        "better by 0.8 on 10,000 pairs after 30 epochs, and worse by 0.5 on 5,000 pairs after 62; "
        "Wu et al. 2021, lower-cased: tiny 41.0, small 39.7, base 38.3",
        {"model": dict(dropout=0.3)},
        {"training": dict(minimum_risk=0.15)},
    ),
    Rule(
        100_000,
        90,
        "tiny",
        "measured on 29,000 pairs and a GPU: 41.8 BLEU with beam size 5 after 97 epochs; width 128 with the same batch "
        "size: 41.1 with dropout 0.3, 40.9 with 0.4",
        {
            "model": dict(width=256, feed_forward=512, dropout=0.4),
            "training": dict(batch_tokens=6400, learning_rate=3e-3),
        },
    ),
    Rule(
        1_000_000,
        0,
        "tiny",
        "measured on 221,607 pairs of messages: 39.9 BLEU after 5 epochs; 34.1 after 2.6, and 32.8 if a third of the "
        "budget trains both directions",
        {"model": dict(dropout=0.1), "training": dict(bidirectional=0.0)},
    ),
    Rule(1_000_000, 10, "small", "between tiny and base in size; not measured by us"),
    Rule(
        20_000_000,
        10,
        "base",
        "4.5 million pairs: base 27.3 BLEU, big 28.4 for 7 times the work (Vaswani et al. 2017); not measured by us",
    ),
    Rule(
        float("inf"), 10, "big", "36 million pairs: base 38.1, big 41.8 BLEU (Vaswani et al. 2017); not measured by us"
    ),
)

FLOPS_PER_CORE = 4e10
"""Training throughput of one core, in FLOP/s: 3e10 on a Xeon Ice Lake, 5.7e10 on an EPYC Zen 4."""


@dataclass(frozen=True)
class Task:
    """The size of a corpus, and the cores and the budget to train on it."""

    pairs: int
    source_tokens: int  # of an epoch, with the end of each sentence
    target_tokens: int
    vocabulary: int  # pieces of the target side, without the reserved ones
    cores: int  # cores that train; 0: a faster device, about which auto knows nothing
    # The budget: exactly one of these is not 0.
    steps: int = 0
    epochs: int = 0
    minutes: float = 0.0

    @property
    def longer_side(self) -> float:
        """The mean number of tokens of the side that has more of them."""
        return max(self.source_tokens, self.target_tokens) / self.pairs


def operations(model: ModelConfig, vocabulary: int, source_tokens: float) -> float:
    """Operations (FLOP) of training on one target token: 6 for each weight used by it and its ``source_tokens``."""
    width, block = model.width, 2 * model.width * model.feed_forward
    encoder = model.encoder_layers * (4 * width**2 + block) + model.decoder_layers * 2 * width**2
    decoder = model.decoder_layers * (6 * width**2 + block) + width * vocabulary
    return 6 * (source_tokens * encoder + decoder)


def expected_epochs(rule: Rule, task: Task) -> float:
    """Estimated epochs that the rule's settings make within the budget."""
    config = Config.from_layers(PRESETS[rule.preset], rule.layer)
    if task.epochs:
        return task.epochs
    if task.steps:  # counts batches of the preset's size, although a rule with larger batches makes more epochs of them
        tokens = Config.from_layers(PRESETS[rule.preset]).training.batch_tokens
        return task.steps * tokens / max(task.source_tokens, task.target_tokens)
    return timed_epochs(config.model, task)


def timed_epochs(model: ModelConfig, task: Task) -> float:
    """Estimated epochs within the minutes of the budget; infinite on a device that is faster than a CPU."""
    if not task.cores:
        return float("inf")
    each = operations(model, task.vocabulary, task.source_tokens / task.target_tokens)
    return 60 * task.minutes * task.cores * FLOPS_PER_CORE / (each * task.target_tokens)


def auto(task: Task) -> Rule:
    """Choose a rule: the last one for the number of pairs whose epochs the budget allows."""
    most = min(rule.below for rule in RULES if task.pairs < rule.below)
    fit = [rule for rule in RULES if rule.below <= most]
    return next(rule for rule in reversed(fit) if expected_epochs(rule, task) >= rule.epochs)


def layers_of(name: str, task: Task) -> Sequence[Sequence[Layer]]:
    """Layers of settings that the preset ``name`` may stand for: the one for this task first, then the alternatives.

    A named preset has no alternatives; auto may stand for any of its rules. Raises SettingsError for an unknown name.
    """
    known(name, ["auto", *PRESETS], "preset")
    if name != "auto":
        return [[PRESETS[name]]]
    fits = auto(task)
    first = [PRESETS[fits.preset], fits.layer, fits.timed if task.minutes else {}]
    return [first, *([PRESETS[rule.preset], rule.layer, timed] for rule in RULES for timed in (rule.timed, {}))]
