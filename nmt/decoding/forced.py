"""Forced decoding: how probable a model finds given translations, pair by pair. Knows no tensor and no file.

Pairs are gathered into windows, sorted by length and scored in batches, so memory depends on the window and not on the
corpus. What both sides have of what stays as it is becomes slots, as in training; so does the mark of a list item, as
in what is translated. No side is split into sentences or cut, and no final mark is added.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import fsum, nan
from typing import TYPE_CHECKING, NamedTuple, Self

from nmt.config import EngineOptions, SearchOptions
from nmt.decoding.batching import Batches
from nmt.decoding.directed import directed
from nmt.decoding.engine import MAX_PIECES, Hypothesis, Query, Scorer
from nmt.decoding.pair_slots import Pair, PairSlots
from nmt.decoding.windows import WINDOW, WINDOW_CHARACTERS, about_windows
from nmt.errors import BusyError, SettingsError
from nmt.text.directions import Direction, lacking, spoken, targets_of
from nmt.text.lines import printable
from nmt.text.profile import Profile
from nmt.text.progress import Progress, Silent
from nmt.text.tokenizer import Tokenizer
from nmt.text.verbatim import LateLines

if TYPE_CHECKING:
    from nmt.store.model_folder import ModelFolder


@dataclass
class Given:
    """A pair as an engine gets it."""

    place: int  # in the window
    source: list[int]
    target: list[int]
    hypothesis: Hypothesis | None = None  # the target with its scores, once it is scored

    @property
    def width(self) -> int:
        """Pieces of the longer side, and </s>."""
        return max(len(self.source), len(self.target)) + 1

    @property
    def fits(self) -> bool:
        """Whether it can be scored: no side is blank or has over MAX_PIECES pieces."""
        return all(0 < len(side) <= MAX_PIECES for side in (self.source, self.target))


@dataclass(frozen=True)
class ScoredPair:
    """A pair with its score, and how each direction sees it. Hypotheses are None where a side has no or many pieces."""

    source: str
    translation: str
    score: float  # higher is better; NaN for a pair that cannot be scored
    forward: Hypothesis | None  # the translation, given the source
    reverse: Hypothesis | None = None  # the source, given the translation
    source_pieces: int = 0
    target_pieces: int = 0


class PairScorer:
    """Scores pairs in the direction of one model."""

    model = ""  # SHA-256 of the manifest of the model folder that was loaded

    def __init__(
        self,
        engine: Scorer,
        tokenizers: tuple[Tokenizer, Tokenizer],
        batch_tokens: int,
        profile: Profile | None = None,
        sources: Sequence[str] = (),
    ) -> None:
        self.engine, self.slots = engine, PairSlots(profile, sources)
        self.source_tokenizer, self.target_tokenizer = tokenizers
        self.batches = Batches(engine.score_tokens or batch_tokens, engine.workers)

    @classmethod
    def of(cls, model: "ModelFolder", wanted: EngineOptions) -> Self:
        """The scorer of an opened model folder. Raises what ``Translator.of`` raises."""
        tokenizers = model.tokenizers
        from nmt.decoding.loading import load_engine

        engine = directed(load_engine(model, SearchOptions(), wanted), model.tag)
        scorer = cls(engine, tokenizers, wanted.batch_tokens, model.profile, model.sources)
        scorer.model = model.digest
        return scorer

    def about(self) -> dict[str, str | int]:
        """All that its scores depend on besides the pairs of a window, by name; `batch_tokens` changes no digit."""
        import sentencepiece

        about = {**self.slots.about(), **self.engine.about()}
        return {"model": self.model, "sentencepiece": sentencepiece.__version__, **about}

    def take_late(self) -> LateLines:
        """The pairs that were read without all kinds; from now on they are counted anew."""
        late, self.slots.late = self.slots.late, LateLines()
        return late

    def score(self, pairs: Sequence[Pair], before: int, progress: Progress) -> list[Given]:
        """Each pair with its translation as a hypothesis; None where a pair does not fit.

        ``before`` pairs came before these. Raises BusyError for a pair that does not fit into memory.
        """
        slotted = [self.slots.put(pair, number) for number, pair in enumerate(pairs, start=before + 1)]
        changed = [pair != as_given for pair, as_given in zip(slotted, pairs, strict=True)]
        sources = self.source_tokenizer.encode_slotted([source for source, _ in slotted], changed)
        targets = self.target_tokenizer.encode_slotted([target for _, target in slotted], changed)
        given = [Given(place, *sides) for place, sides in enumerate(zip(sources, targets, strict=True))]
        # Batches are sorted by the longer side, and keep this order where that is equal: the other side pads less.
        fitting = sorted((pair for pair in given if pair.fits), key=lambda pair: (-len(pair.target), -len(pair.source)))
        progress.advance(len(given) - len(fitting))

        def work(batch: list[Given]) -> list[Hypothesis]:
            return self.engine.score([Query(pair.source) for pair in batch], [pair.target for pair in batch])

        def alone(pair: Given) -> BusyError:
            number = before + pair.place + 1
            return BusyError(
                f"pair {number} does not fit into memory even alone", "use a smaller model, or leave it out"
            )

        for batch, results in self.batches.run(fitting, work, alone, progress):
            for pair, hypothesis in zip(batch, results, strict=True):
                pair.hypothesis = hypothesis
            progress.advance(len(batch))
        return given


class Scoring:
    """Scores pairs by one model, or by dual cross-entropy with a second of the other direction.

    The score is the mean log-probability of a piece, or the sum unless ``normalize``. With ``reverse`` it is that of
    Junczys-Dowmunt 2018, equation 1, negated: −|H₁ − H₂| − (H₁ + H₂) / 2, where H is each direction's cross-entropy per
    piece.
    """

    def __init__(self, forward: PairScorer, reverse: PairScorer | None = None, normalize: bool = True) -> None:
        self.forward, self.reverse, self.normalize = forward, reverse, normalize

    @classmethod
    def of(cls, models: Sequence["ModelFolder"], wanted: EngineOptions, normalize: bool = True) -> Self:
        """By an opened model, or by two of opposite directions. Raises what ``Translator.of`` raises."""
        forward, *reverse = (PairScorer.of(model, wanted) for model in models)
        return cls(forward, reverse[0] if reverse else None, normalize)

    def about(self) -> dict[str, str | int]:
        """All that its scores and the bounds of its windows depend on besides the pairs, by name."""
        reverse = self.reverse.about() if self.reverse else {}
        return {
            **self.forward.about(),
            **{f"reverse {name}": value for name, value in reverse.items()},
            "normalize": self.normalize,
            **about_windows(),
            "longest side": MAX_PIECES,
        }

    @property
    def tokenizers(self) -> list[Tokenizer]:
        """The tokenizers of what each model predicts: the targets, and with ``reverse`` the sources."""
        return [scorer.target_tokenizer for scorer in self.scorers]

    @property
    def scorers(self) -> list[PairScorer]:
        """One for each direction."""
        return [scorer for scorer in (self.forward, self.reverse) if scorer]

    def scored(self, each: Iterable["PairWindow"], progress: Progress) -> Iterator[list[ScoredPair]]:
        """The pairs of each window with their scores, in order; a window is read when the one before it is done."""
        for before, pairs in each:
            yield self.score(pairs, before, progress)

    def score(self, pairs: Sequence[Pair], before: int, progress: Progress) -> list[ScoredPair]:
        """The pairs of a window with their scores; ``before`` pairs came before them."""
        forward = self.forward.score(pairs, before, progress)
        backs: list[Hypothesis | None] = [None] * len(pairs)
        if self.reverse:
            exchanged = [(target, source) for source, target in pairs]
            backs = [given.hypothesis for given in self.reverse.score(exchanged, before, Warnings(progress))]
        scored = []
        for pair, given, back in zip(pairs, forward, backs, strict=True):
            there, counts = given.hypothesis, (len(given.source), len(given.target))
            scored.append(ScoredPair(*pair, self.combined(there, back), there, back, *counts))
        return scored

    def warn(self, progress: Progress) -> None:
        """Warn of pairs that were read without all kinds of the models."""
        for scorer in self.scorers:
            scorer.slots.late.warn(progress)

    def combined(self, there: Hypothesis | None, back: Hypothesis | None) -> float:
        """The score of a pair from what each direction says."""
        if there is None or (self.reverse and back is None):
            return nan
        if back is not None:
            return -abs(there.score - back.score) + (there.score + back.score) / 2
        return there.score if self.normalize else fsum(there.token_scores or [])


class Warnings(Silent):
    """Progress of which only warnings are told: the other direction counts the pairs."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def warn(self, line: str) -> None:
        self.progress.warn(line)


