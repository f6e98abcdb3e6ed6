"""The models at hand, and what each brings along."""
