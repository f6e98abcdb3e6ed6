"""Class-conditional models: the head, Bayes' rule, names of classes, and training that gives the class asked for."""

import json
import math

import pytest
import torch

import glowcore
from glowcore import classes
from glowcore.errors import ConfigError
from glowcore.evaluation import evaluate
from glowcore.metadata import CLASS_COUNTS, CLASS_NAMES
from glowcore.models import GlowConfig, build
from glowcore.training import Trainer, TrainSettings, saved_states
from tests.glowcore.tiny import halves, model, pictures, write_model

NAMES = ("left", "right")


def bright_half(images):
    """0 where the left half of [B, 1, 8, 8] is brighter, 1 where the right is: no model, no training."""
    return (images[..., 4:].mean(dim=(1, 2, 3)) > images[..., :4].mean(dim=(1, 2, 3))).long()


def make(out, *, memory="full", class_head=True, **settings):
    torch.manual_seed(0)
    flow = build(
        GlowConfig(
            image_size=8,
            channels=1,
            num_levels=3,
            steps_per_level=1,
            hidden_channels=8,
            num_classes=2,
            class_head=class_head,
            scale_min=0.1,
        )
    )
    flow.memory = memory
    images, labels = halves(200)
    held_out, held_out_labels = halves(60, seed=1)
    classes.store_classes(flow, labels, NAMES)
    given = {
        "batch_size": 16,
        "steps": 250,
        "warmup_steps": 20,
        "learning_rate": 1e-2,
        "ema_decay": 0.98,
        "flip": False,
        "precision": "float32",
        **settings,
    }
    return Trainer(
        flow,
        images,
        held_out,
        TrainSettings(**given),
        out,
        labels=labels,
        held_out_labels=held_out_labels,
        progress=False,
    )


def conditional(**settings):
    """A model of three classes in float64 whose weights have left their zeros, class statistics and head too."""
    flow = model(num_classes=3, **settings).double()
    with torch.no_grad():
        flow.top_prior.class_stats.normal_(std=0.3)
    return flow


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    trainer = make(tmp_path_factory.mktemp("classes") / "run")
    trainer.run()
    return trainer


def test_head_is_a_linear_map_of_the_mean_top_latent():
    flow, x = conditional(), pictures(4)
    latents = flow.encode(x, torch.tensor([0, 1, 2, 0]))
    z = flow.top_prior.inverse(latents.levels[-1], latents.y)
    expected = z.mean(dim=(2, 3)) @ flow.class_head.weight.T + flow.class_head.bias
    found = classes.head_logits(flow, latents)
    assert found.shape == (4, 3)
    assert torch.allclose(found, expected, rtol=0, atol=1e-12)
    other = classes.head_logits(flow, flow.encode(x, torch.tensor([2, 2, 1, 1])))
    assert torch.allclose(found, other, rtol=0, atol=1e-12)  # what y was given for encoding tells it nothing


@torch.no_grad()
def test_a_fresh_head_knows_nothing():
    flow = build(GlowConfig(image_size=8, num_levels=1, steps_per_level=1, hidden_channels=4, num_classes=5))
    latents = flow.encode(pictures(4), torch.tensor([0, 1, 2, 3]))
    assert float(classes.head_bits(flow, latents, latents.y)) == pytest.approx(math.log2(5), abs=1e-6)


@torch.no_grad()
def test_the_heads_loss_ignores_pictures_and_takes_probabilities():
    flow = conditional()
    latents = flow.encode(pictures(4), torch.tensor([0, 1, 2, 0]))
    shares = torch.tensor([[0.5, 0.5, 0], [0, 1, 0], [0.2, 0.3, 0.5], [1, 0, 0]])
    bits = -classes.head_logits(flow, latents).log_softmax(1) / math.log(2)
    for labels in ([0, -100, 2, -100], torch.tensor([0, -100, 2, -100], dtype=torch.int32)):
        expected = (bits[0, 0] + bits[2, 2]) / 2
        assert float(classes.head_bits(flow, latents, labels)) == pytest.approx(float(expected), abs=1e-12)
    for labels in (shares, shares.numpy(), shares.double().tolist()):
        expected = (shares * bits).sum(1).mean()
        assert float(classes.head_bits(flow, latents, labels)) == pytest.approx(float(expected), abs=1e-6)
    with pytest.raises(ConfigError, match=r"^label -1 is no class of this model, expected 0 to 2$"):
        classes.head_bits(flow, latents, [0, -100, -1, 0])
    headless = model()
    with pytest.raises(ConfigError, match=r"no classification head; a Glow built with num_classes above 0 and"):
        classes.head_bits(headless, headless.encode(pictures(4)), [0, 1, 2, 0])


