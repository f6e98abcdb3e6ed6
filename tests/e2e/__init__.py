"""Tests that drive the application in a real browser."""
