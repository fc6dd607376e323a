"""``prepare``: turns raw parallel corpora into a dataset folder, in three passes over the text and in bounded memory.

The same inputs and options give the same bytes, for any number of workers. A dataset that already exists and is made
from them is left alone. Knows the stages and the manifest; no command line and no model.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from nmt.config import PrepareOptions
from nmt.corpus import cleaning
from nmt.corpus.cleaning import Cleaning
from nmt.corpus.dataset import FORMAT, KIND, check_facts
from nmt.corpus.judge import thresholds
from nmt.corpus.judging import judge_text
from nmt.corpus.making import Given, make
from nmt.corpus.many import check_complete, find_corpora
from nmt.corpus.means import OURS, Means, versions, without_output
from nmt.corpus.mono_split import MonoReport, mono_reports
from nmt.corpus.parallel import Corpus
from nmt.corpus.rules import rules_for
from nmt.corpus.rules.model import PairModel
from nmt.corpus.scan import CorpusReport
from nmt.corpus.texts import find_texts, inputs_of
from nmt.corpus.vocabulary import find_vocabulary
from nmt.disk.files import sha256
from nmt.disk.folders import create_folder
from nmt.disk.manifest import NAME, check_files, read_manifest, replaceable, write_manifest
from nmt.disk.scratch import drop_scratch, open_scratch
from nmt.errors import DataError, MissingInputError, SettingsError
from nmt.text.directions import Direction, check_directions
from nmt.text.lines import printable
from nmt.text.mending import check_mending
from nmt.text.processes import Spread, in_processes
from nmt.text.progress import Progress, Silent
from nmt.text.reserved import RESERVED
from nmt.text.verbatim import read_grammar


@dataclass(frozen=True)
class PrepareRequest:
    """Inputs and output of ``prepare``. Without ``valid``, some training pairs are held out for validation."""

    source_language: str
    target_language: str
    train: tuple[Path, ...]
    valid: Path | tuple[Path, ...] | None  # several of several directions
    test: tuple[Path, ...]
    output: Path
    weights: tuple[float, ...] = ()  # one for each training corpus: how often an epoch sees its pairs; (): all once
    vocabulary: Path | None = None  # a dataset or model folder whose vocabulary is reused
    licence: str = ""  # of the text, in its owner's words; models trained on the text keep it
    columns: tuple[str, str] | None = None  # names or numbers of those that are the source and the target
    model: PairModel | None = None  # of the rule `model`
    several: tuple[Direction, ...] = ()  # the directions, where there are more than one
    mono: tuple[Path, ...] = ()  # texts of one language, by their endings

    @property
    def valid_sets(self) -> Sequence[Path]:
        """All validation corpora."""
        return self.valid if isinstance(self.valid, tuple) else [self.valid] if self.valid else []

    @property
    def directions(self) -> tuple[Direction, ...]:
        """All directions."""
        return self.several or ((self.source_language, self.target_language),)


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
    request: PrepareRequest,
    options: PrepareOptions,
    workers: int = 1,
    progress: Progress | None = None,
    spread: Spread | None = None,
) -> PrepareReport:
    """Make the dataset folder ``request.output``, unless it is already made from the same inputs and options.

    Large corpora are judged and encoded by ``workers`` processes, or where ``spread`` has them. Killed, it leaves its
    work in ``output.partial``, and goes on from there when it is called again.

    Raises MissingInputError for a corpus that does not exist; DataError, with file and line, for a corpus that cannot
    be used or of which no pair is left, and for a vocabulary size that does not fit the text; CannotCreateError when
    the output exists and prepare did not make it; BusyError while another process makes it, or when a process was
    killed.
    """
    progress = progress or Silent()
    _check_rules(request, options)
    vocabulary = find_vocabulary(request.vocabulary) if request.vocabulary else ()
    if vocabulary:
        options = replace(options, joint_vocab=len(vocabulary) == 1)
    corpora, languages = _find_corpora(request, options), (request.source_language, request.target_language)
    texts = find_texts(request.mono, languages, options.fix)
    facts = _facts(request, options, corpora) | {"vocabulary": [sha256(path) for path in vocabulary] or None}
    facts["inputs"] += inputs_of(texts)
    manifest = _made_already(request.output, facts)
    output = Path(os.path.realpath(request.output))  # a link stays a link: the folder it points to is replaced
    if manifest is not None:
        drop_scratch(output, OURS)  # of a process that was killed after its work
        return _report(manifest, unchanged=True)
    replaceable(KIND)(output)
    done_by = [facts, versions(), dict(request.model.about()) if request.model else None]
    with open_scratch(output, done_by, OURS) as scratch, create_folder(output, replaceable(KIND)) as folder:
        given = Given(corpora, texts, languages, request.directions, vocabulary, request.model)
        facts |= make(folder, given, options, Means(scratch, progress, spread or by_processes(workers)))
        # For a person; the pieces are the same in another folder.
        facts["vocabulary_path"] = printable(str(request.vocabulary)) if request.vocabulary else None
        write_manifest(folder, {name: fact for name, fact in facts.items() if fact is not None})
    return _report(facts, unchanged=False)


def judge_alone(
    request: PrepareRequest,
    options: PrepareOptions,
    workers: int = 1,
    progress: Progress | None = None,
    spread: Spread | None = None,
) -> Cleaning:
    """Judge the pairs as ``prepare`` does, and write nothing; ``request.output`` and ``vocabulary`` do not matter.

    Pairs that are too long are found by their pieces, so here they count as kept. Raises what ``prepare`` raises.
    """
    progress = progress or Silent()
    _check_rules(request, options)
    with without_output(progress, spread or by_processes(workers)) as means:
        corpora = _find_corpora(request, options)
        text = judge_text(corpora, request.directions, options, means, request.model)
    languages, reports = (request.source_language, request.target_language), [entry.report() for entry in text.scanned]
    return Cleaning(languages, tuple(reports), text.facts, directions=request.directions)


def by_processes(count: int) -> Spread | None:
    """What spreads work over so many processes; None for one."""
    return partial(in_processes, count=count) if count > 1 else None


def _check_rules(request: PrepareRequest, options: PrepareOptions) -> None:
    """Raise SettingsError, before any work, for a rule that does not exist, or a package that is missing."""
    if options.fix:
        check_mending()
    check_directions(request.directions)
    if request.model and request.several:
        raise SettingsError("the rule model judges one direction, and there are several", "leave it out")
    read_grammar(options.kinds.splitlines())
    if request.mono and request.several:
        raise SettingsError("`mono` is for one direction, and there are several", "leave it out")
    thresholds(rules_for((request.source_language, request.target_language), {"test": (), "valid": ()}), options)


def _find_corpora(request: PrepareRequest, options: PrepareOptions) -> list[tuple[str, Corpus]]:
    """All corpora with their roles and hashes. Raises what ``find_corpus`` raises."""
    corpora = [
        (role, _hashed(corpus))
        for role, paths, weights in (
            ("train", request.train, request.weights),
            ("valid", request.valid_sets, ()),
            ("test", request.test, ()),
        )
        for path, weight in zip(paths, weights or [1.0] * len(paths), strict=True)
        for corpus in find_corpora(path, request.directions, weight, request.columns)
    ]
    if request.several:
        check_complete(corpora, request.directions)
    if request.columns and not any(corpus.columns for _, corpus in corpora):
        raise SettingsError("`columns` names columns, but no corpus has any", "give it with a .tsv, .csv or .jsonl")
    return [(role, replace(corpus, mended=options.fix and role == "train")) for role, corpus in corpora]


def _hashed(corpus: Corpus) -> Corpus:
    return replace(corpus, hashes=tuple(map(sha256, corpus.files)))


def _facts(request: PrepareRequest, options: PrepareOptions, corpora: Sequence[tuple[str, Corpus]]) -> dict[str, Any]:
    """The manifest's facts about inputs and options, None for what was not given; equal ones mean an equal dataset."""
    return {
        "kind": KIND,
        "format": FORMAT,
        "licence": request.licence or None,
        "source_language": request.source_language,
        "target_language": request.target_language,
        "directions": list(map(list, request.several)) or None,
        "joint": options.joint_vocab,
        "options": {name: value for name, value in asdict(options).items() if request.several or name != "temperature"},
        "model": {"path": request.model.name, "sha256": request.model.digest} if request.model else None,
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
    if any(manifest.get(name) != fact for name, fact in facts.items()):
        return None
    if not {"profile", "target_pieces", "lexicon"} <= manifest.keys():
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
