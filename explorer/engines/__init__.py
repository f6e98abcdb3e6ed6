"""From an edit to a picture: a model on one device, its queue and its caches."""
