"""A tokenizer and word vectors from the documentation that installed libraries carry in their docstrings.

224 questions are too few to learn, for example, that a median is a quantile. The docstrings of ``mini``'s libraries
contain such facts, and every machine that can train the checkpoint has them.
"""

import ast
import importlib.util
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

LIBRARIES = ("torch", "transformers", "numpy", "scipy", "pandas")
END = "<|end|>"
_LEAST_CHARACTERS = 40
# Tokens at most this far apart count as neighbours, with a weight that falls with the distance.
_WINDOW = 8
# How often the few texts of `mini` are repeated among the many docstrings.
_WEIGHT = 40


def docstrings() -> list[str]:
    """The docstrings of the standard library and of ``LIBRARIES``, each once, in the order of the files' names."""
    roots = [Path(sysconfig.get_path("stdlib"))]
    for name in LIBRARIES:
        spec = importlib.util.find_spec(name)
        roots += [Path(spec.origin).parent] if spec and spec.origin else []
    return list(dict.fromkeys(text for root in roots for text in _docstrings(root)))


def _docstrings(root: Path) -> Iterator[str]:
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).parts
        if any(part.startswith("test") or part in ("site-packages", "idlelib") for part in parts):
            continue
        try:
            nodes = list(ast.walk(ast.parse(path.read_bytes())))
        except (SyntaxError, ValueError):
            continue
        for node in nodes:
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                text = ast.get_docstring(node) or ""
                if len(text) >= _LEAST_CHARACTERS:
                    yield text


def learn_tokenizer(texts: Sequence[str], own: Sequence[str], size: int) -> Any:
    """A byte-level BPE tokenizer.

    Args:
        texts: of the docstrings.
        own: texts of the benchmark's training part.
        size: of the vocabulary; ``END`` is its token 0.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([*texts, *list(own) * _WEIGHT], trainer)
    return tokenizer


def learn_vectors(encoded: Sequence[Sequence[int]], size: int, width: int) -> "np.ndarray[Any, Any]":
    """Word vectors: the positive pointwise mutual information of neighbours, factored.

    Levy, Goldberg & Dagan, "Improving Distributional Similarity with Lessons Learned from Word Embeddings", TACL 2015:
    contexts smoothed by the power 0.75, singular values by 0.5.

    Args:
        encoded: texts as token ids.
        size: of the vocabulary.
        width: of a vector.

    Returns:
        Of shape (size, width), rows of length 1.
    """
    import numpy as np
    from scipy.sparse import coo_matrix, csr_matrix
    from scipy.sparse.linalg import svds

    gap = [-1] * _WINDOW
    stream = np.concatenate([np.asarray([*text, *gap], dtype=np.int32) for text in encoded])
    counts: Any = csr_matrix((size, size))
    for distance in range(1, _WINDOW + 1):
        left, right = stream[:-distance], stream[distance:]
        both = (left >= 0) & (right >= 0)
        weights = np.full(both.sum(), distance**-0.5)
        counts += coo_matrix((weights, (left[both], right[both])), shape=(size, size)).tocsr()
    pairs = (counts + counts.T).tocoo()
    words = np.bincount(pairs.row, pairs.data, minlength=size)
    contexts = words**0.75 / (words**0.75).sum()
    information = np.log(pairs.data / (words[pairs.row] * contexts[pairs.col]))
    positive = information > 0
    matrix = csr_matrix((information[positive], (pairs.row[positive], pairs.col[positive])), shape=(size, size))
    start = np.random.default_rng(0).standard_normal(size)
    left, values, _ = svds(matrix, k=width, v0=start)
    vectors = left * np.sqrt(values)
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9), dtype=np.float32)
