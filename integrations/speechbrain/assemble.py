"""From read files to the description of the experiments below a folder."""

from __future__ import annotations

from collections.abc import Iterable

from speech_tracker.ingest.found import Found
from speech_tracker.ingest.walk import FileRole, Tree
from speech_tracker.integrations.speechbrain.experiment import Experiment
from speech_tracker.integrations.speechbrain.output_folders import File, find_folders
from speech_tracker.integrations.speechbrain.run_of_folder import run_of

LOOKED_FOR = (
    "the output folder of a recipe (train_log.txt, log.txt, env.log, hyperparams.yaml, save/CKPT+…/CKPT.yaml) or its "
    "error rates (wer_*.txt, cer_*.txt, per_*.txt), in it or below it"
)


def assemble(tree: Tree[FileRole], files: Iterable[File], *, now: float, follow: bool = False) -> Found:
    """Return the description of the experiments.

    Args:
        tree: that was walked.
        files: of it that were read.
        now: seconds since 1970, to tell a running training from a killed one.
        follow: whether the experiments go on.
    """
    files = list(files)
    folders, strays = find_folders(tree, files)
    paths = [folder.path for folder in folders]
    built = [Experiment(folder, tree, paths, now=now) for folder in folders]
    runs = tuple(run_of(each, live=follow) for each in built)
    manifests = {path.resolve() for each in built for path in each.data.used}
    unread = [entry for entry in tree.entries if entry.role.parser == "manifest"]
    unused = [entry for entry in unread if (tree.root / entry.path).resolve() not in manifests]
    problems = (*tree.problems, *(problem for run in runs for problem in run.problems))
    return Found(
        toolkit="speechbrain",
        root=str(tree.root),
        runs=runs,
        problems=tuple(dict.fromkeys(problems)),
        files_read=len(files) - len(strays) + len(unread) - len(unused),
        files_skipped=tree.skipped + len(strays) + len(unused),
        looked_for=LOOKED_FOR,
    )
