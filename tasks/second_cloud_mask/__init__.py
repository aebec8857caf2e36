"""Cloud mask of another program, beside the scene classification and never instead of it."""
