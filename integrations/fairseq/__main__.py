"""`python -m speech_tracker.integrations.fairseq` prints the folder to give to ``--user-dir``."""

from __future__ import annotations

from pathlib import Path

if __name__ == "__main__":
    print(Path(__file__).parent / "speech_tracker_plugin")
