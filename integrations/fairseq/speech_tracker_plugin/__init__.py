"""What ``--user-dir`` imports, in every process of the training, before the task is set up."""

from speech_tracker.guard import shielded

with shielded("following Fairseq"):
    from speech_tracker.integrations.fairseq.live import install

    install()
