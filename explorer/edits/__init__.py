"""An edit as a value, its history, and the messages that change it."""
