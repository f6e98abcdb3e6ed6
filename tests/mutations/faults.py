"""The planted faults: each a mistake that has been made in some implementation of these models, or could be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """Replace text in one file of glowcore, and which tests have to notice.

    ``edits`` are pairs (original text, faulty text), each original exactly once in the file; several where a mistake is
    made alike in both directions, so that forward and inverse still agree.
    """

    name: str
    file: str
    edits: tuple[tuple[str, str], ...]
    tests: tuple[str, ...]


TRANSFORMS, FLOW, REFERENCE, LIKELIHOOD = "test_transforms", "test_flow", "test_reference", "test_likelihood"
LATENTS, REVERSIBLE, PARTICULAR, FUSED = "test_latents", "test_reversible", "test_nice_realnvp", "test_fused"
DENSITY = "test_density"

#: File of glowcore, tests that are about it, faults: name and edits.
# fmt: off
_TABLE: list[tuple[str, tuple[str, ...], dict[str, tuple[tuple[str, str], ...]]]] = [
    ("transforms/affine_move.py", (TRANSFORMS, REFERENCE, REVERSIBLE), {
        "scale before shift, one way": (("return (x_b + parts.t) * parts.s,", "return x_b * parts.s + parts.t,"),),
        "scale before shift, both ways": (
            ("return (x_b + parts.t) * parts.s,", "return x_b * parts.s + parts.t,"),
            ("return z_b / parts.s - parts.t,", "return (z_b - parts.t) / parts.s,")),
        "shift undone before the scale": (
            ("return z_b / parts.s - parts.t,", "return (z_b - parts.t) / parts.s,"),),
        "scale without the 2": (("raw = raw + RAW_SHIFT", "raw = raw + 0"),),
        "scale floor added, not mixed": (("* (1 - scale_min) + scale_min if", "+ scale_min if"),),
        "shift and raw scale exchanged": (("t, raw = h.chunk(2, dim=1)", "raw, t = h.chunk(2, dim=1)"),),
        "gradient of the log-scale lost": (
            ("(grad_x * shifted + grad_log_s)", "(grad_x * shifted)"),
            ("grad_z * shifted + grad_log_s / parts.s", "grad_z * shifted")),
        "slope without the floor": (("slope = (1 - scale_min) * parts", "slope = parts"),),
        "gradient of the shift unscaled": (("grad_x = grad_z * parts.s", "grad_x = grad_z"),),
        "input recovered without the shift": (("return shifted - parts.t,", "return shifted,"),),
    }),
    ("transforms/step.py", ("test_extensions", "test_reversible"), {
        "a derived actnorm folded": (("is_exactly(step.actnorm, ActNorm)", "isinstance(step.actnorm, ActNorm)"),),
        "a derived step taken for plain": (
            ("is_exactly(step, FlowStep) and", "isinstance(step, FlowStep) and"),
            ("if not is_exactly(self, FlowStep):", "if False:")),
    }),
    ("transforms/base.py", ("test_hooks",), {
        "hooked parts folded": (("type(module) in kinds and not hooked(module)", "type(module) in kinds"),),
    }),
    ("transforms/coupling.py", ("test_reversible",), {
        "a derived coupling taken for plain": (
            ("if not is_exactly(self, AdditiveCoupling, AffineCoupling, TanhCoupling):", "if False:"),),
    }),
    ("transforms/coupling.py", (TRANSFORMS, REFERENCE, REVERSIBLE), {
        "sign of the affine log-determinant": (
            ("return z_b, summed(", "return z_b, -summed("),),
        "sign of the inverse log-determinant": (
            ("return x_b, -summed(", "return x_b, summed("),),
        "gradient of positions that stay": (
            ("grad_log_s = self.partition.moving(grad_logdet.reshape(-1, *[1] * (z_b.ndim - 1)))",
             "grad_log_s = grad_logdet.reshape(-1, *[1] * (z_b.ndim - 1))"),),
        "additive coupling subtracts, both ways": (
            ("return x_b + h,", "return x_b - h,"), ("return z_b - h, z_b.new_zeros", "return z_b + h, z_b.new_zeros")),
        "gradient through the network lost": (("grad_a + net_grad_a", "grad_a"),),
        "gradient of the half that stays leaks": (("grad_b = self.partition.moving(grad_b)\n", "\n"),),
        "network initialised on the wrong half": (
            ("self.net.initialize(self.partition.halve(x)[0])", "self.net.initialize(self.partition.halve(x)[1])"),),
    }),
    ("transforms/actnorm.py", (TRANSFORMS,), {
        "H W missing": (("self.log_scale.sum() * (x.shape[2] * x.shape[3])", "self.log_scale.sum()"),),
        "H squared for H W": (("(x.shape[2] * x.shape[3])", "(x.shape[2] * x.shape[2])"),),
        "bias after the scale": (
            ("(x + self.bias.reshape(-1, 1, 1)) * self.log_scale.exp().reshape(-1, 1, 1)",
             "x * self.log_scale.exp().reshape(-1, 1, 1) + self.bias.reshape(-1, 1, 1)"),),
        "initialised to the spread, not its inverse": (
            ("self.log_scale.copy_(-torch.where", "self.log_scale.copy_(torch.where"),),
        "no floor under the deviation": (("STD_FLOOR = 1e-3", "STD_FLOOR = 0.0"),),
        "a constant channel enlarged": (("std > 1e-6", "std >= 0"),),
        "sample instead of population deviation": (("correction=0", "correction=1"),),
        "initialised again": (("        if self.initialized:\n            return\n", ""),),
        "flag not set": (("self.initialized.fill_(True)", "pass"),),
    }),
    ("transforms/conv1x1.py", (TRANSFORMS, REFERENCE), {
        "W transposed": (
            ("F.conv2d(x, self.weight()[:, :, None, None])", "F.conv2d(x, self.weight().T[:, :, None, None])"),),
        "P transposed": (("return p @ lower @ upper", "return p.mT @ lower @ upper"),),
        "H W missing": (("self.log_abs_det() * (x.shape[2] * x.shape[3])", "self.log_abs_det()"),),
        "determinant exponentiated": (("log_s.sum(1)", "log_s.exp().sum(1)"),),
        "sign of the diagonal lost": (("sign * log_s.exp()", "log_s.exp()"),),
        "upper triangle not masked": (("upper * mask.T", "upper"),),
        "transposed inverse": (("(float64(self.weight())).inverse", "(float64(self.weight())).inverse.T"),),
    }),
    ("transforms/mixing.py", (TRANSFORMS, REFERENCE, REVERSIBLE), {
        "bias not mixed": (("(weight @ bias[..., None])[..., 0], logdet +", "bias, logdet +"),),
        "bias of the inverse not mixed": (("-(weight @ float64(self.bias)[..., None])[..., 0]", "-self.bias"),),
        "H W missing": (("z, (self.logdet * (x.shape[2] * x.shape[3])).expand", "z, self.logdet.expand"),),
        "sign of the inverse log-determinant": (
            ("to(self.bias), -self.logdet)", "to(self.bias), self.logdet)"),),
        "scale of rows for scale of columns": (("log_scale.exp()[:, None, :]", "log_scale.exp()[:, :, None]"),),
        "H W missing in the gradient": (("grad_log_det = grad_logdet.sum() * (x.shape[2] * x.shape[3])",
                                         "grad_log_det = grad_logdet.sum()"),),
        "gradients in the wrong order": (("zip(*self._grads, strict=True)", "zip(*self._grads[::-1], strict=True)"),),
    }),
    ("transforms/step.py", (TRANSFORMS, REFERENCE), {
        "coupling's log-determinant lost": (
            ("z, second = self.coupling(h)\n        return z, first + second",
             "z, second = self.coupling(h)\n        return z, first"),),
    }),
    ("transforms/permutation.py", (TRANSFORMS,), {
        "permutation not inverted": (("z[:, self.order.argsort()]", "z[:, self.order]"),),
    }),
    ("transforms/squeeze.py", (REFERENCE,), {
        "channels in another order, both ways": (
            ("F.pixel_unshuffle(x, 2)", "F.pixel_unshuffle(x, 2).flip(1)"),
            ("F.pixel_shuffle(z, 2)", "F.pixel_shuffle(z.flip(1), 2)")),
    }),
    ("networks.py", (TRANSFORMS, REFERENCE), {
        "zero convolution's factor lost": (("LOG_SCALE_FACTOR = 3.0", "LOG_SCALE_FACTOR = 1.0"),),
        "second ReLU lost": (("h = relu_of(self.conv_mid, self.conv_mid(h))", "h = self.conv_mid(h)"),),
        "hidden layer not centred": (("layer.bias.copy_((layer.bias - mean) * scale)", "layer.bias.mul_(scale)"),),
    }),
    ("priors.py", (TRANSFORMS, FLOW, REFERENCE, PARTICULAR, DENSITY), {
        "Gaussian's constant missing": ((" - 0.5 * math.log(2 * math.pi) * eps[0].numel()", ""),),
        "Gaussian's constant without the 2": (("math.log(2 * math.pi)", "math.log(math.pi)"),),
        "eps off by the prior's std, both ways": (
            ("return (z - mean) * (-log_std).exp(),", "return z - mean,"),
            ("return mean + log_std.exp() * eps", "return mean + eps")),
        "sign of the prior's log-determinant": (("(-log_std).exp(), -log_std.sum", "(-log_std).exp(), log_std.sum"),),
        "variance for standard deviation": (
            ("(z - mean) * (-log_std).exp(), -log_std.sum(dim=(1, 2, 3))",
             "(z - mean) * (-log_std / 2).exp(), -(log_std / 2).sum(dim=(1, 2, 3))"),
            ("log_std.exp() * eps", "(log_std / 2).exp() * eps")),
        "wrong half factored out, both ways": (
            ("kept, other = x.chunk(2, dim=1)", "other, kept = x.chunk(2, dim=1)"),
            ("torch.cat([kept, _destandardise(eps, *self.mean_log_std(kept))], dim=1)",
             "torch.cat([_destandardise(eps, *self.mean_log_std(kept)), kept], dim=1)")),
        "half of the logistic density": (("(F.softplus(eps) + F.softplus(-eps))", "F.softplus(eps)"),),
        "logistic noise of the wrong spread": ((".clamp_min(2.0**-54)).float()", ".clamp_min(2.0**-54)).float() / 2"),),
        "class forgotten": (("stats = stats + self.class_stats[y]", "stats = stats + self.class_stats[y] * 0"),),
    }),
    ("likelihood.py", (LIKELIHOOD, REFERENCE), {
        "nats for bits": (("/ (num_dims * math.log(2))", "/ num_dims"),),
        "volume of a bin missing": (("return n_bits - checked_log_prob", "return -checked_log_prob"),),
        "sign of the density": (("return n_bits - checked_log_prob", "return n_bits + checked_log_prob"),),
        "wrong shift of bits": (("return v >> (8 - n_bits)", "return v >> n_bits"),),
        "always over 256": (("x = (k + u.to(k.device, dtype)) / 2**n_bits", "x = (k + u.to(k.device, dtype)) / 256"),),
        "edge for centre of the bin": (("(k * width + (width - 1) / 2)", "(k * width)"),),
        "noise left out": (("(k + u.to(k.device, dtype))", "(k + 0 * u.to(k.device))"),),
    }),
    ("flow.py", (FLOW, REFERENCE, PARTICULAR), {
        "log-determinant of the preprocessing lost": (
            ("x, part = self.preprocess(x)\n            logdet = logdet + part", "x, part = self.preprocess(x)"),),
        "cube moved, both ways": (
            ("self.encode_cube(self.as_float(images) - 0.5, y)", "self.encode_cube(self.as_float(images), y)"),
            ("return x + 0.5", "return x")),
        "log-determinant of the top lost": (("log_prob = logdet + part + sum(", "log_prob = logdet + sum("),),
        "density of the top only": (("for level in levels)", "for level in levels[-1:])"),),
        "temperature ignored": (("[f * level.to(self.device, self.dtype) for f,",
                                 "[level.to(self.device, self.dtype) for f,"),),
        "always the Gaussian's density": (("noise_log_prob(level, self.prior)", "noise_log_prob(level)"),),
    }),
    ("levels.py", (FLOW, REFERENCE, PARTICULAR), {
        "log-determinant of splits lost": (("return x, eps, logdet + part", "return x, eps, logdet"),),
    }),
    ("likelihood_model.py", (FLOW, REFERENCE), {
        "uint8 over 256": (("images.to(self.dtype) / 255", "images.to(self.dtype) / 256"),),
    }),
    ("latents.py", (LATENTS,), {
        "interpolation runs backwards": (("torch.lerp(a, b, t.to(a)))", "torch.lerp(b, a, t.to(a)))"),),
        "levels taken from the wrong side": (("b if i in chosen else a", "a if i in chosen else b"),),
        "difference adds": (("self._zip(other, torch.sub)", "self._zip(other, torch.add)"),),
        "norms not rooted": ((".square().mean(1).sqrt()", ".square().mean(1)"),),
    }),
    ("reversible.py", (FLOW,), {
        "steps undone in their order": (("reversed(_calls(steps, inverse=True))", "_calls(steps, inverse=True)"),),
    }),
    ("reversible.py", (REVERSIBLE,), {
        "gradients in the wrong order": (("grads[:0] = step_grads", "grads += step_grads"),),
        "gradients of the mixings last": (("grads[:0] = mixing.gradients()", "grads += mixing.gradients()"),),
        "anchor not taken": (("                    z = anchors[index]\n", "                    z = z + 1e-3\n"),),
    }),
    ("transforms/base.py", (TRANSFORMS, REVERSIBLE), {
        "gradient of the log-determinant lost": (
            ("outputs, (grad_z, grad_logdet), (x,))", "outputs, (grad_z, grad_logdet * 0), (x,))"),),
    }),
    ("transforms/partition.py", (TRANSFORMS, PARTICULAR), {
        "mask turned round in the join": (("(self.stays, stays, moves)", "(self.stays, moves, stays)"),),
        "log-scales of the half that stays counted": (("~self.stays * values", "values"),),
        "swap forgotten in the join": (("pair = [moves, stays] if self.swap else [stays, moves]",
                                        "pair = [stays, moves]"),),
        "swap ignored, both ways": (
            ("return (second, first) if self.swap else (first, second)", "return first, second"),
            ("torch.cat([moves, stays] if self.swap else [stays, moves], dim=1)", "torch.cat([stays, moves], dim=1)")),
        "halves for odd and even, both ways": (
            ("even, odd = x.reshape(x.shape[0], -1, 2).unbind(dim=2)", "even, odd = x.flatten(1).chunk(2, dim=1)"),
            ("torch.stack(pair, dim=2)", "torch.cat(pair, dim=1)")),
    }),
    ("transforms/coupling.py", (TRANSFORMS, PARTICULAR), {
        "sign of the log-determinant": (("log_s.exp() + t, summed", "log_s.exp() + t, -summed"),),
        "limit not learned": (("self.limit.reshape(-1, *[1] * (raw.ndim - 2)) * raw.tanh()", "raw.tanh()"),),
    }),
    ("transforms/logit.py", (TRANSFORMS, PARTICULAR), {
        "log-determinant without the bounds": (("math.log(1 - 2 * self.alpha) - inside.log()", "-inside.log()"),),
        "bounds not undone": (("(u - self.alpha) / (1 - 2 * self.alpha) - 0.5", "u - 0.5"),),
        "half of the log-determinant": ((" - torch.log1p(-inside)", ""),),
    }),
    ("transforms/diagonal_scale.py", (TRANSFORMS, PARTICULAR), {
        "mean for sum": (("same_for_batch(self.log_scale.sum(), x)", "same_for_batch(self.log_scale.mean(), x)"),),
        "spread of the prior ignored": (("(self.target_std / std).log()", "(1 / std).log()"),),
    }),
    ("transforms/batchnorm.py", (TRANSFORMS, PARTICULAR), {
        "log-determinant of other statistics": (
            ("-std.log().sum() * (x.shape", "-self._std(self.variance).log().sum() * (x.shape"),),
        "running statistics replaced": (("self.mean.lerp_(mean, self.MOMENTUM)", "self.mean.copy_(mean)"),),
        "batch statistics in evaluation": (("if not (self.training and torch.is_grad_enabled()):", "if False:"),),
    }),
    ("fused/folding.py", (FUSED,), {
        "H W missing": (("float(mixing.logdet) * positions", "float(mixing.logdet)"),),
        "map not undone": (("for m in (mixing, inverse)", "for m in (mixing, mixing)"),),
        "bias not permuted": (("(scale * bias)[order]", "scale * bias"),),
        "1 for the sigmoid's 2": (("bias + RAW_SHIFT * (torch.arange", "bias + 1 * (torch.arange"),),
    }),
    ("fused/onnx_layouts.py", (FUSED,), {
        "zeros before the pixels, not behind": (("[0, 0, 0, 0, 1, 0]", "[0, 1, 0, 0, 0, 0]"),),
        "taps by columns": (("weight.permute(2, 3, 1, 0)", "weight.permute(3, 2, 1, 0)"),),
        "position values by channels": (("reshape(hidden, pixels).t()", "reshape(pixels, hidden)"),),
        "transposed without the flip": (("weight.transpose(0, 1).flip(2, 3)", "weight.transpose(0, 1)"),),
    }),
    ("fused/torch_backend.py", ("test_fused_parts",), {
        "scales that underflow": (("raw.clamp_(max=LINEAR)", "log_scale"),),
    }),
    ("fused/onnx_graph.py", (FUSED,), {
        "floor of the scale left out": (("if not step.scale_min:", "if True:"),),
        "log-determinant of the split added": (('g.op("Neg", _sum_of(g, log_std))', "_sum_of(g, log_std)"),),
    }),
    ("fused/onnx_backend.py", ("test_fused_parts",), {
        "overflowing products of scales": (("if results[-1].isfinite().all() else", "if True else"),),
    }),
    ("fused/watch.py", ("test_fused_changes",), {
        "members unseen": (("same = self._members == self._held", "same = True"),),
        "versions unseen": (("[tensor._version for tensor in self._counted],", "[],"),),
        "memory unseen": (("list(map(Tensor.data_ptr, self._tensors)),", "[],"),),
        "largest values unseen": (("[read() for read in self._readers],", "[],"),),
        "hooks unseen": (("any(self._hooks) or any", "any"),),
    }),
    ("classes.py", ("test_classes",), {
        "nats for bits in the head's loss": ((", labels) / math.log(2)", ", labels)"),),
        "sum over positions for the mean": (("z.mean(dim=(2, 3))", "z.sum(dim=(2, 3))"),),
        "standardised latents to the head": (
            ("model.class_head(model.top_prior.inverse(latents.levels[-1], latents.y))",
             "model.class_head(latents.levels[-1])"),),
        "log-determinant of the class's prior forgotten": (
            ("return noise_log_prob(noise, model.prior) + logdet", "return noise_log_prob(noise, model.prior)"),),
        "p(y) forgotten": (("log_prob_by_class(self.model, latents) + self._log_prior",
                            "log_prob_by_class(self.model, latents)"),),
        "labels of a folder taken as the model's": (("return table[labels]", "return labels"),),
    }),
    ("training/loss.py", ("test_classes",), {
        "head's loss not weighted": (("bits + self.class_weight * head_bits,", "bits + head_bits,"),),
        "head's loss reported as bits/dim": ((", bits.detach(), head_bits.detach()])",
                                              ", (bits + head_bits).detach(), head_bits.detach()])"),),
    }),
]
# fmt: on

FAULTS = [Fault(name, file, edits, tests) for file, tests, faults in _TABLE for name, edits in faults.items()]
