"""A server that still runs the old module: its statements, through Python's own sqlite3.

usage: sharing_plain.py DATABASE CLIENT ROUNDS     (CLIENT: its id in hex digits)

Prints, as JSON, the files that it was told were committed.
"""

import json
import os
import sqlite3
import sys


def main() -> None:
    database, client_id, rounds = sys.argv[1], bytes.fromhex(sys.argv[2]), int(sys.argv[3])
    connection = sqlite3.connect(database, timeout=60.0)
    files: dict[str, dict[str, object]] = {}

    def write(statement: str, *values: object) -> int:
        cursor = connection.execute(statement, values)
        connection.commit()
        return cursor.rowcount

    for i in range(rounds):
        name, size, date = f"plain-{i:04}.txt", 100 + i, f"2025-05-{1 + i % 28:02}T10:00:00"
        insert = (
            "INSERT OR REPLACE INTO files (ID, FileName, PathName, Verified, FileSize, "
            "ModificationDate, CRC, ClientID) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        )
        id, path = os.urandom(16), f"received_files/{name}"
        with open(path, "wb") as stored:
            stored.write(b"p" * size)
        write(insert, id, name, path, False, size, date, i, client_id)
        files[name] = {"size": size, "verified": False, "crc": i}
        if i % 3 == 0:
            # The same row again: deleted and inserted, without a trigger for the deletion.
            write(insert, id, name, path, False, size * 2, date, i, client_id)
            files[name]["size"] = size * 2
        if i % 2 == 0:
            statement = "UPDATE files SET Verified = ?, CRC = ? WHERE ClientID = ? AND FileName = ?"
            assert write(statement, True, i + 1, client_id, name) == 1
            files[name].update(verified=True, crc=i + 1)
        if i % 5 == 0:
            assert write("DELETE FROM files WHERE ClientID = ? AND FileName = ?", client_id, name) == 1
            os.unlink(path)
            del files[name]
        if i % 10 == 0:
            write(
                "INSERT OR REPLACE INTO clients (ID, Name, PublicKey, LastSeen, AESKey) "
                "VALUES (?, ?, ?, ?, ?)",
                client_id, "plain", b"k" * 160, f"{date}+00:00Z", os.urandom(32),
            )
    connection.close()
    json.dump(files, sys.stdout)


main()
