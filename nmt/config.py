"""Every setting of the program with its bounds.

Settings come in layers, nested dictionaries like ``{"model": {"width": 256}}``, where a later layer overrides earlier
ones. ``Config.from_layers`` turns layers into frozen dataclasses, and each part of the program gets only the one that
it needs. Knows names, types and bounds; not what a setting does.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from nmt.checked import Checked, build, known, setting
from nmt.errors import SettingsError

Layer = Mapping[str, Mapping[str, Any]]


LONGEST_NOTE = 200  # characters
LARGEST_WEIGHT = 1000  # of a corpus
LEARNED_POSITIONS = 1024  # rows of a table of position vectors; later positions share the last row

ACTIVATIONS = ("relu", "gelu", "gelu-sigmoid", "swish")
ATTENTION_SCORES = ("scaled-dot", "dot", "general", "concat", "location", "none")


@dataclass(frozen=True)
class ModelConfig(Checked):
    """The shape of a model; with the vocabulary sizes, it determines every tensor's name and shape."""

    section = "model"

    family: str = setting("transformer", "kind of model: transformer or recurrent")
    width: int = setting(256, "features of each position (d_model)", 2, 16384)
    feed_forward: int = setting(1024, "features inside the feed-forward layers", 1, 65536)
    encoder_layers: int = setting(3, "layers of the encoder", 1, 128)
    decoder_layers: int = setting(3, "layers of the decoder", 1, 128)
    heads: int = setting(4, "number of attention heads; must divide the width", 1, 256)
    activation: str = setting("relu", "activation of the Transformer's feed-forward layers", choices=ACTIVATIONS)
    positions: str = setting(
        "sinusoidal", "position vectors of the Transformer", choices=("sinusoidal", "sines-first", "learned")
    )
    attention_score: str = setting("scaled-dot", "how attention scores a position", choices=ATTENTION_SCORES)
    cell: str = setting("lstm", "cell of the recurrent family", choices=("lstm", "gru"))
    norm: str = setting("pre", "LayerNorm before each sublayer, or after it as in 2017", choices=("pre", "post"))
    dropout: float = setting(0.1, "dropout of embeddings and of each sublayer's output", 0.0, 0.95)
    tied_embeddings: bool = setting(True, "one matrix for source, target and output embeddings")
    scaled_embeddings: bool = setting(True, "multiply embeddings by the square root of the width")
    output_bias: bool = setting(False, "add a bias to the logit of each piece")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.width % 2:
            raise SettingsError(f"model.width {self.width} is odd", "choose an even model.width")
        if self.family == "transformer" and self.width % self.heads:
            raise SettingsError(
                f"model.width {self.width} is not a multiple of model.heads {self.heads}",
                "choose an even model.width that is a multiple of model.heads",
            )
        if self.family == "transformer" and self.attention_score not in ("scaled-dot", "dot"):
            raise SettingsError(
                f"the Transformer does not support model.attention_score {self.attention_score!r}",
                "choose scaled-dot or dot, or set model.family = recurrent",
            )


