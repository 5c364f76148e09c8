"""Power cuts: what a program does to its disk is recorded, and every disk that a cut could leave is looked at."""

CONTROL = ".powercut"
"""The file of the file system in `filesystem` by which it is cut."""
