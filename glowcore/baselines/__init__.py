"""Models that are not flows, to compare flows with: trained, saved, loaded and evaluated by the same commands."""

from glowcore.baselines.vae import VAE, VAEConfig

#: Configs of the models that are no flows, by their name in ``config.json``.
BASELINES: dict[str, type] = {"vae": VAEConfig}

__all__ = ["BASELINES", "VAE", "VAEConfig"]
