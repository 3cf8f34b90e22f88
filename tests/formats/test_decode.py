from __future__ import annotations

import gzip

import pytest

from speech_tracker.errors import FormatError
from speech_tracker.formats.decode import decode, read_text


def test_a_byte_order_mark_is_removed_and_noted():
    found = decode(b"\xef\xbb\xbfu1 a\n")
    assert found.text == "u1 a\n"
    assert found.notes == ("byte order mark removed (utf-8)",)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_a_byte_order_mark_tells_the_encoding(encoding):
    assert decode("u1 你好\n".encode(encoding)).text == "u1 你好\n"


def test_windows_line_ends_are_counted():
    assert decode(b"u1 a\r\nu2 b\r\n").notes == ("Windows line ends (CRLF): 2",)


def test_old_macintosh_line_ends_part_lines():
    found = decode(b"u1 a\ru2 b\r")
    assert found.text == "u1 a\nu2 b\n"
    assert found.notes == ("old Macintosh line ends (CR)",)


def test_a_line_that_is_no_utf8_is_lost_and_located_and_the_others_stay_in_place():
    found = decode(b"u1 a\nu2 caf\xe9 x\nu3 c\n")
    assert found.text == "u1 a\n\nu3 c\n"
    assert [(each.line_number, each.reason[:35]) for each in found.problems] == [
        (2, "not utf-8: byte 0xE9 at column 7; i")
    ]


def test_a_named_encoding_is_used():
    assert decode("u1 你好\n".encode("gb18030"), encoding="gb18030").text == "u1 你好\n"


@pytest.mark.parametrize("encoding", ["klingon", "hex", "undefined"])
def test_an_unknown_encoding_is_refused(encoding):
    with pytest.raises(FormatError, match=f"unknown encoding: got '{encoding}'"):
        decode(b"u1 a\n", encoding=encoding)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
def test_an_encoding_of_wide_letters_is_read_when_named_and_has_no_mark(encoding):
    assert decode("u1 你好\nu2 ਊ\n".encode(encoding), encoding=encoding).text == "u1 你好\nu2 ਊ\n"


def test_of_wide_letters_the_damaged_line_is_lost_and_located():
    found = decode("u1 a\nu2 b\nu3 c".encode("utf-16")[:-1])
    assert found.text == "u1 a\nu2 b\n"
    assert [each.line_number for each in found.problems] == [3]


def test_a_missing_last_line_end_is_noted():
    assert "no line end after the last line" in decode(b"u1 a").notes[0]


def test_binary_data_are_refused():
    with pytest.raises(FormatError, match="this is no text"):
        decode(b"PAR1\x00\x15\x04")


def test_gzip_is_read_and_damaged_gzip_refused(tmp_path):
    path = tmp_path / "text.gz"
    path.write_bytes(gzip.compress(b"u1 a b\n"))
    assert read_text(path).text == "u1 a b\n"
    path.write_bytes(gzip.compress(b"u1 a b\n" * 1000)[:30])
    with pytest.raises(FormatError, match="gzip data are damaged"):
        read_text(path)


def test_a_folder_an_empty_file_and_a_missing_file_are_told_apart(tmp_path):
    with pytest.raises(FormatError, match="this is a folder"):
        read_text(tmp_path)
    (tmp_path / "empty").write_text(" \n\n")
    with pytest.raises(FormatError, match="the file is empty"):
        read_text(tmp_path / "empty")
    with pytest.raises(FileNotFoundError):
        read_text(tmp_path / "nowhere")
