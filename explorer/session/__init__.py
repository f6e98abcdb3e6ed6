"""The state of one session: the edit with its history, its photos, and the view that the editor shows."""
