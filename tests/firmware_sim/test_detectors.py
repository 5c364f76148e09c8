"""The gas detectors, read by the client that production uses, healthy and with every fault (BOX-06, BOX-04)."""

import asyncio

import pytest
from pymodbus.exceptions import ConnectionException, ModbusIOException

from firmware_sim.client import Site
from firmware_sim.modbus import crc16
from tests.edge.eventually import eventually
from tests.firmware_sim.bus import COUNT, client_of, read
from tests.firmware_sim.conftest import RunningSite

BUSES = [("gas_tcp", "ch4-1"), ("gas_rtu", "co-1")]
both_buses = pytest.mark.parametrize(("bus", "name"), BUSES)


@pytest.mark.parametrize(
    ("bus", "unit_id", "name", "value", "counts"),
    [
        ("gas_tcp", 1, "ch4-1", 12.5, 125),
        ("gas_tcp", 2, "o2-1", 18.25, 1825),
        ("gas_tcp", 3, "ch4-2", 9.9, 99),
        ("gas_tcp", 4, "ch4-3", -0.4, 0xFFFC),
        ("gas_rtu", 1, "co-1", 24, 24),
        ("gas_rtu", 2, "h2s-1", 6.6, 66),
    ],
)
async def test_a_detector_shows_what_was_set_in_its_own_scale(
    running: RunningSite, site: Site, bus: str, unit_id: int, name: str, value: float, counts: int
) -> None:
    site.set(name, value)
    async with client_of(running.facts, bus) as client:
        assert (await read(client, unit_id)).registers[:2] == [counts, 0]
        holding = await client.read_holding_registers(0, count=2, device_id=unit_id)
        assert holding.registers == [counts, 0]


@both_buses
async def test_the_live_counter_rises(running: RunningSite, site: Site, bus: str, name: str) -> None:
    del site, name
    async with client_of(running.facts, bus) as client, asyncio.timeout(2):
        first = (await read(client)).registers[2]
        while (await read(client)).registers[2] == first:
            pass


@pytest.mark.parametrize("count", [3, 4, 5, 6, 10])
async def test_ten_registers_are_readable_in_any_length(running: RunningSite, site: Site, count: int) -> None:
    del site
    async with client_of(running.facts, "gas_tcp") as client:
        assert len((await read(client, count=count)).registers) == count


@pytest.mark.parametrize(("address", "count", "code"), [(0, 11, 2), (10, 1, 2), (0, 0, 3)])
async def test_reading_outside_the_table_is_an_exception(
    running: RunningSite, site: Site, address: int, count: int, code: int
) -> None:
    del site
    reader, writer = await asyncio.open_connection(running.facts["gas_tcp"]["host"], running.facts["gas_tcp"]["port"])
    writer.write(bytes((0, 7, 0, 0, 0, 6, 1, 4)) + address.to_bytes(2, "big") + count.to_bytes(2, "big"))
    assert await reader.readexactly(9) == bytes((0, 7, 0, 0, 0, 3, 1, 0x84, code))
    writer.close()


async def test_an_unknown_function_is_an_exception(running: RunningSite, site: Site) -> None:
    del site
    async with client_of(running.facts, "gas_tcp") as client:
        assert (await client.write_coil(0, True, device_id=1)).exception_code == 1


async def test_a_technician_adjusts_a_head_by_its_holding_registers(running: RunningSite, site: Site) -> None:
    """0x0200 zero in counts, 0x0201 span in thousandths; what it then says of the same gas."""
    site.set("ch4-2", 50)
    try:
        async with client_of(running.facts, "gas_tcp") as client:

            async def shown() -> int:
                counts: int = (await client.read_input_registers(0, count=1, device_id=3)).registers[0]
                return counts

            assert not (await client.write_register(0x0201, 600, device_id=3)).isError()
            assert await shown() == 300
            assert not (await client.write_registers(0x0200, [0xFFF6, 1000], device_id=3)).isError()
            assert await shown() == 490
            assert (await client.read_holding_registers(0x0200, count=2, device_id=3)).registers == [0xFFF6, 1000]
            state = site.state()["gas"]["ch4-2"]
            assert (state["value"], state["zero"], state["span"]) == (50, -10, 1000)
    finally:
        async with client_of(running.facts, "gas_tcp") as client:
            await client.write_registers(0x0200, [0, 1000], device_id=3)
        site.set("ch4-2", 0)


@pytest.mark.parametrize(
    ("address", "values", "code"),
    [(0, [1], 2), (0x01FF, [0, 1000], 2), (0x0201, [1000, 1], 2), (0x0201, [499], 3), (0x0200, [5, 2001], 3)],
)
async def test_a_wrong_adjustment_changes_nothing(
    running: RunningSite, site: Site, address: int, values: list[int], code: int
) -> None:
    async with client_of(running.facts, "gas_tcp") as client:
        assert (await client.write_registers(address, values, device_id=3)).exception_code == code
        if len(values) == 1:
            assert (await client.write_register(address, values[0], device_id=3)).exception_code == code
    assert (site.state()["gas"]["ch4-2"]["zero"], site.state()["gas"]["ch4-2"]["span"]) == (0, 1000)


async def test_a_unit_that_is_not_there_is_named_by_the_gateway_and_silent_on_the_line(
    running: RunningSite, site: Site
) -> None:
    del site
    async with client_of(running.facts, "gas_tcp") as client:
        assert (await read(client, unit_id=99)).exception_code == 11
    async with client_of(running.facts, "gas_rtu") as client:
        with pytest.raises(ModbusIOException):
            await read(client, unit_id=99)


