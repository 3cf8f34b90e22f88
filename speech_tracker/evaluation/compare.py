"""All tests on two or more systems at once, with the p values corrected for the number of comparisons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

from speech_tracker.errors import InvalidArgumentError
from speech_tracker.evaluation.counts import ErrorCounts
from speech_tracker.evaluation.detectable import Detectable, detectable_between
from speech_tracker.evaluation.interval import Interval, Method, check_arguments
from speech_tracker.evaluation.mapsswe import Mapsswe, segment_errors, test_segments
from speech_tracker.evaluation.mcnemar import McNemar, mcnemar_of
from speech_tracker.evaluation.multiple import benjamini_hochberg, holm
from speech_tracker.evaluation.paired_bootstrap import PairedInterval, Resamples, resample_systems
from speech_tracker.evaluation.pairing import pair
from speech_tracker.evaluation.wilcoxon import (
    Friedman,
    SignTest,
    Wilcoxon,
    friedman_of_rates,
    sign_test_of_rates,
    speaker_rates,
    wilcoxon_of_rates,
)

if TYPE_CHECKING:
    from speech_tracker.evaluation.result import Evaluation


@dataclass(frozen=True, slots=True)
class SystemScore:
    """One of the systems compared.

    Attributes:
        name: as given.
        counts: over the common utterances.
        interval: of its error rate.
    """

    name: str
    counts: ErrorCounts
    interval: Interval


@dataclass(frozen=True, slots=True)
class PairComparison:
    """Two systems and the tests on them.

    Attributes:
        a: name of the first system.
        b: name of the second.
        mapsswe: matched-pairs sentence-segment word-error test.
        bootstrap: difference of the error rates, b minus a, with interval and probability of improvement.
        mcnemar: on sentences.
        wilcoxon: over speakers; None where they are not known.
        sign: over speakers; None where they are not known.
        detectable: smallest difference that this pair of systems on this test set would show; None for one block.
        corrected: test → ``holm`` or ``benjamini_hochberg`` → p value corrected for all pairs compared.
    """

    a: str
    b: str
    mapsswe: Mapsswe
    bootstrap: PairedInterval
    mcnemar: McNemar
    wilcoxon: Wilcoxon | None
    sign: SignTest | None
    detectable: Detectable | None
    corrected: Mapping[str, Mapping[str, float]]

    def tests(self) -> dict[str, Any]:
        """Return the tests by name, each with its p value and the corrected ones, for JSON."""
        found: dict[str, Any] = {}
        for name in _TESTS:
            result = getattr(self, name)
            if result is None:
                found[name] = None
                continue
            corrected = {f"p_{kind}": p for kind, p in self.corrected.get(name, {}).items()}
            found[name] = {**result.as_dict(), **corrected}
        found["minimum_detectable_difference"] = None if self.detectable is None else self.detectable.as_dict()
        return found


RATE_KEYS = {"word": "wer", "char": "cer", "mixed": "mixed_error_rate"}
"""Unit → what its error rate is called in JSON."""

_TESTS = ("mapsswe", "bootstrap", "mcnemar", "wilcoxon", "sign")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two or more systems on one test set.

    Attributes:
        systems: in the order given.
        pairs: every pair of them, in that order.
        friedman: are they all the same, over speakers? None for two systems or unknown speakers.
        utterances: how many common utterances were compared.
        speakers: how many speakers, None where unknown.
        left_out: utterances that not every system has.
        unit: what was counted.
        alignment: how.
        normalizer: after which normalisation.
    """

    systems: tuple[SystemScore, ...]
    pairs: tuple[PairComparison, ...]
    friedman: Friedman | None
    utterances: int
    speakers: int | None
    left_out: int
    unit: str
    alignment: str
    normalizer: str

    @property
    def warnings(self) -> tuple[str, ...]:
        """Everything a reader must know before trusting the numbers, once each."""
        found = [system.interval.warning for system in self.systems]
        for each in self.pairs:
            named = each.mapsswe.warning
            found += [each.bootstrap.warning, named and f"MAPSSWE of {each.a} and {each.b}: {named}"]
        return tuple(dict.fromkeys(warning for warning in found if warning))

    def as_dict(self) -> dict[str, Any]:
        """Return everything for JSON; with two systems the tests stand at the top level, otherwise under ``pairs``."""
        rate = RATE_KEYS[self.unit]
        document: dict[str, Any] = {
            "unit": self.unit,
            "alignment": self.alignment,
            "normalizer": self.normalizer,
            "utterances": self.utterances,
            "speakers": self.speakers,
            "left_out": self.left_out,
            "systems": [
                {
                    "name": system.name,
                    rate: system.counts.error_rate,
                    f"{rate}_ci": system.interval.as_dict(),
                    "sentence_error_rate": system.counts.sentence_error_rate,
                    **system.counts.as_dict(),
                }
                for system in self.systems
            ],
            "warnings": list(self.warnings),
        }
        if len(self.systems) == 2:
            document |= {"a": self.pairs[0].a, "b": self.pairs[0].b, **self.pairs[0].tests()}
        else:
            document["pairs"] = [{"a": each.a, "b": each.b, **each.tests()} for each in self.pairs]
            document["friedman"] = None if self.friedman is None else self.friedman.as_dict()
        return document


