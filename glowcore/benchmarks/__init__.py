"""The benchmarks of ``python -m glowcore bench``."""
