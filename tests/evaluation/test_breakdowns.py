from __future__ import annotations

import json
import math
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech_tracker.errors import InvalidArgumentError, InvalidTypeError
from speech_tracker.evaluation.breakdown import Bucket, breakdown, by_reference_length, by_speaker
from speech_tracker.evaluation.counts import ErrorCounts
from speech_tracker.evaluation.hotwords import hotwords, out_of_vocabulary, rare_words
from speech_tracker.evaluation.mismatch import find_mismatches
from speech_tracker.evaluation.runaway import longest_loop, runaway_hypotheses
from speech_tracker.evaluation.score import score
from speech_tracker.evaluation.words import NO_WORDS, count_words, total
from speech_tracker.testing.transcripts import make_test_set

SET = make_test_set(utterances=500, speakers=12, error_rates=(0.12,), seed=4)
DURATIONS = {key: 0.3 * len(text.split()) for key, text in SET.references.items()}
LANGUAGES = {key: ("en", "de", None)[i % 3] for i, key in enumerate(SET.references)}
EVALUATION = score(
    SET.references,
    SET.systems[0],
    attributes={"speaker_id": SET.speakers, "duration_s": DURATIONS, "language": LANGUAGES},
)


def pairs(*rows, **options):
    references = {f"u{i}": reference for i, (reference, _) in enumerate(rows)}
    return score(references, {f"u{i}": hypothesis for i, (_, hypothesis) in enumerate(rows)}, **options)


