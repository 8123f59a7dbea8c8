"""Training of the coarse and fine networks of the detail layer."""
