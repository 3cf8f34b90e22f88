from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech_tracker.errors import InvalidArgumentError, InvalidTypeError
from speech_tracker.evaluation.normalize import (
    NAMES,
    Chain,
    describe,
    from_function,
    get_normalizer,
    normalize_sides,
)
from speech_tracker.evaluation.score import score


def shout(text):
    return text.upper() + "!"


def test_each_built_in_has_a_version_and_a_digest_of_its_own():
    rows = describe()
    assert [row[0] for row in rows] == list(NAMES)
    digests = [digest for _, _, digest in rows]
    assert len(set(digests)) == len(digests)
    assert all(re.fullmatch("[0-9a-f]{16}", digest) for digest in digests)
    assert describe() == rows


def test_the_digests_of_our_own_normalisers_do_not_change_unnoticed():
    # a change here means that scores normalised before and after are not the same measurement: raise the version
    ours = {name: (version, digest) for name, version, digest in describe((*NAMES[:3], "kaldi"))}
    assert ours == {
        "none": ("1", "14c5f4f8830a7202"),
        "lower": ("1", "206f02ca67f9a5bf"),
        "basic": ("1", "186e3141aa529029"),
        "kaldi": ("1", "41ca0d1d4437d2a8"),
    }


def test_the_whisper_normalisers_carry_the_version_of_their_package():
    from importlib.metadata import version

    assert get_normalizer("whisper-en").version == version("whisper-normalizer")
    assert get_normalizer("whisper-en")("Mr. Brown's colour, um, twenty one") == "mister brown is color 21"


def test_a_chain_is_applied_from_left_to_right_and_hashed_in_order():
    chain = get_normalizer("kaldi+lower")
    assert isinstance(chain, Chain)
    assert chain("A <unk> B [noise]") == "a b"
    assert (chain.name, chain.version) == ("kaldi+lower", "1+1")
    assert chain.digest != get_normalizer("lower+kaldi").digest
    assert chain.digest == get_normalizer("kaldi + lower").digest


def test_a_version_can_be_insisted_on():
    assert get_normalizer("basic@1").name == "basic"
    with pytest.raises(InvalidArgumentError, match="another version of basic: got '9', expected 1"):
        get_normalizer("basic@9")


@pytest.mark.parametrize("name", ["bsic", "", "none+", "Basic"])
def test_an_unknown_name_lists_those_there_are(name):
    with pytest.raises(InvalidArgumentError, match="expected one of none, lower, basic"):
        get_normalizer(name)


def test_a_function_of_ones_own_is_named_and_hashed_by_its_source():
    found = get_normalizer(shout)
    assert found.name.endswith(":shout")
    assert found("a") == "A!"
    assert found.digest == from_function(shout).digest
    assert found.digest != from_function(shout, name="other").digest
    assert get_normalizer(lambda text: text).digest != get_normalizer(lambda text: text + " ").digest
    assert get_normalizer(str.upper)("a") == "A"


def test_a_function_that_returns_no_text_is_refused_when_called():
    with pytest.raises(InvalidTypeError, match="returned no text: got None"):
        get_normalizer(lambda text: None)("a")
    with pytest.raises(InvalidTypeError, match="no normalizer: got 3"):
        get_normalizer(3)


