"""Fairseq: one flag of ``fairseq-train``, or one import in a recipe's own plugin, records the training.

Tested with Fairseq 0.12.2. Without a plugin of one's own::

    fairseq-train DATA … --user-dir "$(python -m speech_tracker.integrations.fairseq)"

Fairseq takes one ``--user-dir`` only; a recipe that has one adds to its ``__init__.py``::

    import speech_tracker.integrations.fairseq.speech_tracker_plugin

The project, the name and the mode are taken from the environment (``WANDB_PROJECT``, ``WANDB_NAME``, ``WANDB_MODE``).
"""
