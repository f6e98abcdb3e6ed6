"""An edit as a value, with its past, and what a hand on the page does to it."""
