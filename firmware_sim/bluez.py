"""As much of `org.bluez` as a scanner uses: one powered adapter, discovery, devices that come, change and go."""

import asyncio
import fcntl
import sys
import termios
from collections import deque
from typing import TYPE_CHECKING, Any

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from firmware_sim.badges import COMPANY_ID

if TYPE_CHECKING:
    from collections.abc import Callable

ADAPTER = "/org/bluez/hci0"
_ADAPTER_INTERFACE = "org.bluez.Adapter1"
_DEVICE_INTERFACE = "org.bluez.Device1"
_OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_WATCH = "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged'"

_CONGESTED_BYTES = 64_000
"""A third of what a socket holds by default."""
_LATER_S = 0.001


class Bluez:
    """The service on a bus. Advertisements reach nobody while nobody discovers, as with the real one."""

    def __init__(self, address: str) -> None:
        """`address` is the bus's."""
        self._bus = MessageBus(bus_address=address)
        self._discovering: set[str] = set()
        self._devices: dict[str, dict[str, Variant]] = {}
        self._waiting: deque[Message] = deque()
        self.adverts = 0
        """Advertisements handed to a scanner since start."""
        self.scans = 0
        """How often somebody began to discover."""

    async def start(self) -> None:
        """Own the name and answer."""
        await self._bus.connect()
        self._bus.add_message_handler(self._handle)
        await self._bus.call(
            Message(
                destination="org.freedesktop.DBus",
                path="/org/freedesktop/DBus",
                interface="org.freedesktop.DBus",
                member="AddMatch",
                signature="s",
                body=[_WATCH],
            )
        )
        await self._bus.request_name("org.bluez")

    def stop(self) -> None:
        """Leave the bus."""
        self._bus.disconnect()

    @property
    def discovering(self) -> bool:
        """Whether a scanner listens."""
        return bool(self._discovering)

    def advertise(self, address: str, manufacturer_data: bytes, rssi_dbm: int) -> None:
        """A device's advertisement arrives at the adapter."""
        if not self._discovering:
            return
        self.adverts += 1
        path = f"{ADAPTER}/dev_{address.replace(':', '_')}"
        news = {
            "RSSI": Variant("n", rssi_dbm),
            "ManufacturerData": Variant("a{qv}", {COMPANY_ID: Variant("ay", manufacturer_data)}),
        }
        if path in self._devices:
            self._devices[path].update(news)
            self._signal(path, _PROPERTIES, "PropertiesChanged", "sa{sv}as", [_DEVICE_INTERFACE, news, []])
            return
        self._devices[path] = {
            "Adapter": Variant("o", ADAPTER),
            "Address": Variant("s", address),
            "AddressType": Variant("s", "random"),
            "Alias": Variant("s", address.replace(":", "-")),
            "Paired": Variant("b", False),
            "Connected": Variant("b", False),
            "UUIDs": Variant("as", []),
            **news,
        }
        added = [path, {_DEVICE_INTERFACE: self._devices[path]}]
        self._signal("/", _OBJECT_MANAGER, "InterfacesAdded", "oa{sa{sv}}", added)

    def forget(self, address: str) -> None:
        """A temporary device that has not been heard for a while is removed."""
        path = f"{ADAPTER}/dev_{address.replace(':', '_')}"
        if self._devices.pop(path, None) is not None:
            self._signal("/", _OBJECT_MANAGER, "InterfacesRemoved", "oas", [path, [_DEVICE_INTERFACE]])

    def _signal(self, path: str, interface: str, member: str, signature: str, body: list[Any]) -> None:
        self._waiting.append(Message.new_signal(path, interface, member, signature, body))
        if len(self._waiting) == 1:
            self._flush()

    def _flush(self) -> None:
        """Send what the bus takes, the rest a moment later: dbus-fast takes a full socket for a lost connection."""
        while self._waiting and self._bus.connected:
            if self._unread() > _CONGESTED_BYTES:
                asyncio.get_running_loop().call_later(_LATER_S, self._flush)
                return
            self._bus.send(self._waiting.popleft())
        self._waiting.clear()

    def _unread(self) -> int:
        """Bytes that were sent and that the bus has not taken yet."""
        line = self._bus._sock  # noqa: SLF001 - it tells nowhere else how full it is
        if line is None:
            return 0
        waiting = bytearray(4)
        fcntl.ioctl(line.fileno(), termios.TIOCOUTQ, waiting)
        return int.from_bytes(waiting, sys.byteorder)

    def _handle(self, message: Message) -> Message | None:
        if message.message_type is MessageType.SIGNAL:
            if message.member == "NameOwnerChanged" and message.body[2] == "":
                self._leave(message.body[0])
            return None
        if message.message_type is not MessageType.METHOD_CALL:
            return None
        answers: dict[tuple[str, str], Callable[[Message], Message]] = {
            (_OBJECT_MANAGER, "GetManagedObjects"): self._managed_objects,
            (_ADAPTER_INTERFACE, "SetDiscoveryFilter"): Message.new_method_return,
            (_ADAPTER_INTERFACE, "StartDiscovery"): self._start_discovery,
            (_ADAPTER_INTERFACE, "StopDiscovery"): self._stop_discovery,
        }
        answer = answers.get((message.interface or "", message.member or ""))
        return answer(message) if answer else None

    def _adapter(self) -> dict[str, Variant]:
        return {
            "Address": Variant("s", "02:00:00:00:00:01"),
            "AddressType": Variant("s", "public"),
            "Alias": Variant("s", "hotbox-site"),
            "Name": Variant("s", "hotbox-site"),
            "Powered": Variant("b", True),
            "Discovering": Variant("b", self.discovering),
            "Roles": Variant("as", ["central", "peripheral"]),
            "UUIDs": Variant("as", []),
        }

    def _managed_objects(self, message: Message) -> Message:
        objects: dict[str, dict[str, dict[str, Variant]]] = {
            "/org/bluez": {"org.bluez.AgentManager1": {}},
            ADAPTER: {_ADAPTER_INTERFACE: self._adapter()},
        }
        objects |= {path: {_DEVICE_INTERFACE: properties} for path, properties in self._devices.items()}
        return Message.new_method_return(message, "a{oa{sa{sv}}}", [objects])

    def _start_discovery(self, message: Message) -> Message:
        sender = message.sender or ""
        if sender in self._discovering:
            return Message.new_error(message, "org.bluez.Error.InProgress", "Operation already in progress")
        self._discovering.add(sender)
        self.scans += 1
        self._tell_discovering()
        return Message.new_method_return(message)

    def _stop_discovery(self, message: Message) -> Message:
        sender = message.sender or ""
        if sender not in self._discovering:
            return Message.new_error(message, "org.bluez.Error.Failed", "No discovery started")
        self._leave(sender)
        return Message.new_method_return(message)

    def _leave(self, sender: str) -> None:
        if sender not in self._discovering:
            return
        self._discovering.discard(sender)
        self._tell_discovering()
        if not self._discovering:
            for path, properties in self._devices.items():
                properties.pop("RSSI", None)
                self._signal(path, _PROPERTIES, "PropertiesChanged", "sa{sv}as", [_DEVICE_INTERFACE, {}, ["RSSI"]])

    def _tell_discovering(self) -> None:
        changed = {"Discovering": Variant("b", self.discovering)}
        self._signal(ADAPTER, _PROPERTIES, "PropertiesChanged", "sa{sv}as", [_ADAPTER_INTERFACE, changed, []])
