"""The contents of a model's folder beside its weights, and its classes."""
