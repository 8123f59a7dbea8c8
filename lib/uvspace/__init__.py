"""Grids of texels on a head's UV chart, and what calibrated views show of them."""
