"""The bookkeeping of a backup server, as somebody wrote it for the module of old.

usage: application.py FOLDER pool|direct

It knows nothing but that module's interface. Clients hand files in at the same time, workers store,
verify and delete them, customers are billed in transactions, somebody watches the pool, and at the
end of the day there are reports. What it prints is the same in every run.
"""

import hashlib
import logging
import os
import queue
import sqlite3
import sys
import threading
import time
import zlib
from datetime import datetime, timedelta

from server import config
from server.database import (
    DatabaseConnectionPool,
    DatabaseManager,
    check_database_permissions,
    get_connection_pool_status,
    get_database_manager,
    monitor_database_connections,
)
from server.database_migrations import (
    DatabaseMigration,
    DatabaseMigrationManager,
    migrate_database,
)
from server.exceptions import ServerError

logger = logging.getLogger("application")

CLIENTS = 12
FILES = 25  # Of each client.
WORKERS = 8
KINDS = ("txt", "pdf", "jpg", "tar", "log")
FIRST_DAY = datetime(2025, 3, 1, 8, 30)

BILLING = DatabaseMigration(
    version=6,
    description="Accounts and invoices",
    up_sql="""
        CREATE TABLE accounts (
            AccountID INTEGER PRIMARY KEY AUTOINCREMENT,
            ClientID BLOB(16) NOT NULL UNIQUE,
            Balance INTEGER NOT NULL DEFAULT 0 CHECK (Balance >= 0),
            FOREIGN KEY (ClientID) REFERENCES clients(ID) ON DELETE CASCADE
        );
        CREATE TABLE invoices (
            Number INTEGER PRIMARY KEY,
            AccountID INTEGER NOT NULL REFERENCES accounts(AccountID) ON DELETE CASCADE,
            Bytes INTEGER NOT NULL,
            Cents INTEGER NOT NULL,
            Remark TEXT
        );
        CREATE INDEX idx_invoices_account ON invoices(AccountID);
    """,
    down_sql="DROP TABLE invoices; DROP TABLE accounts;",
)
DANGEROUS = DatabaseMigration(7, "Start anew", "DROP TABLE clients;")
BROKEN = DatabaseMigration(8, "Half of it works", "CREATE TABLE half (x); INSERT INTO nowhere VALUES (1);")


def say(*words):
    print(*words, flush=True)


def checksum(data):
    return zlib.crc32(data) & 0xFFFFFFFF


