"""Is everything as it should be: the installation, W&B, the store, and every run in it. Looks, and changes nothing.

`speech_tracker.doctor.examine.examine` gives the whole report; `mend` does what can be done safely.
"""
