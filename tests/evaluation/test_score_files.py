from __future__ import annotations

from pathlib import Path

import pytest

from speech_tracker.errors import FormatError, InvalidArgumentError, ScoringError
from speech_tracker.evaluation.html import html_page
from speech_tracker.evaluation.read_sides import ReadOptions
from speech_tracker.evaluation.score_files import score_files
from speech_tracker.evaluation.show import score_text
from speech_tracker.evaluation.summary import summary

SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "samples"
SCLITE = SAMPLES / "sclite/sctk-sclite-inputs/src/sclite/testdata"
BASE = SAMPLES / "sclite/sctk-sclite-base/src/sclite/testdata/base"
needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples (../shared/samples) are not here")


@pytest.fixture
def write(tmp_path):
    def put(name, text):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return put


def test_formats_may_differ_and_ids_join_them(write):
    ref = write("ref.trn", "the cat (s1-1)\na b c (s1-2)\n")
    hyp = write("hyp.jsonl", '{"id": "s1-2", "pred_text": "a b d"}\n{"id": "s1-1", "pred_text": "the cat"}\n')
    found = score_files(ref, hyp)
    assert (found.evaluation.counts.errors, found.evaluation.counts.reference_length) == (1, 5)
    assert found.characters.counts.errors == 1
    assert found.words is found.evaluation


def test_speakers_come_from_the_file_named_else_from_the_reference_else_from_the_hypothesis(write):
    ref = write("ref", "u1 a\nu2 b\n")
    hyp = write("hyp.csv", "id,hyp,speaker\nu1,a,alice\nu2,b,bob\n")
    utt2spk = write("utt2spk", "u1 x\nu2 y\n")
    assert score_files(ref, hyp).evaluation.attributes["speaker_id"] == ["alice", "bob"]
    assert score_files(ref, hyp, speakers=utt2spk).evaluation.attributes["speaker_id"] == ["x", "y"]


def test_attribute_files_and_durations_become_columns(write):
    ref = write("ref.jsonl", '{"id": "u1", "text": "a", "duration": 1.5}\n{"id": "u2", "text": "b", "duration": 2}\n')
    lang = write("utt2lang", "u1 en\nu2 de\nu2 fr\n")
    found = score_files(ref, write("hyp", "u1 a\nu2 b\n"), attribute_files={"lang": lang})
    assert found.evaluation.attributes["duration_s"] == [1.5, 2.0]
    assert found.evaluation.attributes["lang"] == ["en", "de"]
    assert any("'u2' again with another lang" in remark for remark in found.remarks)


def test_an_utt2spk_that_is_none_is_refused(write):
    ref = write("ref", "u1 a\n")
    with pytest.raises(FormatError, match=r"no line is 'utterance-id speaker_id'; line 1: 3 fields.*is it spk2utt"):
        score_files(ref, ref, speakers=write("spk2utt", "s u1 u2\n"))


def test_what_reading_met_is_among_the_remarks(write):
    ref = write("ref", "u1 a\r\nu1 b\r\nu2 c\r\n")
    hyp = write("hyp", b"\xef\xbb\xbfu1 a\nu2 c\nextra x\n")
    remarks = "\n".join(score_files(ref, hyp).remarks)
    assert "ref: 1 lines with problems: line 2: utterance id 'u1' again, with another text; line 1 is kept" in remarks
    assert "Windows line ends (CRLF): 3" in remarks
    assert "byte order mark removed" in remarks
    assert "1 hypotheses have no reference and were left out: extra" in remarks


def test_missing_hypotheses_are_an_error_until_said_otherwise(write):
    ref, hyp = write("ref", "u1 a b\nu2 c\n"), write("hyp", "u2 c\n")
    with pytest.raises(ScoringError, match="u1"):
        score_files(ref, hyp)
    assert score_files(ref, hyp, missing="deletions").evaluation.counts.deletions == 2
    assert score_files(ref, hyp, missing="skip").evaluation.counts.utterances == 1


def test_files_that_do_not_belong_together_are_named(write):
    with pytest.raises(
        ScoringError, match=r"no utterance id of the hypotheses is in the references: got 'x1'.*against 'u1'"
    ):
        score_files(write("ref", "u1 a\n"), write("hyp", "x1 a\n"), missing="skip")


def test_one_file_of_both_sides_is_enough_and_one_of_one_side_is_not(write):
    recogs = write("recogs.txt", "c1:\tref=['A', 'B']\nc1:\thyp=['A']\n")
    assert score_files(recogs).evaluation.counts.deletions == 1
    manifest = write("m.jsonl", '{"audio_filepath": "a.wav", "text": "a b", "pred_text": "a c"}\n')
    assert score_files(manifest).evaluation.counts.substitutions == 1
    with pytest.raises(FormatError, match="this kaldi file holds one side only"):
        score_files(write("ref", "u1 a\n"))


