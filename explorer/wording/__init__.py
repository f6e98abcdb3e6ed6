"""The words of the application for attributes, levels, pictures and edits."""
