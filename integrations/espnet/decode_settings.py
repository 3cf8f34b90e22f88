"""How a test set was decoded: from the command line of its jobs, else from the name of the folder; and how fast."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from speech_tracker.errors import FormatError
from speech_tracker.ingest.clock import still_running
from speech_tracker.ingest.endings import ending_after
from speech_tracker.ingest.yaml_values import read_yaml
from speech_tracker.integrations.espnet.folders import DecodedFolder
from speech_tracker.integrations.espnet.inference_logs import (
    BestHypothesis,
    EspnetCommand,
    SpeechLength,
    SpeedReport,
    seconds_between,
)
from speech_tracker.integrations.espnet.read import ReadFile
from speech_tracker.integrations.espnet.tags import read_tag
from speech_tracker.integrations.kaldi.job_headers import JobEnd, QueueJobEnd
from speech_tracker.integrations.kaldi.resolve import find_below_recipe

SETTINGS = (
    "beam_size", "ctc_weight", "lm_weight", "ngram_weight", "penalty", "maxlenratio", "minlenratio", "nbest", "batch_size",
    "streaming", "transducer_conf", "normalize_length", "lm_file", "ngram_file", "quantize_asr_model", "maxlen", "time_sync",
    "speed_control_alpha", "noise_scale", "threshold", "minlen",
)  # fmt: skip
"""Options of the inference programs that are settings of the search."""

_MOST = 1e15


@dataclass(slots=True)
class Search:
    """How a test set was decoded.

    Attributes:
        settings: of the decoder, by ESPnet's names.
        model: path or name of the checkpoint; `""` where nothing tells.
        language_model: folder of the language model; `""` where there was none.
        data: folder of the data, as the jobs name it; `""` where they do not.
        rtf: processing time / audio time; None where it is not known.
        utterances: that were begun, over all jobs; None where there is no log.
        running: whether a job may go on: its log does not end, and was written to recently.
        jobs: number of jobs.
        failures: path of the log, line and reason of each job that failed.
        facts: for the record.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    model: str = ""
    language_model: str = ""
    data: str = ""
    rtf: float | None = None
    utterances: int | None = None
    running: bool = False
    jobs: int = 0
    failures: list[tuple[str, int | None, str]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)


def search_of(decode: DecodedFolder, root: Path, sample_rate: int, now: float) -> Search:
    """Return how a test set was decoded.

    Args:
        decode: its folder.
        root: of the tree, to find what the jobs name.
        sample_rate: of the audio, in hertz.
        now: seconds since 1970, to tell a running job from a killed one.
    """
    tag = read_tag(decode.tag)
    search = Search(settings=dict(tag.settings), model=tag.model, language_model=tag.language_model)
    logs = [file for file in decode.files if file.entry.role.kind == "inference"]
    command = next((each for file in logs for each in file.records if isinstance(each, EspnetCommand)), None)
    if command is not None:
        _from_command(search, command, root / decode.path)
    search.jobs = len(logs)
    for file in logs:
        _judge(search, file, now)
    _speed(search, decode.files, logs, sample_rate)
    return search


def _from_command(search: Search, command: EspnetCommand, near: Path) -> None:
    """Settings of a command line, which stand over those of the file that it names."""
    given: dict[str, Any] = {}
    named = command.last("config")
    if named:
        given.update(_settings_file(named, near))
        search.facts["decode_config"] = named
    given.update({name: _typed(value) for name, value in command.options})
    search.settings.update({name: given[name] for name in SETTINGS if given.get(name) not in (None, "")})
    for name, value in command.options:
        if name.endswith("_model_file") or name == "model_file":
            search.model = value
        elif name == "lm_train_config":
            search.language_model = os.path.basename(os.path.dirname(value))  # noqa: PTH119, PTH120 - text of a log
    data = command.first("data_path_and_name_and_type")
    if data:
        search.data = os.path.dirname(data.partition(",")[0])  # noqa: PTH120 - likewise
        search.facts["data_folder"] = search.data


def _settings_file(named: str, near: Path) -> dict[str, Any]:
    path = Path(named) if os.path.isabs(named) else find_below_recipe(named, near)  # noqa: PTH117 - likewise
    try:
        content = read_yaml(path.read_bytes()) if path is not None else None
    except (OSError, FormatError):
        return {}
    return {str(name): value for name, value in content.items()} if isinstance(content, dict) else {}


def _typed(text: str) -> Any:
    try:
        value = float(text)
    except ValueError:
        return {"true": True, "false": False, "none": None, "null": None}.get(text.lower(), text)
    return (
        int(value)
        if value.is_integer() and abs(value) < _MOST and "." not in text and "e" not in text.lower()
        else value
    )


def _judge(search: Search, file: ReadFile, now: float) -> None:
    """Whether a job ended well."""
    records = file.records
    ended = next((each for each in records if isinstance(each, (JobEnd, QueueJobEnd))), None)
    ending = ending_after(records, 0)
    if ended is not None and ended.status == 0:
        return
    if ending is not None:
        search.failures.append((file.entry.path, ending.line_number, f"the job {ending.status}: {ending.reason}"))
    elif ended is not None:
        search.failures.append((file.entry.path, None, f"the job failed with status {ended.status}"))
    elif still_running(file.entry.stat.st_mtime, now):
        search.running = True
    elif not _is_done(records):
        search.failures.append((file.entry.path, None, "the log stops without an end of the job"))


def _is_done(records: Iterable[Any]) -> bool:
    """Whether as many utterances were done as begun; where it is not told, a job without an end is not done."""
    begun = done = 0
    for each in records:
        begun += isinstance(each, SpeechLength)
        done += isinstance(each, BestHypothesis)
    return 0 < begun <= done


def _speed(search: Search, files: Iterable[ReadFile], logs: Iterable[ReadFile], sample_rate: int) -> None:
    """The real-time factor: as `calculate_rtf.py` printed it, else as it calculates it."""
    reported: dict[str, float] = {}
    for file in files:
        if file.entry.role.kind == "speed":
            reported.update({each.what: each.value for each in file.records if isinstance(each, SpeedReport)})
    begun = 0
    seconds = audio = 0.0
    for file in logs:
        started: SpeechLength | None = None
        for each in file.records:
            if isinstance(each, SpeechLength):
                begun, started = begun + 1, each
            elif isinstance(each, BestHypothesis) and started is not None:
                between = seconds_between(started.moment, each.moment)
                if between is not None:
                    seconds, audio = seconds + between, audio + started.samples / sample_rate
                started = None
    if search.jobs:
        search.utterances = begun
        search.facts["utterances_decoded"] = begun
    if reported.get("Total audio duration") and "Total decoding time" in reported:
        search.rtf = reported["Total decoding time"] / reported["Total audio duration"]
        search.facts["latency_ms"] = reported.get("Latency")
    elif reported.get("RTF"):
        search.rtf = reported["RTF"]
    elif audio:
        search.rtf = seconds / audio
