"""Bringing runs to W&B: from the journal, while a run lives or afterwards, each thing once.

::

    journal ──order──> records ──project──> calls ──forward──> a session with W&B (client) ──> the server, or a folder
                                (pure)                          state: wandb.json of the run's folder

wandb is imported in `client` alone, and except for a run that joins one of the user's own, never in the training's
process: `worker` is a process of its own, which `live` starts beside the training and ``speech-tracker sync`` afterwards.
"""
