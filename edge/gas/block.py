"""What one request covers: channels and sensors that share a unit and its block of registers are read once a cycle."""

import msgspec

from edge.config import Block, BoxConfig
from edge.gas.decoding import needed, profile_of
from edge.gas.profile import Function

TAG_LENGTHS = 4
"""Read lengths rotate over n..n+3: a reply to one of the three requests before cannot pass as this one's."""


class BlockRead(msgspec.Struct, frozen=True):
    """One request of a cycle.

    `lengths` are the register counts that may be asked for: four where the device has three registers more than are
    needed, else as many as it has.
    """

    unit_id: int
    function: Function
    register: int
    profile: str
    blocks: tuple[Block, ...]
    lengths: tuple[int, ...]


def reads(config: BoxConfig, bus: str) -> tuple[BlockRead, ...]:
    """Every block of a bus, gas channels first, in the order of the configuration."""
    shared: dict[tuple[int, Function, int, str], list[Block]] = {}
    for block in config.blocks:
        if block.bus == bus:
            shared.setdefault((block.unit_id, block.function, block.register, block.profile), []).append(block)
    return tuple(BlockRead(*where, tuple(blocks), _lengths(blocks)) for where, blocks in shared.items())


def _lengths(blocks: list[Block]) -> tuple[int, ...]:
    count = max(needed(block) for block in blocks)
    last = min(count + TAG_LENGTHS - 1, profile_of(blocks[0]).readable)
    return tuple(range(count, last + 1))
