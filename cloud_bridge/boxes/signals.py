"""What the ingest announces, inside its transaction; other apps listen, so that boxes/ knows none of them.

Of records `boxes.following` tells.
"""

from django.dispatch import Signal

call_rang = Signal()
"""``call`` is a `Call` that began to ring, in the transaction of its event."""

call_answered = Signal()
"""``call`` was answered by ``by``, the answerer's user name."""

box_answered = Signal()
"""up/rsp: ``box`` is the `Box`, ``response`` the contract's `Response`."""
