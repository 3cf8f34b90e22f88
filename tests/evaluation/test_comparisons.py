from __future__ import annotations

import dataclasses
from itertools import product

import kaldialign
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from speech_tracker.errors import InvalidArgumentError, ScoringError
from speech_tracker.evaluation.mapsswe import mapsswe
from speech_tracker.evaluation.mcnemar import mcnemar
from speech_tracker.evaluation.multiple import benjamini_hochberg, holm
from speech_tracker.evaluation.paired_bootstrap import paired_bootstrap, resample_systems
from speech_tracker.evaluation.pairing import pair
from speech_tracker.evaluation.sclite_network import ScliteRules
from speech_tracker.evaluation.score import score
from speech_tracker.evaluation.wilcoxon import (
    friedman,
    friedman_of_rates,
    sign_test_of_rates,
    wilcoxon,
    wilcoxon_of_rates,
)
from speech_tracker.testing.transcripts import make_test_set

SET = make_test_set(utterances=400, speakers=30, error_rates=(0.12, 0.1, 0.1), seed=1)


def evaluate(texts, references=SET.references, **options):
    return score(references, texts, attributes={"speaker_id": SET.speakers}, **options)


A, B, C = (evaluate(texts) for texts in SET.systems)


class TestPairedBootstrap:
    def test_the_probability_of_improvement_of_utterances_is_kaldis(self):
        ids = list(SET.references)
        texts = [[source[key].split() for key in ids] for source in (SET.references, SET.systems[1], SET.systems[2])]
        theirs = kaldialign.bootstrap_wer_ci(*texts)["p_s2_improv_over_s1"]
        ours = paired_bootstrap(B, C, block=None).probability_of_improvement
        assert 0.02 < theirs < 0.98
        assert ours == pytest.approx(theirs, abs=0.02)

    def test_the_difference_is_second_minus_first_and_turns_round_with_the_order(self):
        there, back = paired_bootstrap(A, B), paired_bootstrap(B, A)
        assert there.delta == B.error_rate - A.error_rate
        assert (there.low, there.high) == pytest.approx((-back.high, -back.low))
        assert there.delta < 0
        assert there.probability_of_improvement > 0.99
        assert back.probability_of_improvement < 0.01
        assert there.p < 0.01

    def test_a_system_is_not_better_than_itself(self):
        same = paired_bootstrap(A, A)
        assert (same.delta, same.low, same.high, same.probability_of_improvement, same.p) == (0, 0, 0, 0, 1)

    def test_the_same_blocks_are_drawn_so_shared_errors_cancel(self):
        resamples = resample_systems(pair(B, C), block="speaker_id")
        alone = [resamples.interval(system) for system in (0, 1)]
        together = resamples.difference(0, 1)
        assert together.high - together.low < 0.6 * np.hypot(alone[0].width, alone[1].width)

    def test_an_interval_from_shared_resamples_is_that_of_the_system_alone(self):
        from speech_tracker.evaluation.bootstrap import bootstrap_interval

        shared = resample_systems(pair(A, B)).interval(1, method="bca")
        alone = bootstrap_interval(B, method="bca")
        assert (shared.low, shared.high, shared.estimate) == pytest.approx(
            (alone.low, alone.high, alone.estimate), rel=0.02
        )

    @pytest.mark.parametrize("method", ["percentile", "normal", "bca", "t"])
    def test_every_method_gives_nearly_the_same_ends_with_many_blocks(self, method):
        reference = paired_bootstrap(A, B, block=None)
        other = paired_bootstrap(A, B, block=None, method=method)
        assert (other.low, other.high) == pytest.approx((reference.low, reference.high), abs=0.002)

    def test_different_reference_lengths_per_system_are_kept_apart(self):
        longer = dataclasses.replace(C, table=C.table + np.array([1, 0, 0, 0], dtype=np.int32))
        result = paired_bootstrap(A, longer, block=None)
        assert result.delta == pytest.approx(longer.error_rate - A.error_rate)
        assert result.low < result.delta < result.high


