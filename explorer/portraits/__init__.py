"""Detection and alignment of faces in photos, and the way of an edited face back into its photo."""
