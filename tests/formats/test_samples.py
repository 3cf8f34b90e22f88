"""The readers on real files of public experiments, where they are at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from speech_tracker.formats.ctm import parse_ctm
from speech_tracker.formats.decode import read_text
from speech_tracker.formats.rttm import parse_rttm
from speech_tracker.formats.sclite_report import parse_sclite_report
from speech_tracker.formats.seglst import parse_seglst
from speech_tracker.formats.speechbrain_wer import parse_speechbrain_wer
from speech_tracker.formats.transcripts import read_transcripts

SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "samples"
SCLITE = SAMPLES / "sclite/sctk-sclite-inputs/src/sclite/testdata"
BASE = SAMPLES / "sclite/sctk-sclite-base/src/sclite/testdata/base"
MEETEVAL = SAMPLES / "meeteval/meeteval-examples/example_files"
pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples (../shared/samples) are not here")


@pytest.mark.parametrize(
    ("path", "format_", "utterances"),
    [
        (SCLITE / "csrnab.ref", "trn", 51),
        (SCLITE / "tests.ref", "trn", 58),
        (SCLITE / "test.vietnamese.ref.trn", "trn", 8),
        (SCLITE / "lvc_ref.stm", "stm", 61),
        (SCLITE / "lvc_refe.stm", "stm", 58),
        (SCLITE / "lvc_hypc.ctm", "ctm", 4),
        (SCLITE / "tima_hyp.ctm", "ctm", 2),
        (MEETEVAL / "text_ref", "kaldi", 6),
        (MEETEVAL / "ref.stm", "stm", 7),
        (MEETEVAL / "hyp1.ctm", "ctm", 2),
        (MEETEVAL / "hyp.seglst.json", "seglst", 6),
        (SAMPLES / "fairseq/fairseq-hubert-hypo/examples/hubert/tests/sample.large.hypo.word", "fairseq", 1),
        (SAMPLES / "fairseq/lsyip-generate/17-7generate-test.txt", "fairseq-generate", 512),
        (SAMPLES / "fstalign/fstalign-testdata/test/data/align_1.hyp.ctm", "ctm", 1),
    ],
    ids=lambda value: value.name if isinstance(value, Path) else None,
)
def test_a_real_file_is_recognised_and_read_without_problems(path, format_, utterances):
    found = read_transcripts(path)
    assert (found.format, len(found), found.problems) == (format_, utterances, ())


def test_wenet_sdk_output_with_empty_hypotheses_is_read():
    (path,) = SAMPLES.glob("wenet/**/wfst_beam_smoke10.txt")
    found = read_transcripts(path)
    assert len(found) == 10
    assert found.texts["000000037"] == ""
    assert found.texts["000000087"] == "刘翔"


def test_the_speechbrain_alignments_have_the_counts_of_the_summary():
    (path,) = SAMPLES.glob("speechbrain/**/wer_test-clean.txt")
    report = parse_speechbrain_wer(read_text(path).text)
    assert report.problems == ()
    assert len(report.pairs) == report.summary.scored == 2620
    assert sum(len(pair.reference.split()) for pair in report.pairs) == report.summary.reference_length == 52576


def test_every_per_utt_of_kaldi_has_the_words_of_its_reference_text():
    paths = sorted(SAMPLES.glob("kaldi/**/wer_details/per_utt"))
    assert paths
    for path in paths:
        reference = read_transcripts(path, side="reference")
        assert reference.format == "per_utt"
        assert reference.problems == ()
        filtered = path.parents[1] / "test_filt.txt"
        if filtered.exists():
            expected = read_transcripts(filtered).texts
            assert {key: " ".join(text.split()) for key, text in expected.items()} == dict(reference.texts)


def test_chinese_files_in_gb_are_refused_line_by_line_as_utf8_and_whole_under_their_name():
    found = read_transcripts(SCLITE / "mand_ref.stm")
    assert (len(found), len(found.problems)) == (2, 8)
    whole = read_transcripts(SCLITE / "mand_ref.stm", encoding="gb18030")
    assert (len(whole), whole.problems) == (10, ())


def test_every_alignment_of_the_sclite_reports_is_read_with_its_counts():
    paths = sorted(BASE.glob("*.pra"))
    assert len(paths) > 40
    for path in paths:
        report = parse_sclite_report(read_text(path, encoding="latin-1").text)
        assert report.utterances, path.name
        assert report.problems == ()


def test_turns_and_segments_of_meeteval_are_read():
    assert len(parse_rttm(read_text(MEETEVAL / "ref.rttm").text).records) == 6
    assert parse_seglst(read_text(MEETEVAL / "ref.seglst.json").text).records[1].speaker_id == "Bob"
    assert parse_ctm(read_text(MEETEVAL / "hyp2.ctm").text).records[0].begin_s == 1000.0


@pytest.mark.parametrize("name", ["17-7predict.txt", "17-7target.txt"])
def test_text_without_utterance_ids_is_refused(name):
    with pytest.raises(ValueError, match="they are no utterance ids"):
        read_transcripts(SAMPLES / "fairseq/lsyip-generate" / name)
