"""Which files belong together: model folders, their decode folders, and the stages beside them.

Kaldi has no list of its experiments; what a folder is shows in what lies in it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from speech_tracker.integrations.kaldi.layout import FEATURE_FOLDER
from speech_tracker.integrations.kaldi.read import ReadFile
from speech_tracker.integrations.kaldi.scoring import parse_score_folder
from speech_tracker.integrations.kaldi.walk import Entry, Tree

_INNER = re.compile(r"^(log|d?egs\w*|configs?|conf|scoring\w*|penalty_.*|nnet|info|misc|online|per_utt|\w+_details)$")
"""Folders inside a model folder that are no models themselves."""

_DECODE_LOG = re.compile(r"^(decode|decode_\w+|rescorelm|lattice_lmrescore\w*)\.\d+\.log$|^(decode|rescorelm)\.log$")
_FINAL = re.compile(r"^final\.(mdl|nnet|raw|ie|ubm|dubm|dbn)$")


@dataclass(slots=True)
class DecodeFolder:
    """A decode folder and its files."""

    path: str
    files: list[ReadFile] = field(default_factory=list)
    others: list[Entry] = field(default_factory=list)


@dataclass(slots=True)
class RunFolder:
    """A model folder, or another stage that ran jobs.

    Attributes:
        path: relative to the root.
        files: those that were read, without its decode folders'.
        others: files that are opened only when needed: models, details.
        decodes: by path.
    """

    path: str
    files: list[ReadFile] = field(default_factory=list)
    others: list[Entry] = field(default_factory=list)
    decodes: dict[str, DecodeFolder] = field(default_factory=dict)


def find_runs(tree: Tree, files: Iterable[ReadFile]) -> tuple[list[RunFolder], list[Entry]]:
    """Return the model folders and stages of a tree in the order of their paths, and the entries of no run's."""
    read = {each.entry.path: each for each in files}
    decodes = _decode_folders(tree)
    evidence = _evidence(tree, decodes)
    runs: dict[str, RunFolder] = {}
    strays: list[Entry] = []
    owners = {decode: _model_of(decode, evidence, tree) for decode in decodes}
    for entry in tree.entries:
        decode = _outermost(entry.folder, decodes)
        if decode is not None:
            owner = owners[decode]
            run = runs.setdefault(owner, RunFolder(owner))
            group: DecodeFolder | RunFolder = run.decodes.setdefault(decode, DecodeFolder(decode))
        else:
            place = _place(entry)
            if place not in evidence:
                strays.append(entry)
                continue
            group = runs.setdefault(place, RunFolder(place))
        _add(group, entry, read)
    homeless = []
    for entry in strays:
        # a model of which only the decoding is left may still have its settings
        owned = runs.get(_place(entry)) if entry.role.kind != "data" else None
        if owned is None:
            homeless.append(entry)
        else:
            _add(owned, entry, read)
    return [runs[path] for path in sorted(runs)], homeless


def _add(group: DecodeFolder | RunFolder, entry: Entry, read: dict[str, ReadFile]) -> None:
    if entry.path in read:
        group.files.append(read[entry.path])
    else:
        group.others.append(entry)


def _decode_folders(tree: Tree) -> set[str]:
    """Folders that hold the results of a search."""
    found: set[str] = set()
    for entry in tree.entries:
        parent, _, last = entry.folder.rpartition("/")
        if entry.role.kind == "score":
            # newer scripts write beside `scoring_kaldi`, some older ones into it
            found.add(parent if last.startswith("scoring") else entry.folder)
        elif entry.role.kind in ("sys", "dtl") and parse_score_folder(last) is not None:
            found.add(parent)
        elif entry.role.kind in ("best", "bootstrap", "details"):
            parts = entry.folder.split("/")
            while parts and (parts[-1].startswith("scoring") or parts[-1].endswith("_details")):
                parts.pop()
            found.add("/".join(parts))
        elif last == "log" and _DECODE_LOG.match(entry.name) and entry.role.kind == "log":
            found.add(parent)
    found |= {each for each in tree.folders if each.rpartition("/")[2].startswith("decode")}
    return found


def _outermost(folder: str, decodes: set[str]) -> str | None:
    if "" in decodes:
        return ""
    parts = folder.split("/")
    for length in range(1, len(parts) + 1):
        prefix = "/".join(parts[:length])
        if prefix in decodes:
            return prefix
    return None


def _place(entry: Entry) -> str:
    """The folder of the run that a file outside decode folders belongs to."""
    parts = entry.folder.split("/") if entry.folder else []
    for index, part in enumerate(parts):
        if FEATURE_FOLDER.match(part):
            return "/".join(parts[: index + 1])
    while parts and _INNER.match(parts[-1]):
        parts.pop()
    return "/".join(parts)


def _evidence(tree: Tree, decodes: set[str]) -> set[str]:
    """Folders in which something was trained, aligned or extracted."""
    found: set[str] = set()
    for entry in tree.entries:
        if _outermost(entry.folder, decodes) is not None:
            continue
        if entry.role.kind in ("log", "report", "trainer") or (entry.role.kind == "model" and _FINAL.match(entry.name)):
            found.add(_place(entry))
    return found


def _model_of(decode: str, evidence: set[str], tree: Tree) -> str:
    """The model folder that a decode folder belongs to; the decode folder itself where there is none."""
    if not decode:
        return decode
    parent, _, name = decode.rpartition("/")
    if parent in evidence:
        return parent
    beside = [
        each
        for each in tree.folders
        if each and each.rpartition("/")[0] == parent and each.count("/") == decode.count("/")
    ]
    parent_name = parent.rpartition("/")[2] or tree.root.absolute().name
    if parent_name == "exp" or not name.startswith("decode"):
        return decode
    # a folder of which nothing is left but its decode folders is still a model's
    return parent if all(_is_decode_or_inner(each.rpartition("/")[2]) for each in beside) else decode


def _is_decode_or_inner(name: str) -> bool:
    return name.startswith("decode") or _INNER.match(name) is not None


def by_stem(files: Iterable[ReadFile]) -> dict[str, list[ReadFile]]:
    """Return logs by the stem of their names."""
    grouped: dict[str, list[ReadFile]] = defaultdict(list)
    for each in files:
        if each.entry.role.kind in ("log", "trainer"):
            grouped[each.entry.role.stem].append(each)
    return grouped
