from __future__ import annotations

import html.parser
import re

import pytest

from speech_tracker.evaluation.html import html_page, write_html
from speech_tracker.evaluation.score_files import score_files

EVIL = "<script>alert(1)</script> <img src=x onerror=alert(2)> \"' {{ 7*7 }} \x1b[31m &amp;"


class Outline(html.parser.HTMLParser):
    """What a browser would see: elements, attributes and text."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.text, self.open = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]
        if tag not in ("meta", "input", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("script", "style"):
            self.text.append(data)


@pytest.fixture
def scored(tmp_path):
    (tmp_path / "ref").write_text(f"u<b>1 a b {EVIL}\nu2 c d e\nu3 ok\n", encoding="utf-8")
    (tmp_path / "hyp").write_text("u<b>1 a x\nu2 c d e f\nu3 ok\n", encoding="utf-8")
    (tmp_path / "utt2spk").write_text("u<b>1 <i>eve</i>\nu2 bob\nu3 bob\n", encoding="utf-8")
    (tmp_path / "utt2lang").write_text("u<b>1 en\nu2 de\nu3 de\n", encoding="utf-8")
    return score_files(
        tmp_path / "ref",
        tmp_path / "hyp",
        speakers=tmp_path / "utt2spk",
        attribute_files={"lang": tmp_path / "utt2lang"},
    )


def outline(scored):
    found = Outline()
    found.feed(html_page(scored))
    assert found.open == []
    return found


def test_markup_in_transcripts_ids_and_speakers_is_shown_as_text(scored):
    found = outline(scored)
    text = "".join(found.text)
    assert found.tags.count("script") == 1
    assert "img" not in found.tags
    assert "i" not in found.tags
    assert not [name for _, name, _ in found.attributes if name.startswith("on")]
    for shown in (
        "<script>alert(1)</script>",
        "onerror=alert(2)>",
        "{{",
        "7*7",
        "&amp;",
        "u<b>1",
        "<i>eve</i>",
        r"\x1b[31m",
    ):
        assert shown in text
    assert "49" not in text.split()


def test_the_page_needs_nothing_but_itself(scored):
    page = html_page(scored)
    assert not [name for _, name, _ in outline(scored).attributes if name in ("src", "href", "srcset", "action")]
    assert not re.search(r"url\(|@import|https?://", page)
    assert "default-src 'none'" in page


def test_the_page_has_the_rate_its_interval_groups_and_confusions(scored):
    text = " ".join("".join(outline(scored).text).split())
    assert scored.evaluation.counts.kaldi_line() in text
    assert "95% interval" in text
    assert "Speakers (2)" in text
    assert "Lang (2)" in text
    assert "Reference length" in text
    assert "Most confused" in text
    assert "Worst utterances (2 of 2 with errors)" in text
    assert "note" in text.lower()


def test_a_perfect_score_and_an_empty_reference_have_a_page(tmp_path):
    (tmp_path / "ref").write_text("u1 a\nu2 b\n")
    (tmp_path / "hyp").write_text("u1 a\nu2 b\n")
    assert "Most confused" not in html_page(score_files(tmp_path / "ref", tmp_path / "hyp"))
    (tmp_path / "none").write_text("u1\nu2\n")
    assert "nan" in html_page(score_files(tmp_path / "none", tmp_path / "hyp"))


def test_many_speakers_are_cut_to_the_worst(tmp_path):
    for name in ("ref", "hyp"):
        (tmp_path / name).write_text("".join(f"u{i} a\n" for i in range(500)))
    (tmp_path / "utt2spk").write_text("".join(f"u{i} s{i // 2}\n" for i in range(500)))
    page = html_page(score_files(tmp_path / "ref", tmp_path / "hyp", speakers=tmp_path / "utt2spk"))
    assert "worst 200 of 250" in page


def test_the_file_is_written_whole(scored, tmp_path):
    target = tmp_path / "out dir" / "page.html"
    target.parent.mkdir()
    write_html(scored, target)
    assert [each.name for each in target.parent.iterdir()] == ["page.html"]
    assert target.read_text(encoding="utf-8").rstrip().endswith("</html>")
    with pytest.raises(OSError, match=r"page.html cannot be written: No such file"):
        write_html(scored, tmp_path / "nowhere" / "page.html")
