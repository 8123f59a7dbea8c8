"""What stands behind people in photos."""