def test_columns_formats_and_encodings_can_be_named(write):
    ref = write("ref", "u1 你 好\n".encode("gb18030"))
    hyp = write("hyp.csv", "id,first,second\nu1,你 坏,你 好\n".encode("gb18030"))
    options = ReadOptions(
        reference_format="kaldi", hypothesis_format="csv", hypothesis_column="second", encoding="gb18030"
    )
    assert score_files(ref, hyp, options=options).evaluation.counts.errors == 0


def test_other_units_come_with_words_and_characters(write):
    ref, hyp = write("ref", "u1 我要 check\n"), write("hyp", "u1 我不要 check\n")
    found = score_files(ref, hyp, unit="mixed")
    assert found.evaluation.counts.kaldi_line("MIXED") == "%MIXED 33.33 [ 1 / 3, 1 ins, 0 del, 0 sub ]"
    assert found.words.counts.errors == 1
    assert found.characters.counts.reference_length == 8
    assert score_files(ref, hyp, unit="char", spaces="remove").evaluation.counts.reference_length == 7


def test_alternates_are_honoured_in_sclite_alignment_and_kept_by_a_normaliser(write):
    ref, hyp = write("ref.trn", "I { Um, / @ } go (s-1)\nx (t-1)\n"), write("hyp.trn", "i go (s-1)\nx (t-1)\n")
    found = score_files(ref, hyp, alignment="sclite", normalizer="basic")
    assert found.evaluation.counts.errors == 0
    assert found.characters.counts.errors == 0
    assert any("does not count spaces" in remark for remark in found.remarks)
    plain = score_files(ref, hyp, normalizer="lower")
    assert plain.evaluation.counts.errors > 0
    assert any("alternates { a / b }, which alignment 'sclite' honours" in remark for remark in plain.remarks)


def test_what_a_normaliser_warns_of_is_said_once(write):
    path = write("ref", "u1 हिन्दी\nu2 भाषा\n")
    remarks = score_files(path, write("hyp", "u1 हिन्दी\nu2 भाषा\n"), normalizer="whisper-basic").remarks
    assert len([each for each in remarks if "Devanagari" in each]) == 1


def test_a_wrong_choice_is_refused(write):
    ref = write("ref", "u1 a\n")
    for wrong in ({"normalizer": "nothing"}, {"unit": "phone"}, {"alignment": "best"}):
        with pytest.raises(InvalidArgumentError):
            score_files(ref, write("hyp", "u1 a\n"), **wrong)


def test_the_summary_has_the_keys_of_the_contract(write):
    ref = write("ref", "".join(f"u{i} a b c\n" for i in range(30)))
    hyp = write("hyp", "".join(f"u{i} a x c\n" if i % 3 else f"u{i} a b c\n" for i in range(30)))
    speakers = write("utt2spk", "".join(f"u{i} s{i % 5}\n" for i in range(30)))
    found = summary(score_files(ref, hyp, speakers=speakers, normalizer="lower"))
    assert {
        "wer", "cer", "substitutions", "deletions", "insertions", "hits", "reference_length", "utterances",
        "sentence_error_rate", "alignment", "normalizer", "wer_ci", "speakers",
    } <= found.keys()  # fmt: skip
    assert (found["wer"], found["alignment"], found["normalizer"]) == (20 / 90, "kaldi", "lower")
    assert {"low", "high", "level", "method", "blocks"} <= found["wer_ci"].keys()
    assert found["wer_ci"]["blocks"] == "speaker_id"
    assert [row["speaker_id"] for row in found["speakers"]] == ["s0", "s1", "s2", "s3", "s4"]
    assert sum(row["substitutions"] for row in found["speakers"]) == found["substitutions"] == 20


def test_an_empty_reference_has_counts_and_no_rate(write):
    found = summary(score_files(write("ref", "u1\n"), write("hyp", "u1 a b\n")))
    assert (found["wer"], found["wer_ci"], found["insertions"], found["speakers"]) == (None, None, 2, [])


