"""Training of the networks that match views and find the surface; never part of a run."""
