"""Messages to people's phones and mailboxes: whoever must know is told once, and it is kept who was told when.

Other parts call `telling.tell` in their own transaction; the notify process sends (`sender`), and alone reads the
channels' secrets (`book`). It is sent at least once: killed between sending and writing it down, the process sends
again under the same number, by which mailboxes and receivers can drop the double.
"""
