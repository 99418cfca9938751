"""An Isolation Forest as plain arrays: fitted by scikit-learn, kept in an npz that holds numbers only."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

EULER = 0.5772156649015329
CHUNK = 4096  # rows walked through the trees at once


@dataclass(frozen=True)
class Forest:
    """Trees side by side, each padded to the same number of nodes.

    Attributes:
        column: (trees, nodes) column that a node asks for, -1 in leaves.
        limit: (trees, nodes) values up to this go left.
        left, right: (trees, nodes) next nodes; a leaf points to itself.
        length: (trees, nodes) expected path length at a leaf.
        normal: path length of an ordinary row, by which the mean length is divided.
        steps: depth of the deepest tree.
    """

    column: np.ndarray
    limit: np.ndarray
    left: np.ndarray
    right: np.ndarray
    length: np.ndarray
    normal: float
    steps: int

    def score(self, values: np.ndarray) -> np.ndarray:
        """Anomaly scores between 0 and 1 of rows; values (rows, columns) -> (rows,)."""
        values = np.asarray(values, np.float32)
        parts = [self._score(values[start : start + CHUNK]) for start in range(0, len(values), CHUNK)]
        return np.concatenate(parts) if parts else np.empty(0)

    def _score(self, values: np.ndarray) -> np.ndarray:
        trees, nodes = self.column.shape
        offset = np.arange(trees) * nodes
        column, limit, left, right = (part.ravel() for part in (self.column, self.limit, self.left, self.right))
        at = np.broadcast_to(offset, (len(values), trees)).copy()
        rows = np.arange(len(values))[:, None]
        for _ in range(self.steps):
            goes_left = values[rows, column[at]] <= limit[at]
            at = np.where(goes_left, left[at], right[at]) + offset
        depth = self.length.ravel()[at].sum(1)
        return 2.0 ** -(depth / (trees * self.normal))


def grow(values: np.ndarray, trees: int, samples: int, seed: int, jobs: int) -> Forest:
    """Fit an Isolation Forest to rows; values (rows, columns)."""
    from sklearn.ensemble import IsolationForest

    samples = min(samples, len(values))
    fitted = IsolationForest(n_estimators=trees, max_samples=samples, random_state=seed, n_jobs=jobs)
    fitted.fit(np.asarray(values, np.float32))
    parts = [tree.tree_ for tree in fitted.estimators_]
    nodes = max(tree.node_count for tree in parts)
    column, left, right = (np.zeros((trees, nodes), np.int32) for _ in range(3))
    limit, length = np.full((trees, nodes), np.inf), np.zeros((trees, nodes))
    for row, tree in enumerate(parts):
        here, leaf = slice(tree.node_count), tree.children_left < 0
        own = np.arange(tree.node_count)
        column[row, here] = np.where(leaf, 0, tree.feature)
        limit[row, here] = np.where(leaf, np.inf, tree.threshold)
        left[row, here] = np.where(leaf, own, tree.children_left)
        right[row, here] = np.where(leaf, own, tree.children_right)
        length[row, here] = _depths(tree) + _expected(tree.n_node_samples)
    steps = max(tree.max_depth for tree in parts)
    return Forest(column, limit, left, right, length, float(_expected(np.array([samples]))[0]), steps)


def _depths(tree) -> np.ndarray:
    depths = np.zeros(tree.node_count)
    for node in range(tree.node_count):  # children come after their parent
        if tree.children_left[node] >= 0:
            depths[[tree.children_left[node], tree.children_right[node]]] = depths[node] + 1
    return depths


def _expected(n: np.ndarray) -> np.ndarray:
    """Mean path length of a search that fails in a binary tree of n rows."""
    n = np.asarray(n, float)
    many = 2 * (np.log(np.maximum(n - 1, 1)) + EULER) - 2 * (n - 1) / np.maximum(n, 1)
    return np.where(n <= 1, 0.0, np.where(n == 2, 1.0, many))


def save(forest: Forest, path: Path) -> None:
    """Write the arrays; thresholds keep all their digits so that a loaded forest gives the same scores."""
    arrays = {name: getattr(forest, name) for name in ("column", "limit", "left", "right", "length")}
    arrays["column"] = arrays["column"].astype(np.int16)
    np.savez_compressed(path, **arrays, normal=forest.normal, steps=forest.steps)


def load(path: Path) -> Forest:
    """Read the arrays of ``save``; pickled content is refused."""
    with np.load(path, allow_pickle=False) as arrays:
        parts = {name: arrays[name] for name in ("column", "limit", "left", "right", "length")}
        parts["column"] = parts["column"].astype(np.int32)
        return Forest(**parts, normal=float(arrays["normal"]), steps=int(arrays["steps"]))
