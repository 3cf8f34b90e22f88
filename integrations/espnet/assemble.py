"""From read files to the description of an experiment."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from speech_tracker import paths
from speech_tracker.errors import StoreError
from speech_tracker.ingest.found import Found, FoundLink, FoundRun, Happening, LocatedProblem, Point
from speech_tracker.integrations.espnet.curves import Curves, build_curves
from speech_tracker.integrations.espnet.evaluations import Decoded, evaluations_of, problems_of
from speech_tracker.integrations.espnet.folders import ModelFolder, find_models
from speech_tracker.integrations.espnet.lineage import Parent, parents_of
from speech_tracker.integrations.espnet.model_files import checkpoints_of, final_models
from speech_tracker.integrations.espnet.read import ReadFile, Tree
from speech_tracker.integrations.espnet.result_runs import beside, results_of
from speech_tracker.integrations.espnet.run_facts import config_of, datasets_of, speech_of
from speech_tracker.integrations.espnet.score_files import MeasuredValue
from speech_tracker.integrations.espnet.status import job_tally, status_of
from speech_tracker.integrations.kaldi.lineage import in_order

LOOKED_FOR = (
    "train.log and config.yaml of its trainings, score_*/result.txt, logs of its inference (asr_inference.N.log), "
    "lm_*/perplexity_test/ppl, or a RESULTS.md or README.md with its result tables, in it or below it"
)


def assemble(tree: Tree, files: Iterable[ReadFile], *, now: float) -> Found:
    """Return the description of an experiment.

    Args:
        tree: that was walked.
        files: of it that were read.
        now: seconds since 1970, to tell a running training from a killed one.
    """
    models, results, strays = find_models(tree, files)
    places = {model.path: model for model in models}
    built: dict[str, FoundRun] = {}
    parents: dict[str, dict[str, Parent]] = {}
    for model in models:
        built[model.path], parents[model.path] = _run(model, places, tree, now=now)
    ordered = [built[path] for path in in_order(list(built), parents)]
    tables = results_of(results, tree)
    runs = beside(ordered, tables, tree)
    problems = [*tree.problems, *tables.problems, *(problem for run in runs for problem in run.problems)]
    unused = strays + sum(not rows for rows in tables.rows_of.values())
    return Found(
        toolkit="espnet",
        root=str(tree.root),
        runs=tuple(runs),
        problems=tuple(dict.fromkeys(problems)),
        files_read=len(tree.entries) - unused,
        files_skipped=tree.skipped + unused,
        looked_for=LOOKED_FOR,
    )


def _run(
    model: ModelFolder, places: dict[str, ModelFolder], tree: Tree, *, now: float
) -> tuple[FoundRun, dict[str, Parent]]:
    problems = [
        LocatedProblem(tree.shown(file.entry.path), each.line_number or None, each.reason, each.text)
        for file in (*model.files, *(file for decode in model.decodes.values() for file in decode.files))
        for each in file.problems
    ]
    config = model.config.values if model.config is not None else {}
    accumulation = config.get("accum_grad")
    curves = build_curves(
        [file.records for file in model.logs()], accumulation if isinstance(accumulation, int) else 1
    )  # fmt: skip
    status = status_of(model, curves, now)
    decoded = evaluations_of(
        model, curves.steps_of, tree, tracked=_is_tracked(tree.root / model.path, problems), now=now,
    )  # fmt: skip
    parents = parents_of(model, decoded.searches, places)
    problems += _problems(model, curves, decoded, tree)
    if status.problem is not None:
        problems.append(status.problem_at(tree))
    datasets = datasets_of(model, decoded, tree)
    speech, wrong = speech_of(model, decoded, datasets, tree)
    problems += wrong
    checkpoints = checkpoints_of(model, curves, tree)
    told = {Path(each.path).resolve() for each in checkpoints}
    run = FoundRun(
        path=tree.shown(model.path),
        folder=str((tree.root / model.path).resolve()),
        name=_name(model.path, tree),
        kind=model.kind,
        task=model.task,
        status=status.name,
        complete=status.name != "running" and not any(search.running for search in decoded.searches.values()),
        iterations=curves.steps,
        points=(*curves.points, *_perplexity(model)),
        evaluations=decoded.evaluations,
        jobs=job_tally(model, decoded.searches, status),
        happenings=(*curves.happenings, *_failures(model, decoded)),
        datasets=datasets,
        links=tuple(FoundLink(tree.shown(path), parent.relation) for path, parent in parents.items()),
        config=config_of(model, curves),
        speech=speech,
        tables=decoded.tables,
        # what decoding takes is most often a checkpoint under another name
        model_files=tuple(each for each in final_models(model, tree) if Path(each).resolve() not in told),
        began=curves.began,
        problems=tuple(dict.fromkeys(problems)),
        checkpoints=checkpoints,
    )
    return run, parents


def _is_tracked(folder: Path, problems: list[LocatedProblem]) -> bool:
    try:
        return paths.recall(folder.resolve()) is not None
    except (StoreError, OSError) as error:
        problems.append(LocatedProblem(str(folder), None, str(error)))
        return False


def _name(path: str, tree: Tree) -> str:
    parts = path.split("/") if path else [tree.root.absolute().name]
    if "exp" in parts[:-1]:
        parts = parts[parts.index("exp") + 1 :]
    return "/".join(parts)


def _perplexity(model: ModelFolder) -> list[Point]:

    return [
        Point(f"test/{_tested(file.entry.folder)}/perplexity", None, record.value)
        for file in model.files
        if file.entry.role.kind == "perplexity"
        for record in file.records
        if isinstance(record, MeasuredValue)
    ]


def _tested(folder: str) -> str:
    """The set of a folder such as ``perplexity_test``."""
    name = folder.rpartition("/")[2]
    return name.removeprefix("perplexity_") or name


def _failures(model: ModelFolder, decoded: Decoded) -> list[Happening]:
    start = len(model.path) + 1 if model.path else 0
    return [
        Happening(f"job-failed:{path[start:]}", "job-failed", {"log": path[start:], "reason": reason})
        for search in decoded.searches.values()
        for path, _, reason in search.failures
    ]


def _problems(model: ModelFolder, curves: Curves, decoded: Decoded, tree: Tree) -> list[LocatedProblem]:
    where = tree.shown(model.path)
    problems = problems_of(model.decodes.values(), decoded.searches, tree)
    if curves.missing:
        plural = "s" if len(curves.missing) > 1 else ""
        problems.append(
            LocatedProblem(where, None, f"no results of epoch{plural} {_ranges(curves.missing)} in its logs")
        )
    if curves.unplaced:
        reason = f"values of epoch {_ranges(curves.unplaced)} were left out: the logs do not say how many mini-batches came before"
        problems.append(LocatedProblem(where, None, reason))
    if curves.skipped_updates:
        updates = "update was" if curves.skipped_updates == 1 else "updates were"
        reason = f"{curves.skipped_updates} {updates} skipped: the gradient was no number"
        problems.append(LocatedProblem(where, None, reason))
    return problems


def _ranges(numbers: Iterable[int]) -> str:
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in found)
