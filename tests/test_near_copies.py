"""Copies and near-copies among training pairs: which are dropped, by plain definitions, and what is told of them."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.config import PrepareOptions
from nmt.corpus import ledger as ledger_module
from nmt.corpus import near_copies
from nmt.corpus.findings import Collected
from nmt.corpus.judge import Judge, Task
from nmt.corpus.ledger import Ledger, best_of, is_shared
from nmt.corpus.means import Means, without_output
from nmt.corpus.near_copies import drop_near_copies
from nmt.corpus.parallel import find_corpus
from nmt.corpus.rules.duplicate import Duplicate
from nmt.corpus.rules.line_hashes import Rows
from nmt.corpus.scan import Scan, Scanned, scanned_of
from nmt.corpus.survey import survey
from nmt.corpus.verdicts import DUPLICATE
from nmt.text.progress import Silent

Pairs = list[tuple[str, str]]
NOTHING: dict[str, Pairs] = {"test": [], "valid": []}


def ledger_of(pairs: Pairs, worst: list[int]) -> Ledger:
    """The ledger of pairs that no rule dropped, with the scores ``worst`` of the rules."""
    judge = Judge.learn(pairs, ("xx", "yy"), PrepareOptions(clean="off"), NOTHING)
    judged = judge.judge(Task(pairs, 0, 1))
    return Ledger(judged.verdicts, judged.scores, np.array(worst, np.float32), [*judged.keys])


def dropped(pairs: Pairs, threshold: float = 0.0, worst: list[int] | None = None) -> list[float]:
    """The score of each pair that is dropped, else 0."""
    ledger = ledger_of(pairs, worst or [0] * len(pairs))

    def read(rows: Rows):  # type: ignore[no-untyped-def]
        assert np.all(np.diff(rows) > 0)
        if len(rows):
            yield rows, [pairs[row] for row in rows.tolist()]

    findings = drop_near_copies(ledger, threshold, read, lambda row: (0, row + 1))
    scores = np.where(ledger.verdicts == DUPLICATE, ledger.scores, 0)
    assert findings.dropped == np.count_nonzero(scores)
    assert findings.bins.sum() == len(pairs)
    assert findings.near
    assert all(example.score > threshold for example in findings.victims)
    assert all(example.score <= threshold for example in findings.survivors)
    for examples, near in zip((findings.victims, findings.survivors), findings.near, strict=True):
        for worse, better in zip(examples, near, strict=True):
            assert (worse.source, worse.target) == pairs[worse.line - 1]
            assert (better.source, better.target) == pairs[better.line - 1]
            assert worse.source.lower() == better.source.lower() or worse.line != better.line
    return [round(float(score), 4) for score in scores]


SOURCE, TARGET = "a man walks down the long street", "ein Mann geht die lange Straße entlang"


@pytest.mark.parametrize(
    ("other", "score"),
    [
        ((SOURCE.upper() + "!", TARGET), 1),
        ((SOURCE.replace("long", "short"), TARGET), 1 - 1 / 14),
        ((SOURCE, TARGET.replace("entlang", "hinab")), 1 - 1 / 14),
        ((SOURCE, f"heute {TARGET}"), 1 - 1 / 15),
        ((SOURCE.replace("long ", ""), TARGET), 1 - 1 / 13),
        ((SOURCE.replace("long", "short"), TARGET.replace("lange", "kurze")), 0),  # a template
        ((SOURCE, "etwas ganz anderes"), 0),  # another translation
        (("something else", TARGET), 0),
    ],
)
def test_the_score_is_the_share_of_words_that_are_the_same(other: tuple[str, str], score: float) -> None:
    assert dropped([(SOURCE, TARGET), other]) == pytest.approx([0, round(score, 4)])
    assert dropped([(SOURCE, TARGET), other], worst=[1, 0])[1] == 0  # the better stays
    assert dropped([(SOURCE, TARGET), other], threshold=score + 0.0001) == [0, 0]


def test_a_number_counts_half() -> None:
    pairs = [("page 3 of the 20", "Seite 3 von 20"), ("page 4 of the 17", "Seite 4 von 17")]
    assert dropped(pairs) == pytest.approx([0, round(1 - 4 / 18, 4)])
    assert dropped(pairs, threshold=Duplicate.normal) == [0, 0]
    assert dropped([(f"{left} {SOURCE}", f"{right} {TARGET}") for left, right in pairs], Duplicate.normal) == [0, 0]
    dated = [(f"{SOURCE} {SOURCE} in {year}", f"{TARGET} {TARGET} {year}") for year in (1999, 2005)]
    assert dropped(dated, Duplicate.normal) == pytest.approx([0, round(1 - 2 / 62, 4)])


WORDS = st.lists(st.sampled_from(["a", "A", "b", "c!", "1", "27"]), min_size=1, max_size=5).map(" ".join)


def cut(text: str) -> set[tuple[str, ...]]:
    """The words of a line, and the line without each of them, if it has more than two."""
    words = tuple(re.findall(r"[a-z0-9]+", text.lower()))
    return {words} | {words[:place] + words[place + 1 :] for place in range(len(words)) if len(words) > 2}


def alike(worse: tuple[str, str], better: tuple[str, str]) -> float:
    """The score of a pair as a near-copy of another, by its definition."""

    def bare(text: str) -> str:
        return "".join(letter for letter in text.lower() if letter.isalnum())

    words = [len(re.findall(r"[a-z0-9]+", side)) for side in map(str.lower, worse)]
    equal = [bare(left) == bare(right) for left, right in zip(worse, better, strict=True)]
    near = [bool(cut(left) & cut(right)) for left, right in zip(worse, better, strict=True)]
    scores = [0.0]
    if all(equal):
        scores.append(1.0)
    if all(re.sub(r"\d+", "0", bare(a)) == re.sub(r"\d+", "0", bare(b)) for a, b in zip(worse, better, strict=True)):
        scores.append(1 - len(re.findall(r"\d+", " ".join(worse))) / (2 * sum(words)))
    if (equal[0] and near[1]) or (equal[1] and near[0]):
        scores.append(1 - 1 / sum(words))
    return max(scores)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(WORDS, WORDS, st.integers(0, 2)), max_size=12),
    st.sampled_from([0.0, 0.5, 0.74, 0.85, 0.93]),
    st.sampled_from([1, 5, 1 << 20]),
)
def test_dropped_are_the_pairs_that_are_like_a_better_pair(
    entries: list[tuple[str, str, int]], threshold: float, part: int
) -> None:
    pairs, worst = [entry[:2] for entry in entries], [entry[2] for entry in entries]

    def better(row: int, rows: list[int]) -> list[int]:
        return [other for other in rows if (worst[other], other) < (worst[row], row)]

    rows = list(range(len(pairs)))
    copies = {row for row in rows if any(alike(pairs[row], pairs[other]) == 1 for other in better(row, rows))}
    left = [row for row in rows if row not in copies]
    expected = [
        1.0 if row in copies else max((alike(pairs[row], pairs[other]) for other in better(row, left)), default=0.0)
        for row in rows
    ]
    with pytest.MonkeyPatch.context() as patched:
        for module in (ledger_module, near_copies):
            patched.setattr(module, "PART", part)
        patched.setattr(ledger_module, "BLOCK", part)
        result = dropped(pairs, threshold, worst)
    # A digit in the place of a word is either kind; scores on the threshold are rounded.
    assert result == pytest.approx([round(score, 4) if score > threshold else 0.0 for score in expected], abs=1e-3)


KEYS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=20)


@given(KEYS)
def test_the_best_of_equal_keys_is_the_first_with_the_least_score(entries: list[tuple[int, int]]) -> None:
    keys = np.array([key for key, _ in entries], np.uint64)
    worst = np.array([score for _, score in entries], np.float32)
    rows = np.arange(len(entries))[::-1].copy()
    expected = [
        min((worst[other], rows[other]) for other in range(len(keys)) if keys[other] == key)[1] for key in keys.tolist()
    ]
    assert best_of(keys, worst, rows).tolist() == expected
    assert is_shared(keys).tolist() == [keys.tolist().count(key) > 1 for key in keys.tolist()]


def test_near_copies_of_several_corpora_are_read_again_where_they_stand(tmp_path: Path) -> None:
    first = [(SOURCE, TARGET), ("one", "eins"), ("two", "zwei")]
    second = [("two", "deux"), (SOURCE, f"{TARGET} jetzt"), (SOURCE, TARGET + ".")]
    for name, pairs in (("a", first), ("t", [("x", "y")]), ("b", second)):
        (tmp_path / f"{name}.tsv").write_text("".join(f"{s}\t{t}\n" for s, t in pairs), encoding="utf-8")
    corpora = [
        (role, find_corpus(tmp_path / f"{name}.tsv", "en", "de"))
        for role, name in (("train", "a"), ("test", "t"), ("train", "b"), ("valid", "t"))
    ]
    options = PrepareOptions(clean="off", rules="duplicate=0.9")
    seen = survey(corpora, ("en", "de"), 100, Silent())
    judge = Judge.learn(seen.sample.pairs, ("en", "de"), options, seen.held_out)

    def judged(means: Means, judge: Judge) -> tuple[list[Scanned], Collected]:
        one = Scan(corpora, judge, seen, options, means)
        one.drop_near(one.drawn(), means)
        return scanned_of(corpora, [one] * len(corpora), seen, one.collected()), one.collected()

    with without_output(Silent()) as means:
        scanned, collected = judged(means, judge)
    assert [entry.report().dropped for entry in scanned] == [{}, {}, {"duplicate": 2}, {}]
    assert scanned[2].scores.tolist() == pytest.approx([0, 1 - 1 / 15, 1])
    assert collected.same_source == 2  # two: zwei, deux
    (duplicates,) = (late.findings for late in collected.late)
    assert [(e.corpus, e.line) for e in duplicates.victims] == [(2, 2), (2, 3)]
    assert duplicates.near
    assert [(e.corpus, e.line) for e in duplicates.near[0]] == [(0, 1), (0, 1)]
    for off in ("duplicate=off", ""):
        options = PrepareOptions(clean="off", rules=off)
        judge = Judge.learn(seen.sample.pairs, ("en", "de"), options, seen.held_out)
        with without_output(Silent()) as means:
            scanned, collected = judged(means, judge)
        assert sum(entry.kept for entry in scanned if entry.role == "train") == 6
        assert collected.late == []
