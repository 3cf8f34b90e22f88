from __future__ import annotations

import warnings

import pytest

from speech_tracker.evaluation.normalize import get_normalizer
from speech_tracker.evaluation.normalizers.whisper import NormalizerWarning


@pytest.mark.parametrize(
    ("text", "script"),
    [("हिन्दी", "Devanagari"), ("ที่นี่", "Thai"), ("كِتَاب", "Arabic"), ("שָׁלוֹם", "Hebrew"), ("தமிழ்", "Tamil")],
)
def test_whisper_basic_warns_of_scripts_whose_marks_it_takes_away(text, script):
    normalizer = get_normalizer("whisper-basic")
    with pytest.warns(NormalizerWarning, match=f"replaces the combining marks of {script} by blanks.*'basic'"):
        assert normalizer(text) != text


def test_the_warning_comes_once_for_each_normaliser():
    normalizer = get_normalizer("whisper-basic")
    with pytest.warns(NormalizerWarning) as caught:
        assert [normalizer(text) for text in ("हिन्दी", "भाषा")]
    assert len(caught) == 1


@pytest.mark.parametrize("text", ["plain", "café", "cafe\u0301", "你好", "한국어", "Größe", "ภาษาไทย"])
def test_whisper_basic_is_silent_where_it_does_no_harm(text):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        get_normalizer("whisper-basic")(text)


def test_whisper_english_warns_of_other_scripts_and_not_of_accents():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert get_normalizer("whisper-en")("naïve café") == "naive cafe"
    with pytest.warns(NormalizerWarning, match="made for English, and the text holds Hiragana letters"):
        get_normalizer("whisper-en")("これが")


def test_the_newer_option_of_whisper_keeps_marks_and_does_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert get_normalizer("whisper-basic-marks")("हिन्दी!") == "हिन्दी"
