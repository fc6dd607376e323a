"""The commands that make data and runs again, as far as what they wrote down tells. Knows flags; trains nothing."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from io import StringIO
from itertools import product
from pathlib import Path
from shlex import join
from typing import TYPE_CHECKING, Any

from nmt.cli.prepare import parse_weighted

if TYPE_CHECKING:
    from nmt.show.run_facts import DatasetFacts
    from nmt.show.run_report import Reported

PREPARE = {"vocab_size": "--vocab-size", "tokenizer": "--tokenizer", "max_length": "--max-length", "clean": "--clean"}
PREPARE |= {"temperature": "--temperature", "seed": "--seed"}


def commands(runs: "Sequence[Reported]", datasets: "Sequence[DatasetFacts]") -> list[str]:
    """A command for each dataset, then one for each run; ``DATA`` stands for a dataset that nothing names."""
    known = {dataset.digest: str(dataset.folder) for dataset in datasets}
    return [prepare_command(dataset) for dataset in datasets] + [train_command(run, known) for run in runs]


def prepare_command(dataset: "DatasetFacts") -> str:
    """The command that makes a dataset again, by the facts of its manifest."""
    manifest, folder, columns = dataset.manifest, str(dataset.folder), ""
    words = ["nmt", "prepare", *_languages(dataset.cleaning.directions)]
    for name, path, weight, own in mentioned(manifest):
        # A name that ends like one with a weight needs one.
        weighs = name == "train" and (weight != 1 or parse_weighted(path)[0] != Path(path))
        words += [f"--{name}", f"{path}={_decimal(weight)}" if weighs else path]
        columns = columns or own
    vocabulary = manifest.get("vocabulary_path", folder) if manifest.get("vocabulary") else None
    for flag, value in (("--columns", columns), ("--licence", manifest.get("licence")), ("--vocab", vocabulary)):
        words += [flag, str(value)] if value else []
    if isinstance(model := manifest.get("model"), dict):
        words += ["--rule", f"model={model.get('path')}"]
    options = manifest.get("options")
    return join([*words, *(_options(options) if isinstance(options, dict) else ()), "-o", folder])


def _languages(directions: Sequence[tuple[str, str]]) -> list[str]:
    """The flags that name directions, in their order; codes with a minus were given by ``-s`` and ``-t``."""
    if len(directions) > 1 and not any("-" in code for pair in directions for code in pair):
        return ["--directions", ",".join("-".join(pair) for pair in directions)]
    sources, targets = (list(dict.fromkeys(pair[side] for pair in directions)) for side in (0, 1))
    like_sources = [each for each in sources if each in targets] + [each for each in targets if each not in sources]
    each_with_each = [pair for pair in product(sources, like_sources) if pair[0] != pair[1]]
    return ["-s", ",".join(sources), "-t", ",".join(like_sources if each_with_each == [*directions] else targets)]


def mentioned(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str, float, str]]:
    """The role, path, weight and columns of each input as it was given: once, though several directions read it."""
    seen: dict[tuple[str, str, float], set[tuple[str, ...]]] = {}  # the files of each direction so far
    inputs = manifest.get("inputs")
    for entry in filter(_is_input, inputs if isinstance(inputs, list) else ()):
        given = entry["role"], entry["path"], float(entry.get("weight", 1))
        read, files = seen.setdefault(given, set()), tuple(entry["sha256"])
        if not read or files in read:
            read.clear()
            yield *given, _written(entry["columns"]) if "columns" in entry else ""
        read.add(files)


def _is_input(entry: Any) -> bool:
    """Whether nmt may have written this of an input: the manifest may be a stranger's."""
    return (
        isinstance(entry, dict)
        and entry.get("role") in ("train", "valid", "test", "mono")
        and isinstance(entry.get("path"), str)
        and isinstance(entry.get("sha256"), dict)
        and type(entry.get("weight", 1)) in (int, float)
        and isinstance(columns := entry.get("columns", []), list)
        and all(isinstance(column, str) for column in columns)
    )


def _written(columns: Sequence[str]) -> str:
    """Two names of columns as ``--columns`` reads them."""
    text = StringIO()
    csv.writer(text, lineterminator="").writerow(columns)
    return text.getvalue()


def _decimal(weight: float) -> str:
    return f"{Decimal(repr(weight)):f}".removesuffix(".0")


def _options(options: Mapping[str, Any]) -> Iterator[str]:
    """The flags of options that are not as they are by default."""
    from nmt.config import PrepareOptions

    usual = PrepareOptions()
    for name, flag in PREPARE.items():
        if (value := options.get(name)) not in (None, getattr(usual, name)):
            yield from (flag, str(value))
    if options.get("joint_vocab") is False:
        yield "--separate-vocab"
    if options.get("fix") is True:
        yield "--fix"
    for flag, name, between in (("--rule", "rules", ","), ("--kind", "kinds", "\n")):
        for value in filter(None, str(options.get(name, "")).split(between)):
            yield from (flag, value)


def train_command(run: "Reported", known: Mapping[str, str]) -> str:
    """The command that makes a run again, in another folder; ``known`` has folders of datasets by their digests."""
    facts = run.environment
    data = known.get(str(run.model.manifest.get("data")), facts.get("data", "DATA"))
    words = ["nmt", "train", data, "-o", f"{run.folder.folder}-again", "--config", str(run.folder.config_path)]
    words += ["--init", facts["init"]] if "init" in facts else []
    for teacher in facts.get("teachers", "").splitlines():
        words += ["--teacher", teacher]
    processes = facts.get("processes", "1")
    return join([*words, *(["--devices", processes] if processes.isdigit() and processes != "1" else [])])
