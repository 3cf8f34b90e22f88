"""The catalog: what a list of runs needs, kept in SQLite so that a thousand journals need not be read for it.

It is a cache on a local disk, made from the journals, brought up to date whenever it is asked, and never the truth: it may
be deleted at any time, and where it cannot be used the journals are read instead.
"""
