"""Experiment tracking for speech research."""

__version__ = "0.1.0"