class TestGroups:
    @pytest.mark.parametrize("attribute", ["speaker_id", "language", "duration_s", "reference_length"])
    def test_the_groups_add_up_to_the_whole(self, attribute):
        found = breakdown(EVALUATION, attribute)
        assert sum((group.counts for group in found.groups), ErrorCounts.zero()) == EVALUATION.counts
        assert sum(group.share for group in found.groups) == pytest.approx(1)

    def test_mean_median_and_deviation_over_speakers_are_sclites(self, tmp_path):
        sclite = Path("/usr/lib/sctk/bin/sclite")
        if not sclite.exists():
            pytest.skip("NIST's sctk is not installed")
        for name, texts in (("ref", SET.references), ("hyp", SET.systems[0])):
            (tmp_path / f"{name}.trn").write_text("".join(f"{text} ({key})\n" for key, text in texts.items()))
        command = [sclite, "-i", "rm", "-r", "ref.trn", "-h", "hyp.trn", "-o", "sum", "stdout"]
        report = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
        found = by_speaker(EVALUATION)
        for word, ours in (("Mean", found.mean), ("S.D.", found.std), ("Median", found.median)):
            row = re.search(rf"\| *{word.replace('.', chr(92) + '.')} .*", report)[0]
            error = re.findall(r"[\d.]+", row.split("|")[3])[4]
            assert float(error) == pytest.approx(100 * ours, abs=0.051), word

    def test_best_and_worst_need_enough_words(self):
        evaluation = pairs(
            ("a b c d e", "a b c d x"), ("a b", "x y"), attributes={"speaker_id": {"u0": "s", "u1": "t"}}
        )
        assert by_speaker(evaluation).worst.value == "t"
        assert by_speaker(evaluation).best.value == "s"
        assert by_speaker(evaluation, minimum=5).worst.value == "s"
        assert breakdown(evaluation, "speaker_id").worst is None

    def test_utterances_without_a_value_are_counted_but_are_no_group(self):
        found = breakdown(EVALUATION, "language")
        assert [group.value for group in found.groups] == ["en", "de", None]
        assert len(found.rates) == 2
        assert found.worst.value in ("en", "de")

    def test_speakers_with_empty_references_have_no_rate(self):
        evaluation = pairs(("", "oh"), ("a b", "a"), attributes={"speaker_id": {"u0": "s", "u1": "t"}})
        found = by_speaker(evaluation)
        assert found.rates == [0.5]
        assert found.std is None
        assert found.groups[0].as_dict()["error_rate"] is None

    def test_numbers_are_put_in_buckets_of_about_equal_size(self):
        found = breakdown(EVALUATION, "duration_s", buckets=4)
        sizes = [group.counts.utterances for group in found.groups]
        assert len(sizes) == 4
        assert min(sizes) > 80
        assert [group.value.low for group in found.groups] == sorted(group.value.low for group in found.groups)
        for before, after in zip(found.groups, found.groups[1:], strict=False):
            assert before.value.high == after.value.low

    def test_edges_say_where_the_buckets_begin(self):
        found = by_reference_length(
            pairs(("", "a"), ("a", "a"), ("a b", "a"), ("a b c d e f", "a b c d e f")), edges=(1, 2, 5)
        )
        assert [str(group.value) for group in found.groups] == ["0", "1 to below 2", "2 to below 5", "5 or more"]
        assert [group.counts.errors for group in found.groups] == [1, 0, 1, 0]

    def test_few_distinct_numbers_stay_as_they_are_in_rising_order(self):
        snr = {"u0": 20, "u1": 0, "u2": 10, "u3": 0}
        evaluation = pairs(("a", "a"), ("b", "x"), ("c", "c"), ("d", "d"), attributes={"snr": snr})
        assert [(group.value, group.counts.errors) for group in breakdown(evaluation, "snr").groups] == [
            (0, 1),
            (10, 0),
            (20, 0),
        ]

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=1, max_size=40), st.integers(1, 6))
    def test_every_number_is_in_exactly_one_bucket(self, numbers, buckets):
        rows = [("a b", "a")] * len(numbers)
        evaluation = pairs(*rows, attributes={"x": {f"u{i}": number for i, number in enumerate(numbers)}})
        found = breakdown(evaluation, "x", buckets=buckets)
        assert sum(group.counts.utterances for group in found.groups) == len(numbers)
        for group in found.groups:
            if isinstance(group.value, Bucket):
                inside = [n for n in numbers if n is not None and group.value.low <= n < group.value.high]
                at_the_top = group.value.low == group.value.high
                assert at_the_top or group.counts.utterances == len(inside)

    def test_groups_get_intervals_over_their_own_speakers(self):
        found = breakdown(EVALUATION, "language", intervals=True)
        for group in found.groups:
            assert group.interval.low <= group.counts.error_rate <= group.interval.high
            assert group.interval.blocks == "speaker_id"
        assert by_speaker(EVALUATION, intervals=True).groups[0].interval.blocks == "utterance"

    def test_the_summary_has_no_key_for_each_group_and_all_is_json(self):
        found = by_speaker(EVALUATION)
        assert found.metrics().keys() == {
            f"speaker_id_{x}_error_rate" for x in ("mean", "median", "std", "best", "worst")
        }
        document = json.loads(json.dumps(breakdown(EVALUATION, "duration_s", intervals=True).as_dict()))
        assert len(document["groups"]) == 5

    @pytest.mark.parametrize(
        ("attribute", "options", "part"),
        [
            ("accent", {}, "no such attribute"),
            ("language", {"edges": (1, 2)}, "edges need numbers"),
            ("duration_s", {"edges": (5, 1)}, "rising"),
            ("duration_s", {"edges": ()}, "rising"),
        ],
    )
    def test_wrong_arguments_are_explained(self, attribute, options, part):
        with pytest.raises(InvalidArgumentError, match=part):
            breakdown(EVALUATION, attribute, **options)


class TestWords:
    def test_every_word_is_accounted_for(self):
        words = count_words(EVALUATION)
        whole, counts = total(words), EVALUATION.counts
        assert (whole.hits, whole.substituted, whole.deleted, whole.inserted) == (
            counts.hits, counts.substitutions, counts.deletions, counts.insertions,
        )  # fmt: skip
        assert whole.hypotheses == counts.hypothesis_length
        assert whole.error_rate == counts.error_rate

    def test_recall_and_precision_of_one_word(self):
        found = count_words(pairs(("a b a", "a a"), ("c a", "b a a")))
        assert (found["a"].recall, found["a"].precision) == (1.0, 3 / 4)
        assert (found["b"].references, found["b"].hits, found["b"].hypotheses) == (1, 0, 1)
        assert found["c"].precision is None
        assert sum(found.values(), NO_WORDS) == total(found)

    def test_characters_are_counted_in_the_unit_of_the_evaluation(self):
        found = count_words(pairs(("你好", "你 好"), unit="char", spaces="remove"))
        assert {word: counts.hits for word, counts in found.items()} == {"你": 1, "好": 1}


