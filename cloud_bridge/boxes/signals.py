"""What the ingest announces, inside its transaction; other apps listen, so that boxes/ knows none of them.

Of records `boxes.following` tells.
"""

from django.dispatch import Signal

box_answered = Signal()
"""up/rsp: ``box`` is the `Box`, ``response`` the contract's `Response`."""
