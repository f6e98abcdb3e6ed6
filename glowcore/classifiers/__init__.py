"""Classifiers of attributes in pictures: one judges edits, others refine directions."""
