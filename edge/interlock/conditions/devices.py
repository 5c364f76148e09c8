"""What the devices of `presence` report against themselves: radio, GNSS receiver, tag reader.

    device  health                                        reason
    radio   deaf                                          radio_deaf
    gnss    void, checksum, jump, frozen, silent, absent  gnss_void ...
    nfc     silent                                        nfc_silent
    any     anything else, or no report within the time   radio_lost, gnss_lost, nfc_lost

A broken device is a fault and says nothing about people or place: their own times to live decide. It says why.
"""

from edge.interlock.conditions.facts import Facts
from edge.interlock.reasons import CATALOGUE
from edge.interlock.rules import Number

OK = "ok"


def device_fault(f: Facts, device: str) -> str:
    """The reason's code, empty while the device is well or was never heard of."""
    report = f.snapshot.devices.get(device)
    if report is None:
        return ""
    if not 0 <= f.now_us - report.at_us <= _ttl(f, device).value * 1_000_000:
        return f"{device}_lost"
    if report.health == OK:
        return ""
    code = f"{device}_{report.health}"
    return code if code in CATALOGUE else f"{device}_lost"


def _ttl(f: Facts, device: str) -> Number:
    """A device must speak as often as its evidence must come."""
    return f.rules.position_ttl_s if device == "gnss" else f.rules.badge_ttl_s
