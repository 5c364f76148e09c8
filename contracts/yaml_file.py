"""YAML as box and bridge read it: a key stands once. Plain YAML lets the last of two equal keys win in silence."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from contracts.errors import ContractError

if TYPE_CHECKING:
    from yaml.nodes import Node


def load(text: str, origin: str, hint: str = "") -> object:
    """Read one YAML document; `origin` names the file in errors, `hint` says where to look when it is not YAML.

    Returns:
        What the document holds; ``None`` when it is empty.

    Raises:
        ContractError: it is not YAML, or a mapping has a key twice; both name the line.
    """
    import yaml

    loader = None
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        if root is None:
            return None
        _refuse_twice(root, origin)
        found: object = loader.construct_document(root)
    except ContractError:
        raise
    # ValueError: a scalar that is none, such as the date 2026-13-01; KeyError: one tagged !!bool; both by PyYAML.
    except (yaml.YAMLError, RecursionError, ValueError, KeyError) as error:
        said = " ".join(str(error).split()).replace('in "<unicode string>", ', "at ")
        raise ContractError(origin, "YAML", said, hint) from error
    else:
        return found
    finally:
        if loader is not None:
            loader.dispose()


def _refuse_twice(root: "Node", origin: str) -> None:
    for path, first, again in _twice(root, "", set()):
        raise ContractError(
            path,
            f"each key once in {origin}",
            f"it on line {first} and again on line {again}",
            "only one of the two can be meant: delete the other",
        )


def _twice(node: "Node", path: str, seen: set[int]) -> Iterator[tuple[str, int, int]]:
    """Every key that stands twice in its mapping: its path, the line of the first and of the second, from one."""
    import yaml

    if id(node) in seen:  # an alias, already looked at; it may even contain itself
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        lines: dict[tuple[str, str], int] = {}
        for key, value in node.value:
            below = f"{path}.{key.value}" if path else str(key.value)
            name, line = (key.tag, str(key.value)), key.start_mark.line + 1
            if name in lines:
                yield below, lines[name], line
            lines[name] = line
            yield from _twice(value, below, seen)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _twice(item, f"{path}[{index}]", seen)
