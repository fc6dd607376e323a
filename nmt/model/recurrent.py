"""The attentional recurrent encoder–decoder (Bahdanau et al. 2015; Luong et al. 2015). Knows no text, loss or search.

B sentences, N rows (hypotheses, the same number for each sentence), K rows of one sentence, S source positions,
T target positions, D width, V vocabulary.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import linear
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from nmt.config import ModelConfig
from nmt.model.embeddings import Embeddings
from nmt.model.family import AttentionMaps, TranslationModel
from nmt.model.layers import Dropout, initialise
from nmt.model.masks import padding_mask
from nmt.model.scores import build_score

CellState = tuple[Tensor, ...]  # each (N, D): the hidden state of a GRU; the hidden and the cell state of an LSTM


@dataclass
class Memory:
    """The encoded sources that the decoder attends to; without attention it has one position, the encoder's summary."""

    value_BSD: Tensor
    key: Tensor  # keys of the score function
    mask_B1S: Tensor  # False at padding


@dataclass
class RecurrentState:
    """Decoding state, an argument and a result of ``step``; the modules themselves keep no state."""

    memory: Memory
    cells: list[CellState]  # one for each layer
    attentional_ND: Tensor  # of the previous step; an input of the next step, beside the piece


class Encoder(nn.Module):
    """Bidirectional recurrent network; each direction has half the width, and padding is skipped."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        kind = nn.LSTM if config.cell == "lstm" else nn.GRU
        # Separate layers, because PyTorch's dropout between layers can only use the global random state.
        self.layers = nn.ModuleList(
            kind(config.width, config.width // 2, batch_first=True, bidirectional=True)
            for _ in range(config.encoder_layers)
        )
        self.dropout = Dropout(config.dropout)

    def forward(self, x_BSD: Tensor, length_B: Tensor) -> tuple[Tensor, Tensor]:
        """Encode embedded sources: outputs of all positions (B, S, D), and last states of both directions (B, D)."""
        packed = pack_padded_sequence(x_BSD, length_B.cpu(), batch_first=True, enforce_sorted=False)
        for number, layer in enumerate(cast("Iterable[nn.RNNBase]", self.layers)):
            if number:
                packed = packed._replace(data=self.dropout(packed.data))
            layer.flatten_parameters()  # cuDNN needs one block of memory, which copied and loaded models lack
            packed, last = layer(packed)
        hidden_2BE = last[0] if isinstance(last, tuple) else last
        memory_BSD, _ = pad_packed_sequence(packed, batch_first=True, total_length=x_BSD.size(1))
        return memory_BSD, torch.cat((hidden_2BE[0], hidden_2BE[1]), dim=-1)


class Cell(nn.Module):
    """An LSTM or GRU cell behind one interface."""

    def __init__(self, kind: str, inputs: int, width: int) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(inputs, width) if kind == "lstm" else nn.GRUCell(inputs, width)

    @property
    def states(self) -> int:
        """Number of tensors in the cell's state."""
        return 2 if isinstance(self.cell, nn.LSTMCell) else 1

    def forward(self, x_ND: Tensor, state: CellState) -> CellState:
        if isinstance(self.cell, nn.LSTMCell):
            return self.cell(x_ND, state)
        return (self.cell(x_ND, state[0]),)


