"""Score functions, the recurrent decoder and attention maps, each against the formula of its paper in float64."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from test_model import CONFIG, RECURRENT, VARIANTS, each_variant, make, sentences
from torch import Tensor, nn
from torch.nn.functional import linear

from nmt.config import ATTENTION_SCORES, ModelConfig
from nmt.model.attention import MultiHeadAttention
from nmt.model.masks import padding_mask
from nmt.model.positions import LONGEST
from nmt.model.recurrent import Recurrent
from nmt.model.scores import ConcatScore, GeneralScore, LocationScore, Score, build_score
from nmt.model.transformer import Seen, Transformer

B, K, S, D = 2, 3, 5, 4


def weight(module: nn.Module, name: str) -> Tensor:
    actual = module.get_parameter(f"{name}.weight")
    assert isinstance(actual, Tensor)
    return actual


# What the papers write, for one query h and the memory m at position s.
FORMULAS: dict[str, Callable[[nn.Module, Tensor, Tensor, int], Tensor]] = {
    "dot": lambda score, h, m, s: (h * m).sum(),
    "scaled-dot": lambda score, h, m, s: (h * m).sum() / math.sqrt(D),
    "general": lambda score, h, m, s: h @ (weight(score, "weight") / math.sqrt(D)) @ m,
    "concat": lambda score, h, m, s: (
        weight(score, "vector")[0]
        @ torch.tanh(
            torch.cat((weight(score, "query"), weight(score, "memory")), dim=1) @ torch.cat((h, m))
            + score.get_parameter("query.bias")
        )
    ),
    "location": lambda score, h, m, s: weight(score, "position")[s] @ h,
}


def scored(name: str, seed: int = 1) -> tuple[Score, Tensor, Tensor]:
    """A score function with random weights, queries (B, K, D) and memory (B, S, D), all in float64."""
    torch.manual_seed(seed)
    score = build_score(name, D).double()
    for parameter in score.parameters():
        nn.init.normal_(parameter)
    return score, torch.randn(B, K, D).double(), torch.randn(B, S, D).double()


@pytest.mark.parametrize("name", FORMULAS)
def test_a_score_function_equals_its_formula_in_float64(name: str) -> None:
    score, query_BKD, memory_BSD = scored(name)
    found_BKS = score(query_BKD, score.keys(memory_BSD))
    for b in range(B):
        for k in range(K):
            for s in range(S):
                wanted = FORMULAS[name](score, query_BKD[b, k], memory_BSD[b, s], s)
                assert found_BKS[b, k, s].item() == pytest.approx(wanted.item(), abs=1e-12)


@pytest.mark.parametrize("name", FORMULAS)
def test_a_score_functions_gradients_equal_finite_differences(name: str) -> None:
    score, query_BKD, memory_BSD = scored(name)
    parts = (query_BKD.requires_grad_(), memory_BSD.requires_grad_())
    assert torch.autograd.gradcheck(lambda query, memory: score(query, score.keys(memory)), parts)


def test_location_scores_past_the_table_share_the_last() -> None:
    score = LocationScore(D)
    actual = score(torch.ones(1, 1, D), score.keys(torch.zeros(1, LONGEST + 3, D)))[0, 0]
    assert actual[LONGEST - 1 :].unique().numel() == 1


def test_the_score_functions_have_the_parameters_of_their_papers() -> None:
    sizes = {name: sum(p.numel() for p in build_score(name, D).parameters()) for name in FORMULAS}
    assert sizes == {"dot": 0, "scaled-dot": 0, "general": D * D, "concat": 2 * D * D + 2 * D, "location": LONGEST * D}
    assert isinstance(build_score("general", D), GeneralScore)
    assert isinstance(build_score("concat", D), ConcatScore)


def test_the_recurrent_model_equals_luongs_equations_written_out() -> None:
    """One LSTM layer and general attention: encoder, bridge, input feeding and attentional vectors, step by step."""
    model = make(replace(RECURRENT, attention_score="general", encoder_layers=1, decoder_layers=1))
    assert isinstance(model, Recurrent)
    assert isinstance(model.score, GeneralScore)
    source_BS, length_B, target_BT = sentences()
    width, lstm = CONFIG.width, model.encoder.layers[0]

    def cell(x: Tensor, h: Tensor, c: Tensor, parts: list[Tensor]) -> tuple[Tensor, Tensor]:
        input_weight, hidden_weight, input_bias, hidden_bias = parts
        i, f, g, o = (input_weight @ x + input_bias + hidden_weight @ h + hidden_bias).chunk(4)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c

    with torch.inference_mode():
        found_BTD = model(source_BS, length_B, target_BT)
        maps = [model.attention_maps(source_BS[b, : length_B[b]], target_BT[b])["cross"] for b in range(3)]
        for b in range(len(source_BS)):
            x_SD = model.embeddings.embed_source(source_BS[b, : length_B[b]])
            directions = []
            for suffix, order in (("", range(len(x_SD))), ("_reverse", reversed(range(len(x_SD))))):
                names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
                parts = [getattr(lstm, f"{name}_l0{suffix}") for name in names]
                h = c = torch.zeros(width // 2).double()
                outputs = {}
                for s in order:
                    h, c = cell(x_SD[s], h, c, parts)
                    outputs[s] = h
                directions.append((torch.stack([outputs[s] for s in range(len(x_SD))]), h))
            memory_SD = torch.cat([output for output, _ in directions], dim=-1)
            summary = torch.cat([last for _, last in directions])
            h, c = linear(summary, model.bridge.weight, model.bridge.bias).tanh().chunk(2)
            attentional = torch.zeros(width).double()
            decoder = model.decoder[0].cell
            parts = [decoder.weight_ih, decoder.weight_hh, decoder.bias_ih, decoder.bias_hh]
            for t, piece in enumerate(target_BT[b]):
                h, c = cell(torch.cat((model.embeddings.embed_target(piece), attentional)), h, c, parts)
                alpha_S = (memory_SD @ model.score.weight.weight.t() @ h / math.sqrt(width)).softmax(0)
                assert torch.allclose(maps[b][0, 0, t], alpha_S, rtol=0, atol=1e-12)
                seen = torch.cat((alpha_S @ memory_SD, h))
                attentional = linear(seen, model.attentional.weight, model.attentional.bias).tanh()
                assert torch.allclose(found_BTD[b, t], attentional, rtol=0, atol=1e-12)


def test_without_attention_the_context_is_what_the_encoder_ends_with_at_every_step() -> None:
    model = make(VARIANTS["lstm-none"])
    assert isinstance(model, Recurrent)
    source_BS, length_B, _ = sentences()
    state = model.start(source_BS, length_B)
    _, summary_BD = model.encoder(model.embeddings.embed_source(source_BS), length_B)
    for _ in range(3):
        context_BD, _ = model.attend(state.cells[-1][0], state.memory)
        assert torch.equal(context_BD, summary_BD)
        _, state = model.step(torch.full((3,), 5), state)


@each_variant
def test_gradients_of_a_model_equal_finite_differences(config: ModelConfig) -> None:
    """Along a random direction of all weights at once, in float64."""
    model = make(config)
    source_BS, length_B, target_BT = sentences()
    torch.manual_seed(8)
    probe = torch.randn(3, 6, CONFIG.width).double()
    (model(source_BS, length_B, target_BT) * probe).sum().backward()
    used = list(model.parameters())
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []
    directions = [torch.randn_like(parameter) for parameter in used]
    slope = sum((p.grad * d).sum().item() for p, d in zip(used, directions, strict=True) if p.grad is not None)
    values = []
    with torch.no_grad():
        for step in (1e-6, -2e-6):
            for parameter, direction in zip(used, directions, strict=True):
                parameter.add_(direction, alpha=step)
            values.append((model(source_BS, length_B, target_BT) * probe).sum().item())
    assert (values[0] - values[1]) / 2e-6 == pytest.approx(slope, rel=1e-5, abs=1e-6)


KINDS = {"cross": ("target", "source"), "encoder": ("source", "source"), "decoder": ("target", "target")}


@each_variant
def test_maps_have_a_row_of_weights_for_each_position_that_sums_to_one(config: ModelConfig) -> None:
    model = make(config)
    source_BS, _, target_BT = sentences()
    maps = model.attention_maps(source_BS[0], target_BT[0])
    transformer = config.family == "transformer"
    assert list(maps) == (list(KINDS) if transformer else ["cross"] * (config.attention_score != "none"))
    sizes = {"source": source_BS.size(1), "target": target_BT.size(1)}
    for kind, map_LHTS in maps.items():
        layers = config.encoder_layers if kind == "encoder" else config.decoder_layers
        rows, columns = (sizes[side] for side in KINDS[kind])
        assert map_LHTS.shape == ((layers, config.heads) if transformer else (1, 1)) + (rows, columns)
        assert torch.allclose(map_LHTS.sum(-1), torch.ones(()).double(), rtol=0, atol=1e-12)
        assert (map_LHTS >= 0).all()
    if transformer:
        assert maps["decoder"].triu(1).eq(0).all(), "a weight for the future"


@pytest.mark.parametrize("causal", [True, False])
def test_the_weights_that_are_shown_reproduce_the_fused_path(causal: bool) -> None:
    torch.manual_seed(9)
    attention = MultiHeadAttention(16, 4).double()
    x_BTD = torch.randn(3, 7, 16).double()
    memory, mask = attention.keys_values(x_BTD), None if causal else padding_mask(torch.tensor([7, 4, 1]), 7)
    fused_BTD = attention(x_BTD, memory, mask, causal)
    seen: list[Tensor] = []
    shown_BTD = attention(x_BTD, memory, mask, causal, seen)
    context_BTD = (seen[0] @ memory[1]).transpose(1, 2).flatten(2)
    assert torch.allclose(attention.output(context_BTD), fused_BTD, rtol=0, atol=1e-12)
    assert torch.allclose(shown_BTD, fused_BTD, rtol=0, atol=1e-12)
    hidden = ~(torch.ones(7, 7).tril().bool() if causal else padding_mask(torch.tensor([7, 4, 1]), 7))
    assert seen[0].masked_select(hidden.expand_as(seen[0])).eq(0).all()


@pytest.mark.parametrize("name", [name for name in VARIANTS if name.startswith("transformer")])
def test_a_transformer_that_is_watched_computes_what_the_fused_one_does(name: str) -> None:
    model = make(VARIANTS[name])
    assert isinstance(model, Transformer)
    source_BS, length_B, target_BT = sentences()
    seen: Seen = {"cross": [], "encoder": [], "decoder": []}
    with torch.inference_mode():
        watched_BTD = model(source_BS, length_B, target_BT, seen)
        assert torch.allclose(watched_BTD, model(source_BS, length_B, target_BT), rtol=0, atol=1e-12)
        for b in range(len(source_BS)):
            size = int(length_B[b])
            for kind, map_LHTS in model.attention_maps(source_BS[b, :size], target_BT[b]).items():
                rows, columns = map_LHTS.shape[2:]
                in_batch_LHTS = torch.stack([weights[b] for weights in seen[kind]])
                assert torch.allclose(map_LHTS, in_batch_LHTS[:, :, :rows, :columns], rtol=0, atol=1e-12)


@pytest.mark.parametrize("score", [score for score in ATTENTION_SCORES if score != "none"])
def test_recurrent_attention_gives_padding_exactly_no_weight(score: str) -> None:
    model = make(replace(RECURRENT, attention_score=score))
    assert isinstance(model, Recurrent)
    source_BS, length_B, target_BT = sentences()
    _, weights = model.decode(source_BS, length_B, target_BT)
    padding_BS = ~padding_mask(length_B, source_BS.size(1))[:, 0, 0]
    for weights_B1S in weights:
        assert weights_B1S[:, 0][padding_BS].eq(0).all()
        assert torch.allclose(weights_B1S.sum(-1), torch.ones(()).double(), rtol=0, atol=1e-12)
