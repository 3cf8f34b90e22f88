"""The one core logger: what an adapter, a recipe or a notebook calls, and what becomes a record of the journal."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

from speech_tracker import arguments, lifecycle
from speech_tracker.arguments import Mode, Relation, Status
from speech_tracker.encoding import tag
from speech_tracker.errors import InvalidArgumentError, explain
from speech_tracker.guard import shielded, swallowed
from speech_tracker.journal.writer import Sink
from speech_tracker.plain import plain

if TYPE_CHECKING:
    from speech_tracker.evaluation.result import Evaluation
    from speech_tracker.schema import Speech

logger = logging.getLogger("speech_tracker")

FINISH_TIMEOUT = 30.0
"""Seconds that `Run.finish` waits for W&B; what is not sent by then is sent by ``speech-tracker sync``."""

SIGNAL_TIMEOUT = 3.0
"""The same when the process is being killed: schedulers leave little time between SIGTERM and SIGKILL."""

CheckpointAction = Literal["saved", "replaced", "deleted", "best"]


class Forwarder(Protocol):
    """What brings a run's journal to W&B while the run lives (`speech_tracker.sync.live`)."""

    @property
    def url(self) -> str | None:
        """Address of the run's page, None when there is none (yet)."""

    def finish(self, *, status: str, exit_code: int, timeout: float) -> str:
        """Send what is left, for at most `timeout` seconds; return a line for the user, "" when there is nothing."""


