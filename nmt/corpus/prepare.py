"""``prepare``: turns raw parallel corpora into a dataset folder, in three passes over the text and in bounded memory.

The same inputs and options give the same bytes, for any number of workers. A dataset that already exists and is made
from them is left alone. Knows the stages and the manifest; no command line and no model.
"""

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nmt.config import PrepareOptions
from nmt.corpus import cleaning
from nmt.corpus.cleaning import Cleaning, cleaning_facts, settings_facts, vocabulary_facts
from nmt.corpus.dataset import CLEANING, FORMAT, KIND, check_facts
from nmt.corpus.encode import Encoder, encode, slots_shown
from nmt.corpus.judge import Judge, learnt_from, thresholds
from nmt.corpus.learning import copy_tokenizers, learn_tokenizers
from nmt.corpus.lexicon import Translated, count_lexicon, write_lexicon
from nmt.corpus.means import OURS, Means, versions, without_output
from nmt.corpus.mono import add_mono
from nmt.corpus.mono_split import MonoReport, mono_reports
from nmt.corpus.parallel import Corpus, find_corpus
from nmt.corpus.rules import rules_for
from nmt.corpus.rules.model import PairModel
from nmt.corpus.scan import CorpusReport, Scanned, refuse_nothing_left, scan
from nmt.corpus.shards import Split
from nmt.corpus.survey import Sample, survey
from nmt.corpus.texts import Text, find_texts, inputs_of
from nmt.corpus.vocabulary import find_vocabulary, warn_of_bytes
from nmt.disk.files import sha256
from nmt.disk.folders import create_folder
from nmt.disk.manifest import NAME, check_files, read_manifest, replaceable, write_manifest
from nmt.disk.scratch import drop_scratch, open_scratch
from nmt.errors import DataError, MissingInputError, SettingsError
from nmt.text.lines import printable
from nmt.text.mending import check_mending
from nmt.text.normal import normal
from nmt.text.profile import ProfileCounter
from nmt.text.progress import Progress, Silent
from nmt.text.reserved import RESERVED
from nmt.text.verbatim import read_grammar


@dataclass(frozen=True)
class PrepareRequest:
    """Inputs and output of ``prepare``. Without ``valid``, some training pairs are held out for validation."""

    source_language: str
    target_language: str
    train: tuple[Path, ...]
    valid: Path | None
    test: tuple[Path, ...]
    output: Path
    weights: tuple[float, ...] = ()  # one for each training corpus: how often an epoch sees its pairs; (): all once
    vocabulary: Path | None = None  # a dataset or model folder whose vocabulary is reused
    licence: str = ""  # of the text, in its owner's words; models trained on the text keep it
    columns: tuple[str, str] | None = None  # names or numbers of those that are the source and the target
    model: PairModel | None = None  # of the rule `model`
    mono: tuple[Path, ...] = ()  # texts of one language, by their endings


@dataclass(frozen=True)
class PrepareReport:
    """Result of ``prepare``; ``unchanged`` when the same dataset existed already and nothing was done."""

    unchanged: bool
    joint: bool  # whether both languages share one vocabulary
    corpora: tuple[CorpusReport, ...]
    train_pairs: int
    valid_pairs: int
    source_vocabulary: int  # pieces, without the reserved ones
    target_vocabulary: int
    mono: tuple[MonoReport, ...] = ()


def prepare(
    request: PrepareRequest, options: PrepareOptions, workers: int = 1, progress: Progress | None = None
) -> PrepareReport:
    """Make the dataset folder ``request.output``, unless it is already made from the same inputs and options.

    Uses ``workers`` threads, and for large corpora as many other processes; with 1, none. Killed, it leaves its work in
    ``output.partial``, and goes on from there when it is called again.

    Raises MissingInputError for a corpus that does not exist; DataError, with file and line, for a corpus that cannot
    be used or of which no pair is left, and for a vocabulary size that does not fit the text; CannotCreateError when
    the output exists and prepare did not make it; BusyError while another process makes it, or when a process was
    killed.
    """
    progress = progress or Silent()
    _check_rules(request, options)
    read_grammar(options.kinds.splitlines())
    given = find_vocabulary(request.vocabulary) if request.vocabulary else ()
    if given:
        options = replace(options, joint_vocab=len(given) == 1)
    corpora = _find_corpora(request, options)
    texts = find_texts(request.mono, (request.source_language, request.target_language), options.fix)
    facts = _facts(request, options, corpora) | {"vocabulary": [sha256(path) for path in given] or None}
    facts["inputs"] += inputs_of(texts)
    manifest = _made_already(request.output, facts)
    output = Path(os.path.realpath(request.output))  # a link stays a link: the folder it points to is replaced
    if manifest is not None:
        drop_scratch(output, OURS)  # of a process that was killed after its work
        return _report(manifest, unchanged=True)
    replaceable(KIND)(output)
    done_by = [facts, versions(), dict(request.model.about()) if request.model else None]
    with open_scratch(output, done_by, OURS) as scratch, create_folder(output, replaceable(KIND)) as folder:
        facts |= _make(folder, request, corpora, texts, given, options, Means(scratch, workers, progress))
        write_manifest(folder, facts)
    return _report(facts, unchanged=False)


