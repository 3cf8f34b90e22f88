"""The results of searches that stand in logs: hypotheses among the lines, or only a figure at the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from speech_tracker.ingest.clock import still_running
from speech_tracker.ingest.reading import ReadFile
from speech_tracker.ingest.walk import Entry, FileRole, Tree
from speech_tracker.integrations.fairseq.decodes import Decode, parse_generated, parse_inferred
from speech_tracker.integrations.fairseq.decoding_logs import HypothesesInside, RatePrinted, ResultPrinted
from speech_tracker.integrations.fairseq.facts import task_name
from speech_tracker.integrations.fairseq.results import Result, figures, result_of
from speech_tracker.integrations.fairseq.searches import Search, search_in, searches_elsewhere

_PARSERS = {"generate": parse_generated, "infer": parse_inferred}


class Decodes:
    """The searches in files; a file is parsed again only when it has changed."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, int, str], list[Decode]]] = {}

    def of(self, path: Path, entry: Entry[FileRole], kind: str) -> list[Decode]:
        """Return the searches in a file."""
        state = (entry.stat.st_size, entry.stat.st_mtime_ns, kind)
        known = self._known.get(path)
        if known is None or known[0] != state:
            try:
                data = path.read_bytes()
            except OSError:
                return []  # it is gone since it was listed
            known = self._known[path] = (state, _PARSERS[kind](data))
        return known[1]


def log_results(
    tree: Tree[FileRole], files: Iterable[ReadFile[FileRole]], decodes: Decodes, *, now: float
) -> Iterator[Result]:
    """Yield the results of all searches in logs.

    Args:
        tree: for paths.
        files: that were read.
        decodes: remembers what was parsed.
        now: seconds since 1970: what is still written is not settled.
    """
    files = list(files)
    elsewhere = searches_elsewhere(files)
    root = tree.root.absolute()
    for file in files:
        kinds = [each.kind for each in file.records if isinstance(each, HypothesesInside)]
        path = root / file.entry.path
        if not kinds:
            yield from _only_figures(file, path, tree.shown(file.entry.path))
            continue
        old = not still_running(file.entry.stat.st_mtime, now)
        for number, decode in enumerate(decodes.of(path, file.entry, kinds[0])):
            search = search_in(file, decode.first_line, decode.last_line)
            if not search.config:
                subset = search.subset or file.entry.name.removeprefix("generate-").removesuffix(".txt")
                search = _together(search, elsewhere.get((path.parent.name, subset)))
            key = f"{path.parent.name}/{file.entry.name}" + (f":{number + 1}" if number else "")
            shown = tree.shown(file.entry.path)
            yield result_of(decode, search, path, shown, key, root, settled=decode.complete or old)


def _together(search: Search, printed: Search | None) -> Search:
    """What the file of the hypotheses says, and what standard output said of the same search."""
    if printed is None:
        return search
    return Search(
        printed.config,
        printed.model,
        search.subset or printed.subset,
        search.metric,
        search.printed,
        search.line,
        search.beam,
        printed.sentences,
        printed.tokens,
        printed.seconds,
        printed.ensemble,
    )


def _only_figures(file: ReadFile[FileRole], path: Path, shown: str) -> Iterator[Result]:
    """Results of searches with ``--quiet``, whose hypotheses are gone."""
    before = 0
    for record in file.records:
        if isinstance(record, (ResultPrinted, RatePrinted)):
            search = search_in(file, before + 1, record.line_number)
            if search.printed is not None and (search.model or search.sentences or isinstance(record, ResultPrinted)):
                key = f"{path.parent.name}/{file.entry.name}:{record.line_number}"
                evaluation = figures(search, shown, key, search.subset or "test", settled=True)
                task = task_name(search.config) if search.config else None
                yield Result(path, search.model, task, evaluation, None, search.config, ())
            before = record.line_number
