"""What a model folder brings along."""
