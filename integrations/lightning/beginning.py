"""When the run begins, and how it ends."""

from __future__ import annotations

import traceback
from typing import Any

from speech_tracker import lifecycle, paths
from speech_tracker.guard import never_raises, shielded
from speech_tracker.integrations.lightning import checkpoints, facts, starting
from speech_tracker.integrations.lightning.recorded import Settings
from speech_tracker.integrations.lightning.saving import RecordsCheckpoints
from speech_tracker.run import SIGNAL_TIMEOUT


class RecordsRun(RecordsCheckpoints):
    """Begins the run of a training, a validation or a test, and ends it with an exception."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._own_id = paths.new_id()
        self._derived: Any = None
        self._end: tuple[Any, str] | None = None

    @never_raises
    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Nothing begins yet: the checkpoint, which may name the run, is loaded after this."""
        self._loaded = None
        self._trainer = trainer
        with shielded("looking for the experiment's folder"):
            # before ModelCheckpoint puts a folder of its own in place of a missing `dirpath`
            self._derived = facts.experiment_folder(trainer)

    @never_raises
    def _begin(self, trainer: Any, module: Any) -> None:
        fitting = trainer.state.fn == "fit"
        resumed = self._loaded is not None or trainer.ckpt_path is not None
        again = fitting and not resumed and trainer.global_step == 0 and self._logged > 0
        if self.run is not None and self.run.status == "running" and (self._is_users or not again):
            return
        if again:  # another fold: the same callback in a Trainer that starts from nothing
            self._run_id, self._logged, self._own_id = None, 0, paths.new_id()
        self._described.clear()
        self._best, self._end = None, None
        path = None if trainer.ckpt_path is None else str(trainer.ckpt_path)
        origin = starting.Origin(
            self._run_id, self._own_id, self.settings.experiment_folder, self._derived, resumed and fitting, path, fitting
        )  # fmt: skip
        options = {**self.settings.options, **({"mode": "disabled"} if trainer.fast_dev_run else {})}
        self.run, self._is_users = starting.start(options, origin)
        self._run_id = self.run.id or self._run_id
        checkpoints.watch(
            trainer.strategy, save_checkpoint=self._saved, remove_checkpoint=self._removed, teardown=self._torn_down
        )
        if fitting or not self.run.resumed:
            config = facts.configuration(trainer, module)
            self.run.log_config(config)
            self.run.log_speech({**facts.speech(trainer, module, config), **self.settings.speech})

    @never_raises
    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin the run, unless the strategy loads its checkpoint later than this."""
        if not trainer.strategy.restore_checkpoint_after_setup:
            self._begin(trainer, pl_module)

    @never_raises
    def on_sanity_check_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin the run; what the check measures is not recorded."""
        self._begin(trainer, pl_module)

    @never_raises
    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Record the exception. The run ends a little later: a checkpoint may be saved because of it."""
        if self.run is None:
            return
        self._end = _status(exception), f"{type(exception).__name__}: {exception}"[:500]
        with shielded("recording the last epoch"):
            self._log_epoch(trainer)
        lines = traceback.format_exception(exception)
        self.run.log_event(
            "exception", type=type(exception).__name__, message=str(exception)[:2000], traceback="".join(lines)[-4000:]
        )

    def _torn_down(self, _path: str, _there: bool) -> None:
        if self._end is not None and self.run is not None and not self._is_users:
            status, reason = self._end
            self.run.finish(status, reason=reason, timeout=SIGNAL_TIMEOUT if lifecycle.signalled() else None)

    @never_raises
    def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """End the run only in a process that the Trainer spawned, which may end without its exit handlers."""
        if self.run is not None and starting.in_spawned_process() and not self._is_users:
            self.run.finish()

    def _log_epoch(self, trainer: Any) -> None:
        """Record the last epoch, where there is one."""


def _status(error: BaseException) -> Any:
    if isinstance(error, KeyboardInterrupt):
        return "killed"
    if isinstance(error, SystemExit):  # Lightning's own, raised after SIGTERM, is one as well
        return lifecycle.signalled() or ("finished" if error.code in (None, 0) else "failed")
    return "failed"
