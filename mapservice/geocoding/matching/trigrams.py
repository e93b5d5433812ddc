"""Names that share letter triples with a misspelt one: the first sieve of the typo search."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mapservice.geocoding.weights import TRIGRAM_FLOOR

RAREST = 9
"""Triples looked up of a text: its rarest; one typo spoils three, so the rest suffice."""

Posting = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class TrigramIndex:
    """Per letter triple, the names that hold it; `sizes` is each name's count of triples."""

    postings: Mapping[str, Posting]
    sizes: npt.NDArray[np.float32]

    @classmethod
    def build(cls, names: tuple[str, ...]) -> "TrigramIndex":
        postings: dict[str, list[int]] = defaultdict(list)
        sizes = np.ones(len(names), dtype=np.float32)
        for i, name in enumerate(names):
            found = trigrams(name)
            sizes[i] = max(1, len(found))
            for triple in found:
                postings[triple].append(i)
        return cls({t: np.array(ids, dtype=np.int32) for t, ids in postings.items()}, sizes)

    def nearest(self, text: str, count: int = 24) -> list[int]:
        """Ids of the names nearest by Dice's coefficient of shared triples, best first."""
        wanted = trigrams(text)
        known = [self.postings[triple] for triple in wanted if triple in self.postings]
        lists = sorted(known, key=len)[:RAREST]
        if not lists:
            return []
        ids, shared = np.unique(np.concatenate(lists), return_counts=True)
        likely = shared >= min(2, len(lists))
        ids, shared = ids[likely], shared[likely]
        dice = 2.0 * shared / (self.sizes[ids] + len(wanted))
        ranked = np.argsort(-dice, kind="stable")[:count]
        return [int(ids[i]) for i in ranked if dice[i] >= TRIGRAM_FLOOR]


def trigrams(name: str) -> frozenset[str]:
    """Triples of a compact name, its two ends marked, so that short names have some too."""
    padded = f"^{name}$"
    return frozenset(padded[i : i + 3] for i in range(len(padded) - 2))
