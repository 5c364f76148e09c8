"""The dead-man controller on a Raspberry Pi Pico (MicroPython 1.20 or newer); put it on the board beside deadman.py.

Wiring (RELAYS.md tells why):

    GP0, GP1   UART0 TX, RX    to the box, 115200 8N1, through an isolated RS-485 or USB-serial converter
    GP2        coil enable     drives the coil's transistor; a 10 k resistor pulls it down
    GP3        charge pump     square wave while the coil is to hold; the coil's second transistor is fed from its edges
    GP4        feedback        mirror contact (normally closed) to ground, pull-up: an open wire reads as "closed"
    GP25       lamp            the board's own, on while the coil is driven

The pump drops the coil about 20 ms after the program stops, whatever level the pins froze at; the watchdog then
restarts the board, which comes up open. Without the pump a stopped program would hold the contact until the watchdog.
"""

import gc
import os
import time

import machine

from deadman import CLOSED, DeadMan

TICK_MS = 5
WATCHDOG_MS = 1500  # longer than the slowest flash write; the pump is what opens
COLLECT_EVERY = 20  # ticks between garbage collections, so that none ever grows long
COUNTERS = "counters.txt"


def load_counters():
    """Boots and contact cycles so far; zeros on a new board."""
    try:
        with open(COUNTERS) as file:
            boots, cycles = file.read().split()
            return int(boots), int(cycles)
    except (OSError, ValueError):
        return 0, 0


def save_counters(boots, cycles):
    """Replace the file in one step, so that a power cut leaves the old or the new one."""
    with open(COUNTERS + ".new", "w") as file:
        file.write("%d %d" % (boots, cycles))
    os.rename(COUNTERS + ".new", COUNTERS)


def random32():
    """A fresh random number for the next nonce."""
    return int.from_bytes(os.urandom(4), "big")


def run():
    """Step the state machine for ever."""
    coil = machine.Pin(2, machine.Pin.OUT, value=0)
    pump = machine.Pin(3, machine.Pin.OUT, value=0)
    lamp = machine.Pin(25, machine.Pin.OUT, value=0)
    feedback = machine.Pin(4, machine.Pin.IN, machine.Pin.PULL_UP)
    uart = machine.UART(0, 115200, tx=machine.Pin(0), rx=machine.Pin(1), rxbuf=512, txbuf=512)
    boots, cycles = load_counters()
    boots += 1
    save_counters(boots, cycles)
    controller = DeadMan(time.ticks_ms(), boots, cycles, random32())
    watchdog = machine.WDT(timeout=WATCHDOG_MS)
    due = time.ticks_ms()
    ticks = 0
    edge = 0
    while True:
        received = uart.read(256) if uart.any() else b""
        sent = controller.step(time.ticks_ms(), received or b"", feedback.value() == 1, random32())
        edge = 1 - edge if controller.coil else 0
        coil.value(1 if controller.coil else 0)
        pump.value(edge)
        lamp.value(1 if controller.coil else 0)
        if sent:
            uart.write(sent)
        watchdog.feed()
        # The flash blocks the program for a while: only when the relay is open anyway.
        if controller.cycles != cycles and controller.latch != CLOSED and feedback.value() == 0:
            cycles = controller.cycles
            save_counters(boots, cycles)
        ticks += 1
        if ticks % COLLECT_EVERY == 0:
            gc.collect()
        due = time.ticks_add(due, TICK_MS)
        wait = time.ticks_diff(due, time.ticks_ms())
        if wait > 0:
            time.sleep_ms(wait)
        else:
            due = time.ticks_ms()


if __name__ == "__main__":
    run()