class ModelOfPairs:
    """A model as the rule ``model`` of ``nmt prepare`` asks it; loaded when it is asked for the first time."""

    def __init__(self, model: "ModelFolder", languages: tuple[str, str], wanted: EngineOptions) -> None:
        """Raises SettingsError unless the model translates from the first of ``languages`` to the second."""
        found = in_direction(model, languages)
        if found is None:
            what = f"the model of `rule` translates {spoken(model.pairs)}, and the corpora are {spoken([languages])}"
            raise SettingsError(what, f"give a model that translates {spoken([languages])}")
        self.name, self.digest = printable(str(model.folder)), model.digest
        self._model, self._wanted = found, wanted

    @cached_property
    def _scoring(self) -> Scoring:
        return Scoring.of([self._model], self._wanted)

    def about(self) -> dict[str, str | int]:
        """All that its scores depend on besides the pairs, by name."""
        return self._scoring.about()

    def score(self, pairs: Sequence[Pair], progress: Progress) -> list[float]:
        """The mean log-probability of a piece of each target; NaN for a pair that cannot be scored."""
        return [pair.score for pair in self._scoring.score(pairs, 0, Warnings(progress))]


class PairWindow(NamedTuple):
    """Pairs that are scored together, and how many pairs came before them."""

    before: int
    pairs: list[Pair]


