"""ESPnet has no hook for its checkpoints: what lies in the output folder is compared with what lay there before."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speech_tracker.integrations.espnet.names import metrics, without_empty

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
        criteria: ``best_model_criterion``: stage, name, ``min`` or ``max`` each; the first says which is the best.
    """

    def __init__(self, folder: Path, steps_of: dict[int, int], criteria: Iterable[Sequence[str]] = ()) -> None:
        self.folder = folder
        self.steps_of = steps_of
        self.criteria = [tuple(criterion) for criterion in criteria]
        self._known = self._there()
        self._best: str | None = None

    def _there(self) -> dict[str, int]:
        """When each was written: an average that is made anew has the name of the one before."""
        found = {}
        for path in self.folder.glob("*.pth"):
            with contextlib.suppress(OSError):  # deleted in between
                found[path.name] = path.stat().st_mtime_ns
        return found

    def look(self, run: Run, stats: Stats) -> None:
        """Record what was saved and deleted since the last look, and which checkpoint is the best.

        Args:
            run: where to record it.
            stats: ESPnet's statistics: epoch to stage to name to number.
        """
        now = self._there()
        for name in sorted(name for name, written in now.items() if self._known.get(name) != written):
            epoch = _EPOCH.match(name)
            average = _AVERAGE.match(name)
            path = self.folder / name
            if epoch:
                number = int(epoch[1])
                run.log_checkpoint(
                    path, step=self.steps_of.get(number), epoch=number, metrics=metrics("valid", means_of_validation(stats, number)), aliases=[f"epoch-{number}"]
                )  # fmt: skip
            elif average and not path.is_symlink():
                members = self._members(stats, average[1], average[2], int(average[3]))
                run.log_checkpoint(path, averaged_from=[str(self.folder / f"{each}epoch.pth") for each in members])
        for name in sorted(self._known.keys() - now.keys()):
            if _EPOCH.match(name):
                run.log_checkpoint(self.folder / name, action="deleted")
        self._known = now
        self._look_for_best(run)

    def _look_for_best(self, run: Run) -> None:
        if not self.criteria:
            return
        best_by = self.criteria[0]
        link = self.folder / f"{best_by[0]}.{best_by[1]}.best.pth"
        target = link.resolve().name if link.is_symlink() else None
        if target is not None and target != self._best:
            self._best = target
            run.log_checkpoint(link.resolve(), action="best", aliases=["best"], chosen_by=" ".join(best_by))

    def _members(self, stats: Stats, stage: str, name: str, count: int) -> list[int]:
        """The epochs that an average is made of: the `count` best by its criterion, of equals the earlier, as ESPnet has it."""
        largest = any(criterion == (stage, name, "max") for criterion in self.criteria)
        scored = [(values[stage][name], epoch) for epoch, values in stats.items() if name in values.get(stage, {})]
        return [epoch for _, epoch in sorted(scored, key=lambda each: -each[0] if largest else each[0])[:count]]


def means_of_validation(stats: Stats, epoch: int) -> dict[str, Any]:
    """Return the means of an epoch's validation by ESPnet's names."""
    return without_empty(stats.get(epoch, {}), (each.get("valid", {}) for each in stats.values()))
