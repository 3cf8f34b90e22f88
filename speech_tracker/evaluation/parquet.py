"""An evaluation as one Parquet file, one row per utterance, and back: for archives, DuckDB, pandas, W&B artifacts.

Columns: ``utterance_id``, ``reference``, ``hypothesis`` (as scored), ``hits``, ``substitutions``, ``deletions``,
``insertions``, ``operations`` (the alignment over the letters C, S, D, I), ``aligned`` (JSON, only where the aligned
tokens do not follow from the texts), and one column per attribute. The rest of the evaluation stands in the file's
metadata under `METADATA_KEY`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from speech_tracker.errors import FormatError
from speech_tracker.evaluation.result import Evaluation, NormalizerRecord, ScoringProblem
from speech_tracker.evaluation.sclite_network import ScliteRules
from speech_tracker.optional import require

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

METADATA_KEY = "speech_tracker"
KIND = "evaluation"
VERSION = 1
COUNTS = ("hits", "substitutions", "deletions", "insertions")
COLUMNS = ("utterance_id", "reference", "hypothesis", *COUNTS, "operations", "aligned")
_PURPOSE = "keep evaluations as Parquet"


def write_parquet(evaluation: Evaluation, path: str | os.PathLike[str]) -> None:
    """Write the evaluation, atomically: the file is whole or not there.

    An attribute column holds whole numbers, numbers, truth values or text; values of mixed types become text. An
    attribute with the name of one of our columns is written as ``attribute_<name>``.

    Raises:
        MissingExtraError: duckdb is not installed.
        OSError: the file cannot be written.
    """
    import numpy as np

    duckdb = require("duckdb", extra="evaluation", purpose=_PURPOSE)
    path = Path(path)
    columns: dict[str, Any] = {
        "utterance_id": _texts(evaluation.utterance_ids),
        "reference": _texts(evaluation.references),
        "hypothesis": _texts(evaluation.hypotheses),
    }
    for position, name in enumerate(COUNTS):
        columns[name] = np.ascontiguousarray(evaluation.table[:, position], np.int32)
    codes = evaluation.operation_codes.decode("ascii")
    bounds = evaluation.operation_offsets.tolist()
    columns["operations"] = _texts([codes[a:b] for a, b in pairwise(bounds)])
    aligned: list[str | None] = [None] * len(evaluation)
    for index, pairs in evaluation.pairs.items():
        aligned[index] = orjson.dumps(pairs).decode()
    columns["aligned"] = _texts(aligned)
    types = dict.fromkeys(COLUMNS, "VARCHAR") | dict.fromkeys(COUNTS, "INTEGER")
    names: dict[str, str] = {}
    for attribute, values in evaluation.attributes.items():
        name = _free_name(attribute, columns)
        names[attribute] = name
        types[name], columns[name] = _attribute(values)
    metadata = orjson.dumps(
        {
            "kind": KIND,
            "version": VERSION,
            "unit": evaluation.unit,
            "alignment": evaluation.alignment,
            "normalizer": evaluation.normalizer,
            "missing": evaluation.missing,
            "spaces": evaluation.spaces,
            "case_sensitive": evaluation.case_sensitive,
            "rules": evaluation.rules,
            "problems": evaluation.problems,
            "attributes": names,
        },
        default=str,
    ).decode()
    chosen = ", ".join(f"CAST({_quoted(name)} AS {types[name]}) AS {_quoted(name)}" for name in columns)
    with _temporary(path) as temporary, _connection() as connection:
        connection.register("columns_of_evaluation", columns)
        try:
            connection.execute(
                f"COPY (SELECT {chosen} FROM columns_of_evaluation) TO {_literal(str(temporary))} "
                f"(FORMAT parquet, COMPRESSION zstd, KV_METADATA {{{METADATA_KEY}: {_literal(metadata)}}})"
            )
        except duckdb.IOException as error:
            raise OSError(f"{path} cannot be written: {error}") from error


def read_parquet(path: str | os.PathLike[str]) -> Evaluation:
    """Read back what `write_parquet` wrote.

    Raises:
        FormatError: the file is damaged, not Parquet, not ours, or of a newer version.
        MissingExtraError: duckdb is not installed.
        OSError: the file cannot be read.
    """
    import numpy as np

    duckdb = require("duckdb", extra="evaluation", purpose=_PURPOSE)
    path = Path(path)
    with path.open("rb"):  # the operating system's own message when it is not there
        pass
    source = _literal(_without_globs(str(path)))
    with _connection() as connection:
        try:
            stored = connection.execute(
                f"SELECT decode(value) FROM parquet_kv_metadata({source}) WHERE decode(key) = {_literal(METADATA_KEY)}"
            ).fetchone()
            metadata = _checked(None if stored is None else stored[0], path)
            data = connection.execute(f"SELECT * FROM read_parquet({source})").fetchnumpy()
        except duckdb.Error as error:
            raise FormatError(
                f"the file cannot be read as Parquet ({error}); copy or write it again", path=path
            ) from error
    missing = [name for name in COLUMNS if name not in data]
    if missing:
        raise FormatError(
            f"columns are missing: {', '.join(missing)}; was the file rewritten by another tool?", path=path
        )
    operations: list[str] = data["operations"].tolist()
    offsets = np.zeros(len(operations) + 1, np.int64)
    np.cumsum([len(each) for each in operations], out=offsets[1:])
    aligned = data["aligned"].tolist()
    return Evaluation(
        unit=metadata["unit"],
        alignment=metadata["alignment"],
        normalizer=NormalizerRecord(**metadata["normalizer"]),
        missing=metadata["missing"],
        utterance_ids=data["utterance_id"].tolist(),
        references=data["reference"].tolist(),
        hypotheses=data["hypothesis"].tolist(),
        table=np.stack([np.asarray(data[name], np.int32) for name in COUNTS], axis=1),
        operation_codes="".join(operations).encode("ascii"),
        operation_offsets=offsets,
        attributes={name: data[column].tolist() for name, column in metadata["attributes"].items()},
        problems=tuple(
            ScoringProblem(each["kind"], tuple(each["utterance_ids"]), each["detail"]) for each in metadata["problems"]
        ),
        spaces=metadata["spaces"],
        case_sensitive=metadata["case_sensitive"],
        rules=ScliteRules(**metadata["rules"]) if metadata.get("rules") else None,
        pairs={
            index: tuple((left, right) for left, right in orjson.loads(text))
            for index, text in enumerate(aligned)
            if text is not None
        },
    )


def _checked(stored: str | None, path: Path) -> dict[str, Any]:
    try:
        metadata = orjson.loads(stored or "null")
    except orjson.JSONDecodeError:
        metadata = None
    if not isinstance(metadata, dict) or metadata.get("kind") != KIND:
        raise FormatError(
            "this Parquet file is no evaluation of ours; expected one that write_parquet wrote", path=path
        )
    if metadata["version"] > VERSION:
        raise FormatError(
            f"the evaluation has version {metadata['version']}, this library reads up to {VERSION}; upgrade it",
            path=path,
        )
    return metadata


def _texts(values: Sequence[str | None]) -> npt.NDArray[np.object_]:
    """Return an object array; what is no valid Unicode (lone surrogates) is escaped, since Parquet is UTF-8."""
    import numpy as np

    found = np.empty(len(values), dtype=object)
    found[:] = values
    try:
        "".join(value for value in values if value is not None).encode()
    except UnicodeEncodeError:
        found[:] = [value if value is None else value.encode("utf-8", "backslashreplace").decode() for value in values]
    return found


def _attribute(values: Sequence[Any]) -> tuple[str, npt.NDArray[np.object_]]:
    """Return the SQL type and the column of an attribute."""
    import numpy as np

    kinds = {type(value) for value in values if value is not None}
    found = np.empty(len(values), dtype=object)
    if kinds == {bool}:
        found[:] = values
        return "BOOLEAN", found
    if kinds == {int} and all(-(2**63) <= value < 2**63 for value in values if value is not None):
        found[:] = values
        return "BIGINT", found
    if kinds and kinds <= {int, float} and float in kinds:
        found[:] = [None if value is None else float(value) for value in values]
        return "DOUBLE", found
    return "VARCHAR", _texts([None if value is None else str(value) for value in values])


def _free_name(attribute: str, taken: dict[str, Any]) -> str:
    """Return a column name; SQL compares names without case."""
    lowered = {name.lower() for name in (*taken, *COLUMNS)}
    name = attribute if attribute and attribute.lower() not in lowered else f"attribute_{attribute}"
    while name.lower() in lowered:
        name += "_"
    return name


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _without_globs(path: str) -> str:
    """Return the path so that DuckDB takes ``*``, ``?`` and ``[`` in it for themselves."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in path)


@contextlib.contextmanager
def _connection() -> Iterator[Any]:
    import duckdb

    settings: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "threads": 2,
    }
    connection = duckdb.connect(":memory:", config=settings)
    try:
        yield connection
    finally:
        connection.close()


@contextlib.contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    """Give the name of a file beside `path` that takes its place when all went well."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    temporary = path.parent / f".evaluation-{secrets.token_hex(8)}.tmp"
    try:
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
