"""The kinds of record a journal holds, in one table, with what each carries.

The data of a record is plain JSON (see `speech_tracker.encoding`); `docs/journal-format.md` gives every field.
"""

from __future__ import annotations

from typing import Final

KINDS: Final[dict[str, str]] = {
    "segment": "first record of a segment: process, host, rank, role, versions",
    "run": "identity: id, name, project, task, languages, domains, tags, experiment, description, folder",
    "config": "configuration as the user gave it, merged key by key into what was there",
    "speech": "the description in the speech vocabulary, merged group by group",
    "environment": "command, code version, packages, hardware, scheduler",
    "metrics": "numbers of one moment: values, step, epoch, and the moment's own time when it differs",
    "rank_metrics": "numbers that belong to one rank: as metrics, with the rank",
    "dataset": "a version of a data set: name, split, counts, hours, hash, manifest",
    "checkpoint": "a checkpoint was saved, replaced, deleted, or became the best: path, metrics, aliases",
    "artifact": "a file or folder that belongs to the run: path, type, aliases",
    "evaluation": "error counts of one test set with one decoding, its intervals, the file with all utterances",
    "figure": "a picture, kept in the run's folder",
    "audio": "a sound, kept in the run's folder or where it was",
    "table": "columns and rows, kept in the run's folder",
    "json": "any plain value under a name",
    "event": "something happened: a stage began, a job failed, a training was resumed",
    "problem": "something was wrong with the input and was skipped: where and why",
    "alert": "a message for people",
    "link": "how this run relates to another one",
    "rewind": "the run goes on from this step or epoch: later metrics of before are superseded",
    "status": "running, finished, failed, killed or preempted, with the reason",
}
"""Kind → what it carries."""

PROGRESS: Final[frozenset[str]] = frozenset({"metrics", "rank_metrics"})
"""Kinds that have a place on the step axis and are superseded by a rewind."""
