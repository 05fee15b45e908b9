"""Published files -> HTTP. Reads the public folder, knows nothing of the rest."""