@needs_samples
@pytest.mark.parametrize(
    ("ref", "hyp", "encoding", "raw"),
    [
        # utterances, reference words, correct, sub, del, ins, utterances with errors: from sclite 2.10 with -D
        ("lvc_refe.stm", "lvc_hypc.ctm", "utf-8", (58, 1672, 957, 503, 212, 165, 57)),
        ("lvc_ref.stm", "lvc_hyp.ctm", "utf-8", (61, 1779, 1013, 540, 226, 171, 60)),
        ("lvc_refr.stm", "lvc_hypr.ctm", "utf-8", (30, 795, 239, 143, 413, 59, 29)),
        ("stm2ctm_missing.ref.stm", "stm2ctm_missing.hyp.ctm", "utf-8", (8, 162, 83, 58, 21, 18, 8)),
        ("test.cantonese.stm", "test.cantonese.ctm", "utf-8", (3, 34, 26, 5, 3, 5, 3)),
        ("mand_ref.stm", "mand_hyp.ctm", "gb18030", (10, 37, 33, 3, 1, 1, 5)),
        ("csrnab.ref", "csrnab.hyp", "utf-8", (51, 1406, 1263, 131, 12, 26, 38)),
    ],
)
def test_the_samples_of_sclite_have_its_counts(ref, hyp, encoding, raw):
    counts = score_files(
        SCLITE / ref, SCLITE / hyp, alignment="sclite", options=ReadOptions(encoding=encoding)
    ).evaluation.counts
    assert (
        counts.utterances,
        counts.reference_length,
        counts.hits,
        counts.substitutions,
        counts.deletions,
        counts.insertions,
        counts.utterances_with_errors,
    ) == raw


@needs_samples
def test_the_speechbrain_sample_has_the_rate_of_its_head_line():
    (path,) = SAMPLES.glob("speechbrain/**/wer_test-clean.txt")
    assert (
        score_files(path).evaluation.counts.kaldi_line()
        == "%WER 98.39 [ 51727 / 52576, 2003 ins, 19870 del, 29854 sub ]"
    )


@needs_samples
def test_every_kaldi_decode_of_the_samples_has_its_best_wer():
    checked = 0
    for path in sorted(SAMPLES.glob("kaldi/**/scoring_kaldi/wer_details/per_utt")):
        best = path.parents[1] / "best_wer"
        if best.exists():
            assert best.read_text().startswith(score_files(path).evaluation.counts.kaldi_line()), path
            checked += 1
    assert checked >= 4


def test_a_shifted_file_and_a_loop_are_pointed_at(write):
    texts = [f"word{i} thing{i} other{i} more{i}" for i in range(12)]
    ref = write("ref", "".join(f"u{i:02d} {text}\n" for i, text in enumerate(texts)))
    shifted = write("hyp", "".join(f"u{i:02d} {text}\n" for i, text in enumerate(texts[1:] + texts[:1])))
    remarks = "\n".join(score_files(ref, shifted).remarks)
    assert "hypotheses of other utterances? " in remarks
    assert "u00 fits u01" in remarks
    loop = write(
        "loop", "".join(f"u{i:02d} {text + ' and so' * 20 if i == 3 else text}\n" for i, text in enumerate(texts))
    )
    assert any(
        "1 hypothesis is no transcription (1 loop), with 100 % of all errors" in each
        for each in score_files(ref, loop).remarks
    )


def test_an_attribute_file_of_measures_is_put_in_buckets_and_one_of_whole_numbers_is_not(write):
    text = write("text", "".join(f"u{i} a\n" for i in range(30)))
    utt2dur = write("utt2dur", "".join(f"u{i} {i / 4}\n" for i in range(30)))
    utt2snr = write("utt2snr", "".join(f"u{i} {5 * (i % 3)}\n" for i in range(30)))
    found = summary(score_files(text, text, attribute_files={"dur": utt2dur, "snr": utt2snr}))
    groups = {each["attribute"]: [group["value"] for group in each["groups"]] for each in found["groups"]}
    assert len(groups["dur"]) == 5
    assert groups["dur"][0].startswith("0 to below ")
    assert groups["snr"] == ["0", "5", "10"]


def test_an_attribute_that_was_asked_for_has_its_table_however_many_values_it_has(write):
    ref = write("ref", "".join(f"u{i} a b\n" for i in range(102)))
    hyp = write("hyp", "".join(f"u{i} {'a x' if i == 77 else 'a b'}\n" for i in range(102)))
    scored = score_files(
        ref, hyp, attribute_files={"lang": write("utt2lang", "".join(f"u{i} l{i}\n" for i in range(102)))}
    )
    (languages,) = summary(scored)["groups"]
    assert (languages["attribute"], len(languages["groups"])) == ("lang", 102)
    lines = score_text(scored).plain.splitlines()
    table = lines[lines.index("By lang") + 2 :]
    assert table[0].split()[:2] == ["l77", "1"]
    assert table[20] == "  … and 82 better ones"
    assert 'Lang <span class="caption">(102)' in html_page(scored)
