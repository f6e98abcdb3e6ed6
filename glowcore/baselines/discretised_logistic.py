"""The discretised logistic distribution of the bins of a picture (Kingma et al. 2016, appendix A)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def bin_log_prob(k: Tensor, mean: Tensor, log_scale: Tensor, n_bits: int) -> Tensor:
    r"""Return the log-probability of the bin ``k`` (0 to ``2^n - 1``) of each value, in nats.

    The bins divide the unit interval, the units of mean and scale; the outermost bins extend to infinity, so that the
    probabilities sum to 1. With the edges :math:`a = (k + 1 - 2^n \mu) / 2^n s` and
    :math:`b = (k - 2^n \mu) / 2^n s` of a bin,

    .. math:: \sigma(a) - \sigma(b) = \sigma(a)\,\sigma(-b)\,(1 - e^{b - a}),

    whose logarithm is finite however far the bin is from the mean. All tensors have the same shape.
    """
    bins = 2**n_bits
    inverse_scale = (-log_scale).exp()
    above = ((k + 1) / bins - mean) * inverse_scale
    below = (k / bins - mean) * inverse_scale
    zero = torch.zeros_like(mean)
    log_prob = torch.where(k == bins - 1, zero, F.logsigmoid(above)) + torch.where(k == 0, zero, F.logsigmoid(-below))
    inside = (k > 0) & (k < bins - 1)
    return log_prob + torch.where(inside, (-torch.expm1(-inverse_scale / bins)).log(), zero)