class Run:
    """One experiment run, made by `speech_tracker.init`.

    Every ``log_…`` method checks its arguments (a wrong one raises at the call), appends one record to the journal and
    returns: what was logged then survives a ``kill -9``. Nothing else raises: a full disk, a dead network or a broken
    W&B never reaches the caller.

    On ranks other than 0 every method but `log_rank_metrics` does nothing.

    Attributes:
        id: the run's id, the same in W&B.
        name: its name for people.
        project: the project it belongs to.
        task: the task's standard name (`speech_tracker.tasks.TASKS`), or None.
        folder: the run's folder in the store, None when nothing is recorded.
        mode: ``online``, ``offline``, ``local`` or ``disabled``.
        is_main: whether this process writes the run's history (rank 0).
    """

    def __init__(
        self,
        *,
        id: str,
        name: str,
        project: str,
        task: str | None,
        folder: Path | None,
        mode: Mode,
        sink: Sink,
        rank_sink: Sink,
        is_main: bool = True,
        resumed: bool = False,
    ) -> None:
        self.id = id
        self.name = name
        self.project = project
        self.task = task
        self.folder = folder
        self.mode = mode
        self.is_main = is_main
        self.resumed = resumed
        self._sink = sink
        self._rank_sink = rank_sink
        self._process = os.getpid()
        self._status: Status = "running"
        self._signal: str | None = None
        self._forwarder: Forwarder | None = None
        self._files = 0

    def __repr__(self) -> str:
        return f"<Run {self.id} {self.name!r} in {self.project!r}, {self._status}>"

    @property
    def status(self) -> Status:
        """The status as this process knows it: ``running`` until `finish`."""
        return self._status

    @property
    def url(self) -> str | None:
        """Address of the run's W&B page, None when it has none (yet)."""
        return self._forwarder.url if self._forwarder is not None else None

    # ---- what a run is ------------------------------------------------------------------------------------------

    def log_config(self, config: Mapping[str, Any]) -> None:
        """Record a configuration; keys that were there already are replaced.

        Any object may be in it (see `speech_tracker.plain.plain`); values whose name looks like a credential's are
        masked before they are written.

        Raises:
            InvalidTypeError: `config` is not a mapping.
        """
        values, masked = plain(dict(arguments.mapping("config", config)))
        self._sink.append("config", {"config": values, **({"masked": masked} if masked else {})})

    def log_speech(self, speech: Speech | Mapping[str, Any]) -> None:
        """Record the description in the speech vocabulary (`speech_tracker.schema.Speech`, or a part of its dict).

        Raises:
            InvalidTypeError: `speech` is neither.
        """
        described = speech if isinstance(speech, Mapping) else getattr(speech, "to_dict", lambda: speech)()
        arguments.mapping("speech", described)
        values, _ = plain(dict(described))
        self._sink.append("speech", {"speech": values})

    def add_tags(self, *tags: str) -> None:
        """Add tags to the run.

        Raises:
            InvalidTypeError, InvalidArgumentError: a tag is not a non-empty text.
        """
        self._sink.append("run", {"add_tags": list(arguments.texts("tags", tags))})

    # ---- curves -------------------------------------------------------------------------------------------------

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
            data["time"] = arguments.axis("time", when)
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

    # ---- data, checkpoints, files -------------------------------------------------------------------------------

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
            InvalidTypeError, InvalidArgumentError: `name` is not a non-empty text.
        """
        known = {
            "name": arguments.text("name", name), "split": split, "path": _text_path(path), "manifest": _text_path(manifest),
            "version": version, "utterances": utterances, "hours": hours, "speakers": speakers,
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
            "size": _size(place) if action != "deleted" else None,
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
            "size": _size(place),
            "metadata": plain(dict(metadata))[0] if metadata else None,
        }
        self._sink.append("artifact", {key: value for key, value in data.items() if value not in (None, [])})

    # ---- results ------------------------------------------------------------------------------------------------

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
            "checkpoint": _text_path(checkpoint),
            "step": arguments.axis("step", step),
            "epoch": arguments.axis("epoch", epoch),
            "metadata": metadata or None,
        }
        data = evaluation_data(evaluation, folder=self.folder, test_set=test_set, audio=audio)
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

    def log_audio(
        self,
        name: str,
        audio: Any,
        *,
        sample_rate: int | None = None,
        step: int | float | None = None,
        caption: str | None = None,
    ) -> None:
        """Record a sound: samples (one-dimensional, or channels last; floats in -1…1 or 16-bit integers), or a file.

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

    def log_event(self, name: str, *, time: float | None = None, **data: Any) -> None:
        """Record that something happened: a stage began, a job failed.

        Args:
            name: what happened, for example ``stage`` or ``job-failed``.
            time: when, in seconds since the epoch, if not now.
            data: what is to be known of it.
        """
        values, _ = plain(data)
        moment = {} if time is None else {"time": arguments.axis("time", time)}
        self._sink.append("event", {"name": arguments.text("name", name), **moment, "data": values})

    def log_problem(
        self, reason: str, *, path: str | None = None, line: int | None = None, text: str | None = None
    ) -> None:
        """Record that a part of the input was wrong and was skipped: what, where."""
        data = {"reason": arguments.text("reason", reason), "path": path, "line": line, "text": text}
        self._sink.append("problem", tag({key: value for key, value in data.items() if value is not None}))

    def alert(self, title: str, text: str = "", *, level: Literal["info", "warn", "error"] = "info") -> None:
        """Record a message for people; W&B passes it on by mail or chat.

        Raises:
            InvalidArgumentError: `level` is unknown.
        """
        arguments.one_of("level", level, ("info", "warn", "error"))
        self._sink.append("alert", tag({"title": arguments.text("title", title), "text": text, "level": level}))

    def link(self, run: Run | str, relation: Relation) -> None:
        """Record how this run relates to another one.

        Args:
            run: the other run, or its id.
            relation: ``ablation-of``, ``fine-tuned-from``, ``ensemble-of``, ``averaged-from``, ``aligned-with``,
                ``evaluates``, ``continues``.

        Raises:
            InvalidArgumentError: `relation` is unknown.
        """
        other = run.id if isinstance(run, Run) else arguments.text("run", run)
        self._sink.append(
            "link", {"run": other, "relation": arguments.one_of("relation", relation, arguments.RELATIONS)}
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
                "size": _size(path),
            }
            self._sink.append(kind, tag({key: value for key, value in data.items() if value is not None}))

    # ---- the end ------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Put everything recorded so far on the disk itself, past the kernel's cache."""
        self._sink.sync()

    def finish(self, status: Status | None = None, *, reason: str | None = None, timeout: float | None = None) -> None:
        """End the run. A second call does nothing.

        Args:
            status: ``finished`` unless a signal asked the process to end; ``failed``, ``killed``, ``preempted``.
            reason: why, for people.
            timeout: seconds to wait for W&B, `FINISH_TIMEOUT` when None. The local record needs none.

        Raises:
            InvalidArgumentError: `status` is unknown, or ``running``.
        """
        if status is not None:
            arguments.one_of("status", status, arguments.STATUSES[1:])
        if self._status != "running":
            return
        if self._process != os.getpid():  # a handle in another process: it closes its own segment, the run goes on
            self._sink.close()
            self._rank_sink.close()
            return
        final = status or cast("Status", lifecycle.signalled() or "finished")
        self._end(final, _exit_code(final), reason, FINISH_TIMEOUT if timeout is None else timeout)

    def _end(self, status: Status, exit_code: int, reason: str | None, timeout: float) -> None:
        self._status = status
        lifecycle.forget(self)
        with shielded("recording the end of the run"):
            counts = swallowed()
            data = {"status": status, "exit_code": exit_code, "reason": reason, "swallowed": counts or None}
            self._sink.append("status", tag({key: value for key, value in data.items() if value is not None}))
            self._sink.sync()
        said = ""
        if self._forwarder is not None:
            with shielded("sending the run to W&B"):
                said = self._forwarder.finish(status=status, exit_code=exit_code, timeout=timeout)
        with shielded("closing the journal"):
            self._sink.close()
            self._rank_sink.close()
        if self.is_main and self.mode != "disabled":
            say(f"run {self.id} {status}; see it with: speech-tracker show {self.id}" + (f"\n{said}" if said else ""))

    def signalled(self, status: str, name: str, *, fatal: bool) -> None:
        """Record a signal; when `fatal`, end the run, since the process dies next."""
        self._sink.append("event", {"name": "signal", "data": {"signal": name, "status": status}})
        self._sink.sync()
        if fatal:
            self._end(cast("Status", status), _exit_code(status), name, SIGNAL_TIMEOUT)

    def process_ends(self, status: str, exit_code: int) -> None:
        """End the run because the interpreter exits."""
        if self._status == "running" and self._process == os.getpid():
            self._end(cast("Status", status), exit_code, "the process ended", FINISH_TIMEOUT)

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.finish()
            return
        status, reason = _status_of(error)
        self.finish(status, reason=reason)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        from speech_tracker.client import attached

        return attached, (self.id, self.name, self.project, self.task, self.folder, self.mode)


