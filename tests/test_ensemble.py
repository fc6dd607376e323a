"""Ensembles against a mean computed by brute force, against their only member, and what they refuse."""

import hashlib
import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import CORPUS, TRAIN, TinyRun, nmt
from fakes import CONTROL, HashStepper
from test_beam import QUERIES, SOURCES, log_probabilities
from torch import Tensor

from nmt.config import ModelConfig, SearchOptions
from nmt.decoding import engine
from nmt.decoding.engine import Hypothesis, Query
from nmt.decoding.engines.pytorch import PyTorchEngine, narrowed
from nmt.decoding.ensemble import Ensemble
from nmt.decoding.roles import Stepper
from nmt.model import build_model
from nmt.model.family import TranslationModel
from nmt.text.tokenizer import BOS, EOS


class Narrow:
    """A stepper that offers only some pieces, as a model does that was narrowed to what it may produce."""

    def __init__(self, stepper: HashStepper, pieces: list[int]) -> None:
        self.stepper, self.piece_W = stepper, torch.tensor(pieces)

    def start(self, source_BS: Tensor, source_length_B: Tensor) -> Any:
        return self.stepper.start(source_BS, source_length_B)

    def step(self, token_N: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits_NV, state = self.stepper.step(self.piece_W[token_N], state)
        return logits_NV[:, self.piece_W], state

    def select(self, state: Any, row_M: Tensor, sentence_M: Tensor) -> Any:
        return self.stepper.select(state, row_M, sentence_M)


def together(*models: tuple[Stepper[Any], list[int]]) -> PyTorchEngine:
    """The engine of an ensemble of steppers, each with the pieces of its columns."""
    made = Ensemble([(stepper, CONTROL, torch.tensor(pieces)) for stepper, pieces in models])
    return PyTorchEngine(made, CONTROL, piece_V=made.piece_V)


def every_hypothesis(
    members: list[tuple[HashStepper, list[int]]], source: list[int], limit: int
) -> Iterator[Hypothesis]:
    """All hypotheses with the log of the mean probability; each member knows only its own pieces, and reads <unk>."""
    tables = []
    for stepper, pieces in members:
        kept = HashStepper(stepper.table.size(1))
        kept.table = torch.full_like(stepper.table, -torch.inf)
        kept.table[:, pieces] = stepper.table[:, pieces]
        tables.append(log_probabilities(kept))
    waiting: list[tuple[list[int], float]] = [([BOS], 0.0)]
    while waiting:
        prefix, score = waiting.pop()
        reads = [[piece if piece in pieces else 1 for piece in prefix] for _, pieces in members]
        states = [stepper.state(source, read) for (stepper, _), read in zip(members, reads, strict=True)]
        for piece in range(len(tables[0][0])):
            mean = sum(math.exp(table[state][piece]) for table, state in zip(tables, states, strict=True)) / len(
                members
            )
            if not mean:
                continue
            total = score + math.log(mean)
            if piece == EOS or len(prefix) == limit:
                yield Hypothesis([*prefix[1:], *([piece] if piece != EOS else [])], total / len(prefix))
            else:
                waiting.append(([*prefix, piece], total))


EVERYTHING = list(range(7))


@pytest.mark.parametrize(
    "pieces",
    [
        [EVERYTHING, EVERYTHING],
        [EVERYTHING, EVERYTHING, EVERYTHING],
        [[0, 1, 2, 3, 4, 6], EVERYTHING],
        [[0, 1, 2, 3, 4], [0, 1, 2, 3, 5, 6]],
    ],
)
def test_search_by_an_ensemble_is_search_by_the_mean_probability(
    monkeypatch: pytest.MonkeyPatch, pieces: list[list[int]]
) -> None:
    monkeypatch.setattr(engine, "EXTRA_PIECES", 3)
    members = [(HashStepper(7, seed), some) for seed, some in enumerate(pieces)]
    options = SearchOptions(beam_size=100, n_best=40, max_length_factor=0.1)
    narrow = [(Narrow(stepper, some), some) for stepper, some in members]
    actual = together(*narrow).search(QUERIES, options)
    for source, hypotheses in zip(SOURCES, actual, strict=True):
        expected = sorted(every_hypothesis(members, source, 3), key=lambda each: -each.score)[:40]
        assert [each.pieces for each in hypotheses] == [each.pieces for each in expected]
        assert [each.score for each in hypotheses] == pytest.approx([each.score for each in expected])


def test_an_ensemble_of_a_model_with_itself_ranks_as_the_model_does() -> None:
    stepper, pieces = HashStepper(40, seed=4, dtype=torch.float32), list(range(40))
    options = SearchOptions(beam_size=8, n_best=8)
    alone = PyTorchEngine(stepper, CONTROL).search(QUERIES, options)
    for count in (2, 3):
        actual = together(*[(stepper, pieces)] * count).search(QUERIES, options)
        assert [[each.pieces for each in some] for some in actual] == [[each.pieces for each in some] for some in alone]
    source_BS, length_B = torch.tensor([[4, 5, EOS]]), torch.tensor([3])
    members = Ensemble([(stepper, CONTROL, torch.arange(40))] * 3)
    mean_NV, _ = members.step(torch.tensor([BOS]), members.start(source_BS, length_B))
    own_NV, _ = stepper.step(torch.tensor([BOS]), stepper.start(source_BS, length_B))
    own_NV[:, [piece for piece in CONTROL if piece != EOS]] = -torch.inf
    assert mean_NV.equal(own_NV.log_softmax(1)), "not bit for bit"


def models(*families: str) -> list[TranslationModel]:
    made = []
    for seed, family in enumerate(families):
        torch.manual_seed(seed)
        config = ModelConfig(
            family=family, width=16, feed_forward=16, encoder_layers=1, decoder_layers=1, heads=2, attention_score="dot"
        )
        made.append(build_model(config, 90, 90, True))
    return made


def test_families_and_unlike_produced_pieces_search_together() -> None:
    first, second = models("transformer", "recurrent")
    first.embeddings.produced[EOS + 1 : 50] = 0
    second.embeddings.produced[70:] = 0
    ensemble = Ensemble([narrowed(model, CONTROL) for model in (first, second)])
    made = PyTorchEngine(ensemble, CONTROL, piece_V=ensemble.piece_V)
    options = SearchOptions(beam_size=12, n_best=12)
    drawn = made.search([Query([5, 6]), Query([80])], SearchOptions(n_best=60, sample=0))
    seen = {piece for some in drawn for hypothesis in some for piece in hypothesis.pieces}
    assert seen & set(range(4, 50)), "what only the second may say is never said"
    assert seen & set(range(70, 90)), "what only the first may say is never said"
    alone = [made.search([query], options)[0] for query in QUERIES]
    batch = made.search(QUERIES, options)
    assert [[each.pieces for each in some] for some in batch] == [[each.pieces for each in some] for some in alone]


@pytest.fixture(scope="module")
def other_run(tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of another seed on the same dataset."""
    run = tmp_path_factory.mktemp("other") / "run"
    result = nmt("train", tiny_run.data, "-o", run, *TRAIN.split(), "--seed", "2")
    assert result.returncode == 0, result.stderr
    return run


def test_the_command_searches_with_all_models_and_one_twice_is_one(
    tiny_run: TinyRun, other_run: Path, tmp_path: Path
) -> None:
    lines = (CORPUS / "test.ko").read_text(encoding="utf-8").splitlines(keepends=True)[:30]
    (tmp_path / "in").write_text("".join(lines), encoding="utf-8")

    def texts(*arguments: str | Path) -> list[str]:
        few = ("--max-length-factor", "0.5", "--length-penalty", "4", "--device", "cpu", "--n-best", "5")
        result = nmt("translate", *arguments, tmp_path / "in", *few)
        assert result.returncode == 0, result.stderr
        return [line.rpartition(" ||| ")[0] for line in result.stdout.splitlines()]

    alone = texts(tiny_run.run, "--engine", "torch")
    assert texts(tiny_run.run, "--ensemble", tiny_run.run) == alone
    both = texts(tiny_run.run, "--ensemble", other_run)
    assert both != alone
    assert texts(other_run, "--ensemble", tiny_run.run) == both


def test_models_that_do_not_go_together_are_refused_in_a_line(tiny_run: TinyRun, tmp_path: Path) -> None:
    turned, strange = tmp_path / "turned", tmp_path / "strange"
    for copy in (turned, strange):
        shutil.copytree(tiny_run.run / "model", copy)

    def sealed(folder: Path, name: str, content: bytes) -> None:
        (folder / name).write_bytes(content)
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        manifest["files"][name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")

    settings = (turned / "config.toml").read_text(encoding="utf-8")
    settings = settings.replace('source = "ko"', 'source = "x"').replace('target = "en"', 'target = "ko"')
    sealed(turned, "config.toml", settings.replace('source = "x"', 'source = "en"').encode())
    tokenizer = (strange / "tokenizer.model").read_bytes()
    place = tokenizer.index("▁the".encode())
    sealed(strange, "tokenizer.model", tokenizer[:place] + "▁thx".encode() + tokenizer[place + 6 :])
    for member, more, words in (
        (turned, (), "translates en → ko, and"),
        (strange, (), "has another vocabulary than"),
        (tiny_run.run, ("--engine", "ctranslate2"), "CTranslate2 searches with one model"),
        (tmp_path, (), "there is no model in"),
    ):
        result = nmt("translate", tiny_run.run, "--ensemble", member, *more, input="나\n")
        assert result.returncode == (66 if member == tmp_path else 78), result.stderr
        assert words in result.stderr
        assert result.stderr.count("\n") == 1
