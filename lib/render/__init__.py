"""The only door to rasterising."""
