from __future__ import annotations

import json

import numpy as np
import pytest

from speech_tracker.errors import InvalidArgumentError
from speech_tracker.evaluation.tasks.latency import latency


def test_the_total_is_a_ratio_of_sums_and_not_a_mean_of_ratios():
    found = latency([10.0, 1.0], [1.0, 1.0])
    assert found.rtf == 2 / 11
    assert found.rtfx == 5.5
    assert found.rtf_per_utterance.mean == 0.55
    assert found.interval.low < found.rtf < found.interval.high


def test_percentiles_are_numpys():
    rng = np.random.default_rng(0)
    audio, processing = rng.uniform(2, 20, 500), rng.exponential(1, 500)
    found = latency(audio, processing, response_s=processing / 3, conditions="encoder and beam 10, 1 thread")
    assert found.processing_s.p95 == np.percentile(processing, 95)
    assert found.rtf_per_utterance.p99 == np.percentile(processing / audio, 99)
    assert found.response_s.maximum == processing.max() / 3
    assert found.metrics()["response_s_p50"] == np.percentile(processing / 3, 50)
    document = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert document["conditions"] == "encoder and beam 10, 1 thread"


def test_the_first_utterances_can_be_left_out():
    found = latency([5, 5, 5], [60, 1, 1], warm_up=1)
    assert (found.utterances, found.rtf) == (2, 0.2)


def test_a_single_utterance_has_no_interval():
    assert latency([5], [1]).interval is None


@pytest.mark.parametrize(
    ("audio", "processing", "options", "part"),
    [
        ([1, 2], [1], {}, "2 utterances of audio and 1 of processing"),
        ([1], [1], {"response_s": [1, 2]}, "and 2 of response"),
        ([1, 0], [1, 1], {}, r"0\.0 for utterance 1"),
        ([1, 1], [1, -3], {}, r"processing_s: got -3\.0 for utterance 1"),
        ([1, float("inf")], [1, 1], {}, "finite"),
        ([1], [1], {"warm_up": 1}, "nothing was measured"),
        ([], [], {}, "nothing was measured"),
    ],
)
def test_wrong_times_are_named_with_their_utterance(audio, processing, options, part):
    with pytest.raises(InvalidArgumentError, match=part):
        latency(audio, processing, **options)
