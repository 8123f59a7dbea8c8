"""Cameras of single photos and rigs, their sensors, and the files that they write."""
