"""Pictures of speech experiments: attention maps, spectrograms, learning curves. Needs the extra ``figures``.

Each function returns a matplotlib figure that belongs to no window and no global state (pyplot is never imported), so it
may be called in any thread of a training on a machine without a screen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from speech_tracker.errors import InvalidArgumentError, InvalidTypeError, explain
from speech_tracker.optional import require

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Array = npt.NDArray[np.float64]

LONGEST = 1200
"""Columns or rows of a map that are drawn; a longer one is averaged down to this, so that a picture stays a picture."""

MOST_HEADS = 16
"""Heads of an attention map that are drawn; the title says how many there are."""

_HEIGHT = 16.0
"""Inches; the panels of a picture share it."""

_LABELS_PER_INCH = 8.5


def attention_figure(
    weights: Any,
    *,
    hypothesis: Sequence[str] | str | None = None,
    frame_shift_ms: float | None = None,
    title: str | None = None,
) -> Figure:
    """Return attention maps as a picture: output tokens upwards, input time to the right, a panel for each head.

    Of more heads than `MOST_HEADS` the first are drawn.

    Args:
        weights: array or tensor of shape (output, input) or (heads, output, input).
        hypothesis: the output tokens, for the axis. A text is split at spaces, else into characters, where that gives
            as many tokens as there are outputs (or one less, the end of the sentence); otherwise positions are counted.
        frame_shift_ms: milliseconds between two inputs, for an axis in seconds; frames are counted without it.
        title: a line above.

    Raises:
        InvalidTypeError: `weights` is not a numeric array of two or three dimensions.
        InvalidArgumentError: it is empty, or `frame_shift_ms` is not positive.
        MissingExtraError: matplotlib is not installed.
    """
    import numpy as np

    maps = _array("weights", weights)
    if maps.ndim == 2:
        maps = maps[None]
    if maps.ndim != 3 or 0 in maps.shape:
        raise InvalidTypeError(
            explain("not an attention map", got=f"shape {maps.shape}", expected="(output, input) or (heads, output, input)",
                    remedy="pass one utterance without padding")
        )  # fmt: skip
    if frame_shift_ms is not None and not frame_shift_ms > 0:
        raise InvalidArgumentError(
            explain(
                "no frame shift",
                got=frame_shift_ms,
                expected="milliseconds above 0",
                remedy="correct `frame_shift_ms=`",
            )
        )
    there, outputs, inputs = maps.shape
    heads = min(there, MOST_HEADS)
    if heads < there:
        title = f"{title + ': ' if title else ''}the first {heads} of {there} heads"
    labels = _tokens(hypothesis, outputs)
    columns = min(heads, 4)
    rows = math.ceil(heads / columns)
    height = min(max(2.2, 0.16 * outputs), 7.0, _HEIGHT / rows)
    figure = _figure(min(5.2 * columns, 16), height * rows + 0.6)
    end = inputs * frame_shift_ms / 1000 if frame_shift_ms else inputs
    for head in range(heads):
        axes = figure.add_subplot(rows, columns, head + 1)
        drawn = _shrink(_shrink(maps[head], 0), 1)
        top = float(np.nanmax(drawn)) if np.isfinite(drawn).any() else 1.0
        axes.imshow(
            drawn, origin="lower", aspect="auto", interpolation="nearest", cmap="viridis", vmin=0.0, vmax=max(top, 1e-9),
            extent=(0, end, -0.5, outputs - 0.5),
        )  # fmt: skip
        axes.set_xlabel("time (s)" if frame_shift_ms else "input frame")
        if head % columns:
            axes.set_yticks([])
        else:
            axes.set_ylabel("output token" if labels else "output position")
            if labels:
                _label_tokens(axes, labels, int(height * _LABELS_PER_INCH))
        if heads > 1:
            axes.set_title(f"head {head}", fontsize=9)
    if title:
        figure.suptitle(title)
    return figure


def spectrogram_figure(
    audio: Any,
    sample_rate: int,
    *,
    window_ms: float = 25.0,
    hop_ms: float = 10.0,
    title: str | None = None,
    top_db: float = 80.0,
) -> Figure:
    """Return the spectrogram of a sound as a picture: seconds to the right, hertz upwards, level in decibel.

    The level is 10 log10 of the power of a Hann-windowed short-time Fourier transform, relative to its greatest value.

    Args:
        audio: samples, one-dimensional, or of several channels, which are averaged: (samples, channels), or (channels,
            samples), as torchaudio has it.
        sample_rate: Hz.
        window_ms, hop_ms: analysis window and its shift.
        title: a line above.
        top_db: levels that far below the greatest are drawn as silence.

    Raises:
        InvalidTypeError: `audio` is no sound.
        InvalidArgumentError: it is empty, or a number is not positive.
        MissingExtraError: matplotlib is not installed.
    """
    import numpy as np

    from speech_tracker.media import channels_last

    samples = channels_last(_array("audio", audio))
    if samples.ndim == 2 and samples.size:
        samples = samples.mean(axis=1)
    if samples.ndim != 1 or not len(samples):
        raise InvalidTypeError(
            explain(
                "not a sound",
                got=f"shape {samples.shape}",
                expected="(samples,) or (samples, channels)",
                remedy="correct `audio`",
            )
        )
    for name, value in (("sample_rate", sample_rate), ("window_ms", window_ms), ("hop_ms", hop_ms), ("top_db", top_db)):
        if not value > 0:
            raise InvalidArgumentError(
                explain(
                    f"`{name}` is not positive", got=value, expected="a number above 0", remedy=f"correct `{name}=`"
                )
            )
    size = max(int(sample_rate * window_ms / 1000), 8)
    hop = max(int(sample_rate * hop_ms / 1000), 1)
    # a long recording is analysed at fewer places: a picture cannot show more columns than it has
    hop = max(hop, math.ceil(len(samples) / LONGEST))
    padded = np.pad(np.nan_to_num(samples), (0, max(size - len(samples), 0)))
    starts = np.arange(0, len(padded) - size + 1, hop)
    frames = padded[starts[:, None] + np.arange(size)] * np.hanning(size)
    power = np.abs(np.fft.rfft(frames, axis=1)).T ** 2
    level = 10 * np.log10(np.maximum(power, 1e-20))
    level = np.maximum(level - level.max(), -top_db)
    figure = _figure(min(max(5.0, len(samples) / sample_rate * 2.0), 14), 3.6)
    axes = figure.add_subplot()
    image = axes.imshow(
        level, origin="lower", aspect="auto", cmap="magma", extent=(0, len(samples) / sample_rate, 0, sample_rate / 2)
    )
    axes.set_xlabel("time (s)")
    axes.set_ylabel("frequency (Hz)")
    figure.colorbar(image, ax=axes, label="level (dB)")
    if title:
        axes.set_title(title)
    return figure


def curve_figure(
    curves: Mapping[str, Sequence[tuple[float, float]]],
    *,
    x_label: str = "step",
    y_label: str = "",
    title: str | None = None,
) -> Figure:
    """Return learning curves as a picture.

    Args:
        curves: name to its points (x, y); points that are not finite leave a gap.
        x_label, y_label: what the axes show.
        title: a line above.

    Raises:
        InvalidArgumentError: there is no curve.
        MissingExtraError: matplotlib is not installed.
    """
    if not curves:
        raise InvalidArgumentError(
            explain("nothing to draw", got=curves, expected="at least one curve", remedy="pass `curves`")
        )
    figure = _figure(6.4, 3.8)
    axes = figure.add_subplot()
    for name, points in curves.items():
        stride = max(1, math.ceil(len(points) / (4 * LONGEST)))
        kept = [*points[::stride], *points[-1:]]
        few = len(kept) < 40
        axes.plot(
            [x for x, _ in kept],
            [y for _, y in kept],
            label=name,
            linewidth=1.4,
            marker="o" if few else None,
            markersize=3,
        )
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label or (next(iter(curves)) if len(curves) == 1 else ""))
    axes.grid(alpha=0.3)
    if len(curves) > 1:
        axes.legend(fontsize=8)
    if title:
        axes.set_title(title)
    return figure


def _figure(width: float, height: float) -> Figure:
    require("matplotlib", extra="figures", purpose="draw pictures")
    from matplotlib.figure import Figure as MatplotlibFigure

    return MatplotlibFigure(figsize=(width, height), layout="constrained")


def _array(name: str, value: Any) -> Array:
    import numpy as np

    if hasattr(value, "detach"):
        value = value.detach().cpu().float()
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidTypeError(
            explain(
                f"`{name}` is not numeric",
                got=value,
                expected="an array or tensor of numbers",
                remedy=f"correct `{name}`",
            )
        ) from error


def _shrink(values: Array, axis: int) -> Array:
    """Average neighbours along `axis` until at most `LONGEST` are left."""
    import numpy as np

    length = values.shape[axis]
    if length <= LONGEST:
        return values
    edges = np.linspace(0, length, LONGEST + 1).astype(int)[:-1]
    sums = np.add.reduceat(values, edges, axis=axis)
    counts = np.diff(np.append(edges, length))
    shape = [1, 1]
    shape[axis] = -1
    result: Array = sums / counts.reshape(shape)
    return result


def _tokens(hypothesis: Sequence[str] | str | None, outputs: int) -> list[str]:
    if hypothesis is None:
        return []
    if isinstance(hypothesis, str):
        ways = (hypothesis.split(), list(hypothesis))
        hypothesis = next((tokens for tokens in ways if len(tokens) in (outputs, outputs - 1)), [])
    return [str(token) for token in hypothesis][:outputs]


def _label_tokens(axes: Axes, labels: list[str], most: int) -> None:
    stride = math.ceil(len(labels) / most)
    places = list(range(0, len(labels), stride))
    # "$" begins mathematics in matplotlib, and a space would be invisible
    axes.set_yticks(places, [labels[place].replace("$", r"\$").replace(" ", "␣") for place in places], fontsize=7)
