"""The other end of `align_worker`: run as a program, it aligns what comes in through its standard input."""

from __future__ import annotations

import contextlib
import sys

from speech_tracker.evaluation.align_pipe import receive, send
from speech_tracker.evaluation.align_sclite import TextError


def serve() -> None:
    """Answer questions until the caller closes the pipe or goes away."""
    questions, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # nothing but answers may go there
    while True:
        try:
            aligner, references, hypotheses, position = receive(questions)
        except EOFError:
            return
        answer: object
        try:
            answer = aligner.align_chunk(references, hypotheses, position)
        except TextError as error:
            answer = error
        except MemoryError:
            answer = None  # the caller tries for itself
        send(answers, answer)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        serve()
