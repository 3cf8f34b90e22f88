from __future__ import annotations

import speech_tracker


def test_every_public_name_exists_and_they_are_sorted() -> None:
    assert speech_tracker.__all__ == sorted(speech_tracker.__all__)
    for name in speech_tracker.__all__:
        assert getattr(speech_tracker, name) is not None
