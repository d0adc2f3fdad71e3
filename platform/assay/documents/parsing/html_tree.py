"""The HTML tree, walked without recursion: nesting 100,000 deep is ordinary input here."""

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from resiliparse.parse.html import ElementNode, Node


def attribute(node: "Node", name: str) -> str:
    """The attribute's value, empty without one. `node` is an element."""
    return cast("ElementNode", node).getattr(name) or ""


def has_attribute(node: "Node", name: str) -> bool:
    return cast("ElementNode", node).hasattr(name)


def has_attributes(node: "Node") -> bool:
    return bool(cast("ElementNode", node).attrs)


def walk(
    root: "Node", enter: Callable[["Node", str], bool], leave: Callable[["Node", str], None] | None = None
) -> None:
    """Call `enter(node, tag)` depth first for all below `root`; where it says True go inside, and `leave` after that.

    The tag of text is `#text`, of a comment `#comment`. Processing instructions (`<?php ... ?>`) are passed over: their
    tag is whatever name they give themselves.
    """
    from resiliparse.parse.html import NodeType

    pending: list[tuple[Node, bool]] = [(root, False)]
    while pending:
        node, is_leaving = pending.pop()
        tag = node.tag or ""
        if is_leaving:
            if leave is not None:
                leave(node, tag)
        elif node is root or (node.type != NodeType.PROCESSING_INSTRUCTION and enter(node, tag)):
            if node is not root:
                pending.append((node, True))
            child = node.last_child
            while child is not None:
                pending.append((child, False))
                child = child.prev
