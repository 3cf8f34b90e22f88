"""Alignment "sclite" against NIST's own binary: every operation of every utterance, ties included."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from speech_tracker.errors import ScoringError
from speech_tracker.evaluation import score
from speech_tracker.evaluation.align import AlignedBatch, Aligner
from speech_tracker.evaluation.sclite_network import ScliteRules
from speech_tracker.evaluation.score_files import score_files

Sclite = Callable[..., list[tuple[bytes, list[tuple["str | None", "str | None"]]]]]

PLAIN = ScliteRules(optional_words=False)
OPTIONAL = ScliteRules()
FRAGMENTS = ScliteRules(optional_words=False, fragments=True)
EVERYTHING = ScliteRules(fragments=True)

Text = Callable[[random.Random], str]

# One call of the binary costs more than hundreds of alignments, so an example is a whole batch; it is drawn from a seed
# because a failure names the one pair that differs and needs no shrinking.
batches = given(st.integers(0, 2**32).map(random.Random))
some = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def words(vocabulary: str, longest: int = 8) -> Text:
    choices = vocabulary.split()
    return lambda rng: " ".join(rng.choices(choices, k=rng.randint(0, longest)))


def with_alternates(vocabulary: str, longest: int = 5, depth: int = 2) -> Text:
    choices = vocabulary.split()

    def row(rng: random.Random, size: int, depth: int) -> str:
        return " ".join(nest(rng, depth) if depth and rng.random() < 0.3 else rng.choice(choices) for _ in range(size))

    def nest(rng: random.Random, depth: int) -> str:
        ways = [row(rng, rng.randint(1, 3), depth - 1) for _ in range(rng.randint(1, 3))]
        if rng.random() < 0.4:
            ways.insert(rng.randint(0, len(ways)), "@")
        return f"{{ {' / '.join(ways)} }}"

    return lambda rng: row(rng, rng.randint(0, longest), depth)


def pairs(rng: random.Random, left: Text, right: Text) -> list[tuple[str, str]]:
    return [(left(rng), right(rng)) for _ in range(400)]


def operations(batch: AlignedBatch) -> list[bytes]:
    bounds = batch.offsets.tolist()
    return [batch.operations[start:end] for start, end in itertools.pairwise(bounds)]


def assert_equal(sclite: Sclite, texts: list[tuple[str, str]], aligner: Aligner, *options: str) -> None:
    references, hypotheses = [left for left, _ in texts], [right for _, right in texts]
    got = aligner.align(references, hypotheses)
    wanted = sclite(references, hypotheses, *options)
    for index, (codes, (path, words)) in enumerate(zip(operations(got), wanted, strict=True)):
        assert codes == path, (references[index], hypotheses[index])
        assert [codes.count(letter) for letter in b"CSDI"] == got.table[index].tolist()
        if index in got.pairs and aligner.unit == "word" and ";" not in references[index] + hypotheses[index]:
            assert [*map(bare, got.pairs[index])] == [*map(bare, words)]


def bare(pair: tuple[str | None, str | None]) -> tuple[str | None, ...]:
    """Words without what the two show differently: case and parentheses."""
    return tuple(word and word.lower().strip("()") for word in pair)


@pytest.mark.parametrize("vocabulary", ["a b", "a b c d", "a A é É ß"])
@pytest.mark.parametrize("options", [(), ("-s",), ("-e", "utf-8")])
def test_plain_words_align_as_in_sclite(sclite: Sclite, vocabulary: str, options: tuple[str, ...]) -> None:
    text = words(vocabulary, 12)

    @some
    @batches
    def check(rng: random.Random) -> None:
        texts = pairs(rng, text, text)
        assert_equal(sclite, texts, Aligner("sclite", case_sensitive="-s" in options, rules=PLAIN), *options)

    check()


@pytest.mark.parametrize(
    ("left", "right", "rules", "options"),
    [
        pytest.param("a b @", "a b @", PLAIN, (), id="null-words"),
        pytest.param("a b (a) (b) (ab)", "a b", OPTIONAL, ("-D",), id="optional-words"),
        pytest.param("a b (a)", "b (a) (b)", OPTIONAL, ("-D",), id="optional-words-on-both-sides"),
        pytest.param("a b (a)", "b (a)", PLAIN, (), id="parentheses-as-letters"),
        pytest.param("ab abc a- -bc ab- - b", "ab abc a- -bc -c b", FRAGMENTS, ("-F",), id="fragments"),
        pytest.param("ab (a-) (-b) -b (ab)", "ab abc -bc (-b) ab-", EVERYTHING, ("-F", "-D"), id="optional-fragments"),
        pytest.param(r"ab a;x a;b;c b* ** c\d a\;b", r"ab a a;y b c\d a;b", PLAIN, (), id="tags-stars-backslashes"),
        pytest.param("ÄB äb éa- (éab)", "éab äb ÄB", EVERYTHING, ("-F", "-D", "-e", "utf-8"), id="more-than-ascii"),
    ],
)
def test_marked_words_align_as_in_sclite(
    sclite: Sclite, left: str, right: str, rules: ScliteRules, options: tuple[str, ...]
) -> None:
    @some
    @batches
    def check(rng: random.Random) -> None:
        texts = pairs(rng, words(left), words(right))
        assert_equal(sclite, texts, Aligner("sclite", case_sensitive=False, rules=rules), *options)

    check()


@pytest.mark.parametrize(
    ("left", "right", "rules", "options"),
    [
        pytest.param(with_alternates("a b c"), words("a b c"), PLAIN, (), id="in-the-reference"),
        pytest.param(with_alternates("a b"), with_alternates("a b"), PLAIN, (), id="on-both-sides"),
        pytest.param(
            with_alternates("a b (a) c- ca"),
            words("a ab c ca c- (b)"),
            EVERYTHING,
            ("-F", "-D"),
            id="with-marked-words",
        ),
    ],
)
def test_alternates_align_as_in_sclite(
    sclite: Sclite,
    left: Text,
    right: Text,
    rules: ScliteRules,
    options: tuple[str, ...],
) -> None:
    @some
    @batches
    def check(rng: random.Random) -> None:
        texts = pairs(rng, left, right)
        assert_equal(sclite, texts, Aligner("sclite", case_sensitive=False, rules=rules), *options)

    check()


@pytest.mark.parametrize(
    ("vocabulary", "unit", "options"),
    [
        pytest.param("ab ba a éa 中文 aa", "char", ("-c",), id="characters"),
        pytest.param("ab ba 中文 字a文 文", "mixed", ("-c", "NOASCII"), id="mixed"),
    ],
)
def test_characters_align_as_in_sclite(sclite: Sclite, vocabulary: str, unit: Any, options: tuple[str, ...]) -> None:
    text = words(vocabulary, 5)

    @some
    @batches
    def check(rng: random.Random) -> None:
        texts = pairs(rng, text, text)
        aligner = Aligner("sclite", unit, "remove", case_sensitive=False, rules=PLAIN)
        assert_equal(sclite, texts, aligner, "-e", "utf-8", *options)

    check()


def test_a_chosen_alternate_is_what_is_shown_and_counted() -> None:
    evaluation = score({"u": "it was { um / uh / @ } Good"}, {"u": "it was UH good"}, alignment="sclite")
    assert evaluation.aligned(0) == [("it", "it"), ("was", "was"), ("uh", "UH"), ("Good", "good")]
    assert evaluation.counts.errors == 0
    assert evaluation.counts.reference_length == 4


def test_an_optional_word_left_out_is_a_hit_opposite_nothing() -> None:
    evaluation = score({"u": "we (really) went"}, {"u": "we went"}, alignment="sclite")
    assert evaluation.aligned(0) == [("we", "we"), ("really", ""), ("went", "went")]
    strict = score({"u": "we (really) went"}, {"u": "we went"}, alignment="sclite", rules=PLAIN)
    assert strict.counts.deletions == 1


def test_other_alignments_take_braces_for_words() -> None:
    assert score({"u": "{ a / b }"}, {"u": "a"}).counts.reference_length == 5


@pytest.mark.parametrize(
    ("text", "says"),
    [("a { b / c", "a brace is not closed"), ("a { / } b", "alternates without a word")],
)
def test_malformed_alternates_name_the_utterance(text: str, says: str) -> None:
    with pytest.raises(ScoringError, match=rf"reference of utterance 'spk-7': {says}"):
        score({"spk-1": "x", "spk-7": text}, {"spk-1": "x", "spk-7": "b"}, alignment="sclite")


def test_alternates_are_refused_where_spaces_count() -> None:
    with pytest.raises(ScoringError, match=r"utterance 'u': alternates with counted spaces.*spaces='remove'"):
        score({"u": "a { b / c }"}, {"u": "a b"}, alignment="sclite", unit="char")
    assert score({"u": "a { b / c }"}, {"u": "a b"}, alignment="sclite", unit="char", spaces="remove").counts.hits == 2


def test_braces_are_letters_when_alternates_are_off() -> None:
    rules = ScliteRules(alternates=False, optional_words=False)
    assert score({"u": "a { b"}, {"u": "a { b"}, alignment="sclite", rules=rules).counts.hits == 3


@pytest.mark.parametrize("space", ["\u00a0", " \u00a0", "\u3000", " \u3000 ", " \u2028 ", " \x1f ", "\x85", "\x0b"])
def test_files_with_unusual_white_space_count_as_in_sclite(sclite: Sclite, tmp_path: Path, space: str) -> None:
    rng = random.Random(1)

    def text() -> str:
        return "".join(rng.choice(["", space]) + rng.choice(["a ", "b ", "é ", "中文 "]) for _ in range(4)) + space

    references, hypotheses = [text() for _ in range(100)], [text() for _ in range(100)]
    wanted = sclite(references, hypotheses, "-e", "utf-8")  # leaves the two files
    evaluation = score_files(tmp_path / "ref", tmp_path / "hyp", alignment="sclite").evaluation
    assert [evaluation.operations(index) for index in range(100)] == [path for path, _ in wanted]
