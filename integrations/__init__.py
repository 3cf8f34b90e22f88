"""Adapters, one per toolkit: each translates a toolkit's events into calls of `speech_tracker.run.Run`, nothing else."""
