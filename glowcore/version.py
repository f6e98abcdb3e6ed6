"""The version of the package, in one place: the metadata and every checkpoint take it from here."""

__version__ = "0.1.0"
