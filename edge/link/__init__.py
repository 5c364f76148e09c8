"""The box's line to the bridge: log and alarms up, permits, revocations, commands and acknowledgements down.

It holds no key that could release anything: what comes down is handed to the interlock unverified.
"""
