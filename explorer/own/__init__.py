"""Attributes that a user makes from photos, and those of a session as sliders of a model."""
