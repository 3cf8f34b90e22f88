"""A test set to score: about 20 words an utterance, about 10 % word errors, always the same for the same numbers."""

from __future__ import annotations

import random
from collections.abc import Iterator

_CONSONANTS, _VOWELS = "bcdfghjklmnprstvw", "aeiou"
_LEXICON = 20_000


def utterances(count: int, *, words: int = 20, seed: int = 1) -> Iterator[tuple[str, str, str, str]]:
    """Yield (utterance id, speaker id, reference, hypothesis)."""
    rng = random.Random(seed)
    lexicon = [
        "".join(rng.choice(_CONSONANTS) + rng.choice(_VOWELS) for _ in range(rng.choice([1, 1, 2, 2, 2, 3, 3, 4, 5])))
        for _ in range(_LEXICON)
    ]
    frequencies = [0.0]
    for rank in range(_LEXICON):
        frequencies.append(frequencies[-1] + 1 / (rank + 10))
    for index in range(count):
        size = max(1, round(rng.gauss(words, 0.3 * words)))
        reference = rng.choices(lexicon, cum_weights=frequencies[1:], k=size)
        speaker = f"spk{index % max(2, count // 100):05d}"
        yield f"{speaker}-{index:07d}", speaker, " ".join(reference), " ".join(_recognised(reference, lexicon, rng))


def _recognised(reference: list[str], lexicon: list[str], rng: random.Random) -> Iterator[str]:
    for word in reference:
        chance = rng.random()
        if chance < 0.065:
            yield rng.choice(lexicon)
        elif chance < 0.085:
            continue
        else:
            yield word
            if chance > 0.985:
                yield rng.choice(lexicon)
