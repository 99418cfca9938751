"""An Isolation Forest as plain arrays: fitted by scikit-learn, stored as an npz without pickle."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

CHUNK = 4096  # rows that go through the trees at once


@dataclass(frozen=True)
class Forest:
    """Trees side by side, each padded to the same number of nodes. Names as of scikit-learn's ``Tree``.

    Attributes:
        feature: (trees, nodes) feature that a node splits on, 0 in leaves.
        threshold: (trees, nodes) values up to this go left; infinite in leaves.
        children_left, children_right: (trees, nodes) next nodes; a leaf points to itself.
        path_length: (trees, nodes) expected path length at a leaf.
        average_path_length: path length of an ordinary row, by which the mean length is divided.
        max_depth: depth of the deepest tree.
    """

    feature: np.ndarray
    threshold: np.ndarray
    children_left: np.ndarray
    children_right: np.ndarray
    path_length: np.ndarray
    average_path_length: float
    max_depth: int

    def score(self, values: np.ndarray) -> np.ndarray:
        """Anomaly scores between 0 and 1, ``-score_samples`` of scikit-learn; (rows, features) -> (rows,)."""
        values = np.asarray(values, np.float32)
        parts = [self._score(values[start : start + CHUNK]) for start in range(0, len(values), CHUNK)]
        return np.concatenate(parts) if parts else np.empty(0)

    def _score(self, values: np.ndarray) -> np.ndarray:
        trees, nodes = self.feature.shape
        offset = np.arange(trees) * nodes
        feature, threshold = self.feature.ravel(), self.threshold.ravel()
        left, right = self.children_left.ravel(), self.children_right.ravel()
        node = np.broadcast_to(offset, (len(values), trees)).copy()
        rows = np.arange(len(values))[:, None]
        for _ in range(self.max_depth):
            goes_left = values[rows, feature[node]] <= threshold[node]
            node = np.where(goes_left, left[node], right[node]) + offset
        depth = self.path_length.ravel()[node].sum(1)
        return 2.0 ** -(depth / (trees * self.average_path_length))


def fit(values: np.ndarray, n_estimators: int, max_samples: int, random_state: int, n_jobs: int) -> Forest:
    """Fit an Isolation Forest to rows, (rows, features); arguments as of scikit-learn's ``IsolationForest``."""
    from sklearn.ensemble import IsolationForest

    max_samples = min(max_samples, len(values))
    fitted = IsolationForest(
        n_estimators=n_estimators, max_samples=max_samples, random_state=random_state, n_jobs=n_jobs
    )
    fitted.fit(np.asarray(values, np.float32))
    trees = [tree.tree_ for tree in fitted.estimators_]
    shape = (n_estimators, max(tree.node_count for tree in trees))
    feature, left, right = (np.zeros(shape, np.int32) for _ in range(3))
    threshold, path_length = np.full(shape, np.inf), np.zeros(shape)
    for row, tree in enumerate(trees):
        nodes, is_leaf = np.arange(tree.node_count), tree.children_left < 0
        feature[row, nodes] = np.where(is_leaf, 0, tree.feature)
        threshold[row, nodes] = np.where(is_leaf, np.inf, tree.threshold)
        left[row, nodes] = np.where(is_leaf, nodes, tree.children_left)
        right[row, nodes] = np.where(is_leaf, nodes, tree.children_right)
        path_length[row, nodes] = _node_depths(tree) + average_path_length(tree.n_node_samples)
    average = float(average_path_length(np.array([max_samples]))[0])
    return Forest(feature, threshold, left, right, path_length, average, max(tree.max_depth for tree in trees))


def average_path_length(n: np.ndarray) -> np.ndarray:
    """Mean path length of an unsuccessful search in a binary tree of n rows (Liu, Ting and Zhou 2008, equation 1)."""
    n = np.asarray(n, float)
    harmonic = np.log(np.maximum(n - 1, 1)) + np.euler_gamma
    many = 2 * harmonic - 2 * (n - 1) / np.maximum(n, 1)
    return np.where(n <= 1, 0.0, np.where(n == 2, 1.0, many))


def save(forest: Forest, path: Path) -> None:
    """Write the arrays; thresholds keep all their digits so that a loaded forest gives the same scores."""
    arrays: dict[str, Any] = vars(forest) | {"feature": forest.feature.astype(np.int16)}
    np.savez_compressed(path, **arrays)


def load(path: Path) -> Forest:
    """Read the arrays of ``save``; pickled content is refused."""
    with np.load(path, allow_pickle=False) as arrays:
        parts: dict[str, Any] = {name: arrays[name] for name in Forest.__dataclass_fields__}
    parts["feature"] = parts["feature"].astype(np.int32)
    parts["average_path_length"] = float(parts["average_path_length"])
    parts["max_depth"] = int(parts["max_depth"])
    return Forest(**parts)


def _node_depths(tree: Any) -> np.ndarray:
    """Depth of every node of a fitted ``Tree``."""
    depths = np.zeros(tree.node_count)
    for node in range(tree.node_count):  # children come after their parent
        if tree.children_left[node] >= 0:
            depths[[tree.children_left[node], tree.children_right[node]]] = depths[node] + 1
    return depths
