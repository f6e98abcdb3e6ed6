"""The version of the package, in one place: the metadata and every checkpoint take it from here."""

VERSION = "0.1.0"
__version__ = VERSION