@torch.no_grad()
def test_log_prob_of_every_class_is_that_of_encoding_with_it():
    flow, x = conditional(), pictures(4)
    found = classes.log_prob_by_class(flow, flow.encode(x, torch.tensor([0, 1, 2, 0])))
    for number in range(3):
        assert torch.allclose(found[:, number], flow.log_prob(x, torch.full((4,), number)), rtol=0, atol=1e-9)
    assert float((found[:, 0] - found[:, 1]).abs().min()) > 1e-3
    with pytest.raises(ConfigError, match=r"^this model has no classes, expected a class-conditional one"):
        classes.log_prob_by_class(model(), model().encode(x))


def test_bayes_rule_takes_the_shares_of_the_training_pictures():
    flow = conditional()
    flow.metadata[CLASS_COUNTS] = [7, 1, 0]
    assert classes.log_prior(flow).exp().tolist() == pytest.approx([8 / 11, 2 / 11, 1 / 11])
    for damaged in (None, [1, 2], [1, 2, -3], "abc"):
        flow.metadata[CLASS_COUNTS] = damaged
        assert classes.log_prior(flow).exp().tolist() == pytest.approx([1 / 3] * 3)
    x, y = pictures(6), torch.tensor([0, 1, 2, 0, 1, 2])
    rule = [flow.log_prob(x, torch.full((6,), number)) for number in range(3)]
    flow.metadata[CLASS_COUNTS] = [10**9, 0, 0]
    tally = classes.ClassTally(flow)
    tally.add(flow.encode(x, y))
    expected = torch.stack(rule, dim=1) + classes.log_prior(flow)
    assert tally.figures()["class_accuracy_generative"] == float((expected.argmax(1) == y).double().mean())


def test_samples_are_of_the_class_asked_for(trained):
    y = torch.arange(200) % 2
    drawn = trained.averaged.sample(range(200), 1.0, y)
    assert float((bright_half(drawn) == y).float().mean()) >= 0.95
    assert torch.equal(bright_half(trained.averaged.sample(range(50), 0.7, 1)), torch.ones(50, dtype=torch.int64))


def test_accuracies_are_logged_beside_bits_per_dim_and_not_in_it(trained):
    record = json.loads((trained.out / "log.jsonl").read_text().splitlines()[-1])
    assert record["class_accuracy_head"] >= 0.95
    assert record["class_accuracy_generative"] >= 0.95
    assert record["class_head_bits"] < 0.5
    assert 0 < record["train_class_head_bits"] < 1
    images, labels = halves(60, seed=1)
    found = evaluate(trained.averaged, images, labels=labels)
    assert found.bits_per_dim == pytest.approx(record["bits_per_dim"], abs=1e-4)
    assert found.class_accuracy_head == record["class_accuracy_head"]
    assert found.pixels_changed == 0
    wrong = evaluate(trained.averaged, images, labels=1 - labels)
    assert wrong.class_accuracy_head <= 0.05
    assert wrong.class_accuracy_generative <= 0.05
    with torch.no_grad():
        trained.averaged.class_head.bias += 3  # bits/dim knows nothing of the head
        again = evaluate(trained.averaged, images, labels=labels)
        trained.averaged.class_head.bias -= 3
    assert again.bits_per_dim == found.bits_per_dim


