"""How a log says that a training did not end well."""

from __future__ import annotations

import pytest

from speech_tracker.ingest.endings import ENDINGS, Ending, ending_after
from speech_tracker.ingest.scan import scan

TRACEBACK = """\
Traceback (most recent call last):
  File "train.py", line 12, in <module>
    main()
  File "train.py", line 8, in main
    raise RuntimeError("the loss is nan")
RuntimeError: the loss is nan
"""


def ending(text, after=0):
    return ending_after(scan(text.encode(), ENDINGS), after)


def test_the_error_of_a_traceback_is_the_reason():
    assert ending("epoch 1\n" + TRACEBACK) == Ending("failed", "RuntimeError: the loss is nan", 7)


def test_an_error_while_another_was_handled_is_the_last_word():
    text = TRACEBACK + "\nDuring handling of the above exception, another exception occurred:\n\n"
    text += TRACEBACK.replace("RuntimeError: the loss is nan", "OSError: [Errno 122] Disk quota exceeded")
    assert ending(text).reason == "OSError: [Errno 122] Disk quota exceeded"


@pytest.mark.parametrize(
    "error",
    [
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 222.00 MiB.",
        "torch.cuda.OutOfMemoryError: CUDA out of memory.",
        "subprocess.CalledProcessError: Command '['sox']' returned non-zero exit status 2.",
        "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: ",
        "AssertionError",
    ],
)
def test_errors_of_libraries_are_known(error):
    found = ending(TRACEBACK.replace("RuntimeError: the loss is nan", error))
    assert (found.status, found.reason) == ("failed", error.strip())


def test_ctrl_c_is_no_failure_of_the_training():
    assert ending(TRACEBACK.replace("RuntimeError: the loss is nan", "KeyboardInterrupt")).status == "killed"


@pytest.mark.parametrize(
    "line",
    [
        "slurmstepd: error: *** JOB 4711 ON node3 CANCELLED AT 2024-05-01T10:00:00 DUE TO TIME LIMIT ***",
        "slurmstepd: error: *** STEP 4711.0 ON node3 CANCELLED AT 2024-05-01T10:00:00 DUE TO PREEMPTION ***",
        "srun: Job step aborted: Waiting up to 32 seconds for job step to finish.",
        "Killed",
        "Terminated",
    ],
)
def test_a_job_that_was_stopped_from_outside_was_killed(line):
    # what the stopped program itself said on its way down does not make it a failure of its own
    assert ending(f"epoch 1\n{line}\n{TRACEBACK}") == Ending("killed", line, 2)


def test_a_job_out_of_memory_is_told_from_one_that_the_user_stopped():
    line = "slurmstepd: error: Detected 1 oom_kill event in StepId=4711.0. Some of the step tasks have been OOM Killed."
    assert ending(f"{TRACEBACK}{line}\n").reason == "RuntimeError: the loss is nan"
    assert ending(f"{line}\n") == Ending("killed", line, 1)


def test_an_error_after_which_the_training_went_on_is_no_ending():
    assert ending(TRACEBACK + "epoch 2\n", after=7) is None


def test_a_traceback_that_is_cut_off_is_still_an_ending():
    assert ending("epoch 1\n" + TRACEBACK[:60]) == Ending("failed", "a traceback that is cut off", 2)


@pytest.mark.parametrize(
    "line",
    ["Killed by nobody", "valid RuntimeErrors: 3", "KeyErrors are rare here", "a RuntimeError: no", "Terminatedly"],
)
def test_words_in_a_sentence_are_no_ending(line):
    assert ending(line + "\n") is None
