"""The map of a model's latent space: its file, the cached maps, and what is drawn on it."""
