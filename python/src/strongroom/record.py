"""Recording what is on a disk."""

from __future__ import annotations

import builtins
from collections.abc import Callable

from strongroom.base import Base, Paths, as_list
from strongroom.rows import Row
from strongroom.words import AnyClient


class Recorded(Row):
    """What was recorded.

    scanned: regular files that were seen
    added: of those, not known before
    changed: known with other content; each has a new version
    unchanged: known as they are
    missing: known, below a recorded folder, and gone
    failed: could not be read, changed while they were read, or did not fit in the quota
    over_quota: how many of those did not fit
    special: links, sockets, devices and the like, which are left alone
    excluded: left out, as it was asked for
    bytes: sizes of the regular files that were seen
    read: bytes that were read to hash them
    seconds: how long it took
    interrupted: whether it was stopped
    """

    scanned: int
    added: int
    changed: int
    unchanged: int
    missing: int
    failed: int
    over_quota: int
    special: int
    excluded: int
    bytes: int
    read: int
    seconds: float
    interrupted: bool


class Recording(Row):
    """How far a record has come.

    so_far: what was recorded up to now
    total_files: what `scanned` will be in the end; 0 until it is counted
    total_bytes: what `bytes` will be in the end; 0 until it is counted
    seconds_left: None until it can be told
    """

    so_far: Recorded
    total_files: int
    total_bytes: int
    seconds_left: float | None


class Records(Base):
    """Recording what is on a disk."""

    def record(
        self,
        client: AnyClient,
        paths: Paths,
        *,
        exclude: Paths | None = None,
        one_file_system: bool = False,
        reread: bool = False,
        threads: int = 0,
        progress: Callable[[Recording], object] | None = None,
        failure: Callable[[str, str], object] | None = None,
    ) -> Recorded:
        """Records the files below the paths as the client's: reads each once for its CRC and hash.

        What is known and whose size, time and inode are as they were is not read, unless `reread`.
        What is gone is marked as missing. `exclude` has patterns of a shell: "*.o" for files and
        folders of that name, "/var/cache" for a path, "build/out" for the end of one, "cache/" for
        folders. `threads` read at the same time; 0: as many as there are cores, at least 8.

        `progress` is called about ten times a second; a true result stops, keeps what was read whole,
        and raises `InterruptedByCallerError`. `failure` is called with the path of each file that
        failed, and why; the rest goes on.
        """

        def tell(
            so_far: builtins.tuple[object, ...], files: int, size: int, left: float | None
        ) -> object:
            assert progress is not None
            return progress(Recording._make((Recorded._make(so_far), files, size, left)))

        row = self._raw.record(
            self._client(client),
            as_list(paths),
            as_list(exclude),
            one_file_system,
            reread,
            threads,
            None if progress is None else tell,
            failure,
        )
        return Recorded._make(row)