def test_a_folder_keeps_head_names_and_counts(trained):
    loaded = glowcore.load(trained.out, device="cpu")
    assert torch.equal(loaded.class_head.weight, trained.averaged.class_head.weight)
    assert float(loaded.class_head.weight.detach().abs().max()) > 0.1
    assert classes.class_names(loaded) == ["left", "right"]
    assert loaded.metadata[CLASS_COUNTS] == [150, 50]


@torch.no_grad()
def test_the_loss_is_bits_per_dim_plus_the_weighted_head(tmp_path):
    for weight in (0.0, 0.01, 2.0):
        trainer = make(tmp_path / str(weight), class_weight=weight)
        with torch.no_grad():
            trainer.model.class_head.weight.normal_()
        images, labels = halves(8)
        losses = trainer.loss(images, labels, torch.Generator().manual_seed(0))
        bits = trainer.model.bits_per_dim(images, labels, generator=torch.Generator().manual_seed(0)).mean()
        cube = trainer.model.dequantised(images, torch.Generator().manual_seed(0))
        logits = classes.head_logits(trainer.model, trainer.model.encode_cube(cube, labels))
        head = -logits.log_softmax(dim=1)[torch.arange(8), labels].mean() / math.log(2)
        assert float(head) > 0.1
        assert losses.tolist() == pytest.approx(
            [float(bits + weight * head), float(bits), float(head) * (weight > 0)], rel=1e-5
        )


def test_weight_zero_trains_as_without_a_head(tmp_path):
    without, weightless = make(tmp_path / "a", class_head=False), make(tmp_path / "b", class_weight=0)
    assert [without.train_step() for _ in range(5)] == [weightless.train_step() for _ in range(5)]
    state = weightless.model.state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in without.model.state_dict().items())
    assert float(state["class_head.weight"].abs().max()) == 0
    weightless.measure()
    assert weightless.monitor.last["train_class_head_bits"] is None
    without.measure()
    assert "class_accuracy_head" not in without.monitor.last
    assert 0 <= without.monitor.last["class_accuracy_generative"] <= 1


@pytest.mark.parametrize("memory", ["checkpoint", "reversible"])
def test_the_head_reaches_the_flow_in_every_memory_mode(tmp_path, memory):
    full, other = (make(tmp_path / mode, memory=mode, class_weight=1.0) for mode in ("full", memory))
    for trainer in (full, other):
        trainer.model.double()
        with torch.no_grad():
            trainer.model.class_head.weight.copy_(
                torch.linspace(-1, 1, trainer.model.class_head.weight.numel()).reshape_as(
                    trainer.model.class_head.weight
                )
            )
        images, labels = halves(8)
        trainer.loss(images, labels, torch.Generator().manual_seed(0))[0].backward()
    alone = make(tmp_path / "alone", class_weight=0)
    alone.model.double()
    alone.loss(*halves(8), torch.Generator().manual_seed(0))[0].backward()
    named = dict(full.model.named_parameters())
    first = next(name for name in named if name.startswith("levels.0.steps.0") and named[name].grad is not None)
    plain = dict(alone.model.named_parameters())
    assert float((named[first].grad - plain[first].grad).abs().max()) > 1e-4
    for name, parameter in other.model.named_parameters():
        assert torch.allclose(parameter.grad, named[name].grad, rtol=0, atol=1e-9), name


def test_resumed_with_labels_it_goes_on_bit_for_bit(tmp_path):
    whole, part = make(tmp_path / "whole"), make(tmp_path / "part")
    for _ in range(4):
        assert whole.train_step() == part.train_step()
        whole.monitor.after_step(1.0)
        part.monitor.after_step(1.0)
    part.save()
    resumed = make(tmp_path / "part")
    resumed.load_state(saved_states.load_state(tmp_path / "part" / "state"))
    for _ in range(4):
        assert whole.train_step() == resumed.train_step()
        assert whole.head_bits == resumed.head_bits > 0
        whole.monitor.after_step(1.0)
        resumed.monitor.after_step(1.0)
    assert whole.monitor.smooth_head_bits == resumed.monitor.smooth_head_bits
    for a, b in ((whole.model, resumed.model), (whole.averaged, resumed.averaged)):
        assert all(torch.equal(b.state_dict()[name], tensor) for name, tensor in a.state_dict().items())
    assert float(whole.averaged.class_head.weight.detach().abs().max()) > 0


