"""The whole examination."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speech_tracker.catalog.index import open_catalog
from speech_tracker.catalog.query import list_runs
from speech_tracker.doctor.finding import Finding
from speech_tracker.doctor.installation import extras, versions
from speech_tracker.doctor.runs import examine_runs
from speech_tracker.doctor.store import catalog_health, store_health
from speech_tracker.doctor.wandb_access import PATIENCE, wandb_access
from speech_tracker.errors import StoreError


@dataclass(frozen=True, slots=True)
class Report:
    """What was found out.

    Attributes:
        versions, extras, wandb, store, catalog, runs: facts, as the functions of this package's modules give them.
        findings: problems first.
    """

    versions: dict[str, Any]
    extras: dict[str, dict[str, Any]]
    wandb: dict[str, Any]
    store: dict[str, Any]
    catalog: dict[str, Any]
    runs: dict[str, Any]
    findings: tuple[Finding, ...]

    @property
    def healthy(self) -> bool:
        """Whether there is no problem; notes do not count."""
        return not any(finding.level == "problem" for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return {
            "healthy": self.healthy, "versions": self.versions, "extras": self.extras, "wandb": self.wandb,
            "store": self.store, "catalog": self.catalog, "runs": self.runs,
            "findings": [finding.to_dict() for finding in self.findings],
        }  # fmt: skip


def examine(store: Path, *, timeout: float = PATIENCE, progress: Callable[[int, int], None] | None = None) -> Report:
    """Examine the installation, W&B, the store and every run in it.

    Nothing is changed; a store that cannot be used is a finding, not an error.

    Args:
        store: the store.
        timeout: seconds that W&B's server is waited for.
        progress: told how many runs there are and how many are read.
    """
    wandb, found = wandb_access(timeout=timeout)
    health, of_store = store_health(store)
    catalog: dict[str, Any] = {"path": None, "reason": None}
    runs: dict[str, Any] = {"total": 0, "by_status": {}}
    found = [*of_store, *found]
    if health["exists"] and store.is_dir():
        try:
            with open_catalog(store) as opened:
                catalog, of_catalog = catalog_health(opened.path, opened.reason)
            summaries = [each.summary for each in list_runs(store).runs]
            runs, of_runs = examine_runs(store, summaries, progress=progress)
            found += of_catalog + of_runs
        except StoreError as error:
            found.append(Finding("problem", "store", str(error), "see the message", path=str(store)))
    found.sort(key=lambda finding: finding.level != "problem")
    return Report(versions(), extras(), wandb, health, catalog, runs, tuple(found))
