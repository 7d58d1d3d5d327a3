"""A gradient held against its truth, and whose line is at fault."""
