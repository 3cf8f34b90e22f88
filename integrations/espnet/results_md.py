"""`RESULTS.md` and the recipes' `README.md`: what is known of results when the folders that they came from are gone.

Source: egs2/TEMPLATE/asr1/scripts/utils/show_*_result.sh, and tables that people wrote in the same way.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from speech_tracker.formats.problems import Problem, shown
from speech_tracker.ingest.markdown_tables import MarkdownItem, MarkdownTable, parse_markdown, plain_text
from speech_tracker.integrations.espnet.score_files import in_its_unit
from speech_tracker.integrations.espnet.tags import set_and_tag, task_of


@dataclass(frozen=True, slots=True)
class ResultRow:
    """A row of a table of error rates. It has percentages of one decimal, so its counts of errors are not known.

    Attributes:
        line_number: from 1.
        headings: that it stands under.
        model: folder of the model below ``exp/``; `""` where no heading names one.
        tag: how it was decoded.
        test_set: name.
        metric: ``wer``, ``cer``, ``ter``, …; ``error_rate`` where no heading tells.
        sentences: utterances; None where the table does not say.
        reference_length: words, characters or tokens; None likewise.
        error_rate: fraction, known to 0.0005.
        sentence_error_rate: likewise.
    """

    line_number: int
    headings: tuple[str, ...]
    model: str
    tag: str
    test_set: str
    metric: str
    sentences: int | None
    reference_length: int | None
    error_rate: float
    sentence_error_rate: float | None


@dataclass(frozen=True, slots=True)
class ResultValues:
    """A row of a table of other figures.

    Attributes:
        line_number: from 1.
        headings: that it stands under.
        model: as in `ResultRow`.
        tag: likewise.
        test_set: likewise.
        names: of the metrics, as in `speech_tracker.metrics`.
        values: in the unit of each: rates as fractions.
    """

    line_number: int
    headings: tuple[str, ...]
    model: str
    tag: str
    test_set: str
    names: tuple[str, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ResultFact:
    """A line such as ``- espnet version: `espnet 202301` ``.

    Attributes:
        line_number: from 1.
        headings: that it stands under.
        name: such as ``espnet version``.
        value: text.
    """

    line_number: int
    headings: tuple[str, ...]
    name: str
    value: str


_FACT = re.compile(
    r"^(date|python version|espnet2? version|pytorch version|git hash|commit date|(?:asr |st |mt |lm |train(?:ing)? )?config"
    r"|(?:decode|inference|decoding)[_ ]config|(?:pre-?trained )?model(?: link)?)\s*: *(.+)$",
    re.IGNORECASE,
)
_METRIC = re.compile(r"\b(WER|CER|TER|PER|MER|SER|BLEU|DER)\b")
_IN_PERCENT: dict[str, str] = {
    "der": "der", "eer(%)": "eer", "eer": "eer", "intent classification (%)": "intent_accuracy", "wer": "wer", "cer": "cer",
    "mcer": "cer",
}  # fmt: skip
_AS_WRITTEN: dict[str, str] = {
    "stoi": "stoi", "pesq": "pesq", "sar": "sar", "sdr": "sdr", "sir": "sir", "si_snr": "si_snr", "bleu_score": "bleu",
    "mindcf": "min_dcf", "mcd": "mcd", "rouge-1": "rouge_1", "rouge-2": "rouge_2", "rouge-l": "rouge_l", "meteor": "meteor",
    "bertscore": "bert_score",
}  # fmt: skip
_ACCURACY = ("accuracy", "acc")
_NOT_A_MODEL = re.compile(r"^(results?|environments?|pre-?trained models?|notes?|dataset)$", re.IGNORECASE)
_REPORT = re.compile(r"(?:^|[\s/])exp\w*/(\S+/(?:result(?:\.wrd)?\.txt|[\w.]+\.sys))")
_SUM = re.compile(r"\|\s*Sum/Avg\s*\|([\s\d.|]+)\|")
_MOST = 1e15
"""Utterances, words: what is more is damage."""

_FARTHEST = 3
"""Lines between the path of a report and its row."""

_RESULT_FILE = re.compile(r"/?result(\.\w+)*\.txt:?$")
_ROUNDING = 0.26
"""Percent by which Sub + Del + Ins may be off Err: five figures rounded to one decimal."""


def parse_results(data: bytes) -> Iterator[ResultRow | ResultValues | ResultFact | Problem]:
    """Yield what the result tables of a file say, in its order; other tables are passed over."""
    yield from _quoted(data)
    for each in parse_markdown(data):
        if isinstance(each, MarkdownTable):
            yield from _table(each)
        elif isinstance(each, MarkdownItem):
            fact = _FACT.match(each.text)
            if fact is not None:
                yield ResultFact(each.line_number, each.headings, fact[1].lower(), plain_text(fact[2])[:300])
        else:
            yield each


def _quoted(data: bytes) -> Iterator[ResultRow]:
    """Rows of sclite's reports that ``grep`` found, with the path of the report before them, as older recipes keep them."""
    path, since = "", _FARTHEST
    for line_number, line in enumerate(data.decode("utf-8", "backslashreplace").split("\n"), start=1):
        report = _REPORT.search(line)
        if report is not None:
            path, since = report[1], -1
        since += 1
        row = _SUM.search(line)
        if row is None or since >= _FARTHEST:
            continue
        try:
            sentences, words, *rates = row[1].replace("|", " ").split()
            error_rate, sentence_rate = float(rates[4]), float(rates[5])
            model, tag, test_set, metric = _named_by(path)
            yield ResultRow(
                line_number, (), model, tag, test_set, metric, _whole(float(sentences)), _whole(float(words)), round(error_rate / 100, 6),
                round(sentence_rate / 100, 6),
            )  # fmt: skip
        except (ValueError, IndexError):
            continue


