"""A box on a simulated site without a bridge, its crew, and the scenarios that they play."""
