# Many small objects with links between them, made, sorted, dropped.
import random


class Node:
    def __init__(self, key, parent):
        self.key = key
        self.parent = parent
        self.children = []
        self.tags = {"key": key, "name": "node %d" % key}


def tree(count, rng):
    nodes = [Node(0, None)]
    for key in range(1, count):
        parent = nodes[rng.randrange(max(0, len(nodes) - 500), len(nodes))]
        node = Node(key, parent)
        parent.children.append(node)
        nodes.append(node)
    return nodes


rng = random.Random(1)
total = 0
for turn in range(2):
    nodes = tree(50_000, rng)
    nodes.sort(key=lambda node: node.tags["name"])
    total += sum(node.key for node in nodes[::7])
    for node in nodes:
        node.parent = None
print(total)
