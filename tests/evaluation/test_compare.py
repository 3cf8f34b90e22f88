from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from speech_tracker.errors import InvalidArgumentError, ScoringError
from speech_tracker.evaluation.blocks import Blocks
from speech_tracker.evaluation.bootstrap import bootstrap_interval
from speech_tracker.evaluation.compare import compare
from speech_tracker.evaluation.compare_files import names_of
from speech_tracker.evaluation.comparison_text import comparison_text, p_text
from speech_tracker.evaluation.detectable import detectable_between, minimum_detectable_difference
from speech_tracker.evaluation.distributions import student_quantile
from speech_tracker.evaluation.mapsswe import mapsswe
from speech_tracker.evaluation.mcnemar import mcnemar
from speech_tracker.evaluation.paired_bootstrap import paired_bootstrap
from speech_tracker.evaluation.score import score
from speech_tracker.evaluation.seeds import seed_difference, seed_interval
from speech_tracker.evaluation.wilcoxon import friedman, sign_test, wilcoxon
from speech_tracker.testing.transcripts import make_test_set

SET = make_test_set(utterances=400, speakers=30, error_rates=(0.12, 0.12, 0.12, 0.09, 0.09, 0.09), seed=9)
SYSTEMS = [score(SET.references, texts, attributes={"speaker_id": SET.speakers}) for texts in SET.systems]


class TestCompare:
    def test_it_gives_what_each_test_gives_by_itself(self):
        found = compare({"a": SYSTEMS[0], "b": SYSTEMS[3]})
        a, b = SYSTEMS[0], SYSTEMS[3]
        only = found.pairs[0]
        assert only.mapsswe == mapsswe(a, b)
        assert only.mcnemar == mcnemar(a, b)
        assert only.wilcoxon == wilcoxon(a, b)
        assert only.sign == sign_test(a, b)
        assert only.bootstrap == paired_bootstrap(a, b)
        assert only.detectable == minimum_detectable_difference(a, b)
        assert found.systems[1].counts == b.counts
        assert found.friedman is None
        assert only.corrected == {}

    def test_several_systems_have_all_pairs_and_friedmans_test(self):
        found = compare({str(i): each for i, each in enumerate(SYSTEMS[:4])})
        assert len(found.pairs) == 6
        assert found.friedman == friedman(*SYSTEMS[:4])
        assert json.loads(json.dumps(found.as_dict(), allow_nan=False))["pairs"][5]["b"] == "3"

    def test_one_system_is_nothing_to_compare(self):
        with pytest.raises(InvalidArgumentError, match="two or more"):
            compare({"a": SYSTEMS[0]})

    def test_warnings_are_collected_once_and_printed(self):
        small = make_test_set(utterances=30, speakers=3, seed=1)
        evaluations = [
            score(small.references, texts, attributes={"speaker_id": small.speakers}) for texts in small.systems
        ]
        found = compare({"a": evaluations[0], "b": evaluations[1]})
        assert len([warning for warning in found.warnings if "only 3 values of speaker_id" in warning]) == 1
        assert "warning: only 3 values" in comparison_text(found)

    def test_equal_systems_print_as_no_different(self):
        found = compare({"a": SYSTEMS[0], "b": SYSTEMS[0]})
        assert "b is no different from a: +0.00 percentage points" in comparison_text(found)
        assert found.pairs[0].bootstrap.p == 1.0

    @pytest.mark.parametrize("unit", ["word", "char", "mixed"])
    def test_the_error_rate_is_named_after_the_unit(self, unit):
        options = {"unit": unit}
        evaluations = [score({"u": "我 们 go"}, {"u": text}, **options) for text in ("我 go", "我 们 went")]
        systems = compare({"a": evaluations[0], "b": evaluations[1]}).as_dict()["systems"]
        assert {"word": "wer", "char": "cer", "mixed": "mixed_error_rate"}[unit] in systems[0]

    def test_p_values_carry_the_customary_stars(self):
        assert [p_text(p) for p in (0.0004, 0.002, 0.03, 0.2)] == [
            "p < 0.001 ***",
            "p = 0.002 **",
            "p = 0.030 *",
            "p = 0.200",
        ]

    def test_systems_are_named_by_the_shortest_ends_of_their_paths(self):
        assert names_of(["x/a.trn", "y/b.trn"]) == ["a.trn", "b.trn"]
        assert names_of(["exp/a/text", "exp/b/text", "exp/b/hyp"]) == ["a/text", "b/text", "b/hyp"]
        with pytest.raises(InvalidArgumentError, match="with itself"):
            names_of(["a", "a"])


