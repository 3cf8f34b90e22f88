"""Golden pairs: `tests/golden/<parser>--<what>.log` and what the parser makes of it in `.json`."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.scan import scan
from speech_tracker.integrations.kaldi import (
    align_logs,
    decode_logs,
    fmllr_logs,
    gmm_logs,
    job_headers,
    model_facts,
    nnet1_logs,
    nnet2_logs,
    nnet3_logs,
    progress_logs,
    rnnlm_logs,
    sclite_reports,
    scoring,
    sgmm_logs,
    trainer_output,
    ubm_logs,
    wer_details,
)
from speech_tracker.testing.parsers import GoldenPairs, plain

GOLDEN = Path(__file__).parent.parent / "golden"

LOGS = {
    "kaldi_align": align_logs.ALIGN,
    "kaldi_gmm": gmm_logs.GMM,
    "kaldi_fmllr": fmllr_logs.FMLLR,
    "kaldi_sgmm": sgmm_logs.SGMM,
    "kaldi_ubm": ubm_logs.UBM,
    "kaldi_nnet1": nnet1_logs.NNET1,
    "kaldi_nnet2": nnet2_logs.NNET2,
    "kaldi_nnet3": nnet3_logs.NNET3,
    "kaldi_nnet3_phases": nnet3_logs.PHASES,
    "kaldi_progress": progress_logs.PROGRESS,
    "kaldi_rnnlm": rnnlm_logs.RNNLM + rnnlm_logs.RNNLM_TOOL,
    "kaldi_trainer": trainer_output.TRAINER,
    "kaldi_decode": decode_logs.DECODE,
    "kaldi_job": job_headers.JOB,
}

WHOLE = {
    "kaldi_report": trainer_output.parse_accuracy_report,
    "kaldi_score": scoring.parse_score_file,
    "kaldi_per_utt": wer_details.parse_per_utt,
    "kaldi_per_spk": wer_details.parse_per_spk,
    "kaldi_ops": wer_details.parse_ops,
    "kaldi_bootci": wer_details.parse_bootstrap,
    "kaldi_sys": sclite_reports.parse_sclite_summary,
    "kaldi_dtl": lambda data: [sclite_reports.parse_sclite_details(data)],
    "kaldi_options": lambda data: [model_facts.parse_options(data)],
    "kaldi_xconfig": model_facts.parse_xconfig,
}

FILES = sorted(path for path in GOLDEN.glob("kaldi_*--*.log"))


class TestKaldi(GoldenPairs):
    folder, toolkit = GOLDEN, "kaldi"
    logs, whole = LOGS, WHOLE
    modules = (align_logs, decode_logs, fmllr_logs, gmm_logs, job_headers, nnet1_logs, nnet2_logs, nnet3_logs,
               progress_logs, rnnlm_logs, scoring, sgmm_logs, trainer_output, ubm_logs, wer_details)  # fmt: skip
    # made of a name, of a command or of a folder rather than of a line
    elsewhere = frozenset({"JobHeader", "SweepPoint", "Component", "SingleNumber", "UtteranceLikelihood"})


def parse(path: Path, data: bytes):
    parser = path.name.partition("--")[0]
    return list(scan(data, LOGS[parser]) if parser in LOGS else WHOLE[parser](data))


@pytest.mark.parametrize("path", [path for path in FILES if path.name.partition("--")[0] in LOGS], ids=lambda p: p.stem)
def test_every_prefix_of_a_log_parses_to_a_prefix_of_its_records(path):
    data = path.read_bytes()
    whole = [plain(record) for record in parse(path, data)]
    for length in range(len(data) + 1):
        found = [plain(record) for record in parse(path, data[:length])]
        assert found == whole[: len(found)], f"after {length} bytes"


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.name.partition("--")[0] in WHOLE], ids=lambda p: p.stem
)
def test_every_prefix_of_a_file_parses(path):
    data = path.read_bytes()
    for length in range(len(data) + 1):
        for record in parse(path, data[:length]):
            assert dataclasses.is_dataclass(record)


@pytest.mark.parametrize("dressing", [
    lambda data: data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
    lambda data: b"\xef\xbb\xbf" + data,
    lambda data: data.replace(b"LOG (", b"\x1b[32mLOG\x1b[0m (").replace(b" is ", b" \x1b[1mis\x1b[0m "),
], ids=["crlf", "bom", "colours"])  # fmt: skip
@pytest.mark.parametrize("name", ["kaldi_align--mono_retries", "kaldi_nnet3--chain_train", "kaldi_decode--online"])
def test_line_ends_a_byte_order_mark_and_colours_change_nothing(name, dressing):
    path = GOLDEN / f"{name}.log"
    data = path.read_bytes()
    assert [plain(record) for record in parse(path, dressing(data))] == [plain(record) for record in parse(path, data)]


def test_an_empty_log_holds_nothing():
    for grammar in LOGS.values():
        assert list(scan(b"", grammar)) == []
    for parser in (wer_details.parse_per_utt, scoring.parse_score_file, trainer_output.parse_accuracy_report):
        assert list(parser(b"")) == []


def test_a_problem_names_its_line_and_shows_it():
    path = GOLDEN / "kaldi_nnet3--diagnostics_multitask.log"
    (problem,) = [record for record in parse(path, path.read_bytes()) if isinstance(record, Problem)]
    assert problem.line_number == 8
    assert "Overall log-probability" in problem.text
