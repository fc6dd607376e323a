"""The output projection and label-smoothed cross-entropy in one, without ever holding all logits at once.

N target tokens, C tokens of a chunk, D width, V vocabulary. The softmax over the vocabulary is the widest operation of
the model: computed plainly, its logits, their log-softmax and the gradients of both go through memory a dozen times.
Here a chunk of rows that fits into the processor's cache is projected, its loss and gradient are computed, and its
logits are dropped. Knows no model and no batch.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Errors = Callable[[Tensor, Tensor, float], tuple[Tensor, Tensor]]


def errors_in_cache(logits_CV: Tensor, target_C1: Tensor, smoothing: float) -> tuple[Tensor, Tensor]:
    """The losses (C, 1) and the logits' gradient (C, V), with few exponentials, for logits that lie in the cache.

    Computes in float32 or wider; the gradient has the type of the logits. May overwrite the logits.
    """
    wide_CV = logits_CV.to(torch.promote_types(logits_CV.dtype, torch.float32))
    uniform = smoothing / wide_CV.size(1)
    largest_C1 = wide_CV.amax(1, keepdim=True)
    wanted_C1 = (1 - smoothing) * wide_CV.gather(1, target_C1) + uniform * wide_CV.sum(1, keepdim=True)
    exponential_CV = wide_CV.sub_(largest_C1).exp_()
    sum_C1 = exponential_CV.sum(1, keepdim=True)
    loss_C1 = largest_C1 + sum_C1.log() - wanted_C1
    error_CV = exponential_CV.div_(sum_C1).sub_(uniform)
    return loss_C1, error_CV.scatter_add_(1, target_C1, torch.full_like(sum_C1, smoothing - 1)).to(logits_CV.dtype)


def errors_in_memory(logits_CV: Tensor, target_C1: Tensor, smoothing: float) -> tuple[Tensor, Tensor]:
    """``errors_in_cache`` with few passes over memory, for logits in the memory of a device."""
    uniform = smoothing / logits_CV.size(1)
    log_CV = torch.log_softmax(logits_CV, 1, dtype=torch.promote_types(logits_CV.dtype, torch.float32))
    loss_C1 = (smoothing - 1) * log_CV.gather(1, target_C1) - uniform * log_CV.sum(1, keepdim=True)
    softmax_CV = log_CV.exp_()
    # Before rounding to the logits' type, in which softmax − 1 of a nearly certain target has few digits left.
    softmax_CV.scatter_add_(1, target_C1, softmax_CV.new_full((len(target_C1), 1), smoothing - 1))
    return loss_C1, torch.sub(softmax_CV, uniform, out=torch.empty_like(logits_CV))


# Rows of a chunk: on a CPU as many as the cache holds with their logits (docs/decisions/loss-in-chunks.md); elsewhere
# many, because only large kernels are fast.
CHUNK: dict[str, tuple[int, Errors]] = {"cpu": (128, errors_in_cache)}
LARGE_CHUNK: tuple[int, Errors] = (4096, errors_in_memory)


class LinearCrossEntropy(torch.autograd.Function):
    """Σₙ −Σᵥ q(v)·log softmax(hidden·weightᵀ)(v), where q = (1 − ε)·[v = target] + ε/V.

    That is the label smoothing of Szegedy et al. 2016 as PyTorch defines it. The logits' gradient, softmax − q, comes
    with the softmax, so the forward pass computes both gradients and the backward pass returns them.

    Products are computed in the type of the hidden states, everything else in that of the weights.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden_ND: Tensor, weight_VD: Tensor, target_N: Tensor, smoothing: float, scale_N: Tensor | None
    ) -> Tensor:
        with_gradient = any(ctx.needs_input_grad)
        gradient_ND, gradient_VD = torch.empty_like(hidden_ND), torch.zeros_like(weight_VD)
        narrow_VD = weight_VD.to(hidden_ND.dtype)
        total = weight_VD.new_zeros(())
        size, errors = CHUNK.get(hidden_ND.device.type, LARGE_CHUNK)
        for start in range(0, hidden_ND.size(0), size):
            rows = slice(start, start + size)
            hidden_CD = hidden_ND[rows]
            loss_C1, error_CV = errors(hidden_CD @ narrow_VD.t(), target_N[rows, None], smoothing)
            if scale_N is not None:
                loss_C1, error_CV = loss_C1 * scale_N[rows, None], error_CV.mul_(scale_N[rows, None])
            total += loss_C1.sum()
            if with_gradient:
                torch.mm(error_CV, narrow_VD, out=gradient_ND[rows])
                if error_CV.dtype == gradient_VD.dtype:
                    gradient_VD.addmm_(error_CV.t(), hidden_CD)
                else:
                    gradient_VD += error_CV.t() @ hidden_CD
        ctx.save_for_backward(gradient_ND, gradient_VD)
        return total

    @staticmethod
    def backward(ctx: Any, *gradient: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        gradient_ND, gradient_VD = ctx.saved_tensors
        return gradient_ND * gradient[0], gradient_VD * gradient[0], None, None, None


def linear_cross_entropy(
    hidden_ND: Tensor, weight_VD: Tensor, target_N: Tensor, smoothing: float, scale_N: Tensor | None = None
) -> Tensor:
    """The summed loss in nats of predicting ``target_N`` from hidden·weightᵀ; exact, as the plain formula.

    ``scale_N`` are factors of the tokens' losses, which may be negative; None: all 1.
    """
    loss: Tensor = LinearCrossEntropy.apply(hidden_ND, weight_VD, target_N, smoothing, scale_N)  # type: ignore[no-untyped-call]
    return loss
