"""The models against their formulas: attention, positions, masks, and cached steps against the whole sequence."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from nmt.config import ATTENTION_SCORES, ModelConfig
from nmt.errors import SettingsError
from nmt.model import build_model
from nmt.model.attention import MultiHeadAttention
from nmt.model.family import TranslationModel
from nmt.model.layers import Dropout, FeedForward, Residual
from nmt.model.masks import padding_mask
from nmt.model.positions import LONGEST, LearnedPositions, sinusoids

CONFIG = ModelConfig(width=16, feed_forward=24, encoder_layers=2, decoder_layers=3, heads=2, dropout=0.1)
RECURRENT = replace(CONFIG, family="recurrent")
SOURCE_VOCABULARY, TARGET_VOCABULARY = 19, 23
# One of everything that a model can be: what holds for models holds for each of these.
VARIANTS = {
    "transformer": CONFIG,
    "transformer-post-norm": replace(CONFIG, norm="post"),
    "transformer-learned-positions": replace(CONFIG, positions="learned"),
    "transformer-unscaled": replace(CONFIG, attention_score="dot"),
    "transformer-one-head": replace(CONFIG, heads=1),
    "gru": replace(RECURRENT, cell="gru", attention_score="concat"),
    "gru-without-attention": replace(RECURRENT, cell="gru", attention_score="none"),
    **{f"lstm-{score}": replace(RECURRENT, attention_score=score) for score in ATTENTION_SCORES},
}
each_variant = pytest.mark.parametrize("config", VARIANTS.values(), ids=VARIANTS)


def make(config: ModelConfig = CONFIG, joint: bool = False, seed: int = 1) -> TranslationModel:
    torch.manual_seed(seed)
    vocabulary = TARGET_VOCABULARY if joint else SOURCE_VOCABULARY
    return build_model(config, vocabulary, TARGET_VOCABULARY, joint).double().eval()


def sentences(rows: int = 3, source: int = 7, target: int = 6) -> tuple[Tensor, Tensor, Tensor]:
    """Random ids; the first sentence fills all positions, the others are padded."""
    torch.manual_seed(2)
    source_BS = torch.randint(4, SOURCE_VOCABULARY, (rows, source))
    target_BT = torch.randint(4, TARGET_VOCABULARY, (rows, target))
    length_B = torch.arange(source, source - rows, -1)
    source_BS[~padding_mask(length_B, source)[:, 0, 0]] = 0
    return source_BS, length_B, target_BT


def logits(model: TranslationModel, source_BS: Tensor, length_B: Tensor, target_BT: Tensor) -> Tensor:
    hidden: Tensor = model(source_BS, length_B, target_BT)
    return hidden @ model.output_weight.t()


def attention_by_formula(
    attention: MultiHeadAttention, query_BTD: Tensor, memory_BSD: Tensor, mask_BTS: Tensor
) -> Tensor:
    """softmax(Q·Kᵀ/√E)·V of each head, written out with loops (Vaswani et al. 2017, equation 1)."""
    query = query_BTD @ attention.query.weight.t() + attention.query.bias
    key_value = memory_BSD @ attention.key_value.weight.t() + attention.key_value.bias
    width = query.size(-1)
    features = width // attention.heads
    context = torch.zeros_like(query)
    for b in range(query.size(0)):
        for head in range(attention.heads):
            part = slice(head * features, (head + 1) * features)
            key, value = key_value[b, :, :width][:, part], key_value[b, :, width:][:, part]
            for t in range(query.size(1)):
                score = key @ query[b, t, part] / math.sqrt(features)
                weight = torch.where(mask_BTS[b, t], score.exp(), 0.0)
                context[b, t, part] = (weight / weight.sum()) @ value
    return context @ attention.output.weight.t() + attention.output.bias


@pytest.mark.parametrize("family", ["transformer", "recurrent"])
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("joint", [True, False])
def test_a_narrowed_model_has_the_logits_of_the_pieces_that_are_left(family: str, tied: bool, joint: bool) -> None:
    torch.manual_seed(5)
    config = ModelConfig(family, width=8, feed_forward=8, encoder_layers=1, decoder_layers=1, heads=2)
    model = build_model(replace(config, tied_embeddings=tied), 70, 70, joint).eval()
    model.embeddings.produced[[5, 6, 11, 19, *range(40, 70)]] = 0
    narrow, piece_P = model.narrowed()
    # 36 are produced; the first 28 of the others fill two blocks of 32.
    assert piece_P.tolist() == list(range(64))
    model.embeddings.produced[:] = 0
    model.embeddings.produced[[*range(4), 9, *range(30, 57)]] = 1
    narrow, piece_P = model.narrowed()
    assert piece_P.tolist() == [*range(4), 9, *range(30, 57)]
    source_BS, length_B = torch.tensor([[5, 11, 19, 3], [4, 3, 0, 0]]), torch.tensor([4, 2])
    state, narrow_state = model.start(source_BS, length_B), narrow.start(source_BS, length_B)
    for place_N in ([2, 2], [15, 4], [9, 5]):
        logits_NV, state = model.step(piece_P[torch.tensor(place_N)], state)
        logits_NP, narrow_state = narrow.step(torch.tensor(place_N), narrow_state)
        assert torch.allclose(logits_NV[:, piece_P], logits_NP, atol=1e-6)
    assert len(model.embeddings.target.weight) == 70, "the model itself has changed"


def test_unscaled_attention_is_scaled_attention_of_queries_so_many_times_as_long() -> None:
    torch.manual_seed(3)
    scaled, plain = (MultiHeadAttention(16, 4, scaled).double() for scaled in (True, False))
    plain.load_state_dict(scaled.state_dict())
    with torch.no_grad():
        for parameter in (scaled.query.weight, scaled.query.bias):
            parameter.mul_(math.sqrt(16 / 4))
    x_BTD = torch.randn(2, 5, 16).double()
    actual, wanted = (module(x_BTD, module.keys_values(x_BTD)) for module in (plain, scaled))
    assert torch.allclose(actual, wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_attention_equals_the_formula_written_out_in_float64(heads: int) -> None:
    torch.manual_seed(3)
    attention = MultiHeadAttention(16, heads).double()
    for parameter in attention.parameters():
        torch.nn.init.normal_(parameter)
    query_BTD, memory_BSD = torch.randn(3, 5, 16).double(), torch.randn(3, 7, 16).double()
    mask_B11S = padding_mask(torch.tensor([7, 4, 1]), 7)
    actual = attention(query_BTD, attention.keys_values(memory_BSD), mask_B11S)
    wanted = attention_by_formula(attention, query_BTD, memory_BSD, mask_B11S[:, 0].expand(3, 5, 7))
    assert torch.allclose(actual, wanted, rtol=0, atol=1e-12)


def test_causal_attention_equals_the_formula_with_the_future_masked() -> None:
    torch.manual_seed(4)
    attention = MultiHeadAttention(16, 2).double()
    x_BTD = torch.randn(2, 6, 16).double()
    actual = attention(x_BTD, attention.keys_values(x_BTD), causal=True)
    wanted = attention_by_formula(attention, x_BTD, x_BTD, torch.ones(2, 6, 6, dtype=torch.bool).tril())
    assert torch.allclose(actual, wanted, rtol=0, atol=1e-12)


def test_positions_equal_the_formula_and_extrapolate() -> None:
    position_T = torch.tensor([0, 1, 2, 17, 511, 512, 100_000])
    actual = sinusoids(position_T, 10, torch.float64)
    for row, position in enumerate(position_T.tolist()):
        for i in range(5):
            angle = position / 10000 ** (2 * i / 10)
            assert actual[row, 2 * i].item() == pytest.approx(math.sin(angle), abs=1e-9)
            assert actual[row, 2 * i + 1].item() == pytest.approx(math.cos(angle), abs=1e-9)


def test_learned_positions_are_rows_of_a_table_and_those_past_its_end_share_the_last() -> None:
    positions = LearnedPositions(6)
    actual = positions(torch.tensor([0, 5, LONGEST - 1, LONGEST, 10 * LONGEST]), like=torch.zeros(1))
    assert torch.equal(actual, positions.table.weight[[0, 5, LONGEST - 1, LONGEST - 1, LONGEST - 1]])


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_residual_equals_its_order_of_norm(norm: str) -> None:
    torch.manual_seed(5)
    residual = Residual(8, norm, 0.0)
    inner = FeedForward(8, 12)
    x = torch.randn(2, 3, 8)
    hand = inner.outer.weight @ torch.relu(inner.inner(residual.norm(x))).transpose(1, 2) + inner.outer.bias[:, None]
    wanted = x + hand.transpose(1, 2) if norm == "pre" else residual.norm(x + inner(x))
    assert torch.allclose(residual(x, inner), wanted, atol=1e-6)


@each_variant
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("joint", [True, False])
def test_cached_steps_equal_the_full_forward_pass(config: ModelConfig, tied: bool, joint: bool) -> None:
    model = make(replace(config, tied_embeddings=tied), joint)
    source_BS, length_B, target_BT = sentences()
    with torch.inference_mode():
        wanted_BTV = logits(model, source_BS, length_B, target_BT)
        state = model.start(source_BS, length_B)
        for t in range(target_BT.size(1)):
            logits_BV, state = model.step(target_BT[:, t], state)
            assert torch.allclose(logits_BV, wanted_BTV[:, t], rtol=0, atol=1e-12)


@each_variant
def test_several_targets_of_a_source_are_as_if_each_had_a_source_of_its_own(config: ModelConfig) -> None:
    model = make(config)
    source_BS, length_B, target_BT = sentences()
    target_NT = torch.cat((target_BT, target_BT.flip(1))).repeat_interleave(2, 0)
    with torch.inference_mode():
        found_NTV = logits(model, source_BS, length_B, target_NT)
        wanted_NTV = logits(model, source_BS.repeat_interleave(4, 0), length_B.repeat_interleave(4), target_NT)
    assert torch.allclose(found_NTV, wanted_NTV, rtol=0, atol=1e-12)


@each_variant
def test_selected_rows_continue_as_if_they_had_been_decoded_alone(config: ModelConfig) -> None:
    model = make(config)
    source_BS, length_B, target_BT = sentences()
    with torch.inference_mode():
        state = model.start(source_BS, length_B)
        _, state = model.step(target_BT[:, 0], state)
        # Two rows for each sentence, then drop the middle sentence and swap the beams of the last.
        state = model.select(state, torch.tensor([0, 0, 1, 1, 2, 2]), torch.tensor([0, 0, 1, 1, 2, 2]))
        second = torch.tensor([5, 6, 7, 8, 9, 10])
        _, state = model.step(second, state)
        rows, kept = torch.tensor([0, 1, 5, 4]), torch.tensor([0, 0, 2, 2])
        state = model.select(state, rows, kept)
        found_NV, _ = model.step(torch.tensor([11, 12, 13, 14]), state)
        for n, (row, sentence) in enumerate(zip(rows.tolist(), kept.tolist(), strict=True)):
            alone = slice(sentence, sentence + 1)
            target_1T = torch.stack((target_BT[sentence, 0], second[row], torch.tensor(11 + n)))[None]
            size = int(length_B[sentence])
            wanted_V = logits(model, source_BS[alone, :size], length_B[alone], target_1T)[0, -1]
            assert torch.allclose(found_NV[n], wanted_V, rtol=0, atol=1e-12)


@each_variant
def test_the_targets_future_never_changes_a_logit(config: ModelConfig) -> None:
    model = make(config)
    source_BS, length_B, target_BT = sentences()
    changed_BT = target_BT.clone()
    changed_BT[:, 3:] = (changed_BT[:, 3:] + 1) % TARGET_VOCABULARY
    with torch.inference_mode():
        before, after = (logits(model, source_BS, length_B, target) for target in (target_BT, changed_BT))
    assert torch.equal(before[:, :3], after[:, :3])
    assert not torch.allclose(before[:, 3:], after[:, 3:])


@each_variant
def test_padding_never_changes_a_logit_whatever_stands_in_it(config: ModelConfig) -> None:
    model = make(config)
    source_BS, length_B, target_BT = sentences()
    noisy_BS = torch.where(padding_mask(length_B, 7)[:, 0, 0], source_BS, 9)
    wider_BS = torch.nn.functional.pad(source_BS, (0, 5), value=4)
    with torch.inference_mode():
        wanted = logits(model, source_BS, length_B, target_BT)
        for b in range(3):
            size = int(length_B[b])
            alone = logits(model, source_BS[b : b + 1, :size], length_B[b : b + 1], target_BT[b : b + 1])
            assert torch.allclose(alone[0], wanted[b], rtol=0, atol=1e-12)
        for changed_BS in (noisy_BS, wider_BS):
            assert torch.allclose(logits(model, changed_BS, length_B, target_BT), wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("joint", "tied", "matrices"), [(True, True, 1), (False, True, 2), (True, False, 3), (False, False, 3)]
)
@pytest.mark.parametrize("family", ["transformer", "recurrent"])
def test_tied_embeddings_share_all_the_matrices_that_can_be(
    family: str, joint: bool, tied: bool, matrices: int
) -> None:
    model = make(replace(CONFIG, family=family, tied_embeddings=tied), joint)
    wide = {SOURCE_VOCABULARY, TARGET_VOCABULARY}
    assert sum(parameter.size(0) in wide and parameter.dim() == 2 for parameter in model.parameters()) == matrices


def test_dropout_stands_where_the_paper_has_it() -> None:
    """Dropout is applied to the sums of embeddings and positions, and to the output of each sublayer (section 5.4)."""
    rates = [module.rate for module in make().modules() if isinstance(module, Dropout)]
    assert rates == [0.1] * (1 + 2 * CONFIG.encoder_layers + 3 * CONFIG.decoder_layers)


@pytest.mark.parametrize("rate", [0.1, 0.25, 0.5, 0.9])
def test_dropout_keeps_its_share_of_features_independently_and_the_mean(rate: float) -> None:
    """Mean, variance and correlation of neighbours (bytes of the same draw) are those of independent draws."""
    torch.manual_seed(6)
    n = 1 << 18
    dropout = Dropout(rate).train()
    output = dropout(torch.ones(4, n // 4)).flatten().double()
    kept = (output > 0).double()
    share = dropout.kept / 256
    assert share == pytest.approx(1 - rate, abs=1 / 512)
    deviation = math.sqrt(share * (1 - share) / n)
    assert kept.mean().item() == pytest.approx(share, abs=5 * deviation)
    assert output[output > 0].unique().tolist() == [pytest.approx(1 / share)]
    for distance in (1, 2, 3, 4, 5, 6, 7, 8, 64, n // 4):
        both = (kept[:-distance] * kept[distance:]).mean().item()
        assert both == pytest.approx(share**2, abs=5 * deviation), distance


def test_dropouts_gradient_is_its_own_mask() -> None:
    torch.manual_seed(7)
    x = torch.rand(3, 5, 7, requires_grad=True)
    output = Dropout(0.4).train()(x)
    output.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad * x, output)


def test_dropout_does_nothing_in_evaluation_and_at_rate_zero() -> None:
    x = torch.rand(3, 5)
    assert Dropout(0.5).eval()(x) is x
    assert Dropout(0.0).train()(x) is x


def test_an_unknown_family_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(SettingsError, match="recurrent"):
        make(replace(CONFIG, family="recurent"))