def test_an_evaluation_looks_at_some_pictures_with_their_own_labels(tmp_path):
    """The held-out pictures are in the order of their classes, as a folder of classes has them."""
    first = make(tmp_path / "run", eval_pictures=21)
    held_out, labels = halves(60, seed=1)
    order = labels.argsort(stable=True)
    trainer = Trainer(
        first.model,
        first.images,
        held_out[order],
        first.settings,
        first.out,
        labels=first.labels,
        held_out_labels=labels[order],
        progress=False,
    )
    trainer.measure()
    assert trainer.monitor.last["class_accuracy_head"] is not None
    judged, judged_labels = trainer.held_out, trainer.held_out_labels
    assert len(judged) == len(judged_labels) == 21
    assert torch.equal(bright_half(judged.float()), judged_labels)
    assert sorted(set(judged_labels.tolist())) == [0, 1]  # the first 21 are all of class 0


def test_a_model_may_have_classes_and_no_head(tmp_path):
    folder = write_model(tmp_path / "model", attributes=False, num_classes=3, class_head=False)
    flow = glowcore.load(folder, device="cpu")
    assert flow.class_head is None
    assert not flow.config.class_head
    with pytest.raises(ConfigError, match="no classification head"):
        classes.head_logits(flow, flow.encode(pictures(1), 0))
    assert GlowConfig(num_classes=3).class_head
    assert build(GlowConfig(image_size=8, num_levels=1, steps_per_level=1, hidden_channels=4)).class_head is None


def test_classes_go_by_name():
    flow = model(num_classes=3)
    assert classes.class_names(flow) == ["0", "1", "2"]
    assert classes.class_number(flow, "2") == 2
    for wrong in ("3", "-1", "cat", ""):
        with pytest.raises(ConfigError, match="expected one of this model's: 0, 1, 2"):
            classes.class_number(flow, wrong)
    flow.metadata[CLASS_NAMES] = ["2", "cat", "dog"]
    assert [classes.class_number(flow, name) for name in ("2", "cat", "dog", "1")] == [0, 1, 2, 1]
    for damaged in ([1, 2, 3], ["cat"], "cat"):
        flow.metadata[CLASS_NAMES] = damaged
        assert classes.class_names(flow) == ["0", "1", "2"]
    assert classes.class_names(model()) == []


def test_labels_are_renumbered_by_name():
    flow = model(num_classes=3)
    labels = torch.tensor([0, 1, 1])
    assert classes.renumbered(flow, labels, ("dog", "cat")).tolist() == [0, 1, 1]  # it knows no names
    with pytest.raises(ConfigError, match=r"num_classes is 3, expected 4 for .* pictures: a, b, c, stray"):
        classes.renumbered(flow, torch.tensor([0, 3]), ("a", "b", "c", "stray"))
    with pytest.raises(ConfigError, match="there is a class 3, num_classes 3 allows 0 to 2"):
        classes.renumbered(flow, torch.tensor([0, 3]), ())
    classes.store_classes(flow, torch.tensor([0, 1, 2, 2]), ("bird", "cat", "dog"))
    assert classes.renumbered(flow, labels, ("dog", "cat")).tolist() == [2, 1, 1]
    with pytest.raises(ConfigError, match="'fish' is unknown, expected one of this model's: bird, cat, dog"):
        classes.renumbered(flow, labels, ("dog", "fish"))
    for number in ("0", "2"):  # a class of this name, not the one of this number
        with pytest.raises(ConfigError, match=f"'{number}' is unknown, expected one of this model's: bird, cat, dog"):
            classes.renumbered(flow, labels, ("dog", number))
    with pytest.raises(ConfigError, match="1 of 2 pictures have no class"):
        classes.renumbered(flow, torch.tensor([0, -1]), ("dog",))
    classes.store_classes(flow, torch.tensor([1]), ("x", "y", "z"))
    assert flow.metadata == {CLASS_NAMES: ["bird", "cat", "dog"], CLASS_COUNTS: [0, 1, 0]}
