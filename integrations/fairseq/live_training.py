"""One training of this process: what of it is recorded."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import fairseq

import speech_tracker
from speech_tracker.integrations.fairseq import facts
from speech_tracker.integrations.fairseq.names import metrics, stage_of
from speech_tracker.integrations.fairseq.places import GENERIC


class LiveTraining:
    """One training, from its configuration to its last checkpoint.

    Args:
        config: as Fairseq hands it to its own loggers.
        trainer: Fairseq's, with the checkpoint loaded from which the training goes on.

    Attributes:
        epoch: from 1; None before the first.
        run: of ours.
    """

    def __init__(self, config: Mapping[str, Any], trainer: Any) -> None:
        self.epoch: int | None = None
        self._subsets, self._criterion = facts.subsets(config), facts.criterion_name(config)
        folder = Path(str(facts.setting(config, "checkpoint", "save_dir") or "checkpoints")).absolute()
        self.run = speech_tracker.init(
            facts.setting(config, "common", "wandb_project"),
            facts.task_name(config),
            os.environ.get("WANDB_NAME") or (folder.parent.name if folder.name in GENERIC else folder.name),
            experiment_folder=folder,
            config=config,
        )
        sizes = [(each.numel(), each.requires_grad) for each in trainer.get_model().parameters()]
        speech = facts.speech(
            config,
            toolkit_version=getattr(fairseq, "__version__", None),
            parameters=sum(size for size, _ in sizes),
            trainable=sum(size for size, trained in sizes if trained),
        )
        self.run.log_speech(speech)
        for split, name, manifest in facts.manifests(config):
            with manifest.open(encoding="utf-8") as file:
                utterances = max(sum(1 for _ in file) - 1, 0)
            self.run.log_dataset(name, split=split, manifest=manifest, utterances=utterances)
        if self.run.resumed:  # at 0 where it was killed before it saved anything
            self.run.rewind(step=trainer.get_num_updates())

    def record(self, stats: Mapping[str, Any], tag: str | None = None, step: int | None = None) -> None:
        """Record what a progress bar is given."""
        if tag is None:
            return
        updates = metrics({"n": stats.get("num_updates")}, "x").get("x/n")
        values = metrics(stats, *stage_of(tag, self._subsets), criterion=self._criterion)
        self.run.log_metrics(values, step=step if step is not None else updates, epoch=self.epoch)

    def saved(self, cfg: Any, updates: int, before: Mapping[str, int], best: Any) -> None:
        """Record what became of the checkpoints.

        Args:
            cfg: what Fairseq is told about checkpoints.
            updates: of the optimizer so far.
            before: `listing` of their folder before.
            best: value of the metric by which the best one is chosen.
        """
        now, folder = listing(cfg.save_dir), Path(cfg.save_dir)
        for name in sorted(now):
            if now[name] == before.get(name):
                continue
            if name.startswith("checkpoint_best"):
                chosen = f"{'max' if cfg.maximize_best_checkpoint_metric else 'min'} {cfg.best_checkpoint_metric}"
                measured = metrics({cfg.best_checkpoint_metric: best}, "valid", criterion=self._criterion)
                self.run.log_checkpoint(
                    folder / name, action="best", step=updates, epoch=self.epoch, aliases=["best"], metrics=measured,
                    chosen_by=chosen,
                )  # fmt: skip
            else:
                aliases = ["latest"] if name.startswith("checkpoint_last") else []
                action: Literal["replaced", "saved"] = "replaced" if name in before else "saved"
                self.run.log_checkpoint(folder / name, action=action, step=updates, epoch=self.epoch, aliases=aliases)
        for name in sorted(set(before) - set(now)):
            self.run.log_checkpoint(folder / name, action="deleted")


def listing(folder: str) -> dict[str, int]:
    """Return name → time of the last change of the checkpoints in a folder."""
    found = {}
    for path in Path(folder).glob("*.pt"):
        with suppress(OSError):  # a link to nowhere
            found[path.name] = path.stat().st_mtime_ns
    return found
