"""`make demo`: the whole site on this machine, and the story that it plays."""
