"""A third model family, defined only here: the rest of the program must work with it unchanged."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from test_run import CPU, Recorder
from torch import Tensor, nn

from nmt import Translator
from nmt.config import Layer, ModelConfig
from nmt.errors import DataError
from nmt.model import FAMILIES
from nmt.model.embeddings import Embeddings
from nmt.model.family import AttentionMaps, TranslationModel
from nmt.model.masks import padding_mask
from nmt.training.opening import open_run
from nmt.training.request import TrainRequest, read_request
from nmt.training.run import TrainReport


@dataclass
class BagState:
    mean_BD: Tensor
    sum_ND: Tensor


class Bag(TranslationModel):
    """A bag-of-words model: a piece depends on the mean of the source and the sum of the target so far."""

    def __init__(self, config: ModelConfig, source_vocabulary: int, target_vocabulary: int, joint: bool) -> None:
        super().__init__()
        self.embeddings = Embeddings(config, source_vocabulary, target_vocabulary, joint)
        self.mix = nn.Linear(2 * config.width, config.width)

    def forward(self, source_BS: Tensor, source_length_B: Tensor, target_BT: Tensor) -> Tensor:
        mean_BD = self.start(source_BS, source_length_B).mean_BD
        sum_BTD = self.embeddings.embed_target(target_BT).cumsum(dim=1)
        return self.mix(torch.cat((mean_BD[:, None].expand_as(sum_BTD), sum_BTD), dim=-1)).tanh()

    @property
    def output_weight(self) -> Tensor:
        return self.embeddings.output_weight

    def attention_maps(self, source_S: Tensor, target_T: Tensor) -> AttentionMaps:
        return {}

    def start(self, source_BS: Tensor, source_length_B: Tensor) -> BagState:
        real_BS1 = padding_mask(source_length_B, source_BS.size(1))[:, 0, 0, :, None]
        mean_BD = (self.embeddings.embed_source(source_BS) * real_BS1).sum(1) / source_length_B[:, None]
        return BagState(mean_BD, torch.zeros_like(mean_BD))

    def step(self, token_N: Tensor, state: BagState) -> tuple[Tensor, BagState]:
        sum_ND = state.sum_ND + self.embeddings.embed_target(token_N)
        mean_ND = state.mean_BD.repeat_interleave(len(sum_ND) // len(state.mean_BD), dim=0)
        hidden_ND = self.mix(torch.cat((mean_ND, sum_ND), dim=-1)).tanh()
        return hidden_ND @ self.output_weight.t(), BagState(state.mean_BD, sum_ND)

    def select(self, state: BagState, row_M: Tensor, sentence_M: Tensor) -> BagState:
        return BagState(state.mean_BD[torch.unique_consecutive(sentence_M)], state.sum_ND[row_M])


# Of every family one, the toy as well.
FAMILY_LAYERS: dict[str, Layer] = {
    "bag": {"model": dict(family="bag", width=16)},
    "recurrent": {"model": dict(family="recurrent", width=16, encoder_layers=1, decoder_layers=2)},
    "transformer": {"model": dict(width=16, feed_forward=24, encoder_layers=1, decoder_layers=1, heads=2)},
}


def train(data: Path, run: Path, family: str, stop_at: int = 0) -> TrainReport:
    budget: Layer = {"training": dict(steps=6, validate_every=2, batch_tokens=400)}
    with open_run(
        read_request(TrainRequest(data, run, "tiny", (FAMILY_LAYERS[family], budget))), CPU, Recorder()
    ) as opened:
        return opened.train(lambda: bool(stop_at) and opened.state.counters.step == stop_at)


@pytest.mark.parametrize("family", FAMILY_LAYERS)
def test_every_family_trains_resumes_and_translates_by_the_same_code(
    short_data: Path, tmp_path: Path, family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FAMILIES, "bag", Bag)
    assert train(short_data, tmp_path / "whole", family).outcome == "done"
    assert train(short_data, tmp_path / "parts", family, stop_at=3).outcome == "stopped"
    assert train(short_data, tmp_path / "parts", family).outcome == "done"
    for name in ("model.safetensors", "training.safetensors"):
        whole, parts = (load_file(tmp_path / run / "checkpoints/step-00000006" / name) for run in ("whole", "parts"))
        assert whole.keys() == parts.keys()
        assert all(torch.equal(whole[key], parts[key]) for key in whole)
    lines = ["나는 집에 간다.", "", "그는 학생이다."]
    in_one, in_parts = (
        list(Translator.load(tmp_path / run, device="cpu").translate(lines)) for run in ("whole", "parts")
    )
    assert in_one == in_parts
    assert [bool(translation.target_pieces) for translation in in_one] == [True, False, True]


def test_a_model_of_a_family_that_is_not_here_is_refused(
    short_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(FAMILIES, "bag", Bag)
        train(short_data, tmp_path / "run", "bag")
    with pytest.raises(DataError, match="bag"):
        Translator.load(tmp_path / "run")
