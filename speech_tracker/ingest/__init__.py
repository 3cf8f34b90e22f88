"""Reading what a toolkit left on disk: the parts that do not depend on the toolkit.

A toolkit's own package (`speech_tracker.integrations.kaldi`) has the parsers and knows the folders; here is the scanner
that its parsers are written with, what a read experiment is made of, and how that becomes runs.
"""
