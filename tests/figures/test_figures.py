from __future__ import annotations

import warnings
import wave
from pathlib import Path

import numpy as np
import pytest

import speech_tracker
from speech_tracker.errors import InvalidArgumentError, InvalidTypeError
from speech_tracker.figures import LONGEST, MOST_HEADS, attention_figure, curve_figure, spectrogram_figure
from speech_tracker.view import RunView


def test_each_head_has_a_panel_and_the_axis_is_in_seconds() -> None:
    figure = attention_figure(np.random.default_rng(0).random((4, 3, 200)), hypothesis="a b c", frame_shift_ms=40)
    assert len(figure.axes) == 4
    first = figure.axes[0]
    assert first.get_xlabel() == "time (s)"
    assert first.get_xlim() == (0.0, 8.0)
    assert [label.get_text() for label in first.get_yticklabels()] == ["a", "b", "c"]


def test_a_long_input_is_averaged_down_and_keeps_its_mean() -> None:
    weights = np.random.default_rng(0).random((7, 10 * LONGEST + 3))
    figure = attention_figure(weights)
    drawn = figure.axes[0].images[0].get_array()
    assert drawn.shape == (7, LONGEST)
    assert abs(float(drawn.mean()) - weights.mean()) < 1e-3


def test_a_text_hypothesis_is_split_into_the_number_of_tokens_that_the_map_has() -> None:
    words = attention_figure(np.ones((2, 5)), hypothesis="good morning").axes[0]
    letters = attention_figure(np.ones((4, 5)), hypothesis="good").axes[0]
    assert [label.get_text() for label in words.get_yticklabels()] == ["good", "morning"]
    assert [label.get_text() for label in letters.get_yticklabels()] == ["g", "o", "o", "d"]


def test_tokens_that_do_not_fit_the_map_are_not_written_beside_it() -> None:
    figure = attention_figure(np.ones((5, 60)), hypothesis="the cat sat")  # five sub-words of it, which we cannot know
    axes = figure.axes[0]
    assert axes.get_ylabel() == "output position"
    assert not {"t", "h", "the"} & {label.get_text() for label in axes.get_yticklabels()}


def test_a_model_of_many_heads_still_gives_a_picture_of_bounded_size() -> None:
    figure = attention_figure(np.ones((64, 100, 40)), hypothesis=[str(number) for number in range(100)], title="utt-1")
    assert len(figure.axes) == MOST_HEADS
    assert figure.get_suptitle() == f"utt-1: the first {MOST_HEADS} of 64 heads"
    assert max(figure.get_size_inches()) < 17
    assert len(figure.axes[0].get_yticks()) <= 40  # of seven points each, in four inches


def test_channels_may_come_first_as_torchaudio_has_them(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    rate = 8000
    tone = np.sin(2 * np.pi * 1000 * np.arange(rate) / rate)
    drawn = spectrogram_figure(torch.tensor(np.stack([tone, tone])), rate).axes[0]
    assert drawn.get_xlim() == (0.0, 1.0)
    alone = spectrogram_figure(tone, rate).axes[0].images[0].get_array()
    np.testing.assert_allclose(drawn.images[0].get_array(), alone, atol=1e-6)
    with speech_tracker.init(mode="local", store=tmp_path, capture_environment=False) as run:
        run.log_audio("tone", torch.tensor(tone)[None], sample_rate=rate)
    assert run.folder is not None
    (sound,) = (record.data for record in RunView.read(run.folder).records("audio"))
    assert sound["duration_s"] == 1.0
    with wave.open(str(run.folder / sound["file"])) as file:
        assert (file.getnchannels(), file.getnframes(), file.getframerate()) == (1, rate, rate)


def test_the_tone_stands_at_its_frequency_in_the_spectrogram() -> None:
    rate = 16000
    tone = np.sin(2 * np.pi * 2000 * np.arange(rate) / rate)
    axes = spectrogram_figure(tone, rate).axes[0]
    level = axes.images[0].get_array()
    loudest = int(np.argmax(np.asarray(level).mean(axis=1)))
    assert abs(loudest / (level.shape[0] - 1) * rate / 2 - 2000) < 50
    assert axes.get_ylabel() == "frequency (Hz)"
    assert axes.get_xlim() == (0.0, 1.0)


def test_an_hour_of_audio_still_gives_a_small_picture() -> None:
    axes = spectrogram_figure(np.zeros(8000 * 3600, dtype=np.float32), 8000).axes[0]
    assert axes.images[0].get_array().shape[1] <= LONGEST + 1


def test_curves_keep_their_last_point_and_leave_gaps_for_nan() -> None:
    points = [(float(step), float("nan") if step == 5 else 1.0 / (step + 1)) for step in range(10_000)]
    line = curve_figure({"train/loss": points}).axes[0].lines[0]
    assert line.get_xdata()[-1] == 9999.0


@pytest.mark.parametrize("wrong", [np.ones(3), np.ones((1, 2, 3, 4)), np.ones((0, 4)), "text", [["a", "b"]]])
def test_what_is_no_attention_map_is_refused(wrong: object) -> None:
    with pytest.raises(InvalidTypeError, match="expected"):
        attention_figure(wrong)


def test_numbers_that_must_be_positive_are_checked() -> None:
    with pytest.raises(InvalidArgumentError, match="sample_rate"):
        spectrogram_figure(np.ones(100), 0)
    with pytest.raises(InvalidArgumentError, match="frame"):
        attention_figure(np.ones((2, 2)), frame_shift_ms=-1)
    with pytest.raises(InvalidArgumentError, match="nothing to draw"):
        curve_figure({})


def test_a_run_keeps_the_pictures_as_files(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    with speech_tracker.init(mode="local", store=tmp_path, capture_environment=False) as run:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            run.log_attention(torch.rand(2, 3, 50, requires_grad=True), "你 好 吗", step=7, caption="utt-1")
        run.log_spectrogram(np.random.default_rng(0).normal(size=8000), 8000, step=7)
    assert run.folder is not None
    figures = [record.data for record in RunView.read(run.folder).records("figure")]
    assert [each["name"] for each in figures] == ["attention", "spectrogram"]
    for each in figures:
        assert (run.folder / each["file"]).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
        assert each["step"] == 7
