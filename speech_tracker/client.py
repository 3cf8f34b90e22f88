"""Starting, joining and continuing runs."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, cast

from speech_tracker import arguments, lifecycle, paths
from speech_tracker.arguments import MODES, Mode
from speech_tracker.errors import InvalidArgumentError, RunNotFoundError, UnsafePathError, explain
from speech_tracker.guard import report, shielded
from speech_tracker.journal.writer import Durability, NullSink, SegmentWriter
from speech_tracker.late_segment import LateSegment, header
from speech_tracker.plain import plain
from speech_tracker.ranks import rank
from speech_tracker.run import Forwarder, Run, say
from speech_tracker.tasks import VOCABULARY

logger = logging.getLogger("speech_tracker")

Resume = Literal["auto", "never", "must"]

_active: list[Run] = []


def init(
    project: str | None = None,
    task: str | None = None,
    name: str | None = None,
    *,
    config: Mapping[str, Any] | Any | None = None,
    tags: str | Iterable[str] | None = (),
    languages: str | Iterable[str] | None = (),
    domains: str | Iterable[str] | None = (),
    description: str | None = None,
    experiment: str | None = None,
    experiment_folder: str | os.PathLike[str] | None = None,
    id: str | None = None,
    resume: Resume = "auto",
    mode: Mode | None = None,
    store: str | os.PathLike[str] | None = None,
    durability: Durability = "os",
    entity: str | None = None,
    job_type: str | None = None,
    created_at: float | None = None,
    capture_environment: bool = True,
) -> Run:
    """Start a run, or continue the one that this experiment's folder remembers, and return it.

    Identity, configuration and environment are on disk when this returns.

    Args:
        project: the project, else ``$WANDB_PROJECT``, else ``speech``.
        task: ``asr``, ``tts``, … (`speech_tracker.tasks.TASKS`, or a well-known other name of one).
        name: a name for people, else ``$WANDB_NAME``, else the experiment folder's name, else made from task and id.
        config: the configuration: a mapping, an argparse namespace or a dataclass (`Run.log_config`).
        tags, languages, domains: for finding it again; languages as BCP 47 tags.
        description: a sentence about it.
        experiment: the experiment that it is a run of; in W&B the group.
        experiment_folder: the toolkit's output folder. It remembers the run's id in ``.speech_tracker/run.json``, so
            that the same recipe started again (requeued, resumed) continues the same run.
        id: the run's id, else ``$SPEECH_TRACKER_RUN_ID`` or ``$WANDB_RUN_ID``, else what the folder remembers, else new.
        resume: ``auto`` continues a run that is there, ``never`` refuses to, ``must`` refuses to begin a new one.
        mode: ``online`` (to W&B while it runs), ``offline`` (a W&B folder to be sent later), ``local`` (no W&B), or
            ``disabled`` (nothing at all); else ``$SPEECH_TRACKER_MODE``, ``$WANDB_MODE``, else ``offline`` where wandb
            is installed and ``local`` where it is not.
        store: folder of the local store, else ``$SPEECH_TRACKER_DIR``, else a folder of the user's.
        durability: ``os`` (survives any kill of processes), ``fsync`` (survives a power loss), ``interval``.
        entity: the W&B entity (user or team), else ``$WANDB_ENTITY``.
        job_type: ``train``, ``eval``, …, as in W&B.
        created_at: when the experiment began, in seconds since the epoch, if not now (logs read afterwards).
        capture_environment: record code version, packages, hardware and scheduler.

    Raises:
        InvalidArgumentError, InvalidTypeError: a wrong argument.
        UnsafePathError: an id that cannot be one.
        StoreError: the store cannot be written.
        JournalVersionError: the run to be continued was written by a newer version.
    """
    chosen = _mode(mode)
    standard_task = arguments.task_name(task)
    project_name = arguments.text("project", project or os.environ.get("WANDB_PROJECT") or "speech")
    arguments.one_of("resume", resume, ("auto", "never", "must"))
    arguments.one_of("durability", durability, ("os", "fsync", "interval"))
    identity: dict[str, Any] = {
        "project": project_name,
        "task": standard_task,
        "languages": list(arguments.language_tags(languages)),
        "domains": list(arguments.texts("domains", domains)),
        "tags": [*arguments.texts("tags", tags), *_listed("WANDB_TAGS")],
        "experiment": arguments.optional_text("experiment", experiment, "WANDB_RUN_GROUP"),
        "description": arguments.optional_text("description", description, "WANDB_NOTES"),
        "entity": arguments.optional_text("entity", entity, "WANDB_ENTITY"),
        "job_type": arguments.optional_text("job_type", job_type, "WANDB_JOB_TYPE"),
        "created_at": arguments.moment("created_at", created_at),
    }
    given_name = arguments.optional_text("name", name, "WANDB_NAME")
    if chosen == "disabled":
        return Run(id=id or "disabled", name=given_name or "disabled", project=project_name, task=standard_task,
                   folder=None, mode="disabled", sink=NullSink(), rank_sink=NullSink())  # fmt: skip
    if config is not None:
        config = arguments.settings("config", config)
    folder = None if experiment_folder is None else Path(experiment_folder).absolute()
    if rank() != 0:
        return _other_rank(id, given_name, project_name, standard_task, folder, chosen, store)

    run_id, store_folder, remembered = _which(id, folder, store, resume)
    paths.make_store(store_folder)
    run_folder = paths.run_folder(store_folder, run_id)
    before = _before(run_folder, run_id, resume, must=remembered)
    if before:
        given_name = given_name or before.get("name")
        identity = {key: value for key, value in identity.items() if value not in (None, [])}
        if project is None and before.get("project"):
            identity["project"] = project_name = before["project"]
    final_name = given_name or _folder_name(folder) or f"{standard_task or 'run'}-{run_id}"

    writer = SegmentWriter(run_folder, run_id, rank=0, header=header("main", chosen), durability=durability)
    writer.open()
    run = Run(id=run_id, name=final_name, project=project_name, task=standard_task, folder=run_folder, mode=chosen,
              sink=writer, rank_sink=writer, resumed=bool(before))  # fmt: skip
    record = {"id": run_id, "name": final_name, **identity, "folder": str(folder) if folder else None}
    writer.append("run", plain({key: value for key, value in record.items() if value is not None})[0])
    if config is not None:
        run.log_config(config)
    run.log_speech(
        {"version": VOCABULARY, **{key: identity[key] for key in ("task", "languages", "domains") if identity.get(key)}}
    )
    if folder is not None:
        with shielded(f"remembering the run in {folder}"):
            paths.remember(folder, run_id, store_folder, project=project_name)
    if capture_environment:
        with shielded("recording the environment"):
            from speech_tracker.environment import describe

            writer.append("environment", plain(describe())[0])
    writer.append("status", {"status": "running"})
    writer.sync()
    from speech_tracker import heartbeat

    heartbeat.watch(writer, often=durability == "interval")
    lifecycle.watch(run)
    run._forwarder = _forwarder(run)  # noqa: SLF001 - this module makes runs
    _active[:] = [each for each in _active if each.status == "running"]
    _active.append(run)
    again = "continues" if before else "begins"
    say(f"run {run_id} ({final_name}) {again}, recorded in {run_folder} ({chosen})")
    return run


def active_run() -> Run | None:
    """Return the run that was started last in this process and has not ended, None when there is none."""
    for run in reversed(_active):
        if run.status == "running":
            return run
    return None


def attach(
    experiment_folder: str | os.PathLike[str] | None = None,
    *,
    id: str | None = None,
    store: str | os.PathLike[str] | None = None,
) -> Run:
    """Return a handle on a run that exists, to add to it from another process: a decoding job, a scoring script.

    It writes into a segment of its own and neither changes the run's status nor ends it.

    Args:
        experiment_folder: the folder that remembers the run.
        id: the run's id, in place of the folder.
        store: the store it is in, where the folder does not say.

    Raises:
        RunNotFoundError: the folder remembers no run, or the store does not hold it.
    """
    remembered = paths.recall(Path(experiment_folder)) if experiment_folder is not None else None
    if id is None and remembered is None:
        raise RunNotFoundError(
            explain("no run to add to", got=str(experiment_folder), expected="a folder with .speech_tracker/run.json, or id=",
                    remedy="start the run with speech_tracker.init(experiment_folder=…) first")
        )  # fmt: skip
    known = remembered.store if remembered is not None and store is None else None
    place = known or (paths.store_folder() if store is None else Path(store).expanduser().absolute())
    folder = paths.run_folder(place, id if id is not None else remembered.run)  # type: ignore[union-attr]
    from speech_tracker.view import RunView

    identity = RunView.read_state(folder).identity
    return attached(folder.name, identity["name"], identity["project"], identity["task"], folder, "local")


def attached(
    id: str,
    name: str,
    project: str,
    task: str | None,
    folder: Path | None,
    mode: Mode,
) -> Run:
    """Return a handle on a run in another process (what an unpickled `Run` is): it may log, it does not end the run."""
    if folder is None or mode == "disabled":
        return Run(id=id, name=name, project=project, task=task, folder=None, mode="disabled", sink=NullSink(),
                   rank_sink=NullSink())  # fmt: skip
    own = rank()
    writer = SegmentWriter(folder, id, rank=own, header=header("attached", mode))
    handle = Run(id=id, name=name, project=project, task=task, folder=folder, mode=mode,
                 sink=writer if own == 0 else NullSink(), rank_sink=writer, is_main=own == 0, resumed=True)  # fmt: skip
    handle._process = -1  # noqa: SLF001 - not the process that began the run: `finish` only closes the handle
    return handle


class Client:
    """Starts runs that share a project, a store and a mode.

    Args:
        project, entity, store, mode: as for `init`.
    """

    def __init__(
        self,
        project: str | None = None,
        *,
        entity: str | None = None,
        store: str | os.PathLike[str] | None = None,
        mode: Mode | None = None,
    ) -> None:
        self.project = project
        self.entity = entity
        self.store = store
        self.mode = mode

    def create_experiment(self, name: str, task: str | None = None, description: str | None = None) -> Experiment:
        """Return an experiment: a group of runs that belong together (in W&B a group).

        Raises:
            InvalidArgumentError: the name is empty, or the task is unknown.
        """
        return Experiment(self, arguments.text("name", name), arguments.task_name(task), description)


class Experiment:
    """A group of runs, made by `Client.create_experiment`."""

    def __init__(self, client: Client, name: str, task: str | None, description: str | None) -> None:
        self.client = client
        self.name = name
        self.task = task
        self.description = description

    def start_run(self, name: str | None = None, tags: str | Iterable[str] | None = (), **options: Any) -> Run:
        """Start a run of this experiment; `options` are those of `init`."""
        own = {"project": self.client.project, "task": self.task, "entity": self.client.entity, "store": self.client.store,
               "mode": self.client.mode, "description": self.description}  # fmt: skip
        return init(name=name, tags=tags, experiment=self.name, **{**own, **options})


def _folder_name(folder: Path | None) -> str:
    """An experiment folder's name; with its parent's where it is a number (SpeechBrain's ``results/<name>/<seed>``)."""
    if folder is None:
        return ""
    return f"{folder.parent.name}-{folder.name}" if folder.name.isdigit() else folder.name


def _mode(given: str | None) -> Mode:
    if given is not None:
        chosen = arguments.one_of("mode", given, MODES)
    elif os.environ.get("SPEECH_TRACKER_MODE"):
        chosen = arguments.one_of("SPEECH_TRACKER_MODE", os.environ["SPEECH_TRACKER_MODE"], MODES)
    else:
        chosen = {"dryrun": "offline", "run": "online", "shared": "online"}.get(
            os.environ.get("WANDB_MODE", ""), os.environ.get("WANDB_MODE", "")
        )
        if chosen not in MODES:
            chosen = "offline" if _wandb_installed() else "local"
    if chosen in ("online", "offline") and not _wandb_installed():
        logger.warning(
            "speech-tracker: mode %r needs wandb, which is not installed: the run is recorded locally, whole; install it "
            "with pip install 'speech-tracker[wandb]' and send the run with: speech-tracker sync", chosen
        )  # fmt: skip
        chosen = "local"
    return cast("Mode", chosen)


def _wandb_installed() -> bool:
    import importlib.util

    if sys.modules.get("wandb") is not None:
        return True
    try:
        found = importlib.util.find_spec("wandb")
    except (ImportError, ValueError):
        return False
    # W&B's own folder of runs, ./wandb, looks like a package without files to Python
    return found is not None and found.origin is not None


def _listed(variable: str) -> list[str]:
    return [each.strip() for each in os.environ.get(variable, "").split(",") if each.strip()]


def _which(
    given: str | None, folder: Path | None, store: str | os.PathLike[str] | None, resume: Resume
) -> tuple[str, Path, bool]:
    """Return the run's id, its store, and whether the experiment's folder remembered it."""
    store_folder = paths.store_folder() if store is None else Path(store).expanduser().absolute()
    stated = given or os.environ.get("SPEECH_TRACKER_RUN_ID") or os.environ.get("WANDB_RUN_ID")
    if stated:
        return paths.check_id(stated), store_folder, False
    remembered = paths.recall(folder) if folder is not None and resume != "never" else None
    if remembered is not None:
        known = store is None and remembered.store.is_dir()  # an explicit store wins over the remembered one
        return remembered.run, remembered.store if known else store_folder, True
    if resume == "must":
        raise InvalidArgumentError(
            explain("no run to continue", got=str(folder), expected="an experiment folder with .speech_tracker/run.json, or id=",
                    remedy="give `id=`, or leave out resume='must'")
        )  # fmt: skip
    joined = _wandb_run_id()
    return joined or paths.new_id(), store_folder, False


def _wandb_run_id() -> str | None:
    """The id of a W&B run that is active in this process, if it can be ours too."""
    run = getattr(sys.modules.get("wandb"), "run", None)
    if run is None:
        return None
    try:
        return paths.check_id(str(run.id))
    except UnsafePathError:
        return None


def _before(run_folder: Path, run_id: str, resume: Resume, *, must: bool) -> dict[str, Any]:
    """Return the identity of a run that is there already, empty when there is none."""
    if not (run_folder / "segments").is_dir():
        if resume == "must":
            raise InvalidArgumentError(
                explain(
                    "no such run to continue",
                    got=run_id,
                    expected=f"a run in {run_folder.parent}",
                    remedy="correct `id=`",
                )
            )
        return {}
    if resume == "never" and not must:
        raise InvalidArgumentError(
            explain("a run with this id exists", got=run_id, expected="a new id, since resume='never'",
                    remedy="give another `id=`, or resume='auto' to continue it")
        )  # fmt: skip
    from speech_tracker.view import RunView

    view = RunView.read_state(run_folder)  # a long run is not read through for the sake of its name
    segment = view.main_segment
    if view.status == "running" and segment is not None:
        logger.warning(
            "speech-tracker: run %s is being written by process %s on %s as well; both are recorded, each in a segment of "
            "its own", run_id, segment.header.get("process"), segment.header.get("host")
        )  # fmt: skip
    return view.identity


def _forwarder(run: Run) -> Forwarder | None:
    if run.mode == "local" or run.folder is None:
        return None
    try:
        from speech_tracker.sync.live import start

        return start(run.folder, mode=run.mode)
    except Exception as error:  # noqa: BLE001 - W&B may be broken in any way; the run goes on locally
        report("starting W&B (the run is recorded locally; send it later with: speech-tracker sync)", error)
        return None


def _other_rank(
    id: str | None, name: str | None, project: str, task: str | None, folder: Path | None, mode: Mode,
    store: str | os.PathLike[str] | None,
) -> Run:  # fmt: skip
    sink = LateSegment(id, folder, None if store is None else Path(store).expanduser().absolute(), mode)
    run = Run(id=id or "", name=name or "", project=project, task=task, folder=None, mode=mode, sink=NullSink(),
              rank_sink=sink, is_main=False)  # fmt: skip
    from speech_tracker import heartbeat

    heartbeat.watch(sink)
    lifecycle.watch(run)
    return run
