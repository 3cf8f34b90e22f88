"""ESPnet has no hook for its checkpoints: what lies in the output folder is compared with what lay there before."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speech_tracker.integrations.espnet.names import metrics

if TYPE_CHECKING:
    from speech_tracker.run import Run

_EPOCH = re.compile(r"^(\d+)epoch\.pth$")
_BEST = re.compile(r"^(\w+)\.([\w./-]+?)\.best\.pth$")
_AVERAGE = re.compile(r"^(\w+)\.([\w./-]+?)\.ave_(\d+)best\.pth$")

Stats = Mapping[int, Mapping[str, Mapping[str, Any]]]


class CheckpointFolder:
    """The checkpoints of one training.

    Args:
        folder: ESPnet's output folder.
        steps_of: epoch to optimizer steps, filled while the training goes on.
    """

    def __init__(self, folder: Path, steps_of: dict[int, int]) -> None:
        self.folder = folder
        self.steps_of = steps_of
        self._known: set[str] = {path.name for path in folder.glob("*.pth")} if folder.is_dir() else set()
        self._best: str | None = None

    def look(self, run: Run, stats: Stats, best_by: tuple[str, str, str] | None) -> None:
        """Record what was saved and deleted since the last look, and which checkpoint is the best.

        Args:
            run: where to record it.
            stats: ESPnet's statistics: epoch to stage to name to number.
            best_by: the first criterion of ``best_model_criterion``: stage, name, ``min`` or ``max``.
        """
        now = {path.name for path in self.folder.glob("*.pth")}
        for name in sorted(now - self._known):
            epoch = _EPOCH.match(name)
            average = _AVERAGE.match(name)
            path = self.folder / name
            if epoch:
                number = int(epoch[1])
                run.log_checkpoint(
                    path, step=self.steps_of.get(number), epoch=number, metrics=_of_epoch(stats, number), aliases=[f"epoch-{number}"]
                )  # fmt: skip
            elif average and not path.is_symlink():
                members = _members(stats, average[1], average[2], int(average[3]), best_by)
                run.log_checkpoint(path, averaged_from=[str(self.folder / f"{each}epoch.pth") for each in members])
        for name in sorted(self._known - now):
            if _EPOCH.match(name):
                run.log_checkpoint(self.folder / name, action="deleted")
        self._known = now
        self._look_for_best(run, best_by)

    def _look_for_best(self, run: Run, best_by: tuple[str, str, str] | None) -> None:
        if best_by is None:
            return
        link = self.folder / f"{best_by[0]}.{best_by[1]}.best.pth"
        target = link.resolve().name if link.is_symlink() else None
        if target is not None and target != self._best:
            self._best = target
            run.log_checkpoint(link.resolve(), action="best", aliases=["best"], chosen_by=" ".join(best_by))


def _of_epoch(stats: Stats, epoch: int) -> dict[str, float]:
    return metrics("valid", stats.get(epoch, {}).get("valid", {}))


def _members(stats: Stats, stage: str, name: str, count: int, best_by: tuple[str, str, str] | None) -> list[int]:
    """The epochs that an average is made of: the `count` best by its criterion."""
    largest = best_by is None or (stage, name) != best_by[:2] or best_by[2] == "max"
    if name in ("loss", "wer", "cer", "cer_ctc"):
        largest = False
    scored = [(values[stage][name], epoch) for epoch, values in stats.items() if name in values.get(stage, {})]
    return [epoch for _, epoch in sorted(scored, reverse=largest)[:count]]
