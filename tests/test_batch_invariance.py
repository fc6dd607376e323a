"""What a line becomes depends on no other line: a thousand lines one by one and in batches, for all a search can do."""

import random
from pathlib import Path
from typing import Any

import pytest
from conftest import CORPUS, nmt

from nmt import Request, SearchOptions, Translator
from nmt.config import EngineOptions
from nmt.decoding.request import Line
from nmt.store.model_folder import ModelFolder

pytestmark = pytest.mark.slow
SIZES = (1, 300, 4096)
WAYS: dict[str, dict[str, Any]] = {
    "beam search": {"n_best": 5},
    "greedy search": {"beam_size": 1},
    "samples": {"sample": 0, "n_best": 3},
    "samples of the best pieces": {"sample": 10, "top_p": 0.9, "temperature": 0.7, "seed": 5},
    "minimum Bayes risk": {"mbr": "chrf"},
    "minimum Bayes risk of samples": {"mbr": "bleu", "sample": 0, "candidates": 10},
    "limits": {"no_repeat_ngram": 2, "min_length": 6},
    "limits that cut": {"max_length_factor": 0.3, "n_best": 3},
    "a prefix": {},
    "phrases that must appear": {"phrases": True},
    "phrases that must not appear": {"phrases": True},
    "an ensemble": {},
    "links and token scores": {"alignments": True, "token_scores": True},
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two models that have learnt something of the bundled corpus."""
    folder = tmp_path_factory.mktemp("invariance")
    data, runs = folder / "data", [folder / "first", folder / "second"]
    commands: list[list[str | Path]] = [["prepare", "-s", "ko", "-t", "en", "--train", CORPUS / "train", "-o", data]]
    for seed, run in enumerate(runs, start=1):
        steps = ["--steps", "400", "--set", f"training.seed={seed}"]
        commands.append(["train", data, "-o", run, "--config", CORPUS / "demo.toml", *steps])
    for command in commands:
        result = nmt(*command, timeout=1800)
        assert result.returncode == 0, result.stderr
    return runs


def text_of(language: str) -> list[str]:
    return (CORPUS / f"test.{language}").read_text(encoding="utf-8").splitlines()


def lines_for(way: str) -> list[Line]:
    """The thousand lines, with what the way asks of each."""
    chance, lines = random.Random(1), zip(text_of("ko"), text_of("en"), strict=True)
    if way == "a prefix":
        return [Request(line, prefix=" ".join(target.split()[: chance.randint(0, 3)])) for line, target in lines]
    if way == "phrases that must appear":
        return [Request(line, constraints=chance.sample(target.split(), 1)) for line, target in lines]
    if way == "phrases that must not appear":
        return [Request(line, avoid=chance.sample(target.split(), 1)) for line, target in lines]
    return [line for line, _ in lines]


@pytest.mark.parametrize("engine", ["torch", "ctranslate2"])
@pytest.mark.parametrize("way", WAYS)
def test_a_thousand_lines_have_the_same_texts_in_batches_of_three_sizes(
    way: str, engine: str, models: list[Path]
) -> None:
    pytest.importorskip("ctranslate2")
    options = SearchOptions(**WAYS[way])
    alone = options.sample is not None or options.phrases or way == "an ensemble"
    if engine == "ctranslate2" and alone:
        pytest.skip("PyTorch alone does this")
    first, *others = map(ModelFolder.open, models)
    found = []
    for size in SIZES:
        wanted = EngineOptions(size, engine=engine, threads=1)
        translator = Translator.of(first, options, wanted, others if way == "an ensemble" else ())
        translations = list(translator.translate(lines_for(way)))
        found.append([[each.text, *(other.text for other in each.alternatives)] for each in translations])
        found[-1] += [[str(each.alignment)] for each in translations]
    assert len(found[0]) == 2000
    assert [[place for place, line in enumerate(found[0]) if line != other[place]] for other in found[1:]] == [[], []]
