"""Where ESPnet is hooked: the places that every task and every trainer goes through."""

from __future__ import annotations

import functools
from typing import Any

from espnet2.tasks.abs_task import AbsTask
from espnet2.train.distributed_utils import get_rank
from espnet2.train.reporter import Reporter, SubReporter

from speech_tracker.guard import never_raises
from speech_tracker.integrations.espnet import facts
from speech_tracker.integrations.espnet.training import Training

_current: Training | None = None
_options: dict[str, Any] = {}


def install(**options: Any) -> None:
    """Hook ESPnet once; `options` are those of `speech_tracker.init`."""
    _options.update({key: value for key, value in options.items() if value is not None})
    if hasattr(AbsTask.main_worker, "speech_tracker_follows"):
        return
    AbsTask.main_worker = classmethod(_followed_worker(AbsTask.main_worker.__func__))
    _after(SubReporter, "next", lambda training, reporter: training.iteration(reporter), first=True)
    _after(Reporter, "finish_epoch", lambda training, reporter, ended: training.epoch_ended(reporter, ended))
    _after(Reporter, "set_epoch", lambda training, *_, **__: training.epoch_begins())
    _after(
        Reporter,
        "load_state_dict",
        lambda training, reporter, *_: training.recovered(reporter.epoch, reporter.stats),
    )


def _begin(task: type, args: Any) -> Training | None:
    # recipes of one's own and espnetez train subclasses of the tasks
    names = [facts.TASKS[each.__name__] for each in task.__mro__ if each.__name__ in facts.TASKS]
    training = Training(names[0] if names else "other", vars(args), _options)
    return training if training.run.is_main and training.run.mode != "disabled" else None


def _followed_worker(original: Any) -> Any:
    @functools.wraps(original)
    def main_worker(cls: Any, args: Any) -> Any:
        global _current
        # stage 10 of the recipes comes through here too, and is no training
        if args.collect_stats or args.dry_run or _rank(args) != 0:
            return original(cls, args)
        _current = never_raises(_begin)(cls, args)
        if _current is None:
            return original(cls, args)
        args.use_wandb = False  # the run is ours; ESPnet's own would double it
        build_model, own = cls.build_model, vars(cls).get("build_model")

        def build(args: Any) -> Any:
            model = build_model(args)
            if _current is not None:
                never_raises(_current.model_built)(model)
            return model

        cls.build_model = staticmethod(build)
        try:
            result = original(cls, args)
        except BaseException as error:
            never_raises(_current.ended)(error)
            raise
        else:
            never_raises(_current.ended)(None)
            return result
        finally:
            if own is None:
                del cls.build_model
            else:
                cls.build_model = own
            _current = None

    main_worker.speech_tracker_follows = True  # type: ignore[attr-defined]
    return main_worker


def _rank(args: Any) -> int:
    try:
        return int(get_rank(args.dist_rank, args.dist_launcher) or 0)
    except Exception:  # noqa: BLE001 - ESPnet itself will say what is wrong with its arguments
        return args.dist_rank or 0


def _after(owner: Any, name: str, tell: Any, *, first: bool = False) -> None:
    original = getattr(owner, name)

    @functools.wraps(original)
    def followed(self: Any, *args: Any, **kwargs: Any) -> Any:
        if first and _current is not None:
            never_raises(tell)(_current, self, *args, **kwargs)
        result = original(self, *args, **kwargs)
        if not first and _current is not None:
            never_raises(tell)(_current, self, *args, **kwargs)
        return result

    setattr(owner, name, followed)
