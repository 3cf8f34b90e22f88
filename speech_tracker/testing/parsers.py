"""What the parsers of every toolkit have to keep: inherit it, give it the parsers and files of the real format."""

# ruff: noqa: D102 - the names of tests are sentences

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest

from speech_tracker.ingest.scan import Grammar, LogScanner, scan


def plain(record: Any) -> dict[str, Any]:
    """Return a record as JSON has it: its class, then its fields; NaN and infinities are texts."""

    def value(each: Any) -> Any:
        if isinstance(each, float) and not math.isfinite(each):
            return str(each)
        if dataclasses.is_dataclass(each):
            return plain(each)
        return [value(item) for item in each] if isinstance(each, (tuple, list)) else each

    fields = {each.name: value(getattr(record, each.name)) for each in dataclasses.fields(record)}
    return {"record": type(record).__name__, **fields}


class GoldenPairs:
    """Tests to inherit: golden files named ``<toolkit>_<parser>--<what>.log``, and beside each what it parses to, in JSON.

    Attributes:
        folder: where they are.
        toolkit: whose they are.
        logs: ``<toolkit>_<parser>`` → grammar, for logs that grow.
        whole: ``<toolkit>_<parser>`` → function from a file's bytes to its records and problems.
        modules: all record classes that are defined in them have to occur in a golden file.
        elsewhere: names of those that are made of something else than a line.
    """

    folder: ClassVar[Path]
    toolkit: ClassVar[str]
    logs: ClassVar[Mapping[str, Grammar]]
    whole: ClassVar[Mapping[str, Callable[[bytes], Iterable[Any]]]]
    modules: ClassVar[tuple[ModuleType, ...]]
    elsewhere: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def files(cls) -> list[Path]:
        """Return the golden files."""
        return sorted(cls.folder.glob(f"{cls.toolkit}_*--*.log"))

    @classmethod
    def log_files(cls) -> list[Path]:
        """Return those of logs that grow."""
        return [path for path in cls.files() if path.name.partition("--")[0] in cls.logs]

    @classmethod
    def parse(cls, path: Path, data: bytes | None = None) -> list[dict[str, Any]]:
        """Return what the parser of a golden file makes of it, or of other bytes."""
        parser, data = path.name.partition("--")[0], path.read_bytes() if data is None else data
        found = scan(data, cls.logs[parser]) if parser in cls.logs else cls.whole[parser](data)
        return [plain(record) for record in found]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Give a test each golden file in turn."""
        for argument, paths in (("golden", self.files()), ("golden_log", self.log_files())):
            if argument in metafunc.fixturenames:
                metafunc.parametrize(argument, paths, ids=[path.stem for path in paths])

    def test_a_golden_file_parses_to_what_stands_beside_it(self, golden: Path) -> None:
        assert self.parse(golden) == json.loads(golden.with_suffix(".json").read_text(encoding="utf-8"))

    def test_every_parser_has_a_golden_file(self) -> None:
        assert {path.name.partition("--")[0] for path in self.files()} == self.logs.keys() | self.whole.keys()

    def test_every_record_class_occurs_in_a_golden_file(self) -> None:
        defined = {
            name
            for module in self.modules
            for name, value in vars(module).items()
            if dataclasses.is_dataclass(value) and value.__module__ == module.__name__
        }
        found = {each["record"] for path in self.files() for each in json.loads(path.with_suffix(".json").read_bytes())}
        assert defined - self.elsewhere <= found

    @pytest.mark.parametrize("size", [1, 7, 64, 1000])
    def test_parsing_in_pieces_equals_parsing_at_once(self, golden_log: Path, size: int) -> None:
        data = golden_log.read_bytes()
        scanner = LogScanner(self.logs[golden_log.name.partition("--")[0]])
        found = [record for at in range(0, len(data), size) for record in scanner.feed(data[at : at + size])]
        assert [plain(record) for record in (*found, *scanner.finish())] == self.parse(golden_log)
        assert scanner.line_number == data.count(b"\n")


def mutated(samples: Sequence[bytes]) -> Any:
    """Return a strategy of hypothesis: one of the samples with some bytes replaced, removed or inserted."""
    from hypothesis import strategies as st

    @st.composite
    def drawn(draw: Any) -> bytes:
        data = bytearray(draw(st.sampled_from(samples)))
        for _ in range(draw(st.integers(1, 6))):
            at = draw(st.integers(0, max(0, len(data) - 1)))
            data[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
        return bytes(data)

    return drawn()


def assert_pieces_give_the_same(log: bytes, grammar: Grammar, cuts: Iterable[int]) -> None:
    """Assert that a log read in pieces gives the records of the whole, wherever it is cut."""
    ends = [*sorted(cuts), len(log)]
    scanner = LogScanner(grammar)
    found = []
    for start, end in zip([0, *ends[:-1]], ends, strict=True):
        found += scanner.feed(log[start:end])
    found += scanner.finish()
    assert list(map(repr, found)) == list(map(repr, scan(log, grammar)))


def assert_read_on_gives_the_same(log: bytes, grammar: Grammar, cut: int) -> None:
    """Assert that a log can be read on from its last complete line before a cut, as `--follow` does."""
    first = LogScanner(grammar)
    found = first.feed(log[:cut])
    again = LogScanner(grammar, line_number=first.line_number)
    found += again.feed(log[cut - first.pending :]) + again.finish()
    assert list(map(repr, found)) == list(map(repr, scan(log, grammar)))
