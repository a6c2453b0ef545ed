"""A catalog as a database of PEP 249, as near to Python's `sqlite3` as old code needs.

    connection = dbapi.Connection(catalog)
    with connection:
        connection.execute("UPDATE files SET Verified = 1 WHERE FileName = ?", ("a.txt",))
    for (name,) in connection.execute("SELECT Name FROM clients"):
        ...

Statements that write begin a transaction, which `commit` and `rollback` end, as in `sqlite3` with
its default `isolation_level`; with None each statement is committed by itself. Errors are the
classes of `sqlite3`, with the library's error as their cause. What differs from `sqlite3`:

 - A transaction takes the catalog's only writer from its first statement on, and belongs to the
   thread that began it; other threads wait. Calls of the library in that thread are part of it.
 - A statement that would begin a transaction and fails leaves none open. `executescript` runs all
   of its statements or none, unless there is a BEGIN, COMMIT or the like among them.
 - VACUUM makes the file compact by the library's own, safe way (`Catalog.optimize`).
 - A name that is not UTF-8 is a str with surrogates (`os.fsdecode`), and bytes in the database.
"""

from __future__ import annotations

from strongroom.connections import Connection, transaction
from strongroom.cursors import Cursor
from strongroom.lending import Pool

apilevel = "2.0"
threadsafety = 1
paramstyle = "qmark"

__all__ = ["Connection", "Cursor", "Pool", "transaction"]
