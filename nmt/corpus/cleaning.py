"""``cleaning.json``: what cleaning did to a corpus, as ``nmt prepare`` writes it and a report reads it.

A dataset may come from a stranger, so reading checks every fact. Knows the facts and their bounds; no page.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from nmt.config import PrepareOptions, is_name
from nmt.corpus.dataset import CLEANING, check_facts, is_dataset
from nmt.corpus.findings import BINS, KINDS, LENGTHS, LONGEST, SHOWN, Collected, Late
from nmt.corpus.item_file import AGAIN
from nmt.corpus.judge import Judge
from nmt.corpus.mono_split import MonoReport, mono_reports
from nmt.corpus.rules.rule import Compares, TellsLanguages
from nmt.corpus.scan import CorpusReport
from nmt.disk.manifest import NAME, check_file, read_manifest
from nmt.disk.untrusted import read_small, strict_json
from nmt.errors import DataError
from nmt.text.directions import MOST, Direction, read_directions
from nmt.text.reserved import RESERVED
from nmt.text.spm_format import FIRST_PLAIN

FORMAT = 4  # a dataset with another one is made again
USED = (1, 10, 100)  # times that a piece occurs, at which another class of pieces begins
LARGEST = 1 << 23  # bytes; 16 rules take 500 KB with the longest texts
_MOST, _MOST_RULES, _MOST_LANGUAGES, _LONGEST_WORD, _LONGEST_SETTING = 1 << 53, 100, 1000, 300, 5000


@dataclass(frozen=True)
class Cleaning:
    """What cleaning did: the counts of each corpus, and the facts of ``cleaning.json``."""

    languages: tuple[str, str]
    corpora: tuple[CorpusReport, ...]
    facts: Mapping[str, Any]
    sizes: tuple[int, int] | None = None  # of the vocabularies, without reserved pieces; None when none was learnt
    directions: tuple[Direction, ...] = ()  # if there are several
    texts: tuple[MonoReport, ...] = ()  # of one language

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read the facts of a dataset.

        Raises MissingInputError when there is no dataset, and DataError when the folder is something else, was made
        before there were reports, or is damaged.
        """
        manifest = read_manifest(folder, verify=False)
        if not is_dataset(manifest):
            raise DataError(f"{folder} is not a dataset of this version", "make it again with nmt prepare")
        check_facts(manifest, folder / NAME)
        if manifest.get("cleaning") != FORMAT:
            raise DataError(f"{folder} was made before there were reports", "make it again with nmt prepare")
        check_file(folder, manifest, CLEANING, largest=LARGEST)
        path = folder / CLEANING
        try:
            facts = strict_json(read_small(path, LARGEST))
        except ValueError as error:
            raise DataError(f"{path} is not JSON: {error}", AGAIN) from None
        corpora = tuple(CorpusReport(**corpus) for corpus in manifest["corpora"])
        check(facts, corpora, path)
        sizes = manifest["source_vocabulary"] - RESERVED, manifest["target_vocabulary"] - RESERVED
        directions = read_directions(manifest, str(folder / NAME))
        texts = mono_reports(manifest, folder / NAME)
        return cls((manifest["source_language"], manifest["target_language"]), corpora, facts, sizes, directions, texts)


def cleaning_facts(
    judges: Sequence[Judge], collected: Collected, corpora: Sequence[tuple[str, str, int]]
) -> dict[str, Any]:
    """What was collected while the training pairs were judged; ``corpora`` are role, name and pairs of each.

    There is a judge for each direction.
    """
    judge = judges[0]
    rules = list(zip(judge.rules, judge.thresholds, collected.rules, strict=True))
    shown = [*(Late(*judged) for judged in rules), *collected.late]
    return {
        "format": FORMAT,
        "corpora": [name for _, name, _ in corpora],
        "rules": [
            {
                **{key: getattr(judged.rule, key) for key in ("name", "about", "unit")},
                "threshold": judged.threshold,
                **judged.findings.facts(),
            }
            for judged in shown
        ],
        "same_source": collected.same_source,
        "lengths": {"kept": collected.kept.tolist(), "dropped": collected.dropped.tolist()},
        "languages": [
            list(map(dict, rule.shares())) for one in judges for rule in one.rules if isinstance(rule, TellsLanguages)
        ],
        "leaks": [
            leak
            for rule, _, findings in rules
            if isinstance(rule, Compares)
            for leak in _leaks(rule.name, findings.reached, corpora)
        ],
    }


