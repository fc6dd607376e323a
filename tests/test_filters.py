"""Filters of the PyTorch search: what they see of rows, and what they can forbid."""

import torch
from fakes import CONTROL
from torch import Tensor

from nmt.config import ModelConfig, SearchOptions
from nmt.decoding.engine import Query
from nmt.decoding.engines.pytorch import PyTorchEngine
from nmt.decoding.roles import Columns, Rows
from nmt.model import build_model
from nmt.text.tokenizer import BOS, EOS

QUERIES = [Query([5, 6, 7]), Query([80]), Query([8, 9])]


def narrow_engine() -> PyTorchEngine:
    """A model that may produce every other piece of its vocabulary, so that no column has the number of its piece."""
    torch.manual_seed(1)
    model = build_model(ModelConfig(width=8, feed_forward=8, encoder_layers=1, decoder_layers=1, heads=2), 99, 99, True)
    model.embeddings.produced[EOS + 1 :] = torch.arange(EOS + 1, 99) % 2
    return PyTorchEngine.of(model, CONTROL)


def test_a_filter_sees_the_sentence_and_the_vocabulary_ids_of_each_row() -> None:
    engine = narrow_engine()
    wanted = [[51, 53], [71, 73, 75], [61]]  # of each sentence the one translation that its filter leaves

    def spell_out(rows: Rows, logits_NV: Tensor) -> Tensor:
        done = rows.prefix_NT.size(1) - 1
        sentences, prefixes, scores = rows.sentence_of_row.tolist(), rows.prefix_NT.tolist(), rows.score_BK.flatten()
        for row in range(len(logits_NV)):
            if scores[row] > -torch.inf:  # else it is dead: filled up where a sentence has too few rows
                assert prefixes[row] == [BOS, *wanted[sentences[row]][:done]]
            piece = [*wanted[sentences[row]], EOS][done]
            (column,) = engine.columns.of([piece]).tolist()
            others = torch.arange(logits_NV.size(1)) != column
            logits_NV[row, others] = -torch.inf
        return logits_NV

    engine.filters.append(spell_out)
    for beam_size in (1, 3):
        results = engine.search(QUERIES, SearchOptions(beam_size=beam_size))
        assert [hypothesis.pieces for (hypothesis,) in results] == wanted
        assert [hypothesis.score for (hypothesis,) in results] == [0.0, 0.0, 0.0]


def test_columns_are_those_of_the_pieces_and_pieces_those_of_the_columns() -> None:
    columns = Columns(torch.device("cpu"), torch.tensor([0, 1, 2, 3, 7, 9, 20]))
    assert columns.of([9, 3, 8]).tolist() == [3, 5], "piece 8 has no column"
    assert columns.pieces(torch.tensor([[5, 6], [0, 4]])).tolist() == [[9, 20], [0, 7]]
    plain = Columns(torch.device("cpu"))
    assert plain.of([9, 3]).tolist() == [3, 9]
    assert plain.pieces(torch.tensor([4])).tolist() == [4]
