"""What prepare collects for its report: it adds up over parts of the corpus, and agrees with plain definitions."""

import json
import math
import random
from pathlib import Path

import numpy as np
import pytest
from conftest import write_corpus

from nmt.config import PrepareOptions
from nmt.corpus.cleaning import Cleaning, cleaning_facts
from nmt.corpus.findings import LENGTHS, Collected
from nmt.corpus.judge import Judge, Task
from nmt.corpus.prepare import PrepareRequest, prepare
from nmt.corpus.rules.held_out import HeldOut
from nmt.corpus.rules.rule import Chunk
from nmt.disk.manifest import write_manifest

TEXT = "the a big small old red green house garden river bridge dog cat horse sees finds likes takes near behind"
WORDS = TEXT.split()


def text(draw: random.Random, most: int = 12) -> str:
    return " ".join(draw.choices(WORDS, k=draw.randint(1, most)))


def bad_pairs(count: int = 300) -> list[tuple[str, str]]:
    """Pairs of which many are near some threshold: copies, numbers, other scripts, one side too long, empty."""
    draw = random.Random(3)
    pairs = []
    for _ in range(count):
        source, target = text(draw), text(draw)
        pairs.append(
            draw.choice(
                [
                    (source, target),
                    (source, source),
                    (f"{source} 99", f"{target} 1999"),
                    (source, "быстрая лиса прыгает через ленивую собаку"),
                    (source, "Le rapide renard brun saute par-dessus le chien paresseux et s'enfuit"),
                    (source, " ".join([target] * 9)),
                    (source, ""),
                ]
            )
        )
    return pairs


def collected(judge: Judge, pairs: list[tuple[str, str]], cuts: list[int]) -> Collected:
    """What is collected from the pairs when they are judged in parts."""
    total = Collected()
    for start, stop in zip([0, *cuts], [*cuts, len(pairs)], strict=True):
        total += judge.judge(Task(pairs[start:stop], 0, start + 1)).collected
    return total


def test_what_is_collected_does_not_depend_on_how_the_corpus_is_cut() -> None:
    pairs = bad_pairs()
    held_out = {"test": pairs[:40], "valid": pairs[40:60]}
    judge = Judge.learn(pairs, ("en", "de"), PrepareOptions(), held_out)
    corpora = [("train", "a", len(pairs)), ("test", "b", 40), ("valid", "c", 20)]
    whole, parts, single = (
        cleaning_facts([judge], collected(judge, pairs, cuts), corpora)
        for cuts in ([], [1, 90, 90, 200], list(range(1, len(pairs))))
    )
    assert whole == parts == single
    assert sum(rule["dropped"] > 0 for rule in whole["rules"]) >= 4
    assert sum(sum(leak["near"].values()) for leak in whole["leaks"]) > 0


def test_every_pair_is_counted_once_by_length_and_by_each_rule_that_judged_it() -> None:
    pairs = bad_pairs()
    judge = Judge.learn(pairs, ("en", "de"), PrepareOptions(), {"test": [], "valid": []})
    judged = judge.judge(Task(pairs, 0, 1))
    left = sum(bool(source and target) for source, target in pairs)
    for findings in judged.collected.rules:
        assert findings.bins.sum() + findings.unknown == left
        left -= findings.dropped
    wanted = np.zeros((2, 2, LENGTHS), int)
    for pair, verdict in zip(pairs, judged.verdicts.tolist(), strict=True):
        for side, line in enumerate(pair):
            if all(pair):
                wanted[int(verdict > 0), side, min(math.floor(math.log2(len(line) ** 2)), LENGTHS - 1)] += 1
    assert np.array_equal(np.stack([judged.collected.kept, judged.collected.dropped]), wanted)


def test_a_held_out_pair_is_reached_by_the_score_that_it_alone_gives_the_nearest_pair() -> None:
    draw = random.Random(5)
    pairs = [(text(draw, 7), text(draw, 7)) for _ in range(400)]
    held_out = [(f"{source} 7", target) for source, target in pairs[::9]] + [(text(draw, 7), "new") for _ in range(20)]
    rule = HeldOut("in-test", "a test set", held_out)
    rule.learn(Chunk([]))
    wanted = {}
    for row, pair in enumerate(held_out):
        alone = HeldOut("in-test", "a test set", [pair])
        alone.learn(Chunk([]))
        if score := float(alone.judge(Chunk(pairs)).max()):
            wanted[row] = score
    chunk = Chunk(pairs)
    assert rule.reached(chunk) == wanted == rule.reached(chunk.where(rule.judge(chunk) > 0))
    assert 0 < len(wanted) < len(held_out)


def test_the_language_of_a_dropped_pair_and_the_shares_of_the_corpus_are_told() -> None:
    pytest.importorskip("py3langid")
    draw = random.Random(2)
    pairs = [(f"{text(draw)} is not what we have", f"Wir sehen den Hund und die {text(draw)} nicht") for _ in range(60)]
    french = [("We have seen all of it", "Nous ne savons pas encore où se trouve la maison du chien")] * 3
    judge = Judge.learn(pairs, ("en", "de"), PrepareOptions(rules="agreement=off"), {"test": [], "valid": []})
    facts = cleaning_facts([judge], judge.judge(Task(french, 0, 1)).collected, [("train", "a", 3)])
    assert [rule["kinds"] for rule in facts["rules"] if rule["name"] == "language"] == [{"fr in the target": 3}]
    assert [max(side, key=side.get) for side in facts["languages"][0]] == ["en", "de"]


def test_a_dataset_from_before_there_were_reports_is_made_again(tmp_path: Path) -> None:
    train, valid = (write_corpus(tmp_path, name, first, 60) for name, first in (("train", 0), ("valid", 60)))
    request = PrepareRequest("ko", "en", (train,), valid, (), tmp_path / "data")
    prepare(request, PrepareOptions(vocab_size=500))
    whole = Cleaning.open(tmp_path / "data")
    assert prepare(request, PrepareOptions(vocab_size=500)).unchanged
    manifest = json.loads((tmp_path / "data/manifest.json").read_text())
    write_manifest(tmp_path / "data", {key: manifest[key] for key in manifest.keys() - {"files", "cleaning"}})
    assert not prepare(request, PrepareOptions(vocab_size=500)).unchanged
    assert Cleaning.open(tmp_path / "data") == whole