def test_a_function_in_a_file_or_a_module_is_found_by_name(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def clean(text):\n    return text.replace('-', ' ')\n")
    assert get_normalizer(f"{path}:clean")("a-b") == "a b"
    assert get_normalizer("string:capwords")("a b") == "A B"
    for bad in (f"{path}:nothing", f"{tmp_path}/none.py:clean", "no_such_module:f", "string:digits"):
        with pytest.raises(InvalidArgumentError):
            get_normalizer(bad)
    path.write_text("def clean(text:\n")
    with pytest.raises(InvalidArgumentError, match="no such normalizer"):
        get_normalizer(f"{path}:clean")


def test_a_result_records_what_was_applied():
    evaluation = score({"u": "A <unk> b"}, {"u": "a B"}, normalizer="kaldi+lower")
    assert evaluation.counts.errors == 0
    assert evaluation.normalizer.name == "kaldi+lower"
    assert evaluation.normalizer.digest == get_normalizer("kaldi+lower").digest


def test_both_sides_are_normalised_once_and_recorded_as_such():
    left, right, done = normalize_sides(get_normalizer(shout), {"u": "a"}, {"u": "b"})
    assert (left, right) == ({"u": "A!"}, {"u": "B!"})
    assert done("x") == "x"
    assert done.digest == get_normalizer(shout).digest


WORDS_WITH_MARKS = {
    "Devanagari": "हिन्दी भाषा",
    "Tamil": "தமிழ் மொழி",
    "Thai": "ที่นี่ ภาษาไทย",
    "pointed Arabic": "كِتَابٌ",
    "pointed Hebrew": "שָׁלוֹם",
    "Khmer": "ភាសាខ្មែរ",
    "Vietnamese": "tiếng việt",
    "Yoruba": "ọ̀rọ̀",
}


@pytest.mark.parametrize("text", WORDS_WITH_MARKS.values(), ids=WORDS_WITH_MARKS)
def test_basic_keeps_every_combining_mark(text):
    normal = get_normalizer("basic")(text)
    marks = [letter for letter in unicodedata.normalize("NFC", text) if unicodedata.category(letter)[0] == "M"]
    assert [letter for letter in normal if unicodedata.category(letter)[0] == "M"] == marks
    assert len(normal.split()) == len(text.split())


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("It’s 3.5 km, well-known!", "it's 3.5 km well known"),
        ("'quoted' rock 'n' roll o'clock", "quoted rock n roll o'clock"),
        ("10:00 1,000.50 end. a.b", "10:00 1,000.50 end a b"),
        ("STRASSE Straße", "strasse strasse"),
        ("col·legi צה״ל", "col·legi צה״ל"),
        ("می\u200cخواهم क्\u200dष", "می\u200cخواهم क्\u200dष"),
        ("soft\u00adhyphen \u202bאב\u202c zero\u200bwidth", "softhyphen אב zero width"),
        ("你好，世界。ＡＢＣ", "你好 世界 ａｂｃ"),
        ("cafe\u0301", "café"),
        ("हिन्दी's", "हिन्दी's"),
        ("‘a’ b’ ’c", "a b c"),
        ("100% $5 <unk> [noise]", "100 5 unk noise"),
        ("", ""),
        ("...", ""),
    ],
)
def test_basic_on_examples(text, normal):
    assert get_normalizer("basic")(text) == normal


@settings(deadline=None, max_examples=300)
@given(st.text(max_size=30))
def test_basic_changes_nothing_the_second_time_and_leaves_no_punctuation_at_the_ends(text):
    basic = get_normalizer("basic")
    once = basic(text)
    assert basic(once) == once
    for word in once.split(" "):
        assert not word or unicodedata.category(word[-1])[0] in "LMN" or word[-1] in "\u200c\u200d"


@settings(deadline=None, max_examples=200)
@given(st.text(st.characters(max_codepoint=127), max_size=30))
def test_basic_is_the_same_for_ascii_text_alone_and_beside_other_letters(text):
    basic = get_normalizer("basic")
    assert basic(f"{text} é") == f"{basic(text)} é".strip()


@pytest.mark.parametrize(
    ("name", "text", "normal"),
    [
        ("kaldi", "so <unk> [noise] a[b]c UH !SIL yes", "so UH yes"),
        ("kaldi-fisher", "[noise] [NOISE] [other] %HESITATION ok", "[other] ok"),
        ("kaldi-wsj", "<NOISE> THE COMPAIGN *OF <UNK> SHARE-HOLDER :COLON", "THE CAMPAIGN OF SHAREHOLDER COLON"),
        ("kaldi-chime", "Mhm MM okay [laughs] mmm hmmm", "hmm hmm okay hmm hmmm"),
        ("kaldi-gigaspeech", "state-of-the-art um <COMMA> i see <MUSIC>", "STATE OF THE ART I SEE"),
    ],
)
def test_kaldi_filters_on_examples(name, text, normal):
    assert get_normalizer(name)(text) == normal
