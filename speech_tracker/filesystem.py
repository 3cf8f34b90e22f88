"""What kind of file system a folder is on, for it decides where a database may lie and what can be relied on."""

from __future__ import annotations

import os
from pathlib import Path

_SHARED = {
    "nfs", "nfs4", "lustre", "gpfs", "beegfs", "ceph", "cifs", "smb3", "smbfs", "afs", "panfs", "orangefs", "pvfs2",
    "wekafs", "glusterfs", "ocfs2", "gfs2", "9p", "virtiofs", "autofs", "cvmfs",
}  # fmt: skip


def kind_of(path: Path) -> str | None:
    """Return the type of the file system that holds `path` (``ext4``, ``nfs4``, ``lustre``, …), None when unknown.

    Of a path that does not exist yet, the nearest folder above counts.
    """
    try:
        mounts = Path("/proc/self/mounts").read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return None
    wanted = os.path.realpath(path)
    best, kind = -1, None
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        place = fields[1].replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
        inside = wanted == place or wanted.startswith(place.rstrip("/") + "/")
        if inside and len(place) >= best:  # of two mounts on one place the later one is seen
            best, kind = len(place), fields[2]
    return kind


def is_shared(kind: str | None) -> bool:
    """Return whether a file system of this type is one that several hosts mount (then SQLite's locks cannot be trusted).

    An unknown type counts as local; everything in user space (FUSE: sshfs, s3fs, JuiceFS) as shared.
    """
    return kind is not None and (kind in _SHARED or kind.startswith("fuse"))
