"""Whether each side is in its language, judged by py3langid, and in its script.

py3langid scores a line by every language it knows. How frequent each language is on a side is learnt from the corpus by
expectation maximisation (Saerens, Latinne and Decaestecker 2002), so that a term that might be Latin does not count as
Latin where nothing else is. A language that py3langid does not know is judged by its script alone. Without the extra
``clean`` only scripts are judged.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from nmt.corpus.rules.code import without_code
from nmt.corpus.rules.rule import SIDES, Chunk, Scores, unknown
from nmt.text.languages import base_language, script_of, script_of_letter

LOOKED_AT = 200  # characters of a line
LEARNT_FROM = 5_000  # lines of a side
ITERATIONS = 20
REMEMBERED = 1 << 16  # lines of a side whose probability is remembered: a small corpus is judged twice
TEMPER = 0.25  # of the log-probabilities: py3langid takes overlapping letters for independent, and is too sure
CLOSE = 1e-6  # the least share of a language
Values = npt.NDArray[np.float64]


class Language:
    """The rule ``language``: the probability that a side is in another language.

    Looks at the words that only one side has: what both have, such as the name of a language in its own script, was not
    to be translated. Has no opinion where nothing is left.
    """

    name = "language"
    about = "has a side in another language"
    unit = "probability of another language"
    normal, strict = 0.95, 0.8
    highest = 1.0

    def __init__(self, languages: tuple[str, str]) -> None:
        self._known = tuple(map(known_as, languages))
        self._shares: list[Values | None] = [None, None]
        self._remembered: tuple[dict[str, float], dict[str, float]] = ({}, {})

    def learn(self, sample: Chunk) -> None:
        step = -(-len(sample) // LEARNT_FROM) or 1
        for side in SIDES:
            known = self._known[side]
            if known is not None and len(sample):
                lines = [pair[side] for pair in map(_own_words, sample.pairs[::step]) if pair[side]]
                self._shares[side] = _learn_shares(_scores(lines), known) if lines else None

    def judge(self, chunk: Chunk) -> Scores:
        worst = unknown(len(chunk))
        pairs = [_own_words(pair) for pair in chunk.pairs]
        for side in SIDES:
            shares, known = self._shares[side], self._known[side]
            if shares is not None and known is not None:
                rows = [row for row, pair in enumerate(pairs) if pair[side]]
                lines = [pairs[row][side] for row in rows]
                worst[rows] = np.fmax(worst[rows], self._judge(lines, self._remembered[side], shares, known))
        return worst

    def shares(self) -> tuple[Mapping[str, float], Mapping[str, float]]:
        """The share of each language among the sources, and among the targets, as learnt from the sample."""
        return _by_language(self._shares[0]), _by_language(self._shares[1])

    def kinds(self, dropped: Chunk) -> Sequence[str]:
        """The language of each dropped pair and the side that is in it, in words."""
        names = list(_places())
        kinds = []
        for pair in map(_own_words, dropped.pairs):
            judged = []
            for side, shares, known in zip(SIDES, self._shares, self._known, strict=True):
                if shares is not None and known is not None and pair[side]:
                    likely = _posteriors(_scores([pair[side]]), shares)[0]
                    judged.append((1.0 - float(likely[known]), -side, names[int(likely.argmax())]))
            _, side, language = max(judged)
            kinds.append(f"{language} in the {'target' if side else 'source'}")
        return kinds

    def _judge(self, lines: Sequence[str], remembered: dict[str, float], shares: Values, known: int) -> Scores:
        new = list({line: None for line in lines if line not in remembered})
        if len(remembered) + len(new) > REMEMBERED:
            remembered.clear()
            new = list(dict.fromkeys(lines))
        if new:
            remembered.update(zip(new, (1.0 - _posteriors(_scores(new), shares)[:, known]).tolist(), strict=True))
        return np.fromiter(map(remembered.__getitem__, lines), np.float32, len(lines))


class Script:
    """The rule ``script``: the share of a side's letters that its language does not use; no opinion on equal sides."""

    name = "script"
    about = "has a side whose letters are not of the script of its language"
    unit = "share of letters"
    normal, strict = 0.8, 0.6
    highest = 1.0

    def __init__(self, languages: tuple[str, str]) -> None:
        self._scripts = tuple(map(script_of, languages))

    def learn(self, sample: Chunk) -> None:
        pass

    def judge(self, chunk: Chunk) -> Scores:
        shares = np.fromiter(map(self._share, chunk.pairs), np.float32, len(chunk))
        shares[_equal(chunk)] = np.nan
        return shares

    def _share(self, pair: tuple[str, str]) -> float:
        worst = 0.0
        for text, scripts in zip(pair, self._scripts, strict=True):
            if not scripts or (text.isascii() and "LATIN" in scripts):
                continue
            letters = [script_of_letter(letter) for letter in without_code(text) if letter.isalpha()]
            other = sum(letter not in scripts for letter in letters)
            # Terms in Latin letters stand in every language: a few of them prove nothing.
            worst = max(worst, other / (len(letters) + ALLOWANCE))
        return worst


