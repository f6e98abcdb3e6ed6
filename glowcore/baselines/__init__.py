"""Models that are no flows, to set flows against: trained, saved, loaded and evaluated by the same commands."""

from glowcore.baselines.vae import VAE, VAEConfig, build_vae

__all__ = ["VAE", "VAEConfig", "build_vae"]
