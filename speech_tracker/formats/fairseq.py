"""What fairseq writes: ``hypo.word`` and ``ref.word`` of ``infer.py``, and ``generate-*.txt`` of ``fairseq-generate``.

Source: fairseq 0.12.2, ``examples/speech_recognition/new/infer.py`` and ``fairseq_cli/generate.py``.
"""

from __future__ import annotations

import re
from dataclasses import replace

from speech_tracker.formats.parsed import BLANKS, Findings, Parsed, lines_of
from speech_tracker.formats.trn import parse_trn
from speech_tracker.formats.utterance import Utterance, UtterancePair

_WORD_ID = re.compile(r"(.+)-(\d+)")
_GENERATED = re.compile(r"([STHDP])-(\d+)\t(.*)", re.DOTALL)
_SEVERAL_SUBSETS = re.compile(r"\bGenerate [^\s,]+,\S+ with beam|'gen_subset': '[^',]+,")
IDS_WITHOUT_SPEAKER = re.compile(r"None-\d+")


def parse_fairseq_words(text: str) -> Parsed[Utterance]:
    """Parse ``hypo.word``, ``ref.word`` and their ``.units``: ``words (speaker-row)``, or ``(None-row)``.

    The id is kept as it stands, for it is the same in both files; the speaker is what precedes the row number.
    """
    parsed = parse_trn(text)
    records = []
    for each in parsed.records:
        found = _WORD_ID.fullmatch(each.utterance_id)
        speaker = found[1] if found is not None and found[1] != "None" else None
        records.append(replace(each, speaker_id=speaker))
    return Parsed(tuple(records), parsed.problems, parsed.notes)


def parse_fairseq_generate(text: str) -> Parsed[UtterancePair]:
    """Parse ``generate-<subset>.txt``: the target ``T-``, and the best hypothesis, ``D-`` (else ``H-``).

    The id is the row number, which the manifest maps to the utterance. Of an n-best list the first entry, the best by
    fairseq's score, is taken. Other lines (log output, ``S-``, ``P-``) are left out. Of several subsets (``--gen-subset
    dev,other``) each counts its rows from 0: the second target of row 3 is ``3.2``. Where one subset is searched the same
    target again is the same utterance again, as where a search was broken off and started anew.
    """
    findings = Findings()
    several = _SEVERAL_SUBSETS.search(text) is not None
    known: dict[str, dict[str, str]] = {}  # row → its targets → their ids
    current: dict[str, str] = {}  # row → id of the target that was read last
    targets: dict[str, tuple[int, str]] = {}
    tokens: dict[str, str] = {}
    detokenized: dict[str, str] = {}
    for number, line in lines_of(text, findings):
        found = _GENERATED.fullmatch(line)
        if found is None:
            if line[:2] in ("T-", "H-", "D-"):
                findings.problem(number, line, "expected a row number and a tab")
            continue
        kind, row, rest = found.groups()
        if kind == "T":
            ids = known.setdefault(row, {})
            target = f"{len(ids)} {rest}" if several else rest
            current[row] = ids.setdefault(target, f"{row}.{len(ids) + 1}" if ids else row)
            targets.setdefault(current[row], (number, rest))
        elif kind in "HD":
            _, tab, words = rest.partition("\t")
            if not tab:
                findings.problem(number, line, "expected score and words after the row number")
            else:
                (detokenized if kind == "D" else tokens).setdefault(current.get(row, row), words)
    records = []
    for row, (number, target) in targets.items():
        hypothesis = detokenized.get(row, tokens.get(row))
        if hypothesis is None:
            findings.problem(number, f"T-{row}", "no hypothesis line for this target")
        else:
            records.append(UtterancePair(row, target.strip(BLANKS), hypothesis.strip(BLANKS), number))
    for row in {**tokens, **detokenized}.keys() - targets.keys():
        findings.problem(0, f"H-{row}", "no target line for this hypothesis")
    return findings.parsed(records)