class TestSeeds:
    def test_the_mean_is_that_of_the_seeds_and_the_interval_wider_than_without_them(self):
        found = seed_interval(SYSTEMS[:3])
        rates = [each.error_rate for each in SYSTEMS[:3]]
        assert found.rates == tuple(rates)
        assert found.mean == pytest.approx(np.mean(rates))
        assert found.seed_std == pytest.approx(np.std(rates, ddof=1))
        assert found.low < found.mean < found.high
        assert "only 3 seeds" in str(found.warning)

    def test_one_seed_is_the_interval_of_its_blocks(self):
        alone = seed_interval(SYSTEMS[:1])
        plain = bootstrap_interval(SYSTEMS[0])
        assert (alone.low, alone.high) == pytest.approx((plain.low, plain.high))
        assert alone.seed_std is None
        assert "a single seed" in str(alone.warning)

    def test_the_spread_between_seeds_is_not_underestimated(self):
        """Five seeds that differ by much on a test set without other spread: the interval is that of a mean of five."""
        references = {f"u{i}": "a b c d e f g h i j" for i in range(100)}
        rng = np.random.default_rng(2)
        widths, spreads = [], []
        for _ in range(40):
            seeds = []
            for wrong in rng.integers(1, 9, size=5):
                text = " ".join("x" if place < wrong else word for place, word in enumerate("abcdefghij"))
                seeds.append(score(references, dict.fromkeys(references, text)))
            found = seed_interval(seeds, replications=500)
            widths.append(found.high - found.low)
            spreads.append(found.seed_std)
        assert np.mean(widths) == pytest.approx(2 * 1.96 * np.mean(spreads) / np.sqrt(5), rel=0.08)

    def test_a_difference_is_second_minus_first_with_any_numbers_of_seeds(self):
        found = seed_difference(SYSTEMS[:3], SYSTEMS[3:])
        assert found.mean == pytest.approx(
            np.mean([each.error_rate for each in SYSTEMS[3:]]) - np.mean([each.error_rate for each in SYSTEMS[:3]])
        )
        assert found.low < found.mean < found.high < 0
        assert found.probability_of_improvement > 0.99
        assert seed_difference(SYSTEMS[:2], SYSTEMS[3:]).rates == tuple(
            e.error_rate for e in (*SYSTEMS[:2], *SYSTEMS[3:])
        )

    def test_no_seed_at_all_is_an_error(self):
        with pytest.raises(InvalidArgumentError, match="one evaluation per seed"):
            seed_interval([])


class TestDetectable:
    def test_two_systems_give_the_standard_error_of_the_paired_bootstrap(self):
        found = minimum_detectable_difference(SYSTEMS[0], SYSTEMS[3])
        assert found.standard_error == pytest.approx(paired_bootstrap(SYSTEMS[0], SYSTEMS[3]).std, rel=0.1)
        assert found.measured
        assert 0.5 < found.correlation < 1
        assert found.difference > 2.8 * found.standard_error
        assert found.relative == pytest.approx(found.difference / SYSTEMS[0].error_rate)

    def test_one_system_assumes_a_correlation_and_says_which(self):
        unrelated = minimum_detectable_difference(SYSTEMS[0], correlation=0)
        half = minimum_detectable_difference(SYSTEMS[0])
        assert (half.correlation, half.measured) == (0.5, False)
        assert unrelated.difference == pytest.approx(np.sqrt(2) * half.difference)
        assert unrelated.standard_error == pytest.approx(np.sqrt(2) * bootstrap_interval(SYSTEMS[0]).std, rel=0.1)

    def test_a_true_difference_of_that_size_is_found_as_often_as_promised(self):
        rng = np.random.default_rng(3)
        speakers = Blocks("speaker_id", np.arange(60), 60, None)

        def draw():
            errors = np.rint(np.clip(100 + 30 * rng.normal(size=(2, 60)), 0, None)).astype(int)
            return [np.column_stack([side, np.full(60, 1000)]) for side in errors]

        promised = np.mean([detectable_between(*draw(), speakers).difference for _ in range(50)])
        found = 0
        for _ in range(400):
            first, second = draw()
            difference = (second[:, 0] - first[:, 0]) / 1000 + promised
            found += difference.mean() / (difference.std(ddof=1) / np.sqrt(60)) > student_quantile(0.975, 59)
        assert 0.74 < found / 400 < 0.86

    def test_more_speakers_resolve_smaller_differences(self):
        large = make_test_set(utterances=1600, speakers=120, seed=9)
        more = score(large.references, large.systems[0], attributes={"speaker_id": large.speakers})
        assert minimum_detectable_difference(more).difference < minimum_detectable_difference(SYSTEMS[0]).difference

    @pytest.mark.parametrize("options", [{"power": 80}, {"level": 0}, {"correlation": 1}])
    def test_arguments_out_of_range_are_named(self, options):
        with pytest.raises(InvalidArgumentError, match=next(iter(options))):
            minimum_detectable_difference(SYSTEMS[0], **options)

    def test_a_single_utterance_or_empty_references_have_no_answer(self):
        with pytest.raises(ScoringError, match="no spread"):
            minimum_detectable_difference(score({"u": "a"}, {"u": "b"}))
        with pytest.raises(ScoringError, match="empty"):
            minimum_detectable_difference(score({"u": "", "v": ""}, {"u": "b", "v": ""}))


def test_every_result_is_frozen():
    found = compare({"a": SYSTEMS[0], "b": SYSTEMS[3]})
    for result in (found, found.pairs[0], found.pairs[0].mapsswe, found.pairs[0].bootstrap, found.systems[0].interval):
        field = dataclasses.fields(result)[0].name
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(result, field, None)
