"""Does the kernel keep a line's level when the process that drove it dies?

Raspberry Pi kernels do unless told otherwise (``dtparam=strict_gpiod``, or the module parameter below); mainline
promises nothing ("uncontrolled", "may revert"). What cannot be read counts as "keeps".
A caution at the check and no refusal: such a line only ever stands behind a primary that opens and latches by itself
(firmware_sim/deadman/RELAYS.md, "Several relays in series"), and a stopped process keeps its lines in any case.
Source: findings/hardware 2; raspberrypi/linux #6117, #6150.
"""

from pathlib import Path

MODULES = Path("/sys/module")


def keeps_outputs(modules: Path = MODULES) -> bool:
    """True unless every pin controller of this machine says that it lets go."""
    found = sorted(modules.glob("pinctrl_*/parameters/persist_gpio_outputs"))
    if not found:
        return True
    try:
        return any(parameter.read_text().strip() != "N" for parameter in found)
    except OSError:
        return True