def judge_alone(
    request: PrepareRequest, options: PrepareOptions, workers: int = 1, progress: Progress | None = None
) -> Cleaning:
    """Judge the pairs as ``prepare`` does, and write nothing; ``request.output`` and ``vocabulary`` do not matter.

    Pairs that are too long are found by their pieces, so here they count as kept. Raises what ``prepare`` raises.
    """
    progress = progress or Silent()
    _check_rules(request, options)
    with without_output(workers, progress) as means:
        scanned, facts, _, _ = _judge(request, _find_corpora(request, options), options, means)
    return Cleaning(
        (request.source_language, request.target_language), tuple(entry.report() for entry in scanned), facts
    )


def _check_rules(request: PrepareRequest, options: PrepareOptions) -> None:
    """Raise SettingsError, before any work, for a rule that does not exist, or a package that is missing."""
    if options.fix:
        check_mending()
    thresholds(rules_for((request.source_language, request.target_language), {"test": (), "valid": ()}), options)


def _find_corpora(request: PrepareRequest, options: PrepareOptions) -> list[tuple[str, Corpus]]:
    """All corpora with their roles and hashes. Raises what ``find_corpus`` raises."""
    corpora = [
        (role, _hashed(find_corpus(path, request.source_language, request.target_language, weight, request.columns)))
        for role, paths, weights in (
            ("train", request.train, request.weights),
            ("valid", [request.valid] if request.valid else [], ()),
            ("test", request.test, ()),
        )
        for path, weight in zip(paths, weights or [1.0] * len(paths), strict=True)
    ]
    if request.columns and not any(corpus.columns for _, corpus in corpora):
        raise SettingsError("`columns` names columns, but no corpus has any", "give it with a .tsv, .csv or .jsonl")
    return [(role, replace(corpus, mended=options.fix and role == "train")) for role, corpus in corpora]


def _hashed(corpus: Corpus) -> Corpus:
    return replace(corpus, hashes=tuple(map(sha256, corpus.files)))


def _facts(request: PrepareRequest, options: PrepareOptions, corpora: Sequence[tuple[str, Corpus]]) -> dict[str, Any]:
    """The manifest's facts about inputs and options; equal facts mean an equal dataset."""
    return {
        "kind": KIND,
        "format": FORMAT,
        **({"licence": request.licence} if request.licence else {}),
        "source_language": request.source_language,
        "target_language": request.target_language,
        "joint": options.joint_vocab,
        "options": asdict(options),
        **({"model": {"path": request.model.name, "sha256": request.model.digest}} if request.model else {}),
        "inputs": [
            {
                "role": role,
                "path": corpus.name,
                "sha256": {
                    printable(str(file)): digest for file, digest in zip(corpus.files, corpus.hashes, strict=True)
                },
                **({} if corpus.weight == 1 else {"weight": corpus.weight}),
                **({"columns": list(corpus.columns)} if corpus.columns else {}),
            }
            for role, corpus in corpora
        ],
    }


