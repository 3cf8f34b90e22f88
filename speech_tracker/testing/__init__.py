"""Test tools, for our own tests and for whoever writes an adapter."""
