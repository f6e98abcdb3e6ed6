"""What one visitor works on: the edit with its history, and the photos it may start from."""