class Recurrent(TranslationModel):
    """Recurrent model: a bidirectional encoder and a decoder with input feeding (Luong et al. 2015, section 3.3).

    At each step the cells read the piece and the previous attentional vector, attention computes a context from the
    cells' output, and the new attentional vector tanh(W·[context; output]) predicts the next piece.
    """

    def __init__(self, config: ModelConfig, source_vocabulary: int, target_vocabulary: int, joint: bool) -> None:
        super().__init__()
        width = config.width
        self.embeddings = Embeddings(config, source_vocabulary, target_vocabulary, joint)
        self.encoder = Encoder(config)
        inputs = [2 * width] + [width] * (config.decoder_layers - 1)
        self.decoder = cast("Sequence[Cell]", nn.ModuleList(Cell(config.cell, size, width) for size in inputs))
        self.bridge = nn.Linear(width, width * sum(cell.states for cell in self.decoder))
        self.attends = config.attention_score != "none"
        # Without attention there is one position, whose weight is 1 by any score.
        self.score = build_score(config.attention_score if self.attends else "dot", width)
        self.attentional = nn.Linear(2 * width, width)
        self.dropout = Dropout(config.dropout)
        self.apply(initialise)

    def forward(self, source_BS: Tensor, source_length_B: Tensor, target_NT: Tensor) -> Tensor:
        return self.decode(source_BS, source_length_B, target_NT)[0]

    def attention_maps(self, source_S: Tensor, target_T: Tensor) -> AttentionMaps:
        length_1 = torch.tensor([len(source_S)], device=source_S.device)
        _, weights = self.decode(source_S[None], length_1, target_T[None])
        return {"cross": torch.cat(weights, dim=1)[None]} if self.attends else {}

    def source_weights(self, source_BS: Tensor, source_length_B: Tensor, target_BT: Tensor) -> Tensor | None:
        if not self.attends:
            return None
        memory_BSD = self.start(source_BS, source_length_B).memory.value_BSD
        context_BSD = linear(memory_BSD, self.attentional.weight[:, : memory_BSD.size(-1)])
        weights_BTS = torch.cat(self.decode(source_BS, source_length_B, target_BT)[1], dim=1)
        return (weights_BTS * context_BSD.norm(dim=-1)[:, None])[:, None]

    def decode(self, source_BS: Tensor, source_length_B: Tensor, target_NT: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Teacher forcing, step by step: hidden states (N, T, D), and the attention weights (B, K, S) of each step.

        Padding of targets is computed too, and ignored by the loss: batches of similar lengths have little padding, and
        dropping finished rows would copy the state at each step.
        """
        state = self.start(source_BS, source_length_B)
        if len(target_NT) > len(source_BS):
            row_N = torch.arange(len(source_BS), device=target_NT.device)
            row_N = row_N.repeat_interleave(len(target_NT) // len(source_BS))
            state = self.select(state, row_N, row_N)
        embedded_NTD = self.dropout(self.embeddings.embed_target(target_NT))
        hidden, weights = [], []
        for embedded_ND in embedded_NTD.unbind(1):
            state, weights_BKS = self.advance(embedded_ND, state)
            hidden.append(state.attentional_ND)
            weights.append(weights_BKS)
        return torch.stack(hidden, dim=1), weights

    def start(self, source_BS: Tensor, source_length_B: Tensor) -> RecurrentState:
        embedded_BSD = self.dropout(self.embeddings.embed_source(source_BS))
        memory_BSD, summary_BD = self.encoder(embedded_BSD, source_length_B)
        mask_B1S = padding_mask(source_length_B, source_BS.size(1))[:, 0]
        if not self.attends:
            # The encoder's last states are the context of every step (Cho et al. 2014).
            memory_BSD, mask_B1S = summary_BD[:, None], mask_B1S[:, :, :1]
        memory_BSD = self.dropout(memory_BSD)
        memory = Memory(memory_BSD, self.score.keys(memory_BSD), mask_B1S)
        first = iter(self.bridge(summary_BD).tanh().split(summary_BD.size(-1), dim=-1))
        cells = [tuple(next(first) for _ in range(cell.states)) for cell in self.decoder]
        return RecurrentState(memory, cells, torch.zeros_like(summary_BD))

    def step(self, token_N: Tensor, state: RecurrentState) -> tuple[Tensor, RecurrentState]:
        state, _ = self.advance(self.embeddings.embed_target(token_N), state)
        return self.logits(state.attentional_ND), state

    def advance(self, embedded_ND: Tensor, state: RecurrentState) -> tuple[RecurrentState, Tensor]:
        """Read one embedded piece: the next state, and the attention weights (B, K, S)."""
        output_ND = torch.cat((embedded_ND, state.attentional_ND), dim=-1)
        cells: list[CellState] = []
        for cell, before in zip(self.decoder, state.cells, strict=True):
            if cells:
                output_ND = self.dropout(output_ND)
            cells.append(cell(output_ND, before))
            output_ND = cells[-1][0]
        context_ND, weights_BKS = self.attend(output_ND, state.memory)
        attentional_ND = self.dropout(self.attentional(torch.cat((context_ND, output_ND), dim=-1)).tanh())
        return RecurrentState(state.memory, cells, attentional_ND), weights_BKS

    def attend(self, query_ND: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """Attend from all rows to their sentence's memory, without copying it: context (N, D) and weights (B, K, S)."""
        query_BKD = query_ND.view(memory.value_BSD.size(0), -1, query_ND.size(-1))
        score_BKS = self.score(query_BKD, memory.key).masked_fill(~memory.mask_B1S, -torch.inf)
        weights_BKS = score_BKS.softmax(dim=-1)
        return (weights_BKS @ memory.value_BSD).view_as(query_ND), weights_BKS

    def select(self, state: RecurrentState, row_M: Tensor, sentence_M: Tensor) -> RecurrentState:
        memory = state.memory
        kept_B = torch.unique_consecutive(sentence_M)
        if len(kept_B) < memory.mask_B1S.size(0):
            memory = Memory(memory.value_BSD[kept_B], memory.key[kept_B], memory.mask_B1S[kept_B])
        cells = [tuple(part[row_M] for part in cell) for cell in state.cells]
        return RecurrentState(memory, cells, state.attentional_ND[row_M])
