"""What msgspec decodes structs by is built in one thread, before there are others.

msgspec 0.22 builds a struct's decoding table when the struct is first decoded and lets other threads see it half built:
two threads that decode the same type for the first time at once end the whole process (segmentation fault; the tests
show it). A process with threads builds all tables first.
"""

import contextlib

import msgspec


def build_struct_types() -> int:
    """Build the table of every struct that is imported; gives how many. Call it before the first thread starts."""
    waiting: list[type] = list(msgspec.Struct.__subclasses__())
    built = 0
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        # What msgspec cannot decode (a callable in it, a type that is named for the type checker alone) nobody decodes.
        with contextlib.suppress(TypeError, NameError):
            msgspec.json.Decoder(kind)
            built += 1
    return built
