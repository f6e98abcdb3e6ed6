"""What ``python -m glowcore bench`` measures."""
