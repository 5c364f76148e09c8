"""`make bench-face`: what face verification is worth on a folder of pictures, by the engine and the rule of the box.

Nothing here ships pictures. What it prints about drawn people is labelled synthetic: a proof of the plumbing, not of accuracy.
"""
