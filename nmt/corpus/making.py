"""The files of a dataset but for its manifest, stage by stage. Knows no request and no report."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nmt.config import PrepareOptions
from nmt.corpus import cleaning
from nmt.corpus.cleaning import vocabulary_facts
from nmt.corpus.dataset import CLEANING
from nmt.corpus.directed import counts_of, several_facts, summed, tags_of
from nmt.corpus.dropped import Listed, write_dropped
from nmt.corpus.encode import encode, slots_shown
from nmt.corpus.encoder import Encoder
from nmt.corpus.judge import learnt_from
from nmt.corpus.judging import judge_text
from nmt.corpus.kinds import kept_grammar
from nmt.corpus.learning import copy_tokenizers, learn_tokenizers
from nmt.corpus.lexicon import write_lexicon
from nmt.corpus.means import Means
from nmt.corpus.mono import add_mono
from nmt.corpus.parallel import Corpus
from nmt.corpus.rules.model import PairModel
from nmt.corpus.scan import CorpusReport, refuse_nothing_left
from nmt.corpus.shards import Split
from nmt.corpus.texts import Text
from nmt.corpus.vocabulary import warn_of_bytes
from nmt.text.directions import Direction
from nmt.text.known_words import write_words
from nmt.text.mistyped import KnownWords
from nmt.text.normal import normal
from nmt.text.profile import ProfileCounter
from nmt.text.progress import Progress
from nmt.text.verbatim import read_grammar


@dataclass(frozen=True)
class Given:
    """What a dataset is made from."""

    corpora: Sequence[tuple[str, Corpus]]  # with their roles
    texts: Sequence[Text]  # of one language
    languages: tuple[str, str]
    directions: Sequence[Direction]
    vocabulary: Sequence[Path]  # the tokenizers that are reused, if there are any
    model: PairModel | None  # of the rule `model`


def make(folder: Path, given: Given, options: PrepareOptions, means: Means) -> dict[str, Any]:
    """Write all files of the folder except the manifest; return the manifest's facts about the result."""
    directions, vocabulary = given.directions, given.vocabulary
    text = judge_text(given.corpora, directions, options, means, given.model)
    scanned, facts = text.scanned, text.facts
    write_lexicon(folder, lexicon := text.lexicon())
    sample = [pair for each in directions for pair in learnt_from(text.sample(each))]
    write_words(folder, KnownWords.of(normal(source) for source, _ in sample))
    grammar = kept_grammar(read_grammar(options.kinds.splitlines()), sample, means.progress)
    made = (
        copy_tokenizers(folder, vocabulary) if vocabulary else learn_tokenizers(folder, text, options, grammar, means)
    )
    source, target = made
    text = replace(text, surveys=())  # frees the memory of the samples
    tags = tags_of(source, directions)
    counters = {direction: ProfileCounter(direction[0]) for direction in directions}
    encoder = Encoder(source, target, options.max_length, grammar, tags)
    rows = encode(folder, scanned, encoder, counters, means)
    refuse_nothing_left(scanned)
    reports = text.reports(options.temperature)
    _warn_of_validation(reports, rows["valid"], means.progress)
    train, valid = (Split(folder, name, source.size, target.size) for name in ("train", "valid"))
    counts = counts_of(train, scanned, directions)
    sides = [np.sum([own[side] for own in counts.values()], axis=0) for side in (0, 1)]
    facts["vocabulary"] = vocabulary_facts(sides, options.joint_vocab)
    warn_of_bytes(counts, bool(vocabulary), means.progress)
    (folder / CLEANING).write_text(json.dumps(facts, ensure_ascii=False, indent=1), encoding="utf-8")
    kinds = [kind for kind in grammar.kinds if kind not in grammar.own]
    slots: dict[str, Any] = {"slots": slots_shown(sides[1]), "kinds": kinds, "patterns": grammar.own}
    shown = replace(summed(counters.values()).profile(), **slots)
    mono = add_mono(folder, given.texts, text.judges[0], scanned, encoder, shown, means)
    pairs = (entry for entry in scanned if entry.role != "test")
    listed = [Listed(entry.corpus.name, entry.names, entry.verdicts, entry.scores) for entry in pairs]
    write_dropped(folder, [*listed, *mono.listed])
    return {
        **mono.facts,
        "source_vocabulary": source.size,
        "target_vocabulary": target.size,
        "train_pairs": rows["train"],
        "valid_pairs": rows["valid"],
        "corpora": [asdict(report) for report in reports],
        "profile": shown.facts(),
        "cleaning": cleaning.FORMAT,
        "lexicon": len(lexicon),
        "target_pieces": np.packbits(sides[1] + valid.piece_counts("target") + mono.pieces > 0).tobytes().hex(),
        **(several_facts(counts, scanned, made, counters, slots) if len(directions) > 1 else {}),
    }


def _warn_of_validation(reports: Sequence[CorpusReport], rows: int, progress: Progress) -> None:
    """Warn of validation pairs that are left out, and when there are none."""
    if not rows:
        progress.warn("there is no validation set; give one with `valid`")
    for report in reports:
        if report.role == "valid" and report.dropped:
            progress.warn(f"{report.path}: {report.pairs - report.kept} lines are too long or empty, and left out")
