"""Scores of a validation, direction by direction: their mean decides which model is best. Knows lines; no tensor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from nmt.config import SearchOptions
from nmt.corpus.dataset import Dataset
from nmt.decoding.checks import Checks
from nmt.decoding.directed import Directed
from nmt.decoding.engine import Engine
from nmt.decoding.translation import Translation
from nmt.decoding.translator import Translator
from nmt.decoding.usable import Usable
from nmt.scoring.metrics import corpus_scores, decisive_metric
from nmt.scoring.usable import fit
from nmt.text.directions import Direction
from nmt.text.progress import Progress
from nmt.training.request import TrainJob

SEARCH_TOKENS = 2048  # padded source tokens of a batch to translate


@dataclass(frozen=True)
class Scores:
    """BLEU and chrF of each direction, and what says how probably translations into each language are usable."""

    of: Mapping[Direction, tuple[float, float]]
    usable: Mapping[str, Usable | None]

    @property
    def mean(self) -> tuple[float, float]:
        """The mean BLEU and the mean chrF over directions."""
        bleu, chrf = zip(*self.of.values(), strict=True)
        return fmean(bleu), fmean(chrf)

    @property
    def named(self) -> dict[str, tuple[float, float]]:
        """The scores of several directions by their names."""
        return {"-".join(direction): scores for direction, scores in self.of.items()} if len(self.of) > 1 else {}


def decisive(data: Dataset) -> str:
    """The metric that decides which model is the best: "bleu", or "chrf" where it is for any direction."""
    every = by_direction(data, range(len(data.valid_target)))
    metrics = [decisive_metric([data.valid_target[row] for row in rows], to) for (_, to), rows in every.items()]
    return "chrf" if "chrf" in metrics else "bleu"


def by_direction(data: Dataset, rows: Sequence[int]) -> dict[Direction, list[int]]:
    """The places among validation ``rows`` of those of each direction, of which there are any."""
    if len(data.directions) == 1:
        return {data.directions[0]: list(range(len(rows)))}
    places: dict[Direction, list[int]] = {direction: [] for direction in data.directions}
    for place, direction in enumerate(data.directions_of(data.valid.corpus_ids(rows))):
        places[direction].append(place)
    return {direction: found for direction, found in places.items() if found}


def translated(
    job: TrainJob, engine: Engine, options: SearchOptions, rows: Sequence[int], progress: Progress
) -> list[Translation]:
    """The translations of the sources in validation ``rows``, each into the language of its target."""
    found: dict[int, Translation] = {}
    for (source, target), places in by_direction(job.data, rows).items():
        tag = job.tokenizers[0].tag(target) if job.tags else None
        its_engine = engine if tag is None else Directed(engine, tag)
        translator = Translator(
            its_engine, *job.tokenizers, options, SEARCH_TOKENS, profile=job.profile_of(target), source_language=source
        )
        lines = [job.data.valid_source[rows[place]] for place in places]
        found |= zip(places, translator.translate(lines, progress), strict=True)
    return [found[place] for place in range(len(rows))]


def scores_of(data: Dataset, rows: Sequence[int], translations: Sequence[Translation]) -> Scores:
    """The scores of the translations of validation ``rows``."""
    scores, of_target = {}, dict[str, list[int]]()
    for direction, places in by_direction(data, rows).items():
        references = [data.valid_target[rows[place]] for place in places]
        scores[direction] = corpus_scores([translations[place].text for place in places], references, direction[1])
        of_target.setdefault(direction[1], []).extend(places)
    usable = {
        target: fit(
            [translations[place] for place in places],
            [data.valid_target[rows[place]] for place in places],
            Checks.of(target, data.profile_of(target)),
        )
        for target, places in of_target.items()
    }
    return Scores(scores, usable)
