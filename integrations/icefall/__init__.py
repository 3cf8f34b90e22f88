"""icefall and k2: what their recipes leave in ``exp`` folders becomes runs (`speech-tracker ingest icefall`).

Formats read from icefall's sources up to 2025 and from logs of public projects; icefall itself cannot be installed beside
a current PyTorch, so none of it was run for the tests. `ingest` alone knows folders; the parsers are pure.
"""
