"""The commands that a report says: each makes the dataset again that it is of."""

import json
import shlex
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_prepare import contents, pair
from typer.testing import CliRunner

from nmt.cli import app
from nmt.cli.again import mentioned, prepare_command
from nmt.disk.manifest import read_manifest
from nmt.show.run_facts import DatasetFacts

PAIRS = [pair(number) for number in range(120)]
OPTIONS = "--clean off --vocab-size 320 --max-length 99 --seed 4 --kind number=off --kind ticket=T-[0-9]+"
COMMANDS = {
    "weights": "-s ko -t en --train a=2.5 --train b --train b=0.000625 --train b --train c=3=1 --valid v --test a",
    "columns": "-s ko -t en --train pairs.csv --valid v --columns 'the text,\"so, it is\"' --licence 'CC BY 4.0 (x)'",
    "vocabulary": "-s ko -t en --train a --valid v --vocab weights --licence MIT",
    "text": "-s ko -t en --train a --valid v --mono b.en --mono c=3.ko",
    "several": "--directions ko-en,en-ko,en-fr --train a=2 --train b --train a=2 --valid v --test c=3 "
    "--temperature 2.0 --licence MIT --rule language=off --rule agreement=off",
    "codes": "-s ko,en-US -t en-US,ko --train a --valid v",
    "models": "-s ko -t en --train a --valid v --separate-vocab --fix --tokenizer bpe",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Corpora of which some have three languages, and one whose name ends like one with a weight."""
    folder = tmp_path_factory.mktemp("again")
    for name, first in (("a", 0), ("b", 60), ("c=3", 90), ("v", 110)):
        chosen = PAIRS[first : first + (50 if name == "a" else 10)]
        for ending, side in (("ko", 0), ("en", 1), ("en-US", 1)) + ((("fr", 1),) if name != "b" else ()):
            text = "".join(f"{each[side]}\n" for each in chosen)
            (folder / f"{name}.{ending}").write_text(text, encoding="utf-8")
    rows = ['the text,other,"so, it is"', *(f"{source},x,{target}" for source, target in PAIRS)]
    (folder / "pairs.csv").write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return folder


def run(line: str) -> str:
    """What a command line says."""
    made = CliRunner().invoke(app, shlex.split(line)[1:])
    assert made.exit_code == 0, made.output
    return made.output


def test_the_command_of_a_dataset_makes_it_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for name, words in COMMANDS.items():
        options = OPTIONS.replace("--vocab-size 320", "") if "--vocab" in words else OPTIONS
        assert "up to date" not in run(f"nmt prepare {words} {options} -o {name}")
        command = prepare_command(DatasetFacts.open(Path(name)))
        assert f"{name} is up to date" in run(command)
        if name == "several":
            assert command.count("--train a=2") == command.count("--directions ko-en,en-ko,en-fr") * 2
            before = contents(folder / name)
            (folder / name).rename(folder / "before")
            run(command)
            assert contents(folder / name) == before


@settings(deadline=None)
@given(st.data())
def test_each_input_is_said_as_often_as_it_was_given(data: st.DataObject) -> None:
    """By the law of the manifest: it has each input once for each direction whose files are there."""
    directions = data.draw(st.lists(st.sampled_from(list(permutations("xyz", 2))), unique=True, min_size=1))
    there = {path: data.draw(st.sets(st.sampled_from(directions), min_size=1)) for path in "ab"}
    one = st.tuples(st.sampled_from(["train", "test"]), st.sampled_from("ab"), st.sampled_from([1, 2.5]))
    given_inputs = data.draw(st.lists(one, max_size=6))
    inputs = [
        {"role": role, "path": path, "weight": weight, "sha256": {f"{path}.{code}": "" for code in direction}}
        for role, path, weight in given_inputs
        for direction in directions
        if direction in there[path]
    ]
    assert [said[:3] for said in mentioned({"inputs": inputs})] == given_inputs


def test_a_strangers_manifest_is_no_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    run(f"nmt prepare {COMMANDS['models']} {OPTIONS} -o strange")
    facts = DatasetFacts.open(Path("strange"))
    good = read_manifest(Path("strange"))["inputs"][0]
    strange: list[Any] = [
        None,
        1,
        [1],
        [{}],
        [good | {"role": "x"}],
        [good | {"weight": "2"}],
        [good | {"columns": [1]}],
    ]
    for bad in strange:
        manifest = json.loads(json.dumps({**facts.manifest, "inputs": bad, "model": {}, "licence": 3}))
        assert "nmt prepare -s ko -t en --" in prepare_command(DatasetFacts(facts.folder, facts.cleaning, manifest))
