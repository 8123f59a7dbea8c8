"""Training and test of the networks that take highlights off photos."""