def _make(
    folder: Path,
    request: PrepareRequest,
    corpora: Sequence[tuple[str, Corpus]],
    texts: Sequence[Text],
    vocabulary: Sequence[Path],
    options: PrepareOptions,
    means: Means,
) -> dict[str, Any]:
    """Write all files of the folder except the manifest; return the manifest's facts about the result."""
    languages, progress = (request.source_language, request.target_language), means.progress
    scanned, facts, sample, judge = _judge(request, corpora, options, means)
    write_lexicon(folder, lexicon := _lexicon(judge.translations, scanned, sample))
    if vocabulary:
        source, target = copy_tokenizers(folder, vocabulary)
    else:
        source, target = learn_tokenizers(folder, scanned, sample, options, languages, means)
    del sample  # frees its memory
    profile, grammar = ProfileCounter(request.source_language), read_grammar(options.kinds.splitlines())
    encoder = Encoder(source, target, options.max_length, means.workers, grammar)
    rows = encode(folder, scanned, encoder, profile, means)
    refuse_nothing_left(scanned)
    reports = [entry.report() for entry in scanned]
    for report in reports:
        if report.role == "valid" and report.dropped:
            progress.warn(f"{report.path}: {report.pairs - report.kept} lines are too long or empty, and left out")
    train, valid = (Split(folder, name, source.size, target.size) for name in ("train", "valid"))
    facts["vocabulary"] = vocabulary_facts(train, options.joint_vocab)
    warn_of_bytes(facts["vocabulary"], languages, bool(vocabulary), progress)
    (folder / CLEANING).write_text(json.dumps(facts, ensure_ascii=False, indent=1), encoding="utf-8")
    if not rows["valid"]:
        progress.warn("there is no validation set; give one with `valid`")
    counts = train.piece_counts("target")
    kinds = [kind for kind in grammar.kinds if kind not in grammar.own]
    shown = replace(profile.profile(), slots=slots_shown(counts), kinds=kinds, patterns=grammar.own)
    mono, more = add_mono(folder, texts, judge, scanned, encoder, shown, means)
    return {
        **mono,
        "source_vocabulary": source.size,
        "target_vocabulary": target.size,
        "train_pairs": rows["train"],
        "valid_pairs": rows["valid"],
        "corpora": [asdict(report) for report in reports],
        "profile": shown.facts(),
        "cleaning": cleaning.FORMAT,
        "lexicon": len(lexicon),
        "target_pieces": np.packbits(counts + valid.piece_counts("target") + more > 0).tobytes().hex(),
    }


def _judge(
    request: PrepareRequest, corpora: Sequence[tuple[str, Corpus]], options: PrepareOptions, means: Means
) -> tuple[list[Scanned], dict[str, Any], Sample, Judge]:
    """Both passes that judge: the corpora with verdicts, what was collected, the sample of the text, the judge."""
    languages = request.source_language, request.target_language
    seen = survey(corpora, languages, options.max_length, means.progress)
    pairs = sum(count for (role, _), count in zip(corpora, seen.pairs, strict=True) if role == "train")
    learn = partial(Judge.learn, learnt_from(seen.sample.pairs), languages, options, seen.held_out)
    judge = means.apart(pairs, "learning what is usual", learn)
    for doubt in judge.doubts:
        means.progress.warn(doubt)
    scanned, collected = scan(corpora, judge, seen, options, means, request.model)
    counted = [(entry.role, entry.corpus.name, len(entry.verdicts)) for entry in scanned]
    facts = cleaning_facts(judge, collected, counted)
    facts["settings"] = settings_facts(options, request.model.name if request.model else "")
    return scanned, facts, seen.sample, judge


def _lexicon(
    translations: Sequence[tuple[str, str]], scanned: Sequence[Scanned], sample: Sample
) -> dict[str, Translated]:
    """The lexicon of the pairs of the sample that were kept, as many as the rules learn from."""
    if not translations:
        return {}
    verdicts = np.concatenate([entry.verdicts for entry in scanned if entry.role == "train"])
    pairs = learnt_from(sample.kept(verdicts))
    return count_lexicon(translations, [(normal(source), normal(target)) for source, target in pairs])


def _made_already(output: Path, facts: dict[str, Any]) -> dict[str, Any] | None:
    """The manifest of the dataset at ``output``, if that is complete and made from the same facts; else None.

    Sets the manifest's modification time to now, so that Make sees a target newer than its inputs.
    """
    try:
        manifest = read_manifest(output, verify=False)
        check_facts(manifest, output / NAME)
        check_files(output, manifest)
    except (MissingInputError, DataError):
        return None
    if {**manifest, **facts} != manifest or not {"profile", "target_pieces", "lexicon"} <= manifest.keys():
        return None
    if manifest.get("cleaning") != cleaning.FORMAT:  # there would be no report of it
        return None
    with suppress(PermissionError):
        os.utime(output / NAME)
    return manifest


def _report(manifest: dict[str, Any], unchanged: bool) -> PrepareReport:
    corpora = tuple(CorpusReport(**corpus) for corpus in manifest["corpora"])
    source, target = (manifest[f"{side}_vocabulary"] - RESERVED for side in ("source", "target"))
    pairs, mono = (manifest["train_pairs"], manifest["valid_pairs"]), mono_reports(manifest, Path(NAME))
    return PrepareReport(unchanged, manifest["joint"], corpora, *pairs, source, target, mono)
