"""The rules behind the names that `speech_tracker.evaluation.normalize.get_normalizer` knows."""
