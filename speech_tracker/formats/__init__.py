"""Readers and writers of transcript files: text in, frozen records and located problems out.

One module per format, each with `parse_*` (text), `format_*` (records to text) and, where a single file makes sense on
its own, `read_*`. `transcripts.read_transcripts` reads any of them into one shape, recognising the format by content.
Nothing here raises for a bad line: it becomes a `Problem` with its line number, and the good lines are kept.
"""
