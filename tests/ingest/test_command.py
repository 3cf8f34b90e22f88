"""`speech-tracker run -- COMMAND`: the command runs as it would without us, and what became of it is recorded."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from speech_tracker.ingest.command import working_name
from speech_tracker.paths import store_folder
from speech_tracker.view import RunView

PATIENCE = 600
MAIN = (
    # a shell that runs the tests in the background lets its children ignore Ctrl-C
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
    "from speech_tracker.cli import main; sys.exit(main())"
)
OURS = (sys.executable, "-c", MAIN, "run", "--mode", "local", "--interval", "0.05")


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    """The folder of a recipe, in which we are."""
    folder = tmp_path / "egs ö" / "digits" / "s5"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))  # -c looks into the working folder
    return folder


def run(*command, options=(), **settings):
    """Run a command to its end under our eyes."""
    settings = {"capture_output": True, "timeout": PATIENCE, **settings}
    return subprocess.run([*OURS, *options, "--", *map(str, command)], check=False, **settings)


def bash(script, **settings):
    return run("bash", "-c", script, **settings)


def views():
    return [RunView.read(path.parent) for path in sorted(store_folder().glob("runs/*/segments"))]


def recorded():
    """The run of the recipe itself, and what is said of its end."""
    (view,) = (each for each in views() if each.identity.get("job_type") == "recipe")
    (end,) = (each["data"] for each in view.events if each["name"] == "command-ended")
    return view, end


def until(condition, process):
    ending = time.monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < ending
        time.sleep(0.02)


def test_output_is_passed_on_byte_by_byte_and_the_exit_code_is_ours(recipe):
    done = bash(r"printf 'a\r\n\xff\0b\rstage 1\rend'; printf 'WARNING no newline' >&2; exit 42")
    assert done.stdout == b"a\r\n\xff\0b\rstage 1\rend"
    assert done.stderr == b"WARNING no newline"
    assert done.returncode == 42


def test_lines_of_both_streams_keep_their_order_where_they_go_to_one_file(recipe):
    with Path("log").open("wb") as log:
        bash("for x in {1..300}; do echo out $x; echo err $x >&2; done", capture_output=False, stdout=log, stderr=log)
    expected = [f"{stream} {x}" for x in range(1, 301) for stream in ("out", "err")]
    assert Path("log").read_text().splitlines() == expected


def test_the_command_reads_our_input_and_has_our_environment(recipe, monkeypatch):
    monkeypatch.delenv("SPEECH_TRACKER_SILENT")
    monkeypatch.setenv("RECIPES_OWN", "ä b")
    done = bash('read line; echo "$line|$RECIPES_OWN|${SPEECH_TRACKER_SILENT-loud}"', input="söme input\n".encode())
    assert done.stdout.decode() == "söme input|ä b|loud\n"
    assert done.stderr == b""


def test_command_environment_stages_and_exit_code_are_recorded(recipe):
    for each in (
        ("init", "-q"),
        ("-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-q", "--allow-empty", "-mx"),
    ):
        subprocess.run(["git", *each], check=True)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    script = Path("run.sh")
    script.write_text(
        "#!/bin/bash\n"
        "echo 'steps/train_mono.sh --nj 4 data/train data/lang exp/mono'\n"
        "echo '2024-05-01T10:00:00 (asr.sh:123:main) Stage 3: Format wav.scp' >&2\n"
        "echo nothing special; echo 'ERROR: no data' >&2; exit 3\n"
    )
    script.chmod(0o755)
    done = run("./run.sh", "--stage", "3", "--password", "open-sesame", options=("--project", "corpora"))
    assert done.returncode == 3
    view, end = recorded()
    command = ["./run.sh", "--stage", "3", "--password", "<masked>"]
    assert view.config == {
        "command": command,
        "folder": str(recipe),
        "recipe": "./run.sh --stage 3 --password '<masked>'",
    }
    assert view.identity["name"] == view.identity["experiment"] == working_name() == "digits/s5"
    assert view.identity["project"] == "corpora"
    assert view.environment["git"]["commit"] == commit
    assert view.environment["folder"] == str(recipe)
    stages = [each["data"] for each in view.events if each["name"] == "stage"]
    assert sorted((each["stage"], each["said"]) for each in stages) == [
        ("stage 3", "Format wav.scp"),
        ("steps/train_mono.sh", "--nj 4 data/train data/lang exp/mono"),
    ]
    assert (end["exit_code"], end["stages"], "signal" in end) == (3, 2, False)
    assert end["last_lines"][-1] == "ERROR: no data"
    assert end["seconds"] > 0
    assert view.status == "failed"
    assert not any(b"open-sesame" in path.read_bytes() for path in store_folder().rglob("*") if path.is_file())


def test_what_appears_in_exp_becomes_runs_while_the_recipe_goes_on(recipe):
    make_tree(recipe / "made")
    script = Path("run.sh")
    script.write_text(
        "rm -rf exp; sleep 0.3; mkdir exp; cp -r made/exp/mono exp; rm exp/mono/final.mdl\n"
        "while ! [ -e gate ]; do sleep 0.02; done\n"
        "cp made/exp/mono/final.mdl exp/mono; cp -r made/exp/tri1 exp\n"
    )
    Path("exp").mkdir()  # of an earlier attempt
    with subprocess.Popen([*OURS, "--", "bash", "run.sh"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        until(lambda: any(each.identity.get("name") == "mono" and each.histories for each in views()), process)
        Path("gate").touch()
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (0, b"", b"")
    found = {each.identity["name"]: each for each in views()}
    assert found.keys() == {"digits/s5", "mono", "tri1"}
    assert {each.status for each in found.values()} == {"finished"}
    assert {each.identity["experiment"] for each in found.values()} == {"digits/s5"}
    assert [step["step"] for step in found["mono"].histories["train/log_likelihood_per_frame"]] == list(range(1, 9))


def test_results_of_a_command_that_is_over_before_the_first_look_are_read(recipe):
    make_tree(recipe / "made")
    done = bash("cp -r made/exp results", options=("--exp", "results", "--interval", "60", "--name", "one go"))
    assert done.returncode == 0
    assert {"one go", "mono", "chain/tdnn1a"} <= {each.identity["name"] for each in views()}


TRAPS = (
    "trap 'echo got INT; exit 9' INT; trap 'echo got TERM; exit 7' TERM; trap 'echo got USR1' USR1;"
    "echo ready; while true; do sleep 0.02; done"
)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 9), (signal.SIGTERM, 7)])
def test_a_signal_is_handed_on_to_the_command_and_recorded(recipe, number, code):
    with subprocess.Popen(
        [*OURS, "--", "bash", "-c", TRAPS], stdout=subprocess.PIPE, start_new_session=True, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGUSR1)
        assert process.stdout.readline() == "got USR1\n"
        process.send_signal(number)
        assert process.communicate(timeout=PATIENCE)[0] == f"got {number.name[3:]}\n"
    assert process.returncode == code
    view, end = recorded()
    assert (end["exit_code"], end["signal"]) == (code, number.name)
    assert view.status == "killed"


def test_a_command_that_dies_of_a_signal_is_recorded_as_killed_and_has_the_exit_code_of_a_shell(recipe):
    assert bash("kill -KILL $$").returncode == 137
    view, end = recorded()
    assert (view.status, end["exit_code"]) == ("killed", 137)


def test_under_slurm_a_command_that_was_told_to_end_was_preempted(recipe, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    assert bash("kill -TERM $PPID; exec sleep 60").returncode == 143
    assert recorded()[0].status == "preempted"


def test_hanging_up_stays_ignored_under_nohup(recipe):
    done = subprocess.run(
        ["bash", "-c", "trap '' HUP; exec \"$@\"", "-", *OURS, "--", "bash", "-c", "kill -HUP $PPID $$; echo alive"],
        capture_output=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, b"alive\n")


AT_A_TERMINAL = """
import os, pty, sys
process, terminal = pty.fork()
if process == 0:
    os.execv(sys.argv[1], sys.argv[1:])
