"""Scores of other speech tasks. Each function returns a frozen result whose `metrics()` can be logged.

One module per task: `meetings` (cpWER, tcpWER, ORC-WER), `diarization` (DER, JER), `translation` (BLEU, chrF, TER),
`keyword_spotting` (false alarms per hour against false rejects), `verification` (EER, minDCF), `listening` (MOS),
`latency` (RTF, percentiles).
"""