@dataclass(frozen=True)
class TrainingConfig(Checked):
    """Training settings. Exactly one of ``steps``, ``epochs``, ``minutes`` is the budget."""

    section = "training"

    steps: int = setting(0, "budget in updates; 0: the budget is not in updates", 0, 10**9)
    epochs: int = setting(0, "budget in epochs, which are passes over the training pairs", 0, 10**6)
    minutes: float = setting(0.0, "budget in minutes, including validation and saving", 0.0, 10**6)
    batch_tokens: int = setting(4096, "tokens of a batch, including padding: rows × the longest side", 16, 10**8)
    accumulate: int = setting(1, "batches whose gradients are accumulated for one update", 1, 10**4)
    learning_rate: float = setting(2e-3, "peak learning rate", 0.0, 10.0)
    warmup_steps: int = setting(800, "updates of linear warm-up", 0, 10**8)
    bidirectional: float = setting(
        0.0, "share of the budget, at its start, that trains both directions; needs a joint vocabulary", 0.0, 1.0
    )
    minimum_risk: float = setting(
        0.0, "share of the budget, at its end, that trains on the quality of the model's own hypotheses", 0.0, 1.0
    )
    synthetic: float = setting(
        0.0,
        "share of an epoch's pairs, if there are so many, that a model made: of monolingual text, or a teacher; "
        "1: no others",
        0.0,
        1.0,
    )
    odd_input: float = setting(0.0, "share of batches with typos, small letters or signs that are copied", 0.0, 1.0)
    terms: float = setting(
        0.0,
        "share of batches that tell translations of some words, as glossaries do; needs a joint vocabulary",
        0.0,
        1.0,
    )
    label_smoothing: float = setting(0.1, "probability that is spread evenly over the vocabulary", 0.0, 0.99)
    weight_decay: float = setting(0.0, "AdamW's decoupled weight decay", 0.0, 10.0)
    precision: str = setting(
        "auto",
        "precision of matrix products; auto: bfloat16 where it is faster, on a CPU for the vocabulary only",
        choices=("auto", "float32", "bfloat16"),
    )
    gradient_clip: float = setting(1.0, "largest gradient norm; 0: no clipping", 0.0, 10**6)
    average_decay: float = setting(0.999, "decay of the averaged weights; 0: export the last weights", 0.0, 0.99999)
    validate_every: int = setting(0, "updates between validations; 0: 20 validations in the budget", 0, 10**9)
    save_every: int = setting(0, "updates between checkpoints; 0: at each validation", 0, 10**9)
    keep: int = setting(2, "number of newest checkpoints to keep; at least 2 are kept", 1, 10**6)
    patience: int = setting(
        0, "validations without a better score (BLEU or chrF) before training stops; 0: never", 0, 10**6
    )
    seed: int = setting(1, "seed of every random number", 0, 2**31 - 1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if sum(bool(budget) for budget in (self.steps, self.epochs, self.minutes)) != 1:
            raise SettingsError(
                "training needs exactly one budget",
                "set one of training.steps, training.epochs, training.minutes",
            )


@dataclass(frozen=True)
class PrepareOptions(Checked):
    """Settings of ``prepare``, which are part of the dataset's manifest."""

    section = "prepare"

    vocab_size: int = setting(0, "pieces, without the 64 reserved ones; 0: chosen to fit the corpus", 0, 10**6)
    tokenizer: str = setting("unigram", "SentencePiece's algorithm", choices=("unigram", "bpe"))
    joint_vocab: bool = setting(True, "one vocabulary for both languages")
    max_length: int = setting(256, "longest side in pieces; longer pairs are dropped", 1, 10**5)
    clean: str = setting("normal", "how strictly pairs are cleaned", choices=("strict", "normal", "off"))
    fix: bool = setting(False, "mend mojibake and HTML entities in the training text")
    rules: str = setting("", "rules with thresholds of their own: agreement=0.2,language=off")
    temperature: float = setting(
        5.0,
        "of several directions: one with n pairs is seen in proportion to n^(1/T); 1: as often as it is",
        1.0,
        1000.0,
    )
    kinds: str = setting("", "what passes a model unchanged, a line each: ticket=TKT-[0-9]+ or number=off")
    seed: int = setting(1, "seed of every random number", 0, 2**31 - 1)


DEVICES = ("auto", "cpu", "cuda", "mps")
ENGINES = ("auto", "torch", "ctranslate2")
CANDIDATES = 50  # samples among which minimum Bayes risk chooses
SAMPLING = ("top_p", "temperature", "seed")  # what counts only with ``sample``


@dataclass(frozen=True)
class SearchOptions(Checked):
    """Settings of the search for hypotheses; ``nmt.decoding.beam`` and ``nmt.decoding.sample`` explain them."""

    beam_size: int = setting(5, "hypotheses kept at each step; 1 is greedy", 1, 1024)
    length_penalty: float = setting(1.0, "score = sum of log-probabilities / length^A", -10.0, 10.0)
    n_best: int = setting(1, "hypotheses returned for each line", 1, 1024)
    max_length_factor: float = setting(3.0, "a translation has at most F × source pieces + 10 pieces", 0.1, 1000.0)
    sample: int | None = setting(
        None, "draw pieces at random instead: of the K most probable, or without K of all", 0, 10**6, kind=int
    )
    top_p: float = setting(1.0, "draw of the most probable pieces that have P of the probability together", 1e-6, 1.0)
    temperature: float = setting(1.0, "logits are divided by T before a piece is drawn", 0.01, 100.0)
    seed: int = setting(1, "seed of every random number", 0, 2**31 - 1)
    mbr: str | None = setting(
        None, "choose the hypothesis most like the others (minimum Bayes risk)", choices=("chrf", "bleu"), kind=str
    )
    candidates: int | None = setting(
        None, f"hypotheses among which mbr chooses: the beam's, or {CANDIDATES} samples unless told", 1, 1024, kind=int
    )
    min_length: int = setting(0, "a translation has at least N pieces", 0, 1000)
    no_repeat_ngram: int = setting(0, "no N pieces in a row appear twice in a translation; 0: they may", 0, 1000)
    phrases: bool = setting(False, "whether lines come with phrases that must or must not appear")
    token_scores: bool = setting(False, "give the log-probability of each piece of the translation")
    alignments: bool = setting(False, "link the words of the line with those of its translation")
    check: bool = setting(False, "check translations, and search again for those that look wrong")
    whole_lines: bool = setting(False, "do not split lines into sentences, for a model of paragraphs")

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, purpose in (*((name, "sample") for name in SAMPLING), ("candidates", "mbr")):
            needless = name == "seed" or getattr(self, name) == getattr(type(self), name)
            if getattr(self, purpose) is None and not needless:
                raise SettingsError(f"`{name}` counts with `{purpose}` only", f"give `{purpose}` too")
        if self.sample is not None and self.phrases:
            raise SettingsError("what is drawn by `sample` cannot be told phrases", "leave one of them out")
        self._check_count(self.n_best, f"an n-best list of {self.n_best}", "n_best")
        if self.candidates:
            self._check_count(self.candidates, f"{self.candidates} candidates", "candidates")
            if self.candidates < self.n_best:
                raise SettingsError(
                    f"an n-best list of {self.n_best} from {self.candidates} candidates",
                    "make `candidates` at least as large as `n_best`",
                )

    def _check_count(self, count: int, what: str, name: str) -> None:
        if self.sample is None and count > self.beam_size:
            raise SettingsError(
                f"{what} from a beam of {self.beam_size}", f"make `beam_size` at least as large as `{name}`"
            )

    @property
    def hypotheses(self) -> int:
        """Hypotheses of a line that the engine finds: the n-best list, or those among which ``mbr`` chooses."""
        if self.mbr is None:
            return self.n_best
        return self.candidates or (self.beam_size if self.sample is None else max(self.n_best, CANDIDATES))

    def in_force(self) -> dict[str, Any]:
        """The options that count, by name: what is off is left out, so a journal outlives new ones and another seed."""
        idle = {"sample", *SAMPLING} if self.sample is None else {"beam_size"}
        idle |= {spec.name for spec in fields(self) if not spec.default and getattr(self, spec.name) == spec.default}
        return {name: value for name, value in asdict(self).items() if name not in idle}


@dataclass(frozen=True)
class EngineOptions(Checked):
    """Settings of the engine that searches: which one, and how much of the machine it uses."""

    batch_tokens: int = setting(2048, "tokens of a batch, including padding: rows × the longest line", 1, 10**8)
    device: str = setting("auto", "device to compute on; auto: the fastest on this machine", choices=DEVICES)
    threads: int = setting(0, "threads on the CPU; 0: one for each core", 0)
    engine: str = setting("auto", "search engine; auto: the fastest that supports the options", choices=ENGINES)
    compute_type: str = setting(
        "float32",
        "number type of CTranslate2's matrix products; int8 is faster and slightly less accurate",
        choices=("float32", "int8"),
    )


@dataclass(frozen=True)
class Config:
    """The resolved settings of a training run."""

    model: ModelConfig
    training: TrainingConfig

    @classmethod
    def from_layers(cls, *layers: Layer) -> Self:
        """Merge layers; a later layer overrides earlier ones, and its budget replaces budgets of every kind.

        Raises SettingsError for an unknown section or key, with the nearest known name, and for a value out of bounds.
        """
        sections: dict[str, dict[str, Any]] = {"model": {}, "training": {}}
        for layer in layers:
            for section, values in layer.items():
                known(section, list(sections), "section")
                if any(values.get(name) for name in BUDGETS):
                    for name in BUDGETS:
                        sections[section].pop(name, None)
                sections[section].update(values)
        return cls(build(ModelConfig, sections["model"]), build(TrainingConfig, sections["training"]))

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """The settings as a layer that ``from_layers`` accepts."""
        return asdict(self)


BUDGETS = ("steps", "epochs", "minutes")


def is_name(value: object) -> bool:
    """Whether a value may be the code of a language: short, printable, and valid as the ending of a file name."""
    return isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_.-]{1,32}", value) is not None


def is_note(value: object) -> bool:
    """Whether a value may be a note of a person, like a licence: one short printable line."""
    return isinstance(value, str) and len(value) <= LONGEST_NOTE and value.isprintable()
