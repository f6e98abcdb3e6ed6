"""Atomic writing of files, and reading that verifies them before use."""
