"""Which parser reads which file of a Kaldi experiment."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from speech_tracker.formats.problems import Problem
from speech_tracker.ingest import reading
from speech_tracker.ingest.codec import RecordCodec
from speech_tracker.ingest.reading import Parsers
from speech_tracker.ingest.scan import Grammar
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
from speech_tracker.integrations.kaldi.job_headers import JOB
from speech_tracker.integrations.kaldi.layout import FileRole

_NO_RATE = "no error rate is in it"

_NETWORK = nnet3_logs.NNET3 + nnet2_logs.NNET2 + rnnlm_logs.RNNLM
GRAMMARS: dict[str, Grammar] = {
    "job": JOB,
    "align": align_logs.ALIGN + JOB,
    "gmm": sgmm_logs.SGMM + ubm_logs.UBM + align_logs.ALIGN + JOB,
    "fmllr": fmllr_logs.FMLLR + JOB,
    "network": _NETWORK + JOB,
    "rnnlm": rnnlm_logs.RNNLM_TOOL + JOB,
    "progress": progress_logs.PROGRESS + JOB,
    "nnet1": nnet1_logs.NNET1 + JOB,
    "decode": decode_logs.DECODE + JOB,
    "trainer": trainer_output.TRAINER + _NETWORK + JOB,
}
"""Grammar of each kind of log, by the names that `layout` uses."""

CODEC = RecordCodec(
    (
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
)


ReadFile: TypeAlias = reading.ReadFile[FileRole]


def _number(data: bytes) -> Iterable[Any]:
    value = wer_details.parse_single_number(data)
    return (Problem(1, "", "expected one number"),) if value is None else (wer_details.SingleNumber(value),)


_WHOLE: dict[str, Callable[[bytes], Iterable[Any]]] = {
    "score": scoring.parse_score_file,
    "best": scoring.parse_score_file,
    "number": _number,
    "bootstrap": wer_details.parse_bootstrap,
    "report": trainer_output.parse_accuracy_report,
    "sys": sclite_reports.parse_sclite_summary,
    "dtl": lambda data: (sclite_reports.parse_sclite_details(data),),
    "options": lambda data: (model_facts.parse_options(data),),
    "xconfig": model_facts.parse_xconfig,
}

PARSERS = Parsers(
    logs=GRAMMARS,
    whole=_WHOLE,
    codec=CODEC,
    version="1",
    may_be_empty=frozenset({"options"}),  # no option is an option
    must_say={"score": _NO_RATE, "sys": _NO_RATE},
    head=job_headers.parse_job_header,
)
