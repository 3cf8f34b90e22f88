"""WeNet: what its recipes leave in ``exp`` folders becomes runs (`speech-tracker ingest wenet`).

Formats read from WeNet's sources of 1.0 to 3.1 and from logs of public projects; WeNet itself was not run for the tests.
`ingest` alone knows folders; the parsers are pure.
"""