class TestPairing:
    def test_rows_are_matched_by_id_and_not_by_place(self):
        shuffled = list(SET.references)
        np.random.default_rng(0).shuffle(shuffled)
        other = evaluate(SET.systems[1], {key: SET.references[key] for key in shuffled})
        assert mapsswe(A, other) == mapsswe(A, B)
        assert mcnemar(A, other) == mcnemar(A, B)
        assert wilcoxon(A, other) == wilcoxon(A, B)
        assert paired_bootstrap(A, other).delta == pytest.approx(paired_bootstrap(A, B).delta)

    def test_different_utterances_are_an_error_unless_the_common_ones_are_wanted(self):
        fewer = {key: text for i, (key, text) in enumerate(SET.references.items()) if i % 10}
        other = evaluate(SET.systems[1], fewer)
        with pytest.raises(ScoringError, match=r"40 of 400 are not in all of them .*only in number 1"):
            paired_bootstrap(A, other)
        common = mapsswe(A, other, common=True)
        assert common == mapsswe(evaluate(SET.systems[0], fewer), other)
        assert pair(A, other, common=True).left_out == 40

    def test_nothing_in_common_is_an_error(self):
        other = score({"x": "a"}, {"x": "a"})
        with pytest.raises(ScoringError, match="no utterance is in all"):
            pair(A, other, common=True)

    @pytest.mark.parametrize("options", [{"unit": "char"}, {"alignment": "jiwer"}, {"normalizer": "lower"}])
    def test_systems_scored_differently_are_not_compared(self, options):
        with pytest.raises(ScoringError, match=next(iter(options))):
            pair(A, evaluate(SET.systems[1], **options))

    def test_characters_with_and_without_spaces_are_not_compared(self):
        kept, removed = (evaluate(SET.systems[0], unit="char", spaces=spaces) for spaces in ("keep", "remove"))
        with pytest.raises(ScoringError, match="got spaces 'keep' and 'remove'"):
            pair(kept, removed)

    def test_different_rules_of_sclite_are_not_compared(self):
        one, other = (
            evaluate(SET.systems[0], alignment="sclite", rules=ScliteRules(fragments=fragments))
            for fragments in (False, True)
        )
        with pytest.raises(ScoringError, match="got rules"):
            pair(one, other)

    def test_different_references_are_not_compared_and_the_utterance_is_named(self):
        key = next(iter(SET.references))
        with pytest.raises(ScoringError, match=f"'{key}' reads"):
            pair(A, evaluate(SET.systems[1], {**SET.references, key: "something else"}))


class TestMapsswe:
    def test_two_words_right_in_a_row_separate_segments_and_an_insertion_does_not(self):
        reference = {"u": "a b c d e f g"}
        result = mapsswe(score(reference, {"u": "x b c d e f y"}), score(reference, {"u": "a b c d e f g"}))
        assert (result.segments, result.errors) == (2, (2, 0))
        result = mapsswe(score(reference, {"u": "x b c d e f g"}), score(reference, {"u": "a b oh c d x f g"}))
        assert result.segments == 2
        result = mapsswe(score(reference, {"u": "x b oh c x e x g"}), score(reference, {"u": "a b c d e f g"}))
        assert (result.segments, result.mean, result.std) == (1, 4.0, 0.0)

    def test_the_boundary_is_a_choice(self):
        reference = {"u": "a b c d e f g"}
        systems = score(reference, {"u": "x b y d e z g"}), score(reference, {"u": "a b c d e f g"})
        assert [mapsswe(*systems, boundary=n).segments for n in (1, 2, 3)] == [3, 2, 1]
        with pytest.raises(InvalidArgumentError, match="sc_stats uses 2"):
            mapsswe(*systems, boundary=0)

    def test_no_error_and_no_variance_give_a_warning_and_no_significance(self):
        reference = {f"u{i}": "a b c" for i in range(5)}
        right, wrong = score(reference, reference), score(reference, dict.fromkeys(reference, "a x c"))
        assert mapsswe(right, right).warning.startswith("neither system")
        result = mapsswe(wrong, right)
        assert (result.segments, result.mean, result.z, result.p) == (5, 1.0, 0.0, 1.0)
        assert "z is undefined" in result.warning

    def test_a_word_opposite_nothing_in_the_other_system_is_an_error_of_its_own_segment(self):
        longer = dataclasses.replace(
            score({"u": "a b c"}, {"u": "a b c"}), operation_codes=b"CCCDD", operation_offsets=np.array([0, 5])
        )
        assert mapsswe(longer, score({"u": "a b c"}, {"u": "a b c"})).errors == (2, 0)


rates = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=18)