def compare(
    evaluations: Mapping[str, Evaluation],
    *,
    level: float = 0.95,
    replications: int = 10_000,
    seed: int = 0,
    method: Method = "percentile",
    block: str | None = "auto",
    speakers: str = "speaker_id",
    common: bool = False,
) -> Comparison:
    """Compare systems on one test set, each with each other.

    Args:
        evaluations: name of the system → its evaluation.
        level: nominal coverage of the intervals.
        replications: how many bootstrap resamples; the same blocks are drawn for all systems.
        seed: of the resampling.
        method: of the intervals; see `bootstrap_interval`.
        block: what to resample; see `bootstrap_interval`.
        speakers: the attribute over which the Wilcoxon, sign and Friedman tests are made, where it is there.
        common: compare the utterances that all systems have; see `pair`.

    Raises:
        InvalidArgumentError: fewer than two systems, or an argument cannot be taken as it is.
        ScoringError: the systems cannot be compared.
    """
    if len(evaluations) < 2:
        raise InvalidArgumentError(f"nothing to compare: got {len(evaluations)} systems, expected two or more")
    check_arguments(level, replications, method)
    names = list(evaluations)
    paired = pair(*evaluations.values(), common=common)
    resamples = resample_systems(paired, replications=replications, seed=seed, block=block)
    rates = speaker_rates(paired, speakers) if any(speakers in e.attributes for e in evaluations.values()) else None
    if rates is not None and len(rates) < 2:
        rates = None
    pairs = []
    for a, b in combinations(range(len(names)), 2):
        pairs.append(
            PairComparison(
                a=names[a],
                b=names[b],
                mapsswe=test_segments(segment_errors(paired, a, b)),
                bootstrap=resamples.difference(a, b, level=level, method=method),
                mcnemar=mcnemar_of(paired, a, b),
                wilcoxon=None if rates is None else wilcoxon_of_rates(rates[:, a], rates[:, b]),
                sign=None if rates is None else sign_test_of_rates(rates[:, a], rates[:, b]),
                detectable=_detectable(resamples, a, b, level),
                corrected={},
            )
        )
    first = paired.evaluations[0]
    return Comparison(
        systems=tuple(
            SystemScore(
                name,
                ErrorCounts.from_table(paired.table(number)),
                resamples.interval(number, level=level, method=method),
            )
            for number, name in enumerate(names)
        ),
        pairs=tuple(_correct(pairs)),
        friedman=friedman_of_rates(rates) if rates is not None and len(names) > 2 else None,
        utterances=len(paired),
        speakers=None if rates is None else len(rates),
        left_out=paired.left_out,
        unit=first.unit,
        alignment=first.alignment,
        normalizer=first.normalizer.name,
    )


def _detectable(resamples: Resamples, first: int, second: int, level: float) -> Detectable | None:
    if resamples.blocks.n_blocks < 2:
        return None
    sides = [resamples.rows[:, [system, resamples.systems + system]] for system in (first, second)]
    return detectable_between(sides[0], sides[1], resamples.blocks, level=level)


def _correct(pairs: Sequence[PairComparison]) -> list[PairComparison]:
    """Correct each test's p values for the number of pairs; a single pair needs none."""
    if len(pairs) < 2:
        return list(pairs)
    corrected: list[dict[str, dict[str, float]]] = [{} for _ in pairs]
    for test in _TESTS:
        results = [getattr(each, test) for each in pairs]
        if None in results:
            continue
        values = [result.p for result in results]
        for found, strict, lenient in zip(corrected, holm(values), benjamini_hochberg(values), strict=True):
            found[test] = {"holm": strict, "benjamini_hochberg": lenient}
    return [replace(each, corrected=found) for each, found in zip(pairs, corrected, strict=True)]
