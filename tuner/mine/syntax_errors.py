"""Say how much of a text its grammar could not place.

In: a tree and the bytes that it counts in. Out: the share of bytes that lie in errors. Only nodes that hold an error
are looked into: a query for errors goes through all the sound code as well, which takes five times as long.
"""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node, Tree


def error_share(tree: Tree, data: bytes) -> float:
    """Give the share of bytes that the grammar could not place."""
    if not tree.root_node.has_error or not data:
        return 0.0
    covered = reached = 0
    for start, end in sorted((node.start_byte, node.end_byte) for node in errors(tree)):
        covered += max(0, end - max(start, reached))
        reached = max(reached, end)
    return covered / len(data)


def errors(tree: Tree) -> Iterator[Node]:
    """Yield the nodes of errors, in no fixed order."""
    waiting = [tree.root_node]
    while waiting:
        node = waiting.pop()
        if node.is_error:
            yield node
        waiting += [child for child in node.children if child.has_error or child.is_error]