def windows(pairs: Iterable[Pair]) -> Iterator[PairWindow]:
    """Groups of pairs that are scored together. Where a window ends depends only on its pairs."""
    window: list[Pair] = []
    before = characters = 0
    for pair in pairs:
        window.append(pair)
        characters += len(pair[0]) + len(pair[1])
        if len(window) == WINDOW or characters >= WINDOW_CHARACTERS:
            yield PairWindow(before, window)
            before += len(window)
            window, characters = [], 0
    if window:
        yield PairWindow(before, window)


def in_direction(model: "ModelFolder", direction: Direction) -> "ModelFolder | None":
    """The model as one that translates in the direction, or else in alike ones of a single target; None without any."""
    alike = [pair for pair in model.pairs if not lacking([direction], [pair], tagged=False)]
    targets = targets_of([direction] if direction in alike else alike)
    return model.toward(targets[0]) if len(targets) == 1 else None


def translating_back(reverse: "ModelFolder", directions: Sequence[Direction], name: str) -> "ModelFolder":
    """The model ``reverse`` as one that translates back what the model ``name`` does in the directions of corpora.

    Raises SettingsError where there are several directions, or ``reverse`` lacks the one back.
    """
    if len(directions) > 1:
        what = f"`reverse` is for corpora of one direction, and these are {spoken(directions)}"
        raise SettingsError(what, "score those of each direction by themselves")
    ((source, target),) = directions
    found = in_direction(reverse, (target, source))
    if found is None:
        what = f"`reverse` translates {spoken(reverse.pairs)}, and {name} {spoken(directions)}"
        raise SettingsError(what, f"give a model that translates {spoken([(target, source)])}")
    return found
