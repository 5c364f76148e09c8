"""What drives the lamps: GPIO lines of the box, or coils of a Modbus TCP output module. Both give two buttons back."""

from typing import TYPE_CHECKING, Protocol

from edge.cancellation import keep_cancellation
from edge.gpio import Gpio, Pull
from edge.panel.wiring import OUTPUTS, PRESSES, Panel

if TYPE_CHECKING:
    from pymodbus.pdu import ModbusPDU

TIMEOUT_S = 0.3


class Outputs(Protocol):
    """One panel's wires. Every method raises OSError when they cannot be reached."""

    async def write(self, levels: dict[str, bool]) -> None:
        """Switch every output that is wired."""
        ...

    async def pressed(self) -> dict[str, bool]:
        """The buttons that are wired, True while pressed."""
        ...

    def close(self) -> None:
        """Give everything back."""
        ...


class GpioOutputs:
    """GPIO lines; contacts of the buttons go to ground."""

    def __init__(self, panel: Panel, gpio: Gpio) -> None:
        """Take the lines; all lamps are dark from here on.

        Raises:
            OSError: a line is not there, or somebody else's.
        """
        self._lines = {name: gpio.output(place) for name, place in panel.places(OUTPUTS).items()}
        self._buttons = {name: gpio.input(place, Pull.UP) for name, place in panel.places(PRESSES).items()}

    async def write(self, levels: dict[str, bool]) -> None:
        """See `Outputs.write`."""
        for name, line in self._lines.items():
            line.write(levels[name])

    async def pressed(self) -> dict[str, bool]:
        """See `Outputs.pressed`."""
        return {name: line.read() for name, line in self._buttons.items()}

    def close(self) -> None:
        """See `Outputs.close`."""
        for line in self._lines.values():
            line.release()
        for button in self._buttons.values():
            button.release()


class ModbusOutputs:
    """Coils and discrete inputs of one module; one FC15 where the coils lie side by side, else one FC05 each."""

    def __init__(self, panel: Panel) -> None:
        """Nothing is connected before the first write."""
        from pymodbus.client import AsyncModbusTcpClient

        self._unit = panel.unit_id
        self._coils = sorted((place, name) for name, place in panel.places(OUTPUTS).items())
        self._inputs = panel.places(PRESSES)
        self._client = AsyncModbusTcpClient(
            panel.host, port=panel.port, timeout=TIMEOUT_S, retries=0, reconnect_delay=0
        )

    async def write(self, levels: dict[str, bool]) -> None:
        """See `Outputs.write`."""
        wanted = [(place, levels[name]) for place, name in self._coils]
        first = wanted[0][0]
        if [place for place, _ in wanted] == list(range(first, first + len(wanted))):
            await self._ask("write_coils", first, [level for _, level in wanted])
            return
        for place, level in wanted:
            await self._ask("write_coil", place, level)

    async def pressed(self) -> dict[str, bool]:
        """See `Outputs.pressed`."""
        return {name: await self._pressed(place) for name, place in self._inputs.items()}

    async def _pressed(self, place: int) -> bool:
        bits = (await self._ask("read_discrete_inputs", place)).bits
        if not bits:
            raise OSError(f"the output module told no input where {place} was asked for")
        return bits[0]

    async def _ask(self, call: str, place: int, *values: object) -> "ModbusPDU":
        from pymodbus import ModbusException

        try:
            if not self._client.connected and not await keep_cancellation(self._client.connect()):
                raise OSError("the output module does not accept a connection")
            asking = getattr(self._client, call)(place, *values, device_id=self._unit)
            answer: ModbusPDU = await keep_cancellation(asking)
        except ModbusException as error:
            self._client.close()
            raise OSError(str(error)) from error
        if answer.isError():
            raise OSError(f"the output module refused {call} at {place}: {answer}")
        return answer

    def close(self) -> None:
        """See `Outputs.close`."""
        self._client.close()
