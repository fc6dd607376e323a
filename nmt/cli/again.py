"""The commands that make data and runs again, as far as what they wrote down tells. Knows flags; trains nothing."""

from collections.abc import Iterator, Mapping, Sequence
from shlex import join
from typing import TYPE_CHECKING, Any

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
    """The command that makes a dataset again."""
    cleaning = dataset.cleaning
    words = ["nmt", "prepare"]
    if len(cleaning.directions) > 1:
        words += ["--directions", ",".join("-".join(pair) for pair in cleaning.directions)]
    else:
        words += ["-s", cleaning.languages[0], "-t", cleaning.languages[1]]
    for corpus in cleaning.corpora:
        weight = f"={corpus.weight:g}" if corpus.role == "train" and corpus.weight != 1 else ""
        words += [f"--{corpus.role}", corpus.path + weight]
    for text in cleaning.texts:
        words += ["--mono", text.path]
    options = dataset.manifest.get("options")
    return join([*words, *(_options(options) if isinstance(options, dict) else ()), "-o", str(dataset.folder)])


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
