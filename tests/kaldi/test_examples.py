"""The examples in the docstrings, and the names that recipes give to the decodes of one set."""

from __future__ import annotations

import doctest
import importlib

import pytest

from speech_tracker.integrations.kaldi.test_sets import from_name


@pytest.mark.parametrize(
    "name",
    [
        *(
            f"integrations.kaldi.{each}"
            for each in ("dates", "model_facts", "scoring", "test_sets", "values", "wer_details")
        ),
        *(f"ingest.{each}" for each in ("markdown_tables", "numerals", "stages")),
    ],
)
def test_the_examples_of_the_docstrings_are_true(name):
    found = doctest.testmod(importlib.import_module(f"speech_tracker.{name}"))
    assert found.attempted > 0
    assert found.failed == 0


@pytest.mark.parametrize(
    ("test_set", "folders"),
    [
        ("test_clean", "decode_test_clean_tgsmall decode_test_clean_fglarge decode_fglarge_test_clean decode_tgsmall_test_clean_online"),
        ("test_other", "decode_test_other_rnnlm_1a decode_test_other_tgsmall_rnnlm_1a_rescore decode_nosp_tglarge_test_other"),
        ("eval2000", "decode_eval2000_sw1_tg decode_eval2000_sw1_fsh_fg decode_eval2000_looped"),
        ("eval92", "decode_bd_tgpr_eval92 decode_bd_tgpr_eval92_fg decode_tgpr_eval92_tg"),
        ("test", "decode_test decode_test.si decode_test_iter100 decode_test_it4 decode_test_rescore decode_test_hires"),
        ("dev_clean_2", "decode_dev_clean_2 decode_tgsmall_dev_clean_2 decode_dev_clean_2_tglarge_looped"),
        ("decode", "decode decode.si decode_it4"),
        ("test_tg_rvb", "decode_test_tg_rvb"),
    ],
)  # fmt: skip
def test_a_set_has_one_name_whatever_language_model_its_folder_names(test_set, folders):
    assert {from_name(folder) for folder in folders.split()} == {test_set}
