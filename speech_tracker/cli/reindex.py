"""`speech-tracker reindex`: the catalog made again from the journals."""

from __future__ import annotations

from speech_tracker.cli.store import JsonOption, StoreOption, chosen_store, reading


def reindex(json: JsonOption = False, store: StoreOption = None) -> None:
    """Throw the catalog of the store away and make it again from the journals, the numbers of every run included.

    Nothing of the store itself is changed. The catalog looks after itself; this is for when it is in doubt.
    """
    from speech_tracker.catalog.index import rebuild
    from speech_tracker.cli.output import note, write, write_json

    with reading() as progress, rebuild(chosen_store(store), progress=progress) as catalog:
        runs, metrics = (
            catalog.connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in ("runs", "metrics")
        )
        if json:
            write_json({"runs": runs, "metrics": metrics, "catalog": str(catalog.path) if catalog.path else None,
                        "reason": catalog.reason})  # fmt: skip
        else:
            write(f"{runs} runs, {metrics} metrics, in {catalog.path or 'memory'}")
        if catalog.reason:
            note(f"the catalog could not be kept ({catalog.reason}): every question reads the journals; "
                 "set SPEECH_TRACKER_CACHE to a folder on a local disk")  # fmt: skip
