"""Test tools, for our own tests and for whoever writes an adapter.

`capture` looks at what code records, `faults` hurts the journal, `contract` (needs pytest) holds every adapter to its
promises, `isolation` keeps tests apart, `transcripts` makes test sets up.
"""
