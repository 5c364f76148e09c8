"""The spoken countdown: what the box says aloud while a grace runs, through espeak-ng and a player. Optional."""
