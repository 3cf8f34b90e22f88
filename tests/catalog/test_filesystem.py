from __future__ import annotations

from pathlib import Path

import pytest

from speech_tracker.filesystem import is_shared, kind_of


@pytest.mark.skipif(not Path("/proc/self/mounts").exists(), reason="the types of file systems are read from /proc")
def test_the_type_is_that_of_the_nearest_mount_also_of_what_is_not_there() -> None:
    assert kind_of(Path("/proc/self")) == "proc"
    assert kind_of(Path("/proc/nothing/here")) == "proc"
    assert kind_of(Path("/")) not in (None, "proc")


@pytest.mark.parametrize(("kind", "shared"), [("nfs4", True), ("lustre", True), ("fuse.sshfs", True), ("ext4", False),
                                              ("tmpfs", False), (None, False)])  # fmt: skip
def test_what_several_hosts_mount_is_shared(kind: str | None, shared: bool) -> None:
    assert is_shared(kind) is shared
