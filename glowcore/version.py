"""Version of the package, for its metadata and for checkpoints."""

__version__ = "0.1.0"
