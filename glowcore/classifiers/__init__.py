"""What sees attributes in pictures: it judges edits, and directions are refined against it."""
