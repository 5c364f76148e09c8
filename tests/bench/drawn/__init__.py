"""`make faces`: the drawn cast before the box's own verification and challenge, in thousands of trials.

Synthetic throughout: it proves that pictures go the whole way from a camera to a decision, never how well real faces are told apart.
"""
