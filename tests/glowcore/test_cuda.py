"""The same correctness on a CUDA device; skipped where there is none."""

import pytest
import torch

from glowcore import GlowConfig, build
from glowcore.fused import FusedFlow
from glowcore.memory import saved_bytes

pytestmark = pytest.mark.cuda


@pytest.fixture
def flow(cuda):
    torch.manual_seed(0)
    model = build(GlowConfig(image_size=32, num_levels=3, steps_per_level=8, hidden_channels=32, scale_min=0.1))
    model.initialize(torch.rand(64, 3, 32, 32))
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn_like(p) * 0.02)
    return model.to(cuda).eval()


def pictures(batch=4):
    return torch.rand(batch, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def test_a_pass_stays_on_the_device(flow):
    x = pictures().cuda()
    with torch.no_grad(), torch.profiler.profile() as profile:
        flow.decode(flow.encode(x))
        torch.cuda.synchronize()
    copies = [event.name for event in profile.events() if "Memcpy DtoH" in event.name or "Memcpy HtoD" in event.name]
    assert copies == []


def test_round_trip_and_agreement_with_the_cpu(flow):
    x = pictures()
    with torch.no_grad():
        latents = flow.encode(x)
        assert latents.levels[0].is_cuda
        assert (flow.decode(latents).cpu() - x).abs().max() <= 1e-5
        noise = [[torch.Generator().manual_seed(i) for i in range(4)] for _ in range(2)]
        on_gpu = flow.bits_per_dim(x, generator=noise[0]).cpu()
        assert (flow.cpu().bits_per_dim(x, generator=noise[1]) - on_gpu).abs().max() <= 1e-4


def test_a_seed_gives_the_same_latents_as_on_the_cpu(flow):
    on_gpu = flow.sample_latents([3], 0.7).flatten().cpu()
    assert torch.equal(flow.cpu().sample_latents([3], 0.7).flatten(), on_gpu)


def test_graphs_equal_the_module(flow):
    fast = FusedFlow(flow)
    for batch in (1, 4, 1):
        x = pictures(batch).cuda()
        with torch.no_grad():
            expected = flow.encode(x)
        found = fast.encode(x)
        assert (found.flatten() - expected.flatten()).abs().max() <= 1e-5
        assert (fast.decode(found) - x).abs().max() <= 1e-5
    first = fast.decode(fast.encode(pictures(1).cuda()))
    kept = first.clone()
    fast.decode(fast.encode(1 - pictures(1).cuda()))
    assert torch.equal(first, kept)


def test_reversible_gradients_and_memory(flow):
    x = pictures().cuda()
    found = {}
    for memory in ("full", "reversible"):
        flow.memory, flow.anchor_every = memory, 4
        flow.zero_grad()
        noise = torch.Generator("cuda").manual_seed(0)
        flow.bits_per_dim(x, generator=noise).mean().backward()
        found[memory] = torch.cat([p.grad.flatten() for p in flow.parameters()])
    assert (found["reversible"] - found["full"]).norm() <= 1e-4 * found["full"].norm()
    flow.memory = "full"
    full = saved_bytes(flow, 4)
    flow.memory, flow.anchor_every = "reversible", 0
    assert saved_bytes(flow, 4) <= full / 4


def test_bfloat16_nets_train(flow):
    x = pictures().cuda()
    with torch.autocast("cuda", torch.bfloat16):
        latents = flow.encode(x)
    assert {level.dtype for level in latents.levels} == {torch.float32}
    assert (flow.decode(latents) - x).abs().max() <= 0.05
