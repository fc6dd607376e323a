"""A toy search role, seeded sampling, which stands here alone: the seams hold if nmt/ needs no change for it."""

from collections import Counter
from dataclasses import dataclass, field

import pytest
import torch
from fakes import CONTROL, HashStepper, WordTokenizer
from test_beam import SOURCES, every_hypothesis
from torch import Tensor

from nmt.config import ModelConfig, SearchOptions
from nmt.decoding import engine
from nmt.decoding.engine import Query
from nmt.decoding.engines.pytorch import PyTorchEngine
from nmt.decoding.roles import Candidates, Rows
from nmt.decoding.translator import Translator
from nmt.model import build_model
from nmt.text.tokenizer import EOS


@dataclass
class Sampling:
    """Draws each piece from the model's distribution, sharpened by a temperature: ``enough`` hypotheses a sentence."""

    enough: int
    temperature: float = 1.0
    generator: torch.Generator = field(default_factory=lambda: torch.Generator().manual_seed(11))

    def choose(self, rows: Rows, logits_NV: Tensor, last_B: Tensor) -> tuple[Candidates, Candidates]:
        sentences, before = rows.score_BK.shape
        row_BK = torch.arange(sentences * before).view(sentences, before).repeat_interleave(self.enough // before, 1)
        share_NV = (logits_NV / self.temperature).softmax(1)
        column_BK = torch.multinomial(share_NV[row_BK.flatten()], 1, generator=self.generator).view_as(row_BK)
        score_BK = rows.score_BK.flatten()[row_BK] + logits_NV.log_softmax(1)[row_BK, column_BK]
        ends_BK = (column_BK == EOS) | last_B[:, None]
        ended = Candidates(score_BK.masked_fill(~ends_BK, -torch.inf), row_BK, column_BK)
        alive_BK, order_BK = score_BK.masked_fill(ends_BK, -torch.inf).sort(descending=True)
        return ended, Candidates(alive_BK, row_BK.gather(1, order_BK), column_BK.gather(1, order_BK))


def sampling_engine(stepper: HashStepper, temperature: float = 1.0) -> PyTorchEngine:
    made = PyTorchEngine(stepper, CONTROL)
    made.role = lambda options, queries: Sampling(options.beam_size, temperature)
    return made


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> int:
    """Translations so short that all of them can be listed: their limit in pieces."""
    monkeypatch.setattr(engine, "EXTRA_PIECES", 3)
    return 3


def test_every_hypothesis_is_drawn_as_often_as_its_probability_says(short: int) -> None:
    stepper = HashStepper(vocabulary=7, seed=2)
    options = SearchOptions(beam_size=1000, n_best=1000, length_penalty=0.0, max_length_factor=0.1)
    for source in SOURCES[:2]:
        results = sampling_engine(stepper).search([Query(source)] * 20, options)
        drawn = Counter(tuple(hypothesis.pieces) for hypotheses in results for hypothesis in hypotheses)
        assert drawn.total() == 20_000
        known = {
            tuple(hypothesis.pieces): hypothesis.score
            for hypothesis in every_hypothesis(stepper, source, short, penalty=0.0)
        }
        assert len(known) == 1 + 3 + 9 + 27
        chances = torch.tensor(list(known.values())).exp()
        assert chances.sum() == pytest.approx(1.0)
        shares = torch.tensor([drawn[pieces] for pieces in known]) / drawn.total()
        assert (shares - chances).abs().sum() < 0.04  # chance alone makes 0.02 of it, a temperature of 1.2 0.13
        for hypotheses in results:
            assert [hypothesis.score for hypothesis in hypotheses] == pytest.approx(
                [known[tuple(hypothesis.pieces)] for hypothesis in hypotheses]
            )
            assert hypotheses == sorted(hypotheses, key=lambda hypothesis: -hypothesis.score)


def test_a_translator_translates_by_it_and_without_chance_it_is_greedy() -> None:
    lines = ["a b c", "", "d", "e a d c", "b"]
    tokenizer = WordTokenizer()
    tokenizer.encode(["a b c d e"])
    options = SearchOptions(beam_size=1)

    def texts(searching: PyTorchEngine) -> list[str]:
        return [
            translation.text for translation in Translator(searching, tokenizer, tokenizer, options).translate(lines)
        ]

    stepper = HashStepper(vocabulary=9)
    greedy = texts(PyTorchEngine(stepper, CONTROL))
    assert texts(sampling_engine(stepper, temperature=1e-3)) == greedy
    sampled = texts(sampling_engine(stepper))
    assert sampled == texts(sampling_engine(stepper)), "the same seed draws the same"
    assert sampled != greedy
    assert sampled[1] == ""


def test_it_draws_ids_of_the_vocabulary_from_a_model_that_may_produce_a_part_of_it() -> None:
    torch.manual_seed(0)
    model = build_model(ModelConfig(width=8, feed_forward=8, encoder_layers=1, decoder_layers=1, heads=2), 90, 90, True)
    model.embeddings.produced[EOS + 1 : 50] = 0
    made = PyTorchEngine.of(model, CONTROL)
    made.role = lambda options, queries: Sampling(options.beam_size)
    results = made.search([Query([5, 6]), Query([80])], SearchOptions(beam_size=8, n_best=8))
    assert [len(hypotheses) for hypotheses in results] == [8, 8]
    drawn = {piece for hypotheses in results for hypothesis in hypotheses for piece in hypothesis.pieces}
    assert drawn <= set(range(50, 90))
    assert len(drawn) > 20
