"""The catalog of an encrypted backup server: clients, their files, and every version of those.

    import strongroom

    with strongroom.Catalog("catalog.db", create=True) as catalog:
        catalog.add_client("laptop")
        catalog.record("laptop", "/home/ann/Documents")
        for file in catalog.search("budget", type="txt", from_="30d"):
            print(file.original_path, file.size, file.modified)

Everything is a method of `Catalog`: help(strongroom.Catalog) has them by noun.

- A client is named by its name or id, a file by its client and its original path.
- Sizes are bytes; as an argument "10M" will do. CRCs are those of POSIX cksum, hashes SHA-256 in hex.
- Times are ISO 8601 text in UTC, as the database has them; a property beside each gives an aware
  datetime. As an argument any of text, datetime, date and timedelta ("7d": before now) will do.
- Rows are named tuples that are mappings, too: row.name, row["name"], dict(row). Iterators of them
  read as they go on, in constant memory.
- Ids are 16 bytes; those and hex digits are taken. Names and paths that are not UTF-8 are str with
  surrogate escapes, as of os.fsdecode.
- What fails raises an `Error` of its kind, changes nothing, and says what was wrong. Ctrl-C ends any
  call with KeyboardInterrupt.
"""

from strongroom import _strongroom, log  # noqa: F401
from strongroom.activity import Activity, TransferDay
from strongroom.backups import (
    BackedUp,
    BackupReport,
    Restored,
    Rotated,
    Rotation,
    restore,
    verify_backup,
)
from strongroom.catalog import Catalog
from strongroom.categories import Category, Classified, Move, Rule
from strongroom.clients import Client, Saved
from strongroom.errors import (
    BusyError,
    ClosedError,
    ConstraintError,
    CorruptError,
    Error,
    ExistsError,
    ForkedError,
    InputOutputError,
    InterruptedByCallerError,
    InvalidError,
    NoMemoryError,
    NoSpaceError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    QuotaError,
    ReadOnlyError,
    RefusedError,
    SqlError,
    TooNewError,
    TooOldError,
    WrongKeyError,
)
from strongroom.files import Entry, File, SavedFile
from strongroom.health import (
    Finding,
    Health,
    Optimized,
    OptimizeNeeds,
    PoolHealth,
    SizeLimits,
    look_at_health,
)
from strongroom.keys import KeyFault, KeysDone, KeysStatus, MasterKey
from strongroom.migrations import (
    Drift,
    Migrated,
    Migration,
    MigrationStatus,
    OwnMigration,
    migration_status,
)
from strongroom.quotas import DefaultQuota, Quota
from strongroom.record import Recorded, Recording
from strongroom.repair import Repair, RepairStep, Salvaged, SalvagedTable, salvage
from strongroom.retention import Keep, Policy, Pruned, PrunedVersion
from strongroom.rows import Row
from strongroom.search import Explanation, Facet, Found, Page, Search
from strongroom.sql import Executed, SqlRow
from strongroom.statistics import Metric, Pool, Statistics, Total, Usage
from strongroom.versions import Version, VersionDiff

__version__ = _strongroom.LIBRARY_VERSION
"""The library's version."""

__all__ = [
    "Activity",
    "BackedUp",
    "BackupReport",
    "BusyError",
    "Catalog",
    "Category",
    "Classified",
    "Client",
    "ClosedError",
    "ConstraintError",
    "CorruptError",
    "DefaultQuota",
    "Drift",
    "Entry",
    "Error",
    "Executed",
    "ExistsError",
    "Explanation",
    "Facet",
    "File",
    "Finding",
    "ForkedError",
    "Found",
    "Health",
    "InputOutputError",
    "InterruptedByCallerError",
    "InvalidError",
    "Keep",
    "KeyFault",
    "KeysDone",
    "KeysStatus",
    "MasterKey",
    "Metric",
    "Migrated",
    "Migration",
    "MigrationStatus",
    "Move",
    "NoMemoryError",
    "NoSpaceError",
    "NotFoundError",
    "Optimized",
    "OptimizeNeeds",
    "OutcomeUnknownError",
    "OwnMigration",
    "Page",
    "PermissionDeniedError",
    "Policy",
    "Pool",
    "PoolHealth",
    "Pruned",
    "PrunedVersion",
    "Quota",
    "QuotaError",
    "ReadOnlyError",
    "Recorded",
    "Recording",
    "RefusedError",
    "Repair",
    "RepairStep",
    "Restored",
    "Rotated",
    "Rotation",
    "Row",
    "Rule",
    "Salvaged",
    "SalvagedTable",
    "Saved",
    "SavedFile",
    "Search",
    "SizeLimits",
    "SqlError",
    "SqlRow",
    "Statistics",
    "TooNewError",
    "TooOldError",
    "Total",
    "TransferDay",
    "Usage",
    "Version",
    "VersionDiff",
    "WrongKeyError",
    "look_at_health",
    "migration_status",
    "restore",
    "salvage",
    "verify_backup",
]