def _own_words(pair: tuple[str, str]) -> tuple[str, str]:
    """Each side without the words that the other has, too; empty where no letter is left."""
    source, target = pair
    both = set(_WORD.findall(source)).intersection(_WORD.findall(target))
    if not both:
        return pair
    left, right = (_WORD.sub(lambda word: " " if word[0] in both else word[0], text) for text in pair)
    return left if _has_letter(left) else "", right if _has_letter(right) else ""


_WORD = re.compile(r"[^\s!-/:-@\[-`{-~]+")  # with the vowel signs of Indian scripts, which \w has not


def _has_letter(text: str) -> bool:
    return any(map(str.isalpha, text))


ALLOWANCE = 5  # letters of the right script that every side is granted


def _equal(chunk: Chunk) -> npt.NDArray[np.bool_]:
    return np.fromiter((source == target for source, target in chunk.pairs), bool, len(chunk))


def known_as(language: str) -> int | None:
    """The place of a language among those that py3langid knows; None for one that it does not know."""
    return _places().get(label_of(language) or "")


def label_of(language: str) -> str | None:
    """The code by which py3langid knows a language; None for one that it does not know."""
    code = base_language(language)
    code = _OTHER_CODES.get(code, code)
    return code if code in _places() else None


def probabilities(line: str) -> dict[str, float]:
    """The probability of each language that py3langid knows, all being as frequent; empty without the extra."""
    if not _places():
        return {}
    likely = _posteriors(_scores([line]), np.ones(len(_places())))[0]
    return dict(zip(_places(), likely.tolist(), strict=True))


_OTHER_CODES = {"no": "nb"}  # of a language, where py3langid has only a part of it


@cache
def _model() -> Any:
    """py3langid's identifier; None without the extra."""
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError:
        return None
    return LanguageIdentifier.from_model_file(MODEL_FILE)


@cache
def _places() -> dict[str, int]:
    """The place of each language that py3langid knows; empty without the extra."""
    model = _model()
    return {language: place for place, language in enumerate(sorted(model.labels))} if model else {}


def _scores(lines: Sequence[str]) -> Values:
    """Log-probabilities of the lines by each language, but for a constant: float64 (lines, languages)."""
    judge = _judge_of_lines()
    scores = np.empty((len(lines), len(_places())))
    for row, line in enumerate(lines):
        scores[row] = judge(line[:LOOKED_AT])
    scores -= scores.max(1, keepdims=True)
    scores *= TEMPER
    return scores


@cache
def _judge_of_lines() -> Callable[[str], npt.ArrayLike]:
    """What gives a line's scores by each language, in the order of their places."""
    model, languages = _model(), list(_places())
    if not hasattr(model, "_decide"):
        in_order = itemgetter(*languages)
        return lambda line: in_order(dict(model.rank(line)))
    # The same scores before they are sorted by likelihood, which takes more than half of the time. Of a language that
    # the model has twice, the first place has the score.
    columns = np.array([model.nb_classes.index(language) for language in languages])
    return lambda line: model._decide(line)[columns]


def _learn_shares(scores: Values, own: int) -> Values:
    shares = np.full(scores.shape[1], 1 / scores.shape[1])
    for _ in range(ITERATIONS):
        shares = np.maximum(_posteriors(scores, shares).mean(0), CLOSE)
    shares[own] = max(shares[own], shares.max())
    return shares


def _by_language(shares: Values | None) -> Mapping[str, float]:
    """Shares that are worth telling, by language, the largest first; empty where nothing was learnt."""
    if shares is None:
        return {}
    ordered = sorted(zip(_places(), (shares / shares.sum()).tolist(), strict=True), key=lambda item: -item[1])
    return {language: round(share, 5) for language, share in ordered if share >= LEAST_TOLD}


LEAST_TOLD = 0.0005  # of the shares that a report has


def _posteriors(scores: Values, shares: Values) -> Values:
    likely: Values = np.exp(scores) * shares
    likely /= likely.sum(1, keepdims=True)
    return likely
