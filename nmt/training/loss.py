"""The output projection and label-smoothed cross-entropy in one, without ever holding all logits at once.

N target tokens, C of a chunk, D width, V vocabulary. The softmax over the vocabulary is the widest thing of the model:
done plainly its logits, their log-softmax and the gradients of both go through memory a dozen times. Here a chunk of
rows small enough for the processor's cache is projected, turned into loss and gradient, and forgotten.
"""

from typing import Any

import torch
from torch import Tensor

CHUNK = {"cpu": 128}  # rows whose logits stay in the cache: measured, see benchmarks/results.md
LARGE_CHUNK = 4096  # elsewhere, where kernels must be large to be fast


class LinearCrossEntropy(torch.autograd.Function):
    """sum over n of −Σᵥ q(v)·log softmax(hidden·weightᵀ)(v), where q = (1 − ε)·[v = target] + ε/V.

    That is the label smoothing of Szegedy et al. 2016 as PyTorch defines it. The logits' gradient, softmax − q, is
    known with the softmax, so the forward pass makes both gradients and the backward pass only hands them out.

    Where hidden states have fewer bits than the weights, so have the products; all else has the weights' precision.
    """

    @staticmethod
    def forward(ctx: Any, hidden_ND: Tensor, weight_VD: Tensor, target_N: Tensor, smoothing: float) -> Tensor:
        with_gradient = any(ctx.needs_input_grad)
        gradient_ND, gradient_VD = torch.empty_like(hidden_ND), torch.zeros_like(weight_VD)
        narrow_VD = weight_VD.to(hidden_ND.dtype)
        uniform = smoothing / weight_VD.size(0)
        total = weight_VD.new_zeros(())
        size = CHUNK.get(hidden_ND.device.type, LARGE_CHUNK)
        for start in range(0, hidden_ND.size(0), size):
            rows = slice(start, start + size)
            hidden_CD, target_C1 = hidden_ND[rows], target_N[rows, None]
            logits_CV = (hidden_CD @ narrow_VD.t()).to(weight_VD.dtype)
            largest_C1 = logits_CV.amax(1, keepdim=True)
            wanted_C1 = (1 - smoothing) * logits_CV.gather(1, target_C1) + uniform * logits_CV.sum(1, keepdim=True)
            exponential_CV = logits_CV.sub_(largest_C1).exp_()
            sum_C1 = exponential_CV.sum(1, keepdim=True)
            total += (largest_C1 + sum_C1.log() - wanted_C1).sum()
            if with_gradient:
                error_CV = exponential_CV.div_(sum_C1).sub_(uniform)
                error_CV.scatter_add_(1, target_C1, torch.full_like(sum_C1, smoothing - 1))
                narrow_CV = error_CV.to(hidden_ND.dtype)
                torch.mm(narrow_CV, narrow_VD, out=gradient_ND[rows])
                if narrow_CV is error_CV:
                    gradient_VD.addmm_(error_CV.t(), hidden_CD)
                else:
                    gradient_VD += narrow_CV.t() @ hidden_CD
        ctx.save_for_backward(gradient_ND, gradient_VD)
        return total

    @staticmethod
    def backward(ctx: Any, *gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:
        gradient_ND, gradient_VD = ctx.saved_tensors
        return gradient_ND * gradient[0], gradient_VD * gradient[0], None, None


def linear_cross_entropy(hidden_ND: Tensor, weight_VD: Tensor, target_N: Tensor, smoothing: float) -> Tensor:
    """The summed loss in nats of predicting ``target_N`` from hidden·weightᵀ; exact, as the plain formula."""
    loss: Tensor = LinearCrossEntropy.apply(hidden_ND, weight_VD, target_N, smoothing)  # type: ignore[no-untyped-call]
    return loss
