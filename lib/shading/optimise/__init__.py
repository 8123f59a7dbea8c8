"""Relief from the shading of one photo by optimisation, without learned weights."""