class Server:
    """All that the program does with its database."""

    def __init__(self, folder, use_pool):
        self.folder = folder
        self.db = DatabaseManager(config.DATABASE_NAME, use_pool=use_pool)
        self.jobs = queue.Queue()
        self.errors = []
        self.stopping = threading.Event()
        self.watched = {"rounds": 0, "alarms": []}
        self.lock = threading.Lock()

    # ---- Start and stop

    def start(self):
        self.db.check_startup_permissions()
        check_database_permissions()
        self.db.init_database()
        self.db.ensure_storage_dir()
        say("storage folder:", os.path.isdir(config.FILE_STORAGE_DIR))
        manager = DatabaseMigrationManager(self.db.db_name)
        status = manager.get_migration_status()
        say("up to date:", status["current_version"] == status["latest_version"] >= 5)
        say("pending:", status["pending_migrations"], "there:", status["database_exists"])
        say("first migration:", manager.migrations[0].version, manager.apply_migration(manager.migrations[0]))
        say("migrate again:", migrate_database(self.db.db_name), manager.migrate_to_latest())
        say("sound:", manager.validate_database_integrity())
        self.own_migrations(manager)
        stats = self.db.get_database_stats()
        say("empty:", stats["total_clients"], stats["total_files"], stats["verified_files"])

    def own_migrations(self, manager):
        before = set(self.db.get_table_names())
        say("billing:", manager.apply_migration(BILLING), "again:", manager.apply_migration(BILLING))
        say("dangerous:", manager.apply_migration(DANGEROUS))
        say("broken:", manager.apply_migration(BROKEN))
        new = set(self.db.get_table_names()) - before
        say("new tables:", sorted(table for table in new if "migrations" not in table))

    def stop(self):
        self.db.cleanup_connection_pool()
        try:
            say("after closing:", self.db.get_total_clients_count() == self.db.execute(
                "SELECT COUNT(*) FROM clients", fetchone=True)[0])
        except ServerError:
            say("after closing:", True)

    # ---- Clients

    @staticmethod
    def client_id(number):
        return hashlib.md5(b"client %d" % number).digest()

    def register(self, number):
        id = self.client_id(number)
        self.db.save_client_to_db(id, f"client-{number:02}", b"P" * 160, b"%032d" % number)
        row = self.db.get_client_by_id(id)
        if row is None or row[1] != f"client-{number:02}" or row[4] != b"%032d" % number:
            raise ServerError(f"client {number} is not what was saved: {row!r}")

    def register_all(self):
        self.in_threads([lambda n=n: self.register(n) for n in range(CLIENTS)])
        say("clients:", self.db.get_total_clients_count(), len(self.db.load_clients_from_db()))
        result = self.db.bulk_insert_clients(
            [
                {"id": self.client_id(100 + n), "name": f"bulk-{n}", "public_key": None, "aes_key": None}
                for n in range(3)
            ]
            + [{"id": self.client_id(0), "name": "client-00", "public_key": None, "aes_key": None}]
        )
        say("bulk:", result["success"], result["data"], result["error"])
        say("renamed:", self.db.update_client(self.client_id(100), name="bulk-zero"))
        say("renamed:", self.db.get_client_by_name("bulk-zero")[0] == self.client_id(100))
        say("nobody:", self.db.get_client_by_name("nobody"), self.db.get_client_by_id(bytes(16)))
        ids = {client["id"]: client["name"] for client in self.db.get_all_clients()}
        say("listed:", len(ids), ids[self.client_id(3).hex()])

    # ---- Files

    @staticmethod
    def content(client, number):
        return b"%d/%d " % (client, number) * (1 + (client * 31 + number * 17) % 400)

    def file_name(self, client, number):
        return f"document-{client:02}-{number:03}.{KINDS[number % len(KINDS)]}"

    def take_file(self, client, number):
        """What a client's connection does: store, save, verify."""
        name = self.file_name(client, number)
        data = self.content(client, number)
        path = os.path.join(config.FILE_STORAGE_DIR, name)
        with open(path, "wb") as stored:
            stored.write(data)
        date = (FIRST_DAY + timedelta(hours=client * FILES + number)).isoformat()
        self.db.save_file_info_to_db(self.client_id(client), name, path, False, len(data), date)
        with open(path, "rb") as stored:
            crc = checksum(stored.read())
        if number % 7 != 6:  # The others are left for tomorrow.
            done = self.db.update_file_verification(self.client_id(client).hex(), name, True, crc)
            if not done:
                raise ServerError(f"{name} was not verified")

    def look_up(self, client, number):
        """What the web page does meanwhile."""
        info = self.db.get_file_info(self.client_id(client).hex(), self.file_name(client, number))
        if info is not None and info["size"] != len(self.content(client, number)):
            raise ServerError(f"wrong size in {info}")
        for file in self.db.search_files_advanced(client_name=f"CLIENT-{client:02}", file_type="pdf"):
            if file["client"] != f"client-{client:02}" or file["extension"] not in ("pdf", None):
                raise ServerError(f"searched for one client, found {file}")

    def drop(self, client, number):
        name = self.file_name(client, number)
        path = os.path.join(config.FILE_STORAGE_DIR, name)
        if not self.db.delete_file(self.client_id(client).hex(), name) or os.path.exists(path):
            raise ServerError(f"{name} was not deleted")

    def worker(self):
        while True:
            job = self.jobs.get()
            if job is None:
                return
            try:
                job[0](*job[1:])
            except Exception as error:  # A worker must not die of one job.
                with self.lock:
                    self.errors.append(f"{type(error).__name__}: {error}")

    def work(self, jobs):
        workers = [threading.Thread(target=self.worker) for _ in range(WORKERS)]
        for worker in workers:
            worker.start()
        for job in jobs:
            self.jobs.put(job)
        for _ in workers:
            self.jobs.put(None)
        for worker in workers:
            worker.join()

    def in_threads(self, calls):
        self.work([(call,) for call in calls])

    def day_of_work(self):
        watcher = threading.Thread(target=self.watch_pool)
        watcher.start()
        jobs = []
        for number in range(FILES):
            for client in range(CLIENTS):
                jobs.append((self.take_file, client, number))
                jobs.append((self.look_up, client, number // 2))
        self.work(jobs)
        self.work([(self.drop, client, number) for client in range(CLIENTS) for number in (3, 8)])
        # Clients that come back are saved again, and keep their files.
        self.in_threads([lambda n=n: self.register(n) for n in range(CLIENTS)])
        self.stopping.set()
        watcher.join()
        say("errors:", self.errors)
        say("files:", self.db.get_total_files_count(), "stored:", len(os.listdir(config.FILE_STORAGE_DIR)))
        for client in (0, CLIENTS - 1):
            files = self.db.get_client_files(self.client_id(client))
            say("client", client, "has", len(files), "verified", sum(bool(file[2]) for file in files))

    # ---- Watching the pool

    def watch_pool(self):
        while not self.stopping.is_set():
            seen = self.db.monitor_connection_pool()
            risk = self.db.check_pool_exhaustion()
            metrics = self.db.get_connection_pool_metrics()
            if self.db.use_pool:
                if not seen["monitoring_enabled"] or not 0 <= seen["health_score"] <= 100:
                    self.watched["alarms"].append(seen)
                if risk["exhaustion_risk"] not in ("low", "medium", "high", "critical"):
                    self.watched["alarms"].append(risk)
                if metrics["total_connections"] > metrics["pool_size"] + 1:
                    self.watched["alarms"].append(metrics)
            elif seen["monitoring_enabled"] or risk["pool_enabled"] or metrics["pool_enabled"]:
                self.watched["alarms"].append((seen, risk, metrics))
            self.watched["rounds"] += 1
            time.sleep(0.005)

    def pool_report(self):
        say("watched:", self.watched["rounds"] > 0, "alarms:", self.watched["alarms"])
        cleanup = self.db.force_cleanup_connections()
        say("cleanup:", cleanup["cleanup_performed"] is self.db.use_pool)
        say("status:", "pool_enabled" in get_connection_pool_status())
        say("monitor:", "monitoring_enabled" in monitor_database_connections())
        pool = DatabaseConnectionPool(self.db.db_name, pool_size=2, timeout=0.2)
        first, second = pool.get_connection(), pool.get_connection()
        status = pool.get_pool_status()
        say("lent:", status["active_connections"], "of", status["pool_size"])
        say("alive:", status["cleanup_thread_alive"], sorted(status["connection_details"]))
        say("counted:", second.execute("SELECT COUNT(*) FROM clients").fetchone())
        first.execute("UPDATE clients SET LastSeen = 'never'")
        pool.return_connection(first)  # In mid-transaction: that is undone.
        pool.return_connection(second)
        pool.close_all()
        say("never seen:", self.db.execute(
            "SELECT COUNT(*) FROM clients WHERE LastSeen = 'never'", fetchone=True))

    # ---- Money

    def open_account(self, client):
        with self.db.transaction() as connection:
            cursor = connection.cursor()
            cursor.execute("INSERT INTO accounts (ClientID, Balance) VALUES (?, 5000)", (client,))
            return cursor.lastrowid

    def bill(self, client):
        """An invoice for what the client stores, unless its account has too little."""
        with self.db.transaction() as connection:
            account, balance = connection.execute(
                "SELECT AccountID, Balance FROM accounts WHERE ClientID = ?", (client,)).fetchone()
            (used,) = connection.execute(
                "SELECT SUM(FileSize) FROM files WHERE ClientID = ? AND Verified", (client,)).fetchone()
            cents = 100 + used // 1000
            connection.execute("UPDATE accounts SET Balance = Balance - ? WHERE AccountID = ?", (cents, account))
            connection.executemany(
                "INSERT INTO invoices (AccountID, Bytes, Cents, Remark) VALUES (?, ?, ?, ?)",
                [(account, used, cents, None), (account, 0, 0, "receipt")])
        return cents

    def billing(self):
        for number in range(CLIENTS):
            self.open_account(self.client_id(number))
        try:
            self.open_account(self.client_id(0))
        except sqlite3.IntegrityError as error:
            say("second account:", error)
        try:
            with self.db.transaction() as connection:
                connection.execute("UPDATE accounts SET Balance = 7")
                with self.db.transaction() as inner:
                    inner.execute("UPDATE accounts SET Balance = Balance - 100")
        except sqlite3.IntegrityError as error:
            say("overdrawn:", error)
        say("balances:", self.db.execute("SELECT DISTINCT Balance FROM accounts", fetchall=True))
        self.in_threads([lambda n=n: self.bill(self.client_id(n)) for n in range(CLIENTS)])
        say("billing errors:", self.errors)
        say("invoices:", self.db.execute("SELECT COUNT(*), SUM(Cents) FROM invoices", fetchone=True))
        self.refund_and_change_of_mind()

    def refund_and_change_of_mind(self):
        class ChangedMind(Exception):
            pass

        try:
            with self.db.transaction() as connection:
                connection.execute("DELETE FROM invoices")
                self.db.delete_client(self.client_id(1))
                say("within:", self.db.get_total_clients_count(), connection.in_transaction)
                raise ChangedMind
        except ChangedMind:
            say("undone:", self.db.get_total_clients_count(), self.db.execute(
                "SELECT COUNT(*) FROM invoices", fetchone=True))
        with self.db.transaction() as connection:
            connection.execute("UPDATE accounts SET Balance = Balance + 1")
            connection.rollback()
        added = self.db.execute("UPDATE accounts SET Balance = Balance + 10", commit=True)
        say("bonus for:", added.rowcount)
        with_interest = [(number, number + 1) for number in range(5)]
        say("many:", self.db.execute_many(
            "UPDATE accounts SET Balance = Balance + ? WHERE AccountID = ?", with_interest))
        say("none of many:", self.db.execute_many(
            "INSERT INTO invoices (Number, AccountID, Bytes, Cents) VALUES (?, ?, 0, 0)",
            [(9001, 1), (9002, 1), (9001, 1)]))
        say("sum:", self.db.execute("SELECT SUM(Balance) FROM accounts", fetchone=True))

    # ---- When something is wrong

    def mistakes(self):
        for statement in ("SELECT * FROM nowhere", "SELECT colour FROM clients"):
            try:
                self.db.execute(statement, fetchall=True)
            except ServerError as error:
                say("refused:", statement, "no such" in str(error))
        say("failed write:", self.db.execute("INSERT INTO nowhere VALUES (1)", commit=True))
        say("duplicate:", self.db.execute(
            "INSERT INTO clients (ID, Name, LastSeen) VALUES (?, ?, ?)",
            (self.client_id(0), "client-00", "now"), commit=True))
        say("not there:", self.db.get_file_info(self.client_id(0).hex(), "none.txt"),
            self.db.update_file_verification(self.client_id(0).hex(), "none.txt", True, 1),
            self.db.delete_file(self.client_id(0).hex(), "none.txt"),
            self.db.delete_file_record(self.client_id(0), "none.txt"),
            self.db.delete_client(bytes(16)), self.db.update_client(bytes(16), name="x"))
        say("injected:", self.db.get_table_content("clients; DROP TABLE clients"),
            self.db.get_table_schema("clients WHERE 1"), "clients" in self.db.get_table_names())
        self.db.execute("INSERT INTO clients (ID, Name, LastSeen) VALUES (?, 'late', 'now')", (b"L" * 16,))
        other = DatabaseManager(self.db.db_name, use_pool=not self.db.use_pool)
        say("seen by another:", other.get_client_by_name("late") is not None)
        other.cleanup_connection_pool()
        say("gone:", self.db.delete_client(b"L" * 16), self.db.get_client_by_name("late"))

    # ---- Reports

    def reports(self):
        db = self.db
        stats = db.get_database_stats()
        say("stats:", stats["total_clients"], stats["total_files"], stats["verified_files"],
            stats["database_size_bytes"] > 0)
        say("bytes:", db.get_total_storage_bytes(), db.get_total_storage_bytes(verified_only=True),
            db.get_total_bytes_transferred(), round(db.get_average_backup_size_bytes(), 3),
            round(db.get_average_backup_size_bytes(verified_only=True), 3))
        storage = db.get_storage_statistics()
        say("storage:", storage["client_stats"]["total_clients"], storage["file_stats"]["total_files"],
            round(storage["file_stats"]["verification_rate"], 2))
        for file in sorted(db.get_all_files(), key=lambda file: file["filename"])[:5]:
            say("  ", file["filename"], file["size"], file["date"], file["client"], bool(file["verified"]),
                file["client_id"].hex())
        files = db.get_files_for_client(self.client_id(2).hex())
        say("of client 2:", sorted(file["filename"] for file in files)[:3], len(files))
        self.searches()
        size = db.check_database_size_limits()
        say("size:", size["status"], size["size_bytes"] > 0, sorted(size))
        health = db.get_database_health()
        say("health:", health["integrity_check"], health["foreign_key_check"],
            health["connection_pool_healthy"], health["issues"])
        optimized = db.optimize_database()
        say("optimized:", optimized["vacuum_performed"], optimized["analyze_performed"])

    def searches(self):
        for wanted in (
            {"search_term": "DOCUMENT-05"},
            {"search_term": "document", "file_type": "tar", "verified_only": True},
            {"client_name": "ENT-03", "min_size": 500, "max_size": 1500},
            {"date_from": "2025-03-04", "date_to": "2025-03-05"},
            {"search_term": "100%_"},
        ):
            found = self.db.search_files_advanced(**wanted)
            dates = [file["date"] for file in found]
            say("search", wanted, len(found), dates == sorted(dates, reverse=True),
                found[0]["filename"] if found else None, found[0]["size"] if found else None)
        fields = self.db.search_files_advanced(search_term="document-01-001")[0]
        say("fields:", sorted(fields), fields["crc"] == checksum(self.content(1, 1)))

    def metrics(self):
        for value in (1, 2.5, 4):
            self.db.record_metric("queue", value)
        self.db.record_metric("load", 0.25)
        history = self.db.get_metrics_history("queue", hours=1)
        say("metrics:", [point["value"] for point in history], len(self.db.get_metrics_history("none")))
        old = (datetime.now() - timedelta(days=40)).isoformat()
        self.db.execute("UPDATE metrics_history SET timestamp = ? WHERE value = 2.5", (old,), commit=True)
        say("cleaned:", self.db.cleanup_old_metrics(days_to_keep=30), len(self.db.get_metrics_history("queue")))

    def table_editor(self):
        db = self.db
        columns = db.get_table_schema("clients")
        say("columns:", [(column["name"], column["type"], column["pk"]) for column in columns[:5]])
        say("key of files:", [column["name"] for column in db.get_table_schema("files") if column["pk"]])
        names, rows = db.get_table_content("accounts")
        say("accounts:", names, len(rows), rows[0]["ClientID"])
        # Customers were billed at the same time, so numbers are in any order.
        edited, deleted = (
            db.execute("SELECT Number FROM invoices WHERE AccountID = ? AND Cents = 0", (account,),
                       fetchone=True)[0]
            for account in (3, 5))
        row = db.get_row_by_primary_key("invoices", edited)
        say("row:", sorted(row), row["AccountID"], row["Remark"])
        say("edited:", db.update_table_row("invoices", edited, {"Remark": "with thanks"}))
        say("bad column:", db.update_table_row("invoices", edited, {"Remark = 'x' --": "y"}))
        say("row:", db.get_row_by_primary_key("invoices", edited)["Remark"])
        say("deleted:", db.delete_table_row("invoices", deleted),
            db.get_row_by_primary_key("invoices", deleted))
        name = self.file_name(0, 1)
        _, rows = db.get_table_content("files")
        key = next(row["ID"] for row in rows if row["FileName"] == name)
        say("by key:", db.get_row_by_primary_key("files", key)["FileSize"], len(rows))

    # ---- Backup

    def backup(self):
        path = self.db.backup_database_to_file(os.path.join(self.folder, "evening.db"))
        copy = DatabaseManager(path, use_pool=self.db.use_pool)
        say("backup:", os.path.basename(path), copy.get_database_stats()["total_files"],
            copy.get_total_clients_count())
        say("cascades:", copy.delete_client(self.client_id(4)), copy.get_total_files_count(),
            copy.execute("SELECT COUNT(*) FROM accounts", fetchone=True))
        copy.cleanup_connection_pool()
        say("untouched:", self.db.get_total_files_count())
        beside = DatabaseMigrationManager(self.db.db_name).backup_database()
        say("beside:", os.path.exists(beside), os.path.basename(beside).startswith("server.db"))


def main():
    folder, how = sys.argv[1:]
    logging.basicConfig(filename=os.path.join(folder, "application.log"), level=logging.INFO)
    server = Server(folder, use_pool=how == "pool")
    server.start()
    server.register_all()
    server.day_of_work()
    server.pool_report()
    server.billing()
    server.mistakes()
    server.metrics()
    server.table_editor()
    server.reports()
    server.backup()
    say("the program's own manager:", get_database_manager().get_total_clients_count())
    server.stop()


if __name__ == "__main__":
    main()