class TestHotwords:
    def test_a_phrase_is_hit_only_whole_and_at_its_place(self):
        found = hotwords(
            pairs(
                ("go to new york now", "go to new york now"),
                ("new york is far", "new oh york is far"),
                ("york is new", "new york is new"),
            ),
            ["new york", "york", "boston"],
        )
        phrase = found.phrases["new york"]
        assert (phrase.references, phrase.hypotheses, phrase.hits) == (2, 2, 1)
        assert (phrase.recall, phrase.precision, phrase.f1) == (0.5, 0.5, 0.5)
        assert found.phrases["york"].recall == 1.0
        assert found.phrases["boston"].recall is None
        assert found.overall.references == 5

    def test_biased_and_unbiased_errors_add_up_to_the_wer(self):
        words = list(dict.fromkeys(word for text in SET.references.values() for word in text.split()))[::7]
        found = hotwords(EVALUATION, words)
        errors = sum(part.substituted + part.deleted + part.inserted for part in (found.biased, found.unbiased))
        assert errors == EVALUATION.counts.errors
        assert found.biased.references + found.unbiased.references == EVALUATION.counts.reference_length
        assert found.metrics()["biased_wer"] == found.biased.error_rate

    def test_a_single_words_recall_is_that_of_its_counts(self):
        word = next(iter(count_words(EVALUATION)))
        counts = count_words(EVALUATION)[word]
        found = hotwords(EVALUATION, [word]).phrases[word]
        assert (found.references, found.hypotheses, found.hits) == (counts.references, counts.hypotheses, counts.hits)

    @pytest.mark.parametrize(
        ("phrases", "error"),
        [([], InvalidArgumentError), (["a", " "], InvalidArgumentError), ("boston", InvalidTypeError)],
    )
    def test_a_list_without_words_is_refused(self, phrases, error):
        with pytest.raises(error, match="hotword"):
            hotwords(EVALUATION, phrases)

    def test_rare_words_are_those_that_training_hardly_saw(self):
        evaluation = pairs(("the cat sat", "the cat sat"), ("the okapi sat", "the copy sat"))
        found = rare_words(evaluation, {"the": 900, "sat": 40, "cat": 5, "copy": 3})
        assert set(found.words) == {"cat", "okapi", "copy"}
        assert found.counts.recall == 0.5
        assert found.counts.precision == 0.5
        assert found.metrics() == {"rare_rate": 2 / 6, "rare_recall": 0.5, "rare_precision": 0.5}

    def test_the_oov_rate_counts_reference_tokens_and_types(self):
        evaluation = pairs(("the cat sat", "the cat sat"), ("the okapi sat", "the copy sat"))
        found = out_of_vocabulary(evaluation, ["the", "cat", "sat", "copy"])
        assert (found.token_share, found.type_share) == (1 / 6, 1 / 4)
        assert found.counts.recall == 0.0
        assert found.others.recall == 1.0
        with pytest.raises(InvalidTypeError, match="set or list"):
            out_of_vocabulary(evaluation, "the cat")


class TestRunaways:
    def test_each_kind_is_found_and_most_errors_come_first(self):
        found = runaway_hypotheses(
            pairs(
                ("so we went home", "so we went home " + "thank you " * 9),
                ("a b", "c d e f g h i j"),
                ("one two three four five six seven eight", "one two three"),
                ("hello there", ""),
                ("fine as it is", "fine as it was"),
            )
        )
        assert [(each.utterance_id, each.kind) for each in found.found] == [
            ("u0", "loop"), ("u1", "long"), ("u2", "cut off"), ("u3", "empty"),
        ]  # fmt: skip
        assert (found.found[0].repeated, found.found[0].times) == ("thank you", 9)
        assert found.error_rate_without == 0.25
        assert found.share_of_errors == pytest.approx(33 / 34)
        assert found.metrics()["runaway_loop"] == 1

    def test_what_the_speaker_repeats_is_no_loop(self):
        assert not runaway_hypotheses(pairs(("no no no no no no", "no no no no no so"))).found
        assert runaway_hypotheses(pairs(("no no", "no no no no no no no"))).found[0].kind == "loop"

    def test_loops_of_characters_are_found_in_character_evaluations(self):
        found = runaway_hypotheses(pairs(("谢谢大家", "谢谢大家" + "请订阅" * 5), unit="char")).found[0]
        assert (found.kind, found.repeated, found.times) == ("loop", "请订阅", 5)

    def test_a_good_test_set_has_none(self):
        references = dict(SET.references)
        assert runaway_hypotheses(score(references, references)).share_of_errors is None

    @settings(max_examples=80, deadline=None)
    @given(
        st.lists(st.sampled_from("abcdefgh"), max_size=5),
        st.lists(st.sampled_from("xyz"), min_size=1, max_size=4),
        st.integers(2, 6),
    )
    def test_a_repetition_is_found_wherever_it_is(self, before, part, times):
        found, count = longest_loop(before + part * times + ["end"], 6)
        assert count >= times
        assert len(found) <= len(part)

    def test_nonsense_arguments_are_refused(self):
        with pytest.raises(InvalidArgumentError, match="2 repetitions"):
            runaway_hypotheses(EVALUATION, times=1)