def _status_of(error: BaseException) -> tuple[Status | None, str]:
    if isinstance(error, SystemExit) and error.code in (None, 0):
        return None, "sys.exit"
    if isinstance(error, KeyboardInterrupt):
        return "killed", "KeyboardInterrupt"
    return "failed", f"{type(error).__name__}: {error}"[:500]


def _exit_code(status: str) -> int:
    return {"finished": 0, "failed": 1, "killed": 137, "preempted": 143}[status]


def _text_path(path: str | os.PathLike[str] | None) -> str | None:
    return None if path is None else os.fspath(path)


def _size(path: Path) -> int | None:
    """Bytes of a file, of the files in a folder; None when it cannot be told (it may be gone already)."""
    try:
        if path.is_dir():
            return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())
        return path.stat().st_size
    except OSError:
        return None


def _write_json(path: Path, values: Any) -> None:
    from speech_tracker.encoding import encode
    from speech_tracker.paths import write_atomically

    write_atomically(path, encode(values) + b"\n")


def say(message: str) -> None:
    """Print a line for people on stderr, unless SPEECH_TRACKER_SILENT or WANDB_SILENT asks for silence."""
    if not (os.environ.get("SPEECH_TRACKER_SILENT") or os.environ.get("WANDB_SILENT") in ("true", "1")):
        print(f"speech-tracker: {message}", file=sys.stderr, flush=True)