@both_buses
@pytest.mark.parametrize("fault", ["silent", "wrong_unit", "crc", "garbage"])
async def test_no_usable_reply_arrives(running: RunningSite, site: Site, bus: str, name: str, fault: str) -> None:
    site.fault(name, fault)
    async with client_of(running.facts, bus) as client:
        with pytest.raises(ModbusIOException):
            await read(client)


@both_buses
async def test_an_exception_reply_names_device_failure(running: RunningSite, site: Site, bus: str, name: str) -> None:
    site.fault(name, "exception")
    async with client_of(running.facts, bus) as client:
        assert (await read(client)).exception_code == 4


@both_buses
async def test_a_reply_of_wrong_length_is_well_formed(running: RunningSite, site: Site, bus: str, name: str) -> None:
    site.fault(name, "wrong_count")
    async with client_of(running.facts, bus) as client:
        assert len((await read(client)).registers) == COUNT - 1


@both_buses
async def test_a_frozen_detector_keeps_answering_the_past(
    running: RunningSite, site: Site, bus: str, name: str
) -> None:
    site.fault(name, "frozen")
    async with client_of(running.facts, bus) as client:
        before = (await read(client)).registers
        site.set(name, 90)
        assert (await read(client)).registers == before
        site.fault(name, "none")
        assert (await read(client)).registers[0] != before[0]


@both_buses
async def test_the_detector_reports_its_own_fault(running: RunningSite, site: Site, bus: str, name: str) -> None:
    site.fault(name, "status_fault")
    async with client_of(running.facts, bus) as client:
        assert (await read(client)).registers[1] == 1


@pytest.mark.parametrize(("bus", "name", "top"), [("gas_tcp", "ch4-1", 1000), ("gas_rtu", "co-1", 500)])
async def test_over_range_is_pinned_to_the_end_of_range(
    running: RunningSite, site: Site, bus: str, name: str, top: int
) -> None:
    async with client_of(running.facts, bus) as client:
        site.fault(name, "over_range")
        assert (await read(client)).registers[:2] == [top, 2]
        site.fault(name, "none")
        site.set(name, 10_000)
        assert (await read(client)).registers[:2] == [top, 2]


async def test_a_dropped_tcp_link_refuses_until_it_is_mended(running: RunningSite, site: Site) -> None:
    where = running.facts["gas_tcp"]
    reader, writer = await asyncio.open_connection(where["host"], where["port"])
    site.fault("ch4-1", "link_drop")
    async with asyncio.timeout(2):
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
    writer.close()
    with pytest.raises(ConnectionError):
        await asyncio.open_connection(where["host"], where["port"])
    site.fault("ch4-1", "none")
    async with client_of(running.facts, "gas_tcp") as client:
        assert (await read(client)).registers[1] == 0


async def test_a_pulled_serial_converter_takes_the_line_away_and_brings_it_back(
    running: RunningSite, site: Site
) -> None:
    async with client_of(running.facts, "gas_rtu") as client:
        site.fault("co-1", "link_drop")
        with pytest.raises((ConnectionException, ModbusIOException)):
            await read(client, unit_id=2)
        site.fault("co-1", "none")
        await eventually(lambda: client.connected)
        assert (await read(client, unit_id=2)).registers[1] == 0


async def test_a_late_serial_reply_is_taken_for_the_answer_to_the_next_request(
    running: RunningSite, site: Site
) -> None:
    """The hazard that production must guard against: pymodbus hands out the value of one poll ago as fresh."""
    site.set("co-1", 5)
    site.fault("co-1", "late", 130)
    async with client_of(running.facts, "gas_rtu", timeout_s=0.12) as client:
        with pytest.raises(ModbusIOException):
            await read(client)
        site.set("co-1", 400)
        assert (await read(client)).registers[0] == 5


async def test_a_late_tcp_reply_carries_the_transaction_of_its_own_request(running: RunningSite, site: Site) -> None:
    """The first one's comes while the third is asked; a machine that is busy delays whoever waits, so all is long."""
    site.fault("ch4-1", "late", 1000)
    async with client_of(running.facts, "gas_tcp", 0.4) as client:
        for _ in range(4):
            with pytest.raises(ModbusIOException):
                await read(client)


async def test_one_dead_unit_slows_nobody_else_behind_the_same_port(running: RunningSite, site: Site) -> None:
    site.fault("ch4-1", "silent")
    async with client_of(running.facts, "gas_tcp", 1) as dead, client_of(running.facts, "gas_tcp", 1) as healthy:
        waiting = asyncio.create_task(read(dead))
        for _ in range(20):
            await read(healthy, unit_id=2)
        assert not waiting.done()
        with pytest.raises(ModbusIOException):
            await waiting


async def test_a_serial_transaction_takes_its_time_on_the_wire(running: RunningSite, site: Site) -> None:
    """8 + 17 characters of 11 bits at 9600 baud, 3.5 characters of silence and 5 ms of turnaround."""
    del site
    least_s = (8 + 17 + 3.5) * 11 / 9600 + 0.005
    async with client_of(running.facts, "gas_rtu") as client:
        started = asyncio.get_running_loop().time()
        await read(client)
        took_s = asyncio.get_running_loop().time() - started
    assert least_s - 0.001 <= took_s < least_s + 0.05


def test_the_crc_is_the_one_of_the_specification() -> None:
    """CRC-16/MODBUS of 123456789 is 4B37; the wire carries the low byte first."""
    assert crc16(b"123456789") == bytes((0x37, 0x4B))
