from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from speech_tracker.formats.glm import Glm, GlmRule, format_glm, parse_glm

GLM = """\
;; made for a test
* name "test.glm"
* desc 'Rules of a test'
* format = 'NIST1'
* max_nrules = '100'
* copy_no_hit = 'T'
* case_sensitive = 'F'
* broken header

UH      =>  %HESITATION / [ ] __ [ ] ;; hesitation
CANNOT  =>  CAN NOT
[  ] => [ ]
FALKNER => FAULKNER / [WILLIAM ] __
BINYAMIN => BENJAMIN / __ [ NETANYAHU]
"TO DAY" => TODAY ;; quoted
NOTHING =>
this is no rule
=> NO SOURCE
;; INPUT_DEPENDENT_APPLICATION = "hyp|ctm"
HE'S => [{HE IS / HE HAS}] / [ ] __ [ ]
AIN'T => [{ARE NOT / HAVE NOT}]
"""


def test_rules_are_cut_into_their_parts():
    glm = parse_glm(GLM)
    assert (glm.name, glm.description, glm.copy_no_hit, glm.case_sensitive) == (
        "test.glm",
        "Rules of a test",
        True,
        False,
    )
    assert glm.rules == (
        GlmRule("UH", "%HESITATION", " ", " "),
        GlmRule("CANNOT", "CAN NOT"),
        GlmRule("  ", " "),
        GlmRule("FALKNER", "FAULKNER", "WILLIAM ", ""),
        GlmRule("BINYAMIN", "BENJAMIN", "", " NETANYAHU"),
        GlmRule("TO DAY", "TODAY"),
        GlmRule("NOTHING", ""),
        GlmRule("HE'S", "{HE IS / HE HAS}", " ", " ", "hyp|ctm"),
        GlmRule("AIN'T", "{ARE NOT / HAVE NOT}", condition="hyp|ctm"),
    )
    assert [(each.line_number, each.reason) for each in glm.problems] == [
        (8, "a header line without a value in quotes"),
        (17, "expected SOURCE => TARGET / left __ right"),
        (18, "expected SOURCE => TARGET / left __ right"),
    ]


def test_the_first_token_of_the_file_marks_comments():
    assert parse_glm("## a\nA => B ## why\n## C => D\n").rules == (GlmRule("A", "B"),)


SIDES = st.text("abAB' .%-", max_size=6)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.builds(GlmRule, SIDES.filter(bool), SIDES, SIDES, SIDES), max_size=5), st.booleans(), st.booleans())
def test_what_is_written_is_read_back(rules, copy, case):
    glm = Glm(tuple(rules), "n", "d", copy, case)
    assert parse_glm(format_glm(glm)) == glm
