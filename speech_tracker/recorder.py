"""The records of a run: what an adapter, a recipe or a notebook says becomes one line of the journal."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from speech_tracker import arguments
from speech_tracker.arguments import Mode, Relation
from speech_tracker.errors import InvalidArgumentError, explain
from speech_tracker.journal.writer import Sink
from speech_tracker.plain import plain

if TYPE_CHECKING:
    from speech_tracker.schema import Speech

CheckpointAction = Literal["saved", "replaced", "deleted", "best"]


class Recorder:
    """What can be said about a run, its curves, its data and its checkpoints; the first part of `Run`."""

    id: str
    folder: Path | None
    mode: Mode
    is_main: bool
    _sink: Sink
    _rank_sink: Sink
    _added_tags: list[str]

    def log_config(self, config: Mapping[str, Any] | Any) -> None:
        """Record a configuration (a mapping, an argparse namespace or a dataclass); keys that were there are replaced.

        Any object may be in it (see `speech_tracker.plain.plain`); values whose name looks like a credential's are
        masked before they are written.

        Raises:
            InvalidTypeError: `config` is none of these.
        """
        values, masked = plain(dict(arguments.settings("config", config)))
        self._sink.append("config", {"config": values, **({"masked": masked} if masked else {})})

    def log_speech(self, speech: Speech | Mapping[str, Any]) -> None:
        """Record the description in the speech vocabulary (`speech_tracker.schema.Speech`, or a part of its dict).

        Raises:
            InvalidTypeError: `speech` is neither.
        """
        described = speech if isinstance(speech, Mapping) else getattr(speech, "to_dict", lambda: speech)()
        values, _ = plain(dict(arguments.mapping("speech", described)))
        self._sink.append("speech", {"speech": values})

    def add_tags(self, *tags: str) -> None:
        """Add tags to the run.

        Raises:
            InvalidTypeError, InvalidArgumentError: a tag is not a non-empty text.
        """
        added = list(arguments.texts("tags", tags))
        self._added_tags += added
        self._sink.append("run", {"add_tags": added})

    def log_metrics(
        self,
        metrics: Mapping[str, Any],
        *,
        step: int | float | None = None,
        epoch: int | float | None = None,
        time: float | None = None,
    ) -> None:
        """Record numbers of one moment.

        Args:
            metrics: name (``train/loss``, ``valid/wer``; rates as fractions) to a number: int, float (NaN and
                infinities are kept), or a NumPy or torch value of one element, which is read here once.
            step: optimizer updates so far. It may go back (then readers order by step); to continue from an earlier
                step after a restart, call `rewind`.
            epoch: passes over the data so far.
            time: when it was measured, in seconds since the epoch, if that is not now (logs read afterwards).

        Raises:
            InvalidTypeError: a value is no number, or `step` or `epoch` is none.
            InvalidArgumentError: `time` is in no calendar (milliseconds, say).
        """
        self._log("metrics", self._sink, metrics, step, epoch, time, {})

    def log_metric(
        self, name: str, value: Any, *, step: int | float | None = None, epoch: int | float | None = None
    ) -> None:
        """Record one number: `log_metrics` of ``{name: value}``."""
        self.log_metrics({name: value}, step=step, epoch=epoch)

    def log_rank_metrics(
        self, metrics: Mapping[str, Any], *, step: int | float | None = None, epoch: int | float | None = None
    ) -> None:
        """Record numbers that belong to this process's rank (GPU memory, its data loader's time); works on every rank.

        Raises:
            InvalidTypeError: as `log_metrics`.
        """
        from speech_tracker.ranks import rank

        self._log("rank_metrics", self._rank_sink, metrics, step, epoch, None, {"rank": rank()})

    def _log(
        self,
        kind: str,
        sink: Sink,
        metrics: Mapping[str, Any],
        step: Any,
        epoch: Any,
        when: float | None,
        more: dict[str, Any],
    ) -> None:
        data: dict[str, Any] = {"values": arguments.metric_values(metrics)}
        if step is not None:
            data["step"] = step if type(step) is int else arguments.axis("step", step)
        if epoch is not None:
            data["epoch"] = epoch if type(epoch) is int else arguments.axis("epoch", epoch)
        if when is not None:
            data["time"] = arguments.moment("time", when)
        if more:
            data.update(more)
        sink.append(kind, data)

    def rewind(self, *, step: int | float | None = None, epoch: int | float | None = None) -> None:
        """Say that the training goes on from `step` (or `epoch`): metrics of later steps recorded before are superseded.

        They stay in the journal, hidden from histories. Adapters call this when a checkpoint was loaded.

        Raises:
            InvalidArgumentError: neither is given.
        """
        if step is None and epoch is None:
            raise InvalidArgumentError(
                explain(
                    "nothing to rewind to", got=None, expected="step= or epoch=", remedy="give the checkpoint's step"
                )
            )
        data = {"step": arguments.axis("step", step), "epoch": arguments.axis("epoch", epoch)}
        self._sink.append("rewind", {key: value for key, value in data.items() if value is not None})

    def log_dataset(
        self,
        name: str,
        *,
        split: str | None = None,
        path: str | os.PathLike[str] | None = None,
        manifest: str | os.PathLike[str] | None = None,
        version: str | None = None,
        utterances: int | None = None,
        hours: float | None = None,
        speakers: int | None = None,
        **metadata: Any,
    ) -> None:
        """Record a version of a data set by reference: its audio is never copied.

        Args:
            name: for example ``librispeech/train-clean-100``.
            split: ``train``, ``valid``, or ``test/<set>``.
            path, manifest: where it lies, and the list of its utterances.
            version: a hash or a version's name.
            utterances, hours, speakers: its size.
            metadata: anything else worth keeping.

        Raises:
            InvalidTypeError, InvalidArgumentError: `name` is not a non-empty text, a size is no number.
        """
        known = {
            "name": arguments.text("name", name), "split": split, "path": text_path(path), "manifest": text_path(manifest),
            "version": version, "utterances": arguments.whole_number("utterances", utterances),
            "hours": None if hours is None else arguments.number("hours", hours), "speakers": arguments.whole_number("speakers", speakers),
        }  # fmt: skip
        values, _ = plain({**known, "metadata": metadata} if metadata else known)
        self._sink.append("dataset", {key: value for key, value in values.items() if value is not None})

    def log_checkpoint(
        self,
        path: str | os.PathLike[str],
        *,
        action: CheckpointAction = "saved",
        step: int | float | None = None,
        epoch: int | float | None = None,
        metrics: Mapping[str, Any] | None = None,
        aliases: Iterable[str] = (),
        averaged_from: Iterable[str | os.PathLike[str]] = (),
        **metadata: Any,
    ) -> None:
        """Record that a checkpoint was saved, replaced, deleted, or is now the best; the file itself is not touched.

        Args:
            path: the checkpoint's file or folder.
            action: what happened to it.
            step, epoch: the training's position that it holds.
            metrics: what was measured with it.
            aliases: ``best``, ``latest``, ``epoch-12``.
            averaged_from: the checkpoints it is an average of.
            metadata: anything else worth keeping.

        Raises:
            InvalidArgumentError: `action` is unknown.
            InvalidTypeError: a metric is no number.
        """
        place = Path(path)
        data: dict[str, Any] = {
            "path": str(place if place.is_absolute() else place.absolute()),
            "action": arguments.one_of("action", action, ("saved", "replaced", "deleted", "best")),
            "step": arguments.axis("step", step),
            "epoch": arguments.axis("epoch", epoch),
            "metrics": arguments.metric_values(metrics) if metrics else None,
            "aliases": list(arguments.texts("aliases", aliases)),
            "averaged_from": [str(each) for each in averaged_from],
            "size": size_of(place) if action != "deleted" else None,
            "metadata": plain(metadata)[0] if metadata else None,
        }
        self._sink.append("checkpoint", {key: value for key, value in data.items() if value not in (None, [])})

    def log_artifact(
        self,
        path: str | os.PathLike[str],
        *,
        type: str,
        name: str | None = None,
        aliases: Iterable[str] = (),
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Record a file or folder that belongs to the run; it stays where it is, and W&B gets it when the run is sent.

        Raises:
            InvalidArgumentError: there is nothing at `path`.
        """
        place = Path(path)
        if self.is_main and self.mode != "disabled" and not place.exists():
            raise InvalidArgumentError(
                explain("no such file or folder", got=str(path), expected="an existing one", remedy="correct `path`")
            )
        data: dict[str, Any] = {
            "path": str(place.absolute()),
            "name": arguments.text("name", name) if name is not None else place.name,
            "type": arguments.text("type", type),
            "aliases": list(arguments.texts("aliases", aliases)),
            "size": size_of(place),
            "metadata": plain(dict(metadata))[0] if metadata else None,
        }
        self._sink.append("artifact", {key: value for key, value in data.items() if value not in (None, [])})

    def log_event(self, name: str, *, time: float | None = None, **data: Any) -> None:
        """Record that something happened: a stage began, a job failed.

        Args:
            name: what happened, for example ``stage`` or ``job-failed``.
            time: when, in seconds since the epoch, if not now.
            data: what is to be known of it.
        """
        values, _ = plain(data)
        moment = {} if time is None else {"time": arguments.moment("time", time)}
        self._sink.append("event", {"name": arguments.text("name", name), **moment, "data": values})

    def log_problem(
        self, reason: str, *, path: str | None = None, line: int | None = None, text: str | None = None
    ) -> None:
        """Record that a part of the input was wrong and was skipped: what, where."""
        data = {"reason": arguments.text("reason", reason), "path": path, "line": line, "text": text}
        self._sink.append("problem", plain({key: value for key, value in data.items() if value is not None})[0])

    def alert(self, title: str, text: str = "", *, level: Literal["info", "warn", "error"] = "info") -> None:
        """Record a message for people; W&B passes it on by mail or chat.

        Raises:
            InvalidArgumentError: `level` is unknown.
        """
        arguments.one_of("level", level, ("info", "warn", "error"))
        self._sink.append("alert", plain({"title": arguments.text("title", title), "text": text, "level": level})[0])

    def link(self, run: Recorder | str, relation: Relation) -> None:
        """Record how this run relates to another one.

        Args:
            run: the other run, or its id.
            relation: ``ablation-of``, ``fine-tuned-from``, ``ensemble-of``, ``averaged-from``, ``aligned-with``,
                ``made-from``, ``evaluates``, ``continues``.

        Raises:
            InvalidArgumentError: `relation` is unknown.
        """
        other = run.id if isinstance(run, Recorder) else arguments.text("run", run)
        self._sink.append(
            "link", {"run": other, "relation": arguments.one_of("relation", relation, arguments.RELATIONS)}
        )


def text_path(path: str | os.PathLike[str] | None) -> str | None:
    """Return a path as text, None for None."""
    return None if path is None else os.fspath(path)


def size_of(path: Path) -> int | None:
    """Bytes of a file, of the files in a folder; None when it cannot be told (it may be gone already)."""
    try:
        if path.is_dir():
            return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())
        return path.stat().st_size
    except OSError:
        return None