def settings_facts(options: PrepareOptions, model: str) -> dict[str, Any]:
    """How the pairs were to be cleaned; ``model`` names that of the rule ``model``, or is empty."""
    return {"clean": options.clean, "fix": options.fix, "rules": options.rules, "model": model}


def _leaks(rule: str, reached: Mapping[int, float], corpora: Sequence[tuple[str, str, int]]) -> list[dict[str, Any]]:
    """For each corpus that a rule compares with: its lines, and how many of them have a near-copy, by score."""
    first, leaks = 0, []
    for number, (role, _, pairs) in enumerate(corpora):
        if rule == f"in-{role}":
            scores = [round(score, 4) for row, score in reached.items() if first <= row < first + pairs]
            by_score = {f"{score:g}": scores.count(score) for score in sorted(set(scores), reverse=True)}
            leaks.append({"rule": rule, "corpus": number, "lines": pairs, "near": by_score})
            first += pairs
    return leaks


def vocabulary_facts(counts: Sequence[npt.NDArray[np.int64]], joint: bool) -> dict[str, Any]:
    """How training uses the vocabulary: pieces and bytes of each side, and how many pieces are rare.

    ``counts`` say how often each piece occurs in the sources, and in the targets.
    """
    vocabularies = [counts[0] + counts[1]] if joint else counts
    return {
        "pieces": [int(side.sum()) for side in counts],
        "bytes": [int(side[:FIRST_PLAIN].sum()) for side in counts],
        "used": [
            np.bincount(np.searchsorted(USED, plain, side="right"), minlength=len(USED) + 1).tolist()
            for plain in (own[FIRST_PLAIN:-RESERVED] for own in vocabularies)
        ],
    }


def check(facts: Any, corpora: Sequence[CorpusReport], path: Path) -> None:
    """Raise DataError unless ``nmt prepare`` could have written these facts for these corpora."""

    def require(valid: object, what: str) -> None:
        if not valid:
            raise DataError(f"{path}: {what} is invalid", AGAIN)

    require(isinstance(facts, dict), "the file")
    require(facts.get("format") == FORMAT, "format")
    require(facts.get("corpora") == [corpus.path for corpus in corpora], "corpora")
    rules = facts.get("rules")
    require(isinstance(rules, list) and len(rules) <= _MOST_RULES, "rules")
    dropped: dict[str, int] = {}
    for number, rule in enumerate(rules, 1):
        require(_is_rule(rule, len(corpora)), f"rule {number}")
        dropped[rule["name"]] = rule["dropped"]
    require(len(dropped) == len(rules), "rules")
    for name, count in dropped.items():
        told = sum(corpus.dropped.get(name, 0) for corpus in corpora if corpus.role == "train")
        require(count == told, f"the number of pairs that {name} dropped")
    require(_are_settings(facts.get("settings")), "settings")
    require(_is_count(facts.get("same_source")), "same_source")
    lengths = facts.get("lengths")
    require(isinstance(lengths, dict) and lengths.keys() == {"kept", "dropped"}, "lengths")
    for sides in lengths.values():
        require(_is_list(sides, 2) and all(_are_counts(side, LENGTHS) for side in sides), "lengths")
    languages = facts.get("languages")
    require(isinstance(languages, list) and len(languages) <= MOST, "languages")
    require(all(_is_list(sides, 2) and all(map(_are_shares, sides)) for sides in languages), "languages")
    leaks = facts.get("leaks")
    require(isinstance(leaks, list) and all(_is_leak(leak, corpora) for leak in leaks), "leaks")
    vocabulary = facts.get("vocabulary")
    require(vocabulary is None or _is_vocabulary(vocabulary), "vocabulary")


