"""Hair of all sorts as strands."""