class TestMismatches:
    ids = tuple(SET.references)
    heard = tuple(SET.systems[0].values())

    def check(self, hypotheses, **options):
        return find_mismatches(score(SET.references, dict(zip(self.ids, hypotheses, strict=True)), **options))

    def test_a_good_test_set_has_none(self):
        assert self.check(self.heard).explanation is None

    @pytest.mark.parametrize(
        ("shift", "words"), [(1, "1 line too early"), (-1, "1 line too late"), (3, "3 lines too early")]
    )
    def test_a_shifted_file_is_told_with_its_offset(self, shift, words):
        found = self.check(list(np.roll(np.array(self.heard, dtype=object), -shift)))
        assert len(found.found) > 0.8 * len(self.ids)
        assert sum(each.pattern == "shifted" and each.offset == shift for each in found.found) > 0.8 * len(self.ids)
        assert words in found.explanation
        assert found.found[5].error_rate_there < 0.5 < found.found[5].error_rate

    def test_a_shift_in_the_middle_of_a_file_is_found_there_only(self):
        heard = [*self.heard[:300], *self.heard[301:], "goodbye"]
        found = self.check(heard)
        places = [self.ids.index(each.utterance_id) for each in found.found]
        assert min(places) >= 300
        assert len(places) > 150

    def test_exchanged_utterances_name_each_other(self):
        heard = list(self.heard)
        clean = [i for i, key in enumerate(self.ids) if len(SET.references[key].split()) > 10][:2]
        a, b = clean
        heard[a], heard[b] = SET.references[self.ids[b]], SET.references[self.ids[a]]
        found = {each.utterance_id: each for each in self.check(heard).found}
        assert found.keys() == {self.ids[a], self.ids[b]}
        assert found[self.ids[a]].belongs_to == self.ids[b]
        assert found[self.ids[a]].pattern == "exchanged"
        assert found[self.ids[a]].error_rate_there == 0

    def test_a_hypothesis_from_elsewhere_is_told_from_a_bad_one(self):
        heard = list(self.heard)
        long = [i for i, key in enumerate(self.ids) if len(SET.references[key].split()) > 10]
        heard[long[0]] = SET.references[self.ids[long[5]]]
        heard[long[1]] = "nothing of the kind was ever said in here by anyone"
        found = self.check(heard)
        assert [(each.utterance_id, each.pattern) for each in found.found] == [(self.ids[long[0]], "elsewhere")]
        assert found.suspicious >= 2
        assert "mixed up" in found.explanation

    def test_texts_without_spaces_are_looked_up_by_characters(self):
        rng = np.random.default_rng(0)
        texts = ["".join(chr(0x4E00 + n) for n in rng.integers(0, 800, size=12)) for _ in range(40)]
        references = {f"u{i:02d}": text for i, text in enumerate(texts)}
        shifted = {f"u{i:02d}": texts[(i + 1) % 40] for i in range(40)}
        found = find_mismatches(score(references, shifted, unit="char"))
        assert len(found.found) == 40
        assert math.isclose(found.found[0].error_rate_there, 0)

    def test_short_answers_are_not_suspected(self):
        references = {f"u{i}": text for i, text in enumerate(["yes", "no", "maybe so", "yes"])}
        hypotheses = {f"u{i}": text for i, text in enumerate(["no", "yes", "yes", "maybe so"])}
        assert not find_mismatches(score(references, hypotheses)).found

    def test_limits_that_contradict_each_other_are_refused(self):
        with pytest.raises(InvalidArgumentError, match="good below near"):
            find_mismatches(EVALUATION, near=0.4)
