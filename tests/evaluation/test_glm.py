"""GLM rules beside NIST's rfilter1 and csrfilt.sh (Debian package `sctk`)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech_tracker.errors import FormatError
from speech_tracker.evaluation.glm import GlmNormalizer, read_glm
from speech_tracker.evaluation.normalize import get_normalizer, normalize_sides
from speech_tracker.evaluation.score import score
from speech_tracker.formats.glm import Glm, GlmRule, format_glm

SCTK = Path("/usr/lib/sctk/bin")
needs_sctk = pytest.mark.skipif(not (SCTK / "rfilter1").exists(), reason="NIST's sctk is not installed")

GLM = """\
;; test.glm
* name "test.glm"
* copy_no_hit = 'T'
* case_sensitive = 'F'
* max_nrules = '50'
UH      =>  %HESITATION / [ ] __ [ ] ;; hesitation
OK      =>  O. K. / [ ] __ [ ]
CANNOT  =>  CAN NOT
FALKNER => FAULKNER / [WILLIAM ] __
;; INPUT_DEPENDENT_APPLICATION = "hyp|ctm"
HE'S    => [{HE IS / HE HAS}] / [ ] __ [ ]
;; INPUT_DEPENDENT_APPLICATION = "ref|stm"
GONNA   => GOING TO / [ ] __ [ ]
"""

WORDS = st.sampled_from(["a", "ab", "b", "ba", "uh", "um", "OK", "c", "(uh)", "b-a"])
RULES = st.builds(
    GlmRule,
    st.one_of(WORDS, st.tuples(WORDS, WORDS).map(" ".join)).filter(lambda text: "(" not in text),
    st.sampled_from(["X", "", "YY Z", "%H", "uh", "{a / b}"]),
    st.sampled_from(["", " ", "a ", "b"]),
    st.sampled_from(["", " ", " b", "a"]),
)


@needs_sctk
@settings(deadline=None, max_examples=80)
@given(
    st.lists(RULES, min_size=1, max_size=8),
    st.lists(st.lists(WORDS, min_size=1, max_size=8), min_size=1, max_size=5),
    st.booleans(),
)
def test_rules_are_applied_as_rfilter1_does(tmp_path_factory, rules, lines, case_sensitive):
    glm = Glm(tuple(rules), "n", "d", case_sensitive=case_sensitive)
    path = tmp_path_factory.mktemp("glm") / "rules.glm"
    path.write_text(format_glm(glm))
    texts = [" ".join(words) for words in lines]
    given_ = "".join(f" {text.replace('(', '( ').replace(')', ' )')} \n" for text in texts)
    said = subprocess.run([SCTK / "rfilter1", path], input=given_, capture_output=True, text=True, check=True).stdout
    expected = [" ".join(line.split()).replace("( ", "(").replace(" )", ")") for line in said.splitlines()]
    normalizer = GlmNormalizer(glm, upper=False)
    assert [normalizer(text) for text in texts] == expected


@needs_sctk
@pytest.mark.parametrize(("side", "purpose"), [("reference", "ref"), ("hypothesis", "hyp")])
def test_a_file_is_applied_as_csrfilt_does_for_each_side(tmp_path, side, purpose):
    path = tmp_path / "test.glm"
    path.write_text(GLM)
    lines = [
        "uh ok he's gonna cannot",
        "OK uh uh (uh) William Falkner falkner",
        "cannothing okay uhuh",
        "he's he's gonna",
        "uh",
    ]
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:{SCTK}"}
    command = [SCTK / "csrfilt.sh", "-i", "txt", "-t", purpose, path]
    said = subprocess.run(
        command, input="\n".join(lines) + "\n", capture_output=True, text=True, check=True, env=environment
    )
    normalizer = read_glm(path).for_side(side)
    assert [normalizer(line) for line in lines] == [" ".join(line.split()) for line in said.stdout.splitlines()]


def test_each_side_gets_its_rules_and_the_result_records_the_file(tmp_path):
    path = tmp_path / "test.glm"
    path.write_text(GLM)
    normalizer = get_normalizer(f"glm:{path}")
    assert (normalizer.name, normalizer.version) == ("glm:test.glm", "test.glm")
    left, right, done = normalize_sides(normalizer, {"u": "he's gonna uh"}, {"u": "he's gonna uh"})
    assert left == {"u": "HE'S GOING TO %HESITATION"}
    assert right == {"u": "{HE IS / HE HAS} GONNA %HESITATION"}
    assert normalizer("he's gonna uh") == "HE'S GONNA %HESITATION"
    assert done.digest == normalizer.digest == normalizer.for_side("reference").digest
    assert score(left, left, normalizer=done).normalizer.name == "glm:test.glm"


def test_a_chain_with_rules_keeps_its_sides(tmp_path):
    path = tmp_path / "test.glm"
    path.write_text(GLM)
    chain = get_normalizer(f"glm:{path}+lower")
    left, right, _ = normalize_sides(chain, {"u": "gonna"}, {"u": "he's"})
    assert (left, right) == ({"u": "going to"}, {"u": "{he is / he has}"})


def test_another_rule_is_another_digest(tmp_path):
    digests = set()
    for number, text in enumerate((GLM, GLM.replace("%HESITATION", "%FILLER"), GLM.replace("'F'", "'T'"))):
        path = tmp_path / str(number) / "test.glm"
        path.parent.mkdir()
        path.write_text(text)
        digests.add(read_glm(path).digest)
    assert len(digests) == 3


def test_text_where_no_rule_hits_can_be_dropped():
    glm = Glm((GlmRule("a", "x"),), copy_no_hit=False)
    assert GlmNormalizer(glm)("banana") == "xxx"


def test_a_file_that_holds_something_else_is_refused_with_the_line(tmp_path):
    path = tmp_path / "no.glm"
    path.write_text(";; rules\nA => B\nu1 hello\n")
    with pytest.raises(FormatError, match="not all of it is GLM rules: line 3"):
        read_glm(path)
    path.write_text(";; rules\n")
    with pytest.raises(FormatError, match="there is no rule in it"):
        read_glm(path)
