"""`speech-tracker history RUN METRIC…`: every recorded value of metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from speech_tracker.cli.store import JsonOption, RunArgument, StoreOption, find

if TYPE_CHECKING:
    from speech_tracker.view import RunView


def history(
    run: RunArgument,
    metrics: Annotated[list[str], typer.Argument(metavar="METRIC...", help="Names of metrics, for example valid/wer.")],
    json: JsonOption = False,
    store: StoreOption = None,
) -> None:
    """Print every value of metrics, in the order of steps, with step, epoch and time.

    The error rates of evaluations are called test/SET/wer and so on.
    """
    from speech_tracker.catalog.measure import evaluation_histories
    from speech_tracker.cli.moments import utc
    from speech_tracker.cli.output import on_terminal, write_json, write_rows
    from speech_tracker.view import RunView

    view = RunView.read(find(store, run))
    names = list(dict.fromkeys(metrics))
    measured = evaluation_histories(view)
    _check(view, names, list(dict.fromkeys([*view.metric_names, *measured])))
    known = {name: measured[name] if name in measured else view.history(name) for name in names}
    if json:
        write_json(known, indent=on_terminal())
        return
    write_rows(
        ["METRIC", "STEP", "EPOCH", "VALUE", "TIME"],
        (
            [name, _number(point["step"]), _number(point["epoch"]), _number(point["value"]), utc(point["time"])]
            for name in names for point in known[name]
        ),
    )  # fmt: skip


def _number(value: Any) -> str | None:
    """The number with every digit; one that was never given is an empty cell."""
    return None if value is None else repr(value)


def _check(view: RunView, names: list[str], known: list[str]) -> None:
    unknown = [name for name in names if name not in known]
    if not unknown:
        return
    from speech_tracker.catalog.near import near
    from speech_tracker.errors import InvalidArgumentError, explain

    if not known:
        remedy = "it has recorded no metrics"
    else:
        close = near(unknown[0], known)
        remedy = f"try {' or '.join(close)}" if close else f"see them with: speech-tracker show {view.id}"
    shown = ", ".join(known[:10]) + (f" and {len(known) - 10} more" if len(known) > 10 else "") or "none"
    raise InvalidArgumentError(
        explain(f"run {view.id} has no such metric", got=unknown[0], expected=f"one of {shown}", remedy=remedy)
    )
