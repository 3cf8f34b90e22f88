"""The names of result files, as the recipes of several years put them together."""

from __future__ import annotations

import pytest

from speech_tracker.integrations.icefall.names import is_method_folder, parse_result_name, parse_suffix, suffix_of_log

LONG = (
    "wer-summary-test-other-epoch-30_avg-15_chunk-16_left-context-128__modified_beam_search__beam-size-4"
    "_rnn-lm-scale-0.3_LODR-2gram-scale--0.16_use-averaged-model.txt"
)


@pytest.mark.parametrize(
    ("name", "test_set", "key", "epoch", "iteration", "average", "averaged", "method", "others"),
    [
        ("recogs-test-clean-greedy_search-epoch-30-avg-9-context-2-max-sym-per-frame-1-use-averaged-model.txt",
         "test-clean", "greedy_search", 30, None, 9, True, "", {"context_size": 2, "max_sym_per_frame": 1}),
        ("errs-test-other-beam_20.0_max_contexts_8_max_states_64-epoch-30-avg-9-beam-20.0-max-contexts-8-max-states-64.txt",
         "test-other", "beam_20.0_max_contexts_8_max_states_64", 30, None, 9, False, "",
         {"beam": 20.0, "max_contexts": 8, "max_states": 64}),
        ("recogs-test-epoch-30-avg-1-modified_beam_search-beam-size-4.txt",
         "test", "", 30, None, 1, False, "modified_beam_search", {"beam_size": 4}),
        (LONG,
         "test-other", "", 30, None, 15, True, "modified_beam_search",
         {"chunk_size": 16, "left_context_frames": 128, "beam_size": 4, "lodr_order": 2, "lodr_scale": -0.16, "lm_scale": 0.3,
          "lm_type": "rnn"}),
        ("recogs-test_net-greedy_search-iter-468000-avg-16-streaming-chunk-size-32-left-context-64-context-2.txt",
         "test_net", "greedy_search", None, 468000, 16, False, "",
         {"chunk_size": 32, "left_context_frames": 64, "context_size": 2}),
        ("errs-test-clean-ngram_lm_scale_0.3_attention_scale_0.5-epoch-77-avg-55.txt",
         "test-clean", "ngram_lm_scale_0.3_attention_scale_0.5", 77, None, 55, False, "", {}),
        ("errs-test-clean-lm_scale_0.7.txt", "test-clean", "lm_scale_0.7", None, None, None, False, "", {}),
    ],
)  # fmt: skip
def test_a_name_tells_set_checkpoint_and_settings(
    name, test_set, key, epoch, iteration, average, averaged, method, others
):
    result = parse_result_name(name)
    assert (result.test_set, result.key) == (test_set, key)
    settings = parse_suffix(result.suffix)
    found = (settings.epoch, settings.iteration, settings.average, settings.averaged_model, settings.method)
    assert found == (epoch, iteration, average, averaged, method)
    assert dict(settings.others) == others


@pytest.mark.parametrize(
    ("name", "test_set"), [("errs-CER-test-epoch-12-avg-4.txt", "test"), ("cer-summary-dev-epoch-12-avg-4.txt", "dev"),
                           ("recogs-test-char-epoch-12-avg-4.txt", "test")]
)  # fmt: skip
def test_names_of_character_results_say_so(name, test_set):
    result = parse_result_name(name)
    assert (result.test_set, result.metric) == (test_set, "cer")


def test_the_suffix_of_a_log_is_that_of_its_results():
    assert suffix_of_log("log-decode-epoch-20-avg-1-2024-03-29-00-26-31") == "epoch-20-avg-1"
    assert suffix_of_log("log-decode-2024-03-29-00-26-31") == ""
    assert suffix_of_log("log-decode") == ""


def test_folders_of_searches_are_told_from_others():
    assert all(
        map(is_method_folder, ["greedy_search", "modified_beam_search_LODR", "streaming", "ctc-decoding", "1best"])
    )
    assert not any(map(is_method_folder, ["exp", "log", "zipformer", "tensorboard", "exp-small"]))
