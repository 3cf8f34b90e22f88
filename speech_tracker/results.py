"""The results of a run: evaluations, tables, pictures, sounds; what is large becomes a file of the run's folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from speech_tracker import arguments
from speech_tracker.encoding import tag
from speech_tracker.errors import InvalidArgumentError, explain
from speech_tracker.guard import shielded
from speech_tracker.plain import plain
from speech_tracker.recorder import Recorder, size_of, text_path

if TYPE_CHECKING:
    from speech_tracker.evaluation.result import Evaluation


class ResultRecorder(Recorder):
    """What came out of a run; the second part of `Run`."""

    def log_evaluation(
        self,
        evaluation: Evaluation | Any,
        *,
        test_set: str,
        decoding: Mapping[str, Any] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        step: int | float | None = None,
        epoch: int | float | None = None,
        audio: Mapping[str, str | os.PathLike[str]] | None = None,
        unit: Literal["word", "char", "mixed"] | None = None,
        **metadata: Any,
    ) -> None:
        """Record the result on one test set.

        Args:
            evaluation: what `speech_tracker.evaluation.score` returned (then every utterance with its alignment goes
                into one Parquet file of the run), an `ErrorCounts` (counts only), or the result of another task
                (anything with a ``metrics()`` that returns names to numbers).
            test_set: its name, for example ``test-clean``.
            decoding: the search's settings (beam, LM weight, …).
            checkpoint: the checkpoint that was decoded.
            step, epoch: the training's position of that checkpoint.
            audio: utterance id to audio file, so that the worst utterances can be listened to.
            unit: what was counted, where `evaluation` is an `ErrorCounts` (``word`` when not given).
            metadata: anything else worth keeping.

        Raises:
            InvalidTypeError: `evaluation` is none of these.
        """
        arguments.text("test_set", test_set)
        if self.folder is None or not self.is_main:
            return
        from speech_tracker.evaluation_record import evaluation_data

        context = {
            "test_set": test_set,
            "decoding": dict(arguments.mapping("decoding", decoding)) if decoding is not None else None,
            "checkpoint": text_path(checkpoint),
            "step": arguments.axis("step", step),
            "epoch": arguments.axis("epoch", epoch),
            "metadata": metadata or None,
        }
        data = evaluation_data(evaluation, folder=self.folder, test_set=test_set, audio=audio, unit=unit)
        values, _ = plain({**{key: value for key, value in context.items() if value is not None}, **data})
        self._sink.append("evaluation", values)

    def log_table(
        self, name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, step: int | float | None = None
    ) -> None:
        """Record a table (a decoding sweep, a list of examples).

        Raises:
            InvalidArgumentError: a row does not have as many cells as there are columns.
        """
        titles = list(arguments.texts("columns", columns))
        cells = [list(row) for row in rows]
        for number, row in enumerate(cells):
            if len(row) != len(titles):
                raise InvalidArgumentError(
                    explain(f"row {number} of table {name!r} has {len(row)} cells", got=row,
                            expected=f"{len(titles)}: {', '.join(titles)}", remedy="correct `rows`")
                )  # fmt: skip
        values, _ = plain({"columns": titles, "rows": cells})
        self._keep("table", name, step, ".json", lambda path: _write_json(path, values), rows=len(cells))

    def log_figure(
        self, name: str, figure: Any, *, step: int | float | None = None, caption: str | None = None
    ) -> None:
        """Record a picture: a matplotlib figure, a PIL image, or the path of an image file.

        Raises:
            InvalidTypeError: it is none of these.
        """
        from speech_tracker.media import picture_writer

        suffix, write = picture_writer(figure)
        self._keep("figure", name, step, suffix, write, caption=caption)

    def log_attention(
        self,
        weights: Any,
        hypothesis: Sequence[str] | str | None = None,
        *,
        name: str = "attention",
        frame_shift_ms: float | None = None,
        step: int | float | None = None,
        caption: str | None = None,
    ) -> None:
        """Record an attention map as a picture (`speech_tracker.figures.attention_figure`).

        Args:
            weights: shape (output, input) or (heads, output, input), one utterance without padding.
            hypothesis: the output tokens.
            name: what it is a picture of, for example ``attention/decoder.0``.
            frame_shift_ms: milliseconds between two inputs, for an axis in seconds.
            step: optimizer updates so far.
            caption: a line for people, for example the utterance's id.

        Raises:
            InvalidTypeError: `weights` is no such array.
            MissingExtraError: matplotlib is not installed.
        """
        if self.folder is None or not self.is_main:
            return
        from speech_tracker.figures import attention_figure

        figure = attention_figure(weights, hypothesis=hypothesis, frame_shift_ms=frame_shift_ms, title=caption)
        self.log_figure(name, figure, step=step, caption=caption)

    def log_spectrogram(
        self,
        audio: Any,
        sample_rate: int,
        *,
        name: str = "spectrogram",
        step: int | float | None = None,
        caption: str | None = None,
    ) -> None:
        """Record the spectrogram of a sound as a picture (`speech_tracker.figures.spectrogram_figure`).

        Args:
            audio: samples, one-dimensional, (samples, channels) or (channels, samples).
            sample_rate: Hz.
            name: what it is a picture of.
            step: optimizer updates so far.
            caption: a line for people.

        Raises:
            InvalidTypeError, InvalidArgumentError: it is no sound.
            MissingExtraError: matplotlib is not installed.
        """
        if self.folder is None or not self.is_main:
            return
        from speech_tracker.figures import spectrogram_figure

        self.log_figure(name, spectrogram_figure(audio, sample_rate, title=caption), step=step, caption=caption)

    def log_audio(
        self,
        name: str,
        audio: Any,
        *,
        sample_rate: int | None = None,
        step: int | float | None = None,
        caption: str | None = None,
    ) -> None:
        """Record a sound: samples (one-dimensional or of several channels; floats in -1…1 or 16-bit integers), or a file.

        Args:
            name: what it is.
            audio: the samples, or the path of an audio file, which is then referred to and not copied.
            sample_rate: Hz, needed with samples.
            step: optimizer updates so far.
            caption: a line for people.

        Raises:
            InvalidTypeError: samples of another shape.
            InvalidArgumentError: `sample_rate` is missing, or the file does not exist.
        """
        from speech_tracker.media import audio_writer

        suffix, write, facts = audio_writer(audio, sample_rate)
        if write is None:
            data = {
                "name": arguments.text("name", name),
                **facts,
                "step": arguments.axis("step", step),
                "caption": caption,
            }
            self._sink.append("audio", {key: value for key, value in data.items() if value is not None})
            return
        self._keep("audio", name, step, suffix, write, caption=caption, **facts)

    def log_json(self, name: str, value: Any) -> None:
        """Record any plain value under a name; the last one counts."""
        values, masked = plain(value)
        self._sink.append(
            "json", {"name": arguments.text("name", name), "value": values, **({"masked": masked} if masked else {})}
        )

    def _keep(self, kind: str, name: str, step: Any, suffix: str, write: Any, **facts: Any) -> None:
        """Write a file into the run's folder and record it; the file is whole before the record names it."""
        arguments.text("name", name)
        position = arguments.axis("step", step)
        if self.folder is None or not self.is_main:
            return
        from speech_tracker.media import file_for

        with shielded(f"keeping the {kind} {name!r}"):
            path = file_for(self.folder, kind, name, position, suffix)
            write(path)
            data = {
                "name": name,
                "file": str(path.relative_to(self.folder)),
                "step": position,
                **facts,
                "size": size_of(path),
            }
            self._sink.append(kind, tag({key: value for key, value in data.items() if value is not None}))


def _write_json(path: Path, values: Any) -> None:
    from speech_tracker.encoding import encode
    from speech_tracker.paths import write_atomically

    write_atomically(path, encode(values) + b"\n")
