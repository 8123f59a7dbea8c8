"""Training of the UV network that tells albedo and detailed light of photos."""