said = piece = b""
pressed = False
while True:
    try:
        said += os.read(terminal, 1024)
    except OSError:  # the other end is closed
        break
    if not pressed and b"terminal" in said:
        pressed = True
        os.write(terminal, b"\\x03")
os.write(1, said)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
"""


def test_at_a_terminal_the_command_has_one_too_and_gets_ctrl_c_once(recipe):
    """A second Ctrl-C often means "at once, without saving"."""
    script = (
        "trap 'let count+=1; echo got $count' INT; [ -t 1 ] && echo a terminal;"
        'while [ -z "$count" ]; do sleep 0.02; done; sleep 0.5; exit $count'
    )
    done = subprocess.run([sys.executable, "-c", AT_A_TERMINAL, *OURS, "--", "bash", "-c", script],
                          capture_output=True, timeout=PATIENCE, check=False)  # fmt: skip
    assert done.stdout.replace(b"^C", b"") == b"a terminal\r\ngot 1\r\n", done.stderr
    assert done.returncode == 1


def test_a_background_process_that_outlives_the_recipe_can_write_on(recipe):
    done = bash("{ sleep 4; echo late && touch alive; } & echo early")
    assert (done.returncode, done.stdout) == (0, b"early\nlate\n")
    assert Path("alive").exists()
    assert recorded()[0].status == "finished"


@pytest.mark.parametrize(("command", "code"), [("no-such-command", 127), ("/", 126)])
def test_a_command_that_cannot_be_started_is_one_message_and_the_exit_code_of_a_shell(recipe, command, code):
    done = run(command, "--stage", "1")
    assert done.returncode == code
    assert done.stderr.decode().startswith(f"error: {command} cannot be started: ")
    assert done.stderr.count(b"\n") == 1
    view, end = recorded()
    assert (view.status, end["exit_code"]) == ("failed", code)


def test_without_a_command_the_use_is_wrong(recipe):
    done = subprocess.run(OURS, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == 2
    assert "COMMAND" in done.stderr
    assert views() == []


def test_the_recipe_runs_where_nothing_can_be_recorded(recipe, monkeypatch):
    Path("a file").touch()
    monkeypatch.setenv("SPEECH_TRACKER_DIR", str(recipe / "a file"))
    done = bash("mkdir exp; echo done; exit 5")
    assert (done.returncode, done.stdout) == (5, b"done\n")
    assert b"runs without being recorded" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_output_that_nobody_takes_goes_into_none_of_our_files(recipe, closed):
    script = "echo stage 1: alpha; echo beta; touch alive; exit 3"
    done = subprocess.run(["bash", "-c", f'"$@" {closed}', "-", *OURS, "--", "bash", "-c", script],
                          capture_output=True, timeout=PATIENCE, check=False)  # fmt: skip
    assert done.returncode == 3
    assert Path("alive").exists()
    view, end = recorded()
    assert (view.status, end["stages"], end["last_lines"]) == ("failed", 1, ["stage 1: alpha", "beta"])
    for path in store_folder().rglob("*.jsonl"):
        assert all(line.startswith(b"{") for line in path.read_bytes().splitlines())


def test_in_mode_disabled_the_command_runs_and_nothing_is_written(recipe):
    assert bash("mkdir exp; exit 6", options=("--mode", "disabled")).returncode == 6
    assert views() == []


def make_tree(folder):
    """Make the experiment of the recipe `kaldi_ingest`."""
    path = Path(__file__).parents[2] / "recipes" / "kaldi_ingest" / "make_tree.py"
    subprocess.run([sys.executable, path, folder], check=True, capture_output=True)