class TestOverSpeakers:
    @settings(max_examples=80, deadline=None)
    @given(rates)
    def test_the_exact_wilcoxon_p_is_that_of_all_sign_patterns(self, pairs):
        difference = np.array([a - b for a, b in pairs])
        difference = difference[difference != 0][:11]
        ours = wilcoxon_of_rates(difference / 100, np.zeros(len(difference)))
        ranks = stats.rankdata(np.abs(difference))
        sums = [
            sum(r for r, sign in zip(ranks, signs, strict=True) if sign) for signs in product((0, 1), repeat=len(ranks))
        ]
        smaller = min(ours.w_first, ours.w_second)
        assert ours.p == pytest.approx(min(1, 2 * np.mean(np.array(sums) <= smaller)))
        assert ours.w_first == ranks[difference > 0].sum()
        assert ours.w_second == ranks[difference < 0].sum()

    def test_without_ties_the_exact_p_is_scipys_at_any_size(self):
        rng = np.random.default_rng(0)
        for count in (3, 8, 25, 50):
            first, second = rng.random((2, count))
            expected = stats.wilcoxon(first, second, method="exact").pvalue
            assert wilcoxon_of_rates(first, second).p == pytest.approx(expected, rel=1e-9)

    def test_many_speakers_use_the_normal_distribution_with_tie_correction(self):
        rng = np.random.default_rng(0)
        first, second = rng.integers(0, 20, (2, 200)) / 100
        expected = stats.wilcoxon(
            np.rint(100 * (first - second)), zero_method="wilcox", correction=False, method="asymptotic"
        ).pvalue
        result = wilcoxon_of_rates(first, second)
        assert result.method == "normal"
        assert result.p == pytest.approx(expected, rel=1e-9)

    def test_the_sign_test_divides_equal_speakers_between_the_sides(self):
        result = sign_test_of_rates(np.array([0.2, 0.2, 0.2, 0.1, 0.1, 0.1]), np.array([0.1, 0.1, 0.1, 0.1, 0.1, 0.1]))
        assert (result.first_better, result.second_better, result.equal) == (0, 3, 3)
        assert result.p == pytest.approx(stats.binomtest(2, 6).pvalue)

    @settings(max_examples=50, deadline=None)
    @given(st.lists(st.tuples(*[st.integers(0, 5)] * 4), min_size=2, max_size=12))
    def test_friedman_equals_scipys(self, rows):
        table = np.array(rows, dtype=float)
        ours = friedman_of_rates(table)
        if (table == table[:, :1]).all():
            assert (ours.statistic, ours.p) == (0, 1)
            return
        theirs = stats.friedmanchisquare(*table.T)
        assert ours.statistic == pytest.approx(theirs.statistic, abs=1e-9)
        assert ours.p == pytest.approx(theirs.pvalue, abs=1e-9)

    def test_without_speakers_the_message_says_where_to_give_them(self):
        with pytest.raises(ScoringError, match="--speakers utt2spk"):
            friedman(score({"u": "a"}, {"u": "a"}), score({"u": "a"}, {"u": "b"}))

    def test_speakers_with_only_empty_references_are_left_out(self):
        references = {"a1": "x y", "a2": "x", "b1": "", "c1": "z"}
        speakers = {"a1": "a", "a2": "a", "b1": "b"}
        evaluations = [
            score(references, texts, attributes={"speaker_id": speakers})
            for texts in (references, {**references, "a1": "x", "b1": "oh"})
        ]
        assert wilcoxon(*evaluations).speakers == 1


class TestManyComparisons:
    @settings(max_examples=80, deadline=None)
    @given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
    def test_benjamini_hochberg_equals_scipys(self, p_values):
        assert benjamini_hochberg(p_values) == pytest.approx(list(stats.false_discovery_control(p_values)))

    def test_holm_steps_down(self):
        assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
        assert holm([]) == []

    @settings(max_examples=80, deadline=None)
    @given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
    def test_holm_is_at_least_as_strict_as_benjamini_hochberg_and_keeps_the_order(self, p_values):
        strict = holm(p_values)
        assert all(a >= b - 1e-12 for a, b in zip(strict, benjamini_hochberg(p_values), strict=True))
        assert all(a >= p for a, p in zip(strict, p_values, strict=True))
        for i, p in enumerate(p_values):
            assert all(strict[i] <= strict[j] for j, other in enumerate(p_values) if p < other)

    def test_what_is_no_p_value_is_refused(self):
        with pytest.raises(InvalidArgumentError, match="from 0 to 1"):
            holm([0.3, 1.2])
