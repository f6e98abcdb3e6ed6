"""Glow's likelihood from the paper alone, in numpy and float64: no code of glowcore, only the names of its weights."""

import numpy as np

Weights = dict[str, np.ndarray]


def bits_per_dim(weights: Weights, x: np.ndarray, n_bits: int, **settings) -> np.ndarray:
    """Code length in bits per value of dequantised pictures ``x`` in [0, 1): -log2 of density times bin volume."""
    dims = x[0].size
    return -(log_density(weights, x, **settings) / np.log(2) - n_bits * dims) / dims


def log_density(weights: Weights, x: np.ndarray, *, scale_min: float = 0.0, y: np.ndarray | None = None) -> np.ndarray:
    """``log p(x)`` in nats, ``[B]``: change of variables over steps, one Gaussian density a level."""
    h = x.astype(np.float64) - 0.5
    total = np.zeros(len(x))
    levels = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("levels."))
    for level in range(levels):
        h = squeeze(h)
        prefix = f"levels.{level}.steps."
        for step in range(1 + max(int(name.split(".")[3]) for name in weights if name.startswith(prefix))):
            h, part = flow_step(_under(weights, f"{prefix}{step}."), h, scale_min)
            total += part
        split = _under(weights, f"levels.{level}.split.")
        if split:
            kept, out = h[:, : h.shape[1] // 2], h[:, h.shape[1] // 2 :]
            stats = zero_conv(_under(split, "conv."), kept) + split.get("position", 0)
            total += gaussian(out, *np.split(stats, 2, axis=1))
            h = kept
    stats = np.broadcast_to(weights["top_prior.stats"], (len(x), *weights["top_prior.stats"].shape))
    if y is not None:
        stats = stats + weights["top_prior.class_stats"][y]
    return total + gaussian(h, stats[:, 0], stats[:, 1])


def squeeze(x: np.ndarray) -> np.ndarray:
    """``[B, C, 2h, 2w]`` to ``[B, 4C, h, w]``: channel 4c + 2i + j is row offset i, column offset j of channel c."""
    b, c, height, width = x.shape
    out = np.empty((b, 4 * c, height // 2, width // 2))
    for channel in range(c):
        for i in range(2):
            for j in range(2):
                out[:, 4 * channel + 2 * i + j] = x[:, channel, i::2, j::2]
    return out


def flow_step(weights: Weights, x: np.ndarray, scale_min: float) -> tuple[np.ndarray, np.ndarray]:
    """Actnorm, permutation, coupling (table 1 of the paper, the coupling as in its code)."""
    positions = x.shape[2] * x.shape[3]
    scale = np.exp(weights["actnorm.log_scale"])
    h = scale[:, None, None] * (x + weights["actnorm.bias"][:, None, None])
    logdet = np.full(len(x), positions * np.log(np.abs(scale)).sum())
    if "permutation.order" in weights:
        h = h[:, weights["permutation.order"]]
    else:
        matrix = mixing_matrix(_under(weights, "permutation."))
        h = np.einsum("ij,bjyx->biyx", matrix, h)
        logdet += positions * np.linalg.slogdet(matrix)[1]
    half = h.shape[1] // 2
    stays, moves = h[:, :half], h[:, half:]
    out = network(_under(weights, "coupling.net."), stays)
    if out.shape[1] == half:
        return np.concatenate([stays, moves + out], axis=1), logdet
    shift, raw = out[:, :half], out[:, half:]
    s = scale_min + (1 - scale_min) / (1 + np.exp(-(raw + 2)))
    return np.concatenate([stays, s * (moves + shift)], axis=1), logdet + np.log(s).sum(axis=(1, 2, 3))


def mixing_matrix(weights: Weights) -> np.ndarray:
    """W of the 1x1 convolution, plain or ``P L (U + diag(s))``."""
    if "matrix" in weights:
        return weights["matrix"]
    lower = np.tril(weights["lower"], -1) + np.eye(len(weights["lower"]))
    upper = np.triu(weights["upper"], 1) + np.diag(weights["sign"] * np.exp(weights["log_s"]))
    return weights["p"] @ lower @ upper


def network(weights: Weights, x: np.ndarray) -> np.ndarray:
    """The coupling's network: three convolutions, ReLU between them."""
    h = conv(x, weights["conv_in.weight"], weights["conv_in.bias"])
    if "maps" in weights:
        h = h + np.tensordot(weights["mix"], weights["maps"], axes=1)
    h = conv(np.maximum(h, 0), weights["conv_mid.weight"], weights["conv_mid.bias"])
    return zero_conv(_under(weights, "conv_out."), np.maximum(h, 0))


def zero_conv(weights: Weights, x: np.ndarray) -> np.ndarray:
    """A convolution whose output is multiplied by ``exp(3 log_scale)``."""
    return conv(x, weights["weight"], weights["bias"]) * np.exp(3 * weights["log_scale"])[:, None, None]


def conv(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Cross-correlation with zero padding that keeps the size, one tap of the kernel at a time."""
    size = weight.shape[2]
    pad = size // 2
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    height, width = x.shape[2:]
    out = np.zeros((len(x), len(weight), height, width)) + bias[:, None, None]
    for i in range(size):
        for j in range(size):
            out += np.einsum("oc,bcyx->boyx", weight[:, :, i, j], padded[:, :, i : i + height, j : j + width])
    return out


def gaussian(z: np.ndarray, mean: np.ndarray, log_std: np.ndarray) -> np.ndarray:
    """Log-density of independent Gaussians, summed to ``[B]``."""
    each = -((z - mean) ** 2) / (2 * np.exp(2 * log_std)) - log_std - np.log(np.sqrt(2 * np.pi))
    return each.sum(axis=(1, 2, 3))


def _under(weights: Weights, prefix: str) -> Weights:
    return {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
