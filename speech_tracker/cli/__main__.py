"""`python -m speech_tracker.cli` is the `speech-tracker` command."""

from speech_tracker.cli import main_and_exit

main_and_exit()
