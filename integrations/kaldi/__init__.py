"""Kaldi: its logs and folders, read without Kaldi and without changing a recipe.

The parsers (`align_logs`, `nnet3_logs`, `scoring`, …) are pure: bytes in, records and problems out. `layout` and `walk`
know which file is what, `assemble` makes runs' descriptions of the records, `ingest` does it all for a folder:

    speech-tracker ingest kaldi exp/
"""
