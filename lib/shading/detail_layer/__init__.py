"""The published detail layer: its geometry, light, chart and unwrapping, and the stage itself."""
