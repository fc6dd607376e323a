"""The presets, and which of them fits a corpus, a budget and a machine. Plain arithmetic: no files and no tensors."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from nmt.config import Config, Layer, ModelConfig, known

# Width, depth and budget of the presets. tiny is the Transformer-Tiny of Wu et al. 2021, base and big those of Vaswani
# et al. 2017; rnn is the attentional model of Luong et al. 2015.
PRESETS: dict[str, Layer] = {
    "tiny": {
        "model": dict(width=128, feed_forward=256, encoder_layers=4, decoder_layers=4, heads=4, dropout=0.2),
        "training": dict(
            epochs=40, batch_tokens=1600, learning_rate=5e-3, warmup_steps=800, bidirectional=0.33, weight_decay=0.1
        ),
    },
    "small": {
        "model": dict(width=256, feed_forward=1024, encoder_layers=3, decoder_layers=3, heads=4, dropout=0.2),
        "training": dict(epochs=40, batch_tokens=4096, learning_rate=1e-3, warmup_steps=2000),
    },
    "base": {
        "model": dict(width=512, feed_forward=2048, encoder_layers=6, decoder_layers=6, heads=8, dropout=0.1),
        "training": dict(steps=100_000, batch_tokens=25_000, learning_rate=7e-4, warmup_steps=4000),
    },
    "big": {
        "model": dict(width=1024, feed_forward=4096, encoder_layers=6, decoder_layers=6, heads=16, dropout=0.3),
        "training": dict(steps=300_000, batch_tokens=25_000, learning_rate=5e-4, warmup_steps=4000),
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
    """What auto takes for fewer than so many pairs, if the budget is enough for so many passes."""

    below: float
    passes: float
    preset: str
    why: str
    layer: Layer = field(default_factory=dict)  # over the preset
    timed: Layer = field(default_factory=dict)  # over that, where the budget is one of minutes


# From the smallest to the largest; what the budget is too small for gives way to the rule before it. Small corpora want
# small models and much dropout (Araabi and Monz 2020; Wu et al. 2021).
RULES = (
    Rule(0, 0, "tiny", "measured on 29,000 pairs: 39.1 BLEU after 28 passes with dropout 0.2; 0.3 begins more slowly"),
    Rule(
        100_000,
        35,
        "tiny",
        "measured on 29,000 pairs: 40.8 BLEU after 44 passes; width 256 in the same minutes 39.4; dropout 0.2 is "
        "ahead by 0.8 on 10,000 pairs after 30 passes, and behind by 0.5 on 5,000 after 62; "
        "Wu et al. 2021: tiny 41.0, small 39.7, base 38.3, lower-cased",
        {"model": dict(dropout=0.3)},
        {"training": dict(minimum_risk=0.15)},
    ),
    Rule(
        100_000,
        90,
        "tiny",
        "measured on 29,000 pairs and a GPU: 41.8 BLEU with beams of 5 after 97 passes; width 128 in batches as large "
        "41.1 with dropout 0.3, 40.9 with 0.4",
        {
            "model": dict(width=256, feed_forward=512, dropout=0.4),
            "training": dict(batch_tokens=6400, learning_rate=3e-3),
        },
    ),
    Rule(1_000_000, 10, "small", "between its neighbours; not measured by us"),
    Rule(
        20_000_000,
        10,
        "base",
        "on 4.5 million pairs base 27.3, big 28.4 for seven times the work (Vaswani et al. 2017); not measured by us",
    ),
    Rule(float("inf"), 10, "big", "on 36 million pairs base 38.1, big 41.8 (Vaswani et al. 2017); not measured by us"),
)

OPERATIONS_A_CORE = 4e10
"""A second, that training makes: 3e10 on a Xeon Ice Lake, 5.7e10 on an EPYC Zen 4."""


@dataclass(frozen=True)
class Task:
    """What there is to learn from, and what there is to learn with."""

    pairs: int
    source_tokens: int  # of a pass, with the end of each sentence
    target_tokens: int
    vocabulary: int  # pieces of the target side
    cores: int  # that train; 0: something faster does, of which auto knows nothing
    # The budget: one of these is not 0.
    steps: int = 0
    epochs: int = 0
    minutes: float = 0.0


def operations(model: ModelConfig, vocabulary: int, source_tokens: float) -> float:
    """Of training on one target token: 6 for each weight that it and its ``source_tokens`` touch."""
    width, block = model.width, 2 * model.width * model.feed_forward
    encoder = model.encoder_layers * (4 * width**2 + block) + model.decoder_layers * 2 * width**2
    decoder = model.decoder_layers * (6 * width**2 + block) + width * vocabulary
    return 6 * (source_tokens * encoder + decoder)


def passes(rule: Rule, task: Task) -> float:
    """Over the data, that the settings of ``rule`` make with the budget of ``task``, more or less."""
    config = Config.from_layers(PRESETS[rule.preset], rule.layer)
    if task.epochs:
        return task.epochs
    if task.steps:  # of the preset's batches: a rule with larger ones makes more passes of them, and takes longer
        tokens = Config.from_layers(PRESETS[rule.preset]).training.batch_tokens
        return task.steps * tokens / max(task.source_tokens, task.target_tokens)
    return timed_passes(config.model, task)


def timed_passes(model: ModelConfig, task: Task) -> float:
    """Estimated passes over the data within the minutes of ``task``; infinite on what is faster than a CPU."""
    if not task.cores:
        return float("inf")
    each = operations(model, task.vocabulary, task.source_tokens / task.target_tokens)
    return 60 * task.minutes * task.cores * OPERATIONS_A_CORE / (each * task.target_tokens)


def auto(task: Task) -> Rule:
    """The rule that fits: the last for so many pairs, or one before it where the budget is too small for its passes."""
    most = min(rule.below for rule in RULES if task.pairs < rule.below)
    fit = [rule for rule in RULES if rule.below <= most]
    return next(rule for rule in reversed(fit) if passes(rule, task) >= rule.passes)


def layers_of(name: str, task: Task) -> Sequence[Sequence[Layer]]:
    """The layers of settings of the preset ``name``; of auto, those of the rule that fits ``task``, then of all others.

    Raises SettingsError for an unknown name.
    """
    known(name, ["auto", *PRESETS], "preset")
    if name != "auto":
        return [[PRESETS[name]]]
    fits = auto(task)
    first = [PRESETS[fits.preset], fits.layer, fits.timed if task.minutes else {}]
    return [first, *([PRESETS[rule.preset], rule.layer, timed] for rule in RULES for timed in (rule.timed, {}))]