def _are_settings(settings: Any) -> bool:
    return (
        isinstance(settings, dict)
        and settings.keys() == {"clean", "fix", "rules", "model"}
        and all(_is_words(settings[key], _LONGEST_SETTING) for key in ("clean", "rules", "model"))
        and type(settings["fix"]) is bool
    )


def _is_rule(rule: Any, corpora: int) -> bool:
    return (
        isinstance(rule, dict)
        and all(_is_words(rule.get(key)) for key in ("name", "about", "unit"))
        and is_name(rule["name"])
        and all(_is_number(rule.get(key)) for key in ("threshold", "highest"))
        and rule["highest"] > 0
        and _are_counts(rule.get("bins"), BINS)
        and all(_is_count(rule.get(key)) for key in ("unknown", "dropped"))
        and rule["dropped"] <= sum(rule["bins"])
        and _are_counted(rule.get("kinds"), KINDS + 1)
        and all(
            isinstance(rule.get(key), list)
            and len(rule[key]) <= SHOWN
            and all(_is_example(example, corpora) for example in rule[key])
            for key in ("victims", "survivors")
        )
        and all(
            key not in rule or (_is_list(rule[key], len(rule[of])) and all(_is_example(e, corpora) for e in rule[key]))
            for key, of in (("victims_near", "victims"), ("survivors_near", "survivors"))
        )
    )


def _is_example(example: Any, corpora: int) -> bool:
    if not _is_list(example, 5):
        return False
    score, corpus, line, *texts = example
    return (
        type(score) in (int, float)
        and abs(score) <= _MOST
        and _is_count(corpus)
        and corpus < corpora
        and _is_count(line)
        and all(isinstance(text, str) and len(text) <= LONGEST for text in texts)
    )


def _is_leak(leak: Any, corpora: Sequence[CorpusReport]) -> bool:
    return (
        isinstance(leak, dict)
        and _is_words(leak.get("rule"))
        and _is_count(leak.get("corpus"))
        and leak["corpus"] < len(corpora)
        and leak.get("lines") == corpora[leak["corpus"]].pairs
        and _are_counted(leak.get("near"), 10)
        and sum(leak["near"].values()) == corpora[leak["corpus"]].near
    )


def _is_vocabulary(facts: Any) -> bool:
    return (
        isinstance(facts, dict)
        and all(_are_counts(facts.get(key), 2) for key in ("pieces", "bytes"))
        and all(some <= every for some, every in zip(facts["bytes"], facts["pieces"], strict=True))
        and isinstance(facts.get("used"), list)
        and len(facts["used"]) in (1, 2)
        and all(_are_counts(own, len(USED) + 1) for own in facts["used"])
    )


def _is_list(value: Any, length: int) -> bool:
    return isinstance(value, list) and len(value) == length


def _is_words(value: Any, longest: int = _LONGEST_WORD) -> bool:
    return isinstance(value, str) and len(value) <= longest


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= _MOST


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _MOST


def _are_counts(values: Any, length: int) -> bool:
    return _is_list(values, length) and all(map(_is_count, values))


def _are_counted(counts: Any, most: int) -> bool:
    """Whether these are counts by name, at most ``most`` of them."""
    return (
        isinstance(counts, dict)
        and len(counts) <= most
        and all(map(_is_words, counts))
        and all(map(_is_count, counts.values()))
    )


def _are_shares(shares: Any) -> bool:
    return (
        isinstance(shares, dict)
        and len(shares) <= _MOST_LANGUAGES
        and all(map(is_name, shares))
        and all(_is_number(share) and share <= 1 for share in shares.values())
    )
