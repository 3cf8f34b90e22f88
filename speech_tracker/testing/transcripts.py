"""Made-up transcripts of a made-up test set: for tests, benchmarks and examples that need no audio."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

_FUNCTION_WORDS = "the of and to a in that it was he for on with as his they be at one have this"
_ONSETS = "b br c ch d dr f fl g gr h j k l m n p pr qu r s sh st t th tr v w"
_RHYMES = "ab ack ade ail ain ake all an and ar ast at ate ay ed een ell en ent er est ick ight ill in ing ore un"


@dataclass(frozen=True, slots=True)
class SyntheticSet:
    """References, the speaker of each, and what some systems made of them.

    Attributes:
        references: utterance id → text.
        speakers: utterance id → speaker id.
        systems: for each system, utterance id → text.
    """

    references: dict[str, str]
    speakers: dict[str, str]
    systems: list[dict[str, str]]


def make_test_set(
    *,
    utterances: int = 200,
    speakers: int = 20,
    error_rates: Sequence[float] = (0.1, 0.08),
    shared: float = 0.6,
    spread: float = 0.5,
    seed: int = 0,
) -> SyntheticSet:
    """Make a test set in which speakers differ and systems fail at the same words.

    Args:
        utterances: how many; about 20 words each, some of a single word.
        speakers: how many; utterances are dealt out to them unevenly.
        error_rates: about the error rate of each system, as fractions.
        shared: how much of a system's errors lie where the others fail as well, from 0 to 1.
        spread: how much the speakers' error rates differ, from 0 (not at all) to 1.
        seed: the same seed gives the same test set.
    """
    draw = random.Random(seed)
    onsets, rhymes = _ONSETS.split(), _RHYMES.split()
    vocabulary = _FUNCTION_WORDS.split() + sorted({draw.choice(onsets) + draw.choice(rhymes) for _ in range(900)})
    weights = [1 / (rank + 2) for rank in range(len(vocabulary))]
    difficulty = [draw.gammavariate(1 / spread**2, spread**2) if spread else 1.0 for _ in range(speakers)]
    references: dict[str, str] = {}
    owners: dict[str, str] = {}
    systems: list[dict[str, str]] = [{} for _ in error_rates]
    for number in range(utterances):
        speaker = min(int(draw.random() ** 1.3 * speakers), speakers - 1)
        utterance = f"spk{speaker:03d}-{number:06d}"
        words = draw.choices(vocabulary, weights, k=max(1, int(draw.gauss(20, 9))))
        references[utterance] = " ".join(words)
        owners[utterance] = f"spk{speaker:03d}"
        hard = [draw.random() for _ in words]
        for rate, texts in zip(error_rates, systems, strict=True):
            texts[utterance] = " ".join(_recognise(draw, words, hard, rate * difficulty[speaker], shared, vocabulary))
    return SyntheticSet(references, owners, systems)


def _recognise(
    draw: random.Random, words: list[str], hard: list[float], rate: float, shared: float, vocabulary: list[str]
) -> list[str]:
    heard: list[str] = []
    for word, hardness in zip(words, hard, strict=True):
        luck = hardness if draw.random() < shared else draw.random()
        if luck >= rate:
            heard.append(word)
            continue
        kind = draw.random()
        if kind < 0.65:
            heard.append(draw.choice(vocabulary))
        elif kind < 0.83:
            heard += [word, draw.choice(vocabulary)]
    return heard
