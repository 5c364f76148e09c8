"""A Modbus server that nobody here wrote: libmodbus (Debian's libmodbus5, which mbpoll brings), in a thread.

Eight input registers of one unit; `values` may be changed while it serves.
"""

import ctypes
import ctypes.util
import os
import pty
import socket
import threading
import tty
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_LIBRARY = "libmodbus.so.5"
_ADU = 260


class _Mapping(ctypes.Structure):
    """``modbus_mapping_t`` of libmodbus 3.1."""

    _fields_ = [
        *((name, ctypes.c_int) for name in (
            "nb_bits", "start_bits", "nb_input_bits", "start_input_bits", "nb_input_registers", "start_input_registers",
            "nb_registers", "start_registers",
        )),
        ("tab_bits", ctypes.POINTER(ctypes.c_uint8)), ("tab_input_bits", ctypes.POINTER(ctypes.c_uint8)),
        ("tab_input_registers", ctypes.POINTER(ctypes.c_uint16)), ("tab_registers", ctypes.POINTER(ctypes.c_uint16)),
    ]  # fmt: skip


def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(_LIBRARY, use_errno=True)
    for name in ("modbus_new_tcp", "modbus_new_rtu"):
        getattr(library, name).restype = ctypes.c_void_p
    library.modbus_mapping_new.restype = ctypes.POINTER(_Mapping)
    return library


class Foreign:
    """A running server: where it is, and its registers."""

    def __init__(self, where: dict, mapping: "ctypes._Pointer[_Mapping]") -> None:
        self.where = where
        self._mapping = mapping

    def show(self, values: Sequence[int]) -> None:
        for at, value in enumerate(values):
            self._mapping.contents.tab_input_registers[at] = value


def _serve(library: ctypes.CDLL, context: ctypes.c_void_p, mapping: "ctypes._Pointer[_Mapping]", ended: threading.Event) -> None:
    query = (ctypes.c_uint8 * _ADU)()
    while not ended.is_set():
        size = library.modbus_receive(context, query)
        if size > 0:
            library.modbus_reply(context, query, size, mapping)
        elif size < 0 and not ended.is_set():
            return


@contextmanager
def foreign_tcp(registers: int = 8) -> Iterator[Foreign]:
    """Serves one connection after the other on a port that the system chose."""
    library = _library()
    context = ctypes.c_void_p(library.modbus_new_tcp(b"127.0.0.1", 0))
    mapping = library.modbus_mapping_new(0, 0, 0, registers)
    listening = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            try:
                taken, _ = listening.accept()
            except OSError:
                return
            library.modbus_set_socket(context, taken.fileno())
            _serve(library, context, mapping, ended)
            taken.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield Foreign({"kind": "tcp", "host": "127.0.0.1", "port": listening.getsockname()[1]}, mapping)
    finally:
        ended.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(5)


@contextmanager
def foreign_rtu(unit_id: int = 1, registers: int = 8, baud: int = 19200) -> Iterator[Foreign]:
    """Serves one unit on a pseudo-terminal."""
    library = _library()
    ours, theirs = pty.openpty()
    line, far = pty.openpty()
    for end in (ours, theirs, line, far):
        tty.setraw(end)
    context = ctypes.c_void_p(library.modbus_new_rtu(os.ttyname(theirs).encode(), baud, ctypes.c_char(b"N"), 8, 1))
    library.modbus_set_slave(context, unit_id)
    mapping = library.modbus_mapping_new(0, 0, 0, registers)
    assert library.modbus_connect(context) == 0
    ended = threading.Event()

    def carry(source: int, target: int) -> None:
        while not ended.is_set():
            try:
                os.write(target, os.read(source, 256))
            except OSError:
                return

    threads = [
        threading.Thread(target=_serve, args=(library, context, mapping, ended), daemon=True),
        threading.Thread(target=carry, args=(ours, line), daemon=True),
        threading.Thread(target=carry, args=(line, ours), daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        yield Foreign({"kind": "rtu", "device": os.ttyname(far), "baud": baud}, mapping)
    finally:
        ended.set()
        library.modbus_close(context)
        os.write(far, b"\0")  # wakes the thread that waits for the reader's bytes
        for end in (far, theirs):
            os.close(end)
        for thread in threads:
            thread.join(2)
        for end in (ours, line):
            os.close(end)
