"""The journal: one folder per run, one append-only segment per writing process, one record per line.

It is the only source of truth: W&B, the catalog and every report are made from it and can be made again. The format is
described in ``docs/journal-format.md``.
"""
