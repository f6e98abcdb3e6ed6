"""An edit as a value: what it starts from, what moves, what was before."""
