"""Tiny ONNX networks, written byte by byte: the real weights can be had from no package, so none is tested here.

They have the inputs and outputs of the real ones and answer by brightness. They prove that files are loaded, fed and
read as they should be; they know nothing of faces.
"""

import struct

import numpy as np

FLOAT, INT64 = 1, 7


def _varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _number(field, value):
    return _varint(field << 3) + _varint(value)


def _bytes(field, value):
    value = value.encode() if isinstance(value, str) else value
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def tensor(name, values):
    array = np.asarray(values)
    kind = INT64 if array.dtype == np.int64 else FLOAT
    raw = array.astype("<i8" if kind == INT64 else "<f4").tobytes()
    dims = b"".join(_number(1, size) for size in array.shape)
    return dims + _number(2, kind) + _bytes(8, name) + _bytes(9, raw)


def _attribute(name, value):
    if isinstance(value, float):
        return _bytes(1, name) + _varint(2 << 3 | 5) + struct.pack("<f", value) + _number(20, 1)
    if isinstance(value, int):
        return _bytes(1, name) + _number(3, value) + _number(20, 2)
    return _bytes(1, name) + b"".join(_number(8, each) for each in value) + _number(20, 7)


def node(kind, inputs, output, **attributes):
    parts = [_bytes(1, name) for name in inputs] + [_bytes(2, output), _bytes(3, output), _bytes(4, kind)]
    return b"".join([*parts, *(_bytes(5, _attribute(key, value)) for key, value in attributes.items())])


def _value(name, shape):
    dims = b"".join(_bytes(1, _number(1, size)) for size in shape)
    return _bytes(1, name) + _bytes(2, _bytes(1, _number(1, FLOAT) + _bytes(2, dims)))


def model(nodes, tensors, shape, outputs):
    """A whole file; `outputs` are names with shapes."""
    graph = b"".join(_bytes(1, each) for each in nodes) + _bytes(2, "tiny")
    graph += b"".join(_bytes(5, each) for each in tensors) + _bytes(11, _value("input", shape))
    graph += b"".join(_bytes(12, _value(name, size)) for name, size in outputs)
    return _number(1, 8) + _bytes(2, "tests") + _bytes(7, graph) + _bytes(8, _bytes(1, "") + _number(2, 13))


def describer(length, seed=1):
    """112x112 to `length` numbers: brightness of 7x7 fields, mixed."""
    mixing = np.random.default_rng(seed).normal(0, 0.02, (length, 3, 7, 7)).astype(np.float32)
    nodes = [
        node("AveragePool", ["input"], "fields", kernel_shape=[16, 16], strides=[16, 16]),
        node("Conv", ["fields", "mixing"], "mixed", kernel_shape=[7, 7]),
        node("Flatten", ["mixed"], "answer", axis=1),
    ]
    return model(nodes, [tensor("mixing", mixing)], (1, 3, 112, 112), [("answer", (1, length))])


def passive():
    """80x80 to three answers; the second, "alive", rises with brightness."""
    weights = np.zeros((3, 3, 1, 1), np.float32)
    weights[1] = 0.02
    nodes = [
        node("AveragePool", ["input"], "mean", kernel_shape=[80, 80], strides=[80, 80]),
        node("Conv", ["mean", "weights"], "answers", kernel_shape=[1, 1]),
        node("Flatten", ["answers"], "answer", axis=1),
    ]
    return model(nodes, [tensor("weights", weights)], (1, 3, 80, 80), [("answer", (1, 3))])


EYES_MOUTH = ((-0.8, -0.6), (0.8, -0.6), (0.0, 0.2), (-0.6, 1.0), (0.6, 1.0))
"""Eyes, nose and mouth around the middle of a white field, in fields of 32 pixels."""


def detector():
    """With YuNet's outputs: a face wherever a field of 32x32 pixels is white."""
    nodes, tensors, outputs = [], [], []
    for stride in (8, 16, 32):
        nodes.append(node("AveragePool", ["input"], f"mean_{stride}", kernel_shape=[stride] * 2, strides=[stride] * 2))
        white = np.full((1, 3, 1, 1), 1 / 3 / 255 if stride == 32 else 0, np.float32)
        around = np.array([0.5 + part for place in EYES_MOUTH for part in place], np.float32)
        size = np.log(np.array([2.2, 2.8], np.float32))
        for what, width, weights, bias in (
            ("cls", 1, white, [0.0 if stride == 32 else -1.0]),
            ("obj", 1, white, [0.0 if stride == 32 else -1.0]),
            ("bbox", 4, np.zeros((4, 3, 1, 1), np.float32), [0.5, 0.5, *size]),
            ("kps", 10, np.zeros((10, 3, 1, 1), np.float32), around),
        ):
            name = f"{what}_{stride}"
            tensors += [
                tensor(f"{name}_w", weights), tensor(f"{name}_b", np.array(bias, np.float32)),
                tensor(f"{name}_s", np.array([1, -1, width], np.int64)),
            ]  # fmt: skip
            nodes += [
                node("Conv", [f"mean_{stride}", f"{name}_w", f"{name}_b"], f"{name}_map", kernel_shape=[1, 1]),
                node("Transpose", [f"{name}_map"], f"{name}_rows", perm=[0, 2, 3, 1]),
                node("Reshape", [f"{name}_rows", f"{name}_s"], name),
            ]
            outputs.append((name, (1, (320 // stride) ** 2, width)))
    return model(nodes, tensors, (1, 3, 320, 320), outputs)
