"""The page for a small screen on the box: who and what is missing, what to do next, and the box's signed QR."""
