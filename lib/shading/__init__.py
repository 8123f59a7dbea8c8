"""Detail of one photo from its shading: displacement along the normal over the head's chart."""
