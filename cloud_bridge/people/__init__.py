"""Users with roles, and the people who work at the boxes."""