def _named_by(path: str) -> tuple[str, str, str, str]:
    """Model, inference tag, test set and metric by the path of a report below the folder of the models."""
    *folders, file = path.split("/")
    model, *below = folders
    scored = [each for each in below if each.startswith("score_")]
    below = [each for each in below if not each.startswith("score_") and each != "scoring"]
    if file.endswith(".sys"):
        below.append(file)
    test_set, tag = set_and_tag("/".join(below))
    if scored:
        return model, tag, test_set, scored[0].removeprefix("score_")
    # as score_sclite.sh of the first ESPnet names them
    return model, tag, test_set, "wer" if ".wrd." in file else "cer"


def model_of(headings: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Return the model folder that headings name, and the folders below it that they name.

    >>> model_of(("RESULTS", "exp/asr_small/decode_asr_model_valid.acc.ave", "WER"))
    ('asr_small', ('decode_asr_model_valid.acc.ave',))
    """
    for heading in reversed(headings):
        parts = heading.strip().strip("/").split("/")
        for place, part in enumerate(parts):
            if " " not in part and task_of(part) is not None:
                return part, tuple(parts[place + 1 :])
            if place and parts[place - 1] == "exp" and part and " " not in part:
                return part, tuple(parts[place + 1 :])
        named = [word for word in heading.split() if word.count("_") > 1 and task_of(word) is not None]
        if len(named) == 1:
            return named[0], ()
    return "", ()


def title_of(headings: tuple[str, ...]) -> str:
    """Return what results without a model folder are called: the headings that name neither a metric nor a part."""
    kept = [each for each in headings if each and not _METRIC.fullmatch(each.strip()) and not _NOT_A_MODEL.match(each)]
    return " / ".join(kept)


def _metric(headings: tuple[str, ...]) -> str:
    for heading in reversed(headings):
        found = _METRIC.search(heading)
        if found is not None:
            return found[1].lower()
    return ""


def _table(table: MarkdownTable) -> Iterator[ResultRow | ResultValues | Problem]:
    names = [plain_text(column).lower() for column in table.columns]
    if "err" in names and ("wrd" in names or "# wrd" in names):
        yield from _errors(table, names)
        return
    metric = _metric(table.headings)
    known: list[tuple[int, str, float]] = []
    for place, name in enumerate(names[1:], start=1):
        if name in _IN_PERCENT:
            known.append((place, _IN_PERCENT[name], 0.01))
        elif name in _AS_WRITTEN:
            known.append((place, _AS_WRITTEN[name], 1.0))
        elif name == "score" and metric == "bleu":
            known.append((place, "bleu", 1.0))
        elif name in _ACCURACY:
            known.append((place, "accuracy", 0.01))
    if not known:
        return
    for line_number, row in zip(table.row_lines, table.rows, strict=True):
        yield from _values(table, line_number, [plain_text(cell) for cell in row], known)


def _values(
    table: MarkdownTable, line_number: int, cells: list[str], known: list[tuple[int, str, float]]
) -> Iterator[ResultValues | Problem]:
    found: dict[str, float] = {}
    for place, name, scale in known:
        text = cells[place].partition("(")[0].rstrip("% ")
        if not text or text in ("-", "—", "N/A", "n/a"):
            continue
        try:
            value = float(text)
        except ValueError:
            reason = f"expected a number below {table.columns[place]!r}"
            yield Problem(line_number, shown(" | ".join(cells)), reason)
            continue
        if name == "accuracy" and value <= 1:
            scale = 1.0  # some write fractions
        if not math.isfinite(value):
            continue
        found[name] = in_its_unit(name, round(value * scale, 8))
    if found:
        model, below = model_of(table.headings)
        test_set, tag = _named(cells[0] or plain_text(table.caption), below)
        if plain_text(table.columns[0]).lower() != "dataset" and table.caption:
            test_set, tag = plain_text(table.caption), cells[0]
        yield ResultValues(
            line_number, table.headings, model, tag, test_set, tuple(found), tuple(found.values())
        )  # fmt: skip


def _named(cell: str, below: tuple[str, ...]) -> tuple[str, str]:
    if below:
        return "/".join((*below[1:], cell)), below[0]
    return set_and_tag(cell)


def _errors(table: MarkdownTable, names: list[str]) -> Iterator[ResultRow | Problem]:
    model, below = model_of(table.headings)
    metric = _metric(table.headings)
    places = {name.removeprefix("# "): place for place, name in enumerate(names)}
    for line_number, row in zip(table.row_lines, table.rows, strict=True):
        cells = [plain_text(cell) for cell in row]

        def number(name: str, cells: list[str] = cells) -> float | None:
            place = places.get(name)
            text = cells[place].rstrip("*%").strip() if place is not None else ""
            value = float(text) if text else None
            if value is not None and not math.isfinite(value):
                raise ValueError(text)
            return value

        try:
            error_rate = number("err")
            parts = [number(each) for each in ("sub", "del", "ins")]
            sentences, length, sentence_rate = number("snt"), number("wrd"), number("s.err")
        except ValueError:
            yield Problem(
                line_number, shown(" | ".join(cells)), f"expected numbers below {', '.join(table.columns[1:])}"
            )
            continue
        if error_rate is None:
            yield Problem(line_number, shown(" | ".join(cells)), "no error rate in this row")
            continue
        known = [each for each in parts if each is not None]
        if len(known) == len(parts) and abs(sum(known) - error_rate) > _ROUNDING:
            reason = (
                f"the rates do not add up: {known[0]:g} + {known[1]:g} + {known[2]:g} is not {error_rate:g}; "
                "the error rate is taken as it is written"
            )
            yield Problem(line_number, shown(" | ".join(cells)), reason)
        cell = _RESULT_FILE.sub("", cells[0])
        of_cell, _, in_model = cell.partition("exp/")[2].partition("/")
        test_set, tag = _named(in_model, ()) if in_model else _named(cell, below)
        said = metric or ("wer" if ".wrd." in cells[0] else "cer" if "result.txt" in cells[0] else "error_rate")
        yield ResultRow(
            line_number, table.headings, of_cell if in_model else model, tag, test_set, said, _whole(sentences), _whole(length),
            round(error_rate / 100, 6), None if sentence_rate is None else round(sentence_rate / 100, 6),
        )  # fmt: skip


def _whole(value: float | None) -> int | None:
    return None if value is None or value > _MOST else int(value)
