"""Where a program makes its own tensors (``torch.set_default_device``) is nothing to a model that lies elsewhere.

"meta" stands for a GPU: a tensor made there by mistake can be put together with no other.
"""

from dataclasses import asdict

import pytest
import torch

import glowcore
from glowcore import GlowConfig, Latents, NICEConfig, RealNVPConfig, build
from glowcore.attributes import fit_attributes
from glowcore.attributes.refinement import RefinementSettings
from glowcore.baselines import VAEConfig
from glowcore.classifiers.classifier import ClassifierSettings, accuracy, train_classifier
from glowcore.classifiers.ensemble import ClassifierEnsemble
from glowcore.evaluation import checking, evaluate
from glowcore.evaluation.edits import evaluate_edits
from glowcore.exact import ExactFlow
from glowcore.training import batches
from glowcore.training.training_set import evaluation_rows, fingerprint
from tests.glowcore.test_direction_refinement import pictures as labelled
from tests.glowcore.tiny import model, pictures, vectors

GLOW = {"image_size": 8, "num_levels": 2, "steps_per_level": 1, "hidden_channels": 4}
CONFIGS = {
    "lu": GlowConfig(**GLOW), "plain": GlowConfig(**GLOW, permutation="conv1x1"),
    "shuffle": GlowConfig(**GLOW, permutation="shuffle"), "classes": GlowConfig(**GLOW, num_classes=3),
    "nice": NICEConfig(image_size=8, hidden_channels=4),
    "realnvp": RealNVPConfig(image_size=8, num_levels=2, hidden_channels=4),
    "vae": VAEConfig(image_size=8, num_levels=2, hidden_channels=4),
}  # fmt: skip
PICTURES = pictures(3)


def flat(latents):
    return [*latents.levels, *(t for t in (latents.log_prob, latents.y) if t is not None)]


def answers(folder, name):
    """Everything that the model stored in ``folder`` says, tensor by tensor."""
    loaded = glowcore.load(folder, device="cpu")
    y = [2, 0, 1] if name == "classes" else None
    forms = [loaded] if name == "vae" else [loaded, loaded.fused(backend="torch"), ExactFlow(loaded, backend="torch")]
    if name in ("lu", "classes"):
        forms.append(loaded.fused(backend="onnxruntime"))
    found = [*loaded.parameters(), *loaded.buffers(), evaluation_rows(9, 4), batches.batch_indices(9, 4, 0, 1)]
    for form in forms:
        latents = form.encode(PICTURES, y)
        generators = [torch.Generator().manual_seed(seed) for seed in range(3)]
        found += [
            *flat(latents),
            form.decode(latents),
            form.sample([0, 1, 2], 0.7, y),
            *flat(form.sample_latents([0, 1, 2], 0.7, y)),
            form.bits_per_dim(PICTURES, y, generator=generators),
        ]
        if isinstance(form, ExactFlow):
            found += [tensor for part in form.encode_parts(PICTURES, y) for tensor in (part.rows, part.errors)]
        found += [*flat(latents[0].interpolate(latents[0], 0.5)), *flat(latents[0].interpolate(latents[0], [0.1, 0.5]))]
    return [tensor.detach() for tensor in found], fingerprint(PICTURES, None)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_loaded_model_answers_the_same_whatever_the_default_device(tmp_path, name):
    torch.manual_seed(0)
    flow = build(CONFIGS[name])
    flow.initialize(PICTURES)
    with torch.device("meta"):
        glowcore.save(flow, tmp_path)
        found, sample = answers(tmp_path, name)
    wanted, expected = answers(tmp_path, name)
    assert {tensor.device.type for tensor in found} == {"cpu"}
    assert sample == expected
    assert len(found) == len(wanted)
    assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))


def test_attributes_and_evaluation_do_not_ask_for_it_either():
    flow = model()
    flow.attributes = vectors(flow)

    def answers():
        latents, known = flow.encode(PICTURES), flow.attributes
        moved = known.apply(latents, {"Smiling": 1.5, "Male": -1}, locked=("Male", "Young"))
        other = known.orthogonalise("Young", ["Male"]).without(["Smiling"])
        return [
            *flat(moved),
            known.score(latents, "Male"),
            *flat(known.direction("Young")),
            other.directions,
            other.covariance,
            Latents(latents.levels, y=[0, 1, 2]).y,
        ]

    with torch.device("meta"):
        found, figures = answers(), evaluate(flow, PICTURES)
    assert all(torch.equal(a, b) for a, b in zip(found, answers(), strict=True))
    assert figures == evaluate(flow, PICTURES)


def test_fits_classifiers_and_checks_do_not_ask_for_it_either():
    flow, data, few = model(), labelled(80), RefinementSettings(steps=2, batch_size=4, judge_pictures=64)

    def answers():
        flow.attributes = fit_attributes(flow, data, refinement=few, progress=False)
        table = (data.images, data.attributes, data.attribute_names)
        net = train_classifier(*table, ClassifierSettings(epochs=1), progress=False)
        together = ClassifierEnsemble([net, net], data.attribute_names)
        checks = [*checking.check_model(flow, samples=2, probes=2), *checking.check_pictures(flow, data.images, "own")]
        edits = evaluate_edits(flow, data, net, strengths=(1.0,), most=8)
        tensors = flow.attributes.tensors().values(), [together(data.images / 255)], [s.pictures for s in edits.strips]
        return [t for part in tensors for t in part], [
            *map(asdict, checks),
            *map(asdict, edits.results),
            accuracy(net, *table),
        ]

    with torch.device("meta"):
        found, figures = answers()
    wanted, expected = answers()
    assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))
    assert str(figures) == str(expected)
