"""Plants known bugs, one at a time, in a copy of a right backward pass, and counts what the check catches."""
