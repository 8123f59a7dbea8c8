"""Shapes of heads beyond a model's coefficients: finer meshes, free form, looks, lids."""
