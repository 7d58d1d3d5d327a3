"""The scalar that the gradients belong to."""
