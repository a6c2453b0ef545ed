/* Opening: what is refused, with which words; how files are made; what is left on the disk. */
#include "engine_fixture.h"

#include <sqlite3.h>
#include <sys/wait.h>

static void write_file(const char *name, const void *bytes, size_t length)
{
	FILE *file = fopen(name, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static bool exists(const char *suffix)
{
	char name[128];

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	return access(name, F_OK) == 0;
}

/* A closed database of some pages, without a log. */
static void make_database(void)
{
	sr_conn *conn = open_as(SR_ACCESS_CREATE);

	assert_done(
		sr_exec(conn, "CREATE TABLE t(a, b); INSERT INTO t VALUES(1, zeroblob(50000))"));
	sr_conn_close(conn);
}

/* ---- What is no database ---- */

static void strangers_are_named(void **state)
{
	unsigned char bytes[5000];
	sr_conn *conn;

	(void)state;
	assert_fails(try_open(scratch_folder(), SR_ACCESS_WRITE, &conn), SR_CORRUPT,
		     "is a directory");
	assert_null(conn);
	assert_int_equal(mkfifo(scratch_path("pipe"), 0600), 0);
	assert_fails(try_open(scratch_path("pipe"), SR_ACCESS_WRITE, &conn), SR_CORRUPT,
		     "is a pipe");
	write_file(path,
		   "A letter.\nWith gr\xc3\xbc\xc3\x9f"
		   "e.\n",
		   24);
	assert_fails(try_open(path, SR_ACCESS_WRITE, &conn), SR_CORRUPT, "is a text file");
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 167 + i / 256);
	write_file(path, bytes, sizeof(bytes));
	assert_fails(try_open(path, SR_ACCESS_WRITE, &conn), SR_CORRUPT,
		     "is not a database, or is encrypted");
	assert_non_null(strstr(sr_error_message(), path));
	memset(bytes, 0, sizeof(bytes));
	write_file(path, bytes, sizeof(bytes));
	assert_fails(try_open(path, SR_ACCESS_CREATE, &conn), SR_CORRUPT, "is not a database");
	assert_fails(try_open("a.db", SR_ACCESS_CREATE, &conn), SR_INVALID, "absolute");
}

static void half_a_database_is_named(void **state)
{
	sr_conn *conn;
	struct stat st;

	(void)state;
	make_database();
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size / 2), 0);
	assert_fails(try_open(path, SR_ACCESS_WRITE, &conn), SR_CORRUPT, "cut short");
	assert_fails(try_open(path, SR_ACCESS_INSPECT, &conn), SR_CORRUPT, "cut short");
	assert_int_equal(truncate(path, 300), 0);
	assert_fails(try_open(path, SR_ACCESS_WRITE, &conn), SR_CORRUPT, "damaged");
}

static void missing_ones_are_named(void **state)
{
	sr_conn *conn;

	(void)state;
	assert_fails(try_open(path, SR_ACCESS_WRITE, &conn), SR_NOT_FOUND, "there is no database");
	assert_false(exists(""));
	assert_fails(try_open(scratch_path("none/a.db"), SR_ACCESS_CREATE, &conn), SR_NOT_FOUND,
		     "there is no folder");
	assert_fails(try_open(scratch_path("none/a.db"), SR_ACCESS_READ, &conn), SR_NOT_FOUND,
		     "there is no folder");
	assert_int_equal(symlink(scratch_path("nowhere"), path), 0);
	assert_fails(try_open(path, SR_ACCESS_CREATE, &conn), SR_NOT_FOUND, "link to nothing");
	assert_int_not_equal(access(scratch_path("nowhere"), F_OK), 0);
}

static void damage_in_any_byte_is_no_crash(void **state)
{
	sr_conn *conn;
	struct stat st;
	FILE *file;

	(void)state;
	make_database();
	assert_int_equal(stat(path, &st), 0);
	for (long at = 0; at < st.st_size; at += at < 120 ? 1 : 397) {
		int was;
		sr_status rc;

		file = fopen(path, "r+b");
		assert_non_null(file);
		fseek(file, at, SEEK_SET);
		was = fgetc(file);
		fseek(file, at, SEEK_SET);
		fputc(was ^ 0xff, file);
		fclose(file);
		rc = try_open(path, SR_ACCESS_INSPECT, &conn);
		if (rc == SR_OK) {
			rc = sr_exec(conn, "SELECT sum(length(b)), max(a) FROM t; SELECT * FROM t");
			sr_conn_close(conn);
		}
		if (rc != SR_OK)
			assert_true(sr_error_message()[0] != '\0');
		file = fopen(path, "r+b");
		assert_non_null(file);
		fseek(file, at, SEEK_SET);
		fputc(was, file);
		fclose(file);
	}
	conn = open_as(SR_ACCESS_WRITE);
	assert_int_equal(ask(conn, "SELECT length(b) FROM t"), 50000);
	sr_conn_close(conn);
}

/* ---- Locks ---- */

static void locked_by_another_is_busy(void **state)
{
	sr_conn *conn;
	sqlite3 *db;

	(void)state;
	make_database();
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	conn = open_as(SR_ACCESS_WRITE);
	assert_fails(sr_conn_begin(conn, SR_TRANSACTION_WRITE), SR_BUSY, path);
	assert_non_null(strstr(sr_error_message(), "locked by another program"));
	assert_false(sr_conn_broken(conn));
	assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	assert_done(sr_conn_begin(conn, SR_TRANSACTION_WRITE));
	assert_done(sr_conn_commit(conn));
	sr_conn_close(conn);

	/* One that lets nobody in at all. */
	assert_int_equal(sqlite3_exec(db,
				      "PRAGMA journal_mode=DELETE; PRAGMA locking_mode=EXCLUSIVE;"
				      "BEGIN EXCLUSIVE; UPDATE t SET a = 2",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	assert_fails(try_open(path, SR_ACCESS_WRITE, &conn), SR_BUSY, path);
	assert_fails(try_open(path, SR_ACCESS_READ, &conn), SR_BUSY, path);
	sqlite3_close(db);
}

/* ---- New files ---- */

static int mode_of(const char *suffix)
{
	char name[128];
	struct stat st;

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	assert_int_equal(stat(name, &st), 0);
	return (int)(st.st_mode & 0777);
}

static void new_files_are_private_under(mode_t mask)
{
	mode_t old = umask(mask);
	sr_conn *conn = open_as(SR_ACCESS_CREATE);

	assert_done(sr_exec(conn, "CREATE TABLE t(a)"));
	umask(old);
	assert_int_equal(mode_of(""), 0600);
	assert_int_equal(mode_of("-wal"), 0600);
	assert_int_equal(mode_of("-shm"), 0600);
	sr_conn_close(conn);
	assert_false(exists("-wal"));
	assert_int_equal(chmod(path, 0640), 0);
	sr_conn_close(open_as(SR_ACCESS_CREATE));
	assert_int_equal(mode_of(""), 0640); /* Another's choice stays. */
	assert_int_equal(unlink(path), 0);
}

static void new_files_are_private(void **state)
{
	(void)state;
	new_files_are_private_under(0);
	new_files_are_private_under(0777);
}

static void odd_names_are_names(void **state)
{
	static const char *const names[] = {"a b.db", "a%20b?.db", "file:x#y.db", "\xff\xfe.db"};
	sr_conn *conn;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_done(try_open(scratch_path(names[i]), SR_ACCESS_CREATE, &conn));
		assert_done(sr_exec(conn, "CREATE TABLE t(a)"));
		sr_conn_close(conn);
		assert_int_equal(access(scratch_path(names[i]), F_OK), 0);
		assert_done(try_open(scratch_path(names[i]), SR_ACCESS_INSPECT, &conn));
		assert_int_equal(ask(conn, "SELECT count(*) FROM t"), 0);
		sr_conn_close(conn);
	}
}

/* ---- Reading only ---- */

static void readers_cannot_write(void **state)
{
	sr_conn *conn;

	(void)state;
	make_database();
	conn = open_as(SR_ACCESS_READ);
	assert_fails(sr_exec(conn, "INSERT INTO t VALUES(2, 2)"), SR_READ_ONLY, path);
	assert_fails(sr_exec(conn, "CREATE TABLE u(a)"), SR_READ_ONLY, path);
	assert_fails(sr_conn_begin(conn, SR_TRANSACTION_WRITE), SR_READ_ONLY, path);
	assert_fails(sr_exec(conn, "BEGIN IMMEDIATE"), SR_READ_ONLY, path);
	assert_int_equal(ask(conn, "SELECT count(*) FROM t"), 1);
	sr_conn_close(conn);
	assert_false(exists("-wal")); /* The last one out, even so. */
}

static void inspecting_leaves_no_trace(void **state)
{
	struct stat before, after;
	sr_conn *conn;

	(void)state;
	make_database();
	assert_int_equal(stat(path, &before), 0);
	conn = open_as(SR_ACCESS_INSPECT);
	assert_int_equal(ask(conn, "SELECT count(*) FROM t"), 1);
	assert_done(sr_conn_begin(conn, SR_TRANSACTION_READ));
	assert_done(sr_conn_commit(conn));
	assert_false(exists("-wal"));
	assert_false(exists("-shm"));
	assert_fails(sr_exec(conn, "DELETE FROM t"), SR_READ_ONLY, path);
	sr_conn_close(conn);
	assert_false(exists("-wal"));
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	assert_int_equal(before.st_size, after.st_size);
}

static void inspecting_beside_a_writer_sees_its_commits(void **state)
{
	sr_conn *writer = open_as(SR_ACCESS_CREATE), *conn;

	(void)state;
	assert_done(sr_exec(writer, "CREATE TABLE t(a)"));
	conn = open_as(SR_ACCESS_INSPECT);
	assert_int_equal(ask(conn, "SELECT count(*) FROM t"), 0);
	assert_done(sr_exec(writer, "INSERT INTO t VALUES(1)"));
	assert_int_equal(ask(conn, "SELECT count(*) FROM t"), 1);
	sr_conn_close(conn);
	sr_conn_close(writer);
}

static void inspecting_notices_a_writer_that_begins(void **state)
{
	sr_conn *writer, *conn;

	(void)state;
	make_database();
	conn = open_as(SR_ACCESS_INSPECT);
	writer = open_as(SR_ACCESS_WRITE);
	assert_done(sr_exec(writer, "DELETE FROM t"));
	assert_fails(sr_exec(conn, "SELECT * FROM t"), SR_BUSY, "changed by another");
	assert_true(sr_conn_broken(conn));
	assert_fails(sr_conn_validate(conn), SR_IO, path);
	sr_conn_close(conn);
	conn = open_as(SR_ACCESS_INSPECT);
	assert_int_equal(ask(conn, "SELECT count(*) FROM t"), 0);
	sr_conn_close(conn);
	sr_conn_close(writer);
}

/* A snapshot is what it was until somebody writes into the file itself. */
static void inspecting_keeps_a_snapshot_until_it_tears(void **state)
{
	sr_conn *writer, *conn;

	(void)state;
	make_database();
	conn = open_as(SR_ACCESS_INSPECT);
	assert_done(sr_conn_begin(conn, SR_TRANSACTION_READ));
	writer = open_as(SR_ACCESS_WRITE);
	assert_done(sr_exec(writer, "DELETE FROM t"));
	assert_int_equal(ask(conn, "SELECT count(*) FROM t"), 1);
	sr_conn_close(writer); /* Brings the log in. */
	assert_false(exists("-wal"));
	assert_fails(sr_exec(conn, "SELECT * FROM t"), SR_BUSY, "changed by another");
	assert_true(sr_conn_broken(conn));
	sr_conn_close(conn);
}

static void inspecting_begins_no_snapshot_that_is_old(void **state)
{
	char command[400];
	sr_conn *writer, *conn;

	(void)state;
	make_database();
	conn = open_as(SR_ACCESS_INSPECT);
	assert_done(sr_conn_begin(conn, SR_TRANSACTION_READ));
	writer = open_as(SR_ACCESS_WRITE);
	assert_done(sr_exec(writer, "DELETE FROM t"));
	assert_done(sr_conn_commit(conn));
	assert_fails(sr_conn_begin(conn, SR_TRANSACTION_READ), SR_BUSY, "changed by another");
	sr_conn_close(conn);
	sr_conn_close(writer);
	/* Another file in its place: the snapshot is of the old one, the next is refused. */
	conn = open_as(SR_ACCESS_INSPECT);
	assert_done(sr_conn_begin(conn, SR_TRANSACTION_READ));
	snprintf(command, sizeof(command), "cp '%s' '%s.new' && mv '%s.new' '%s'", path, path, path,
		 path);
	assert_int_equal(system(command), 0);
	assert_int_equal(ask(conn, "SELECT count(*) FROM t"), 0);
	assert_done(sr_conn_commit(conn));
	assert_fails(sr_conn_begin(conn, SR_TRANSACTION_READ), SR_BUSY, "changed by another");
	sr_conn_close(conn);
}

/* b.db, with a log that nobody has brought in, as a crash leaves it. */
static void leave_log(void)
{
	char command[400];
	sr_conn *writer = open_as(SR_ACCESS_CREATE);

	assert_done(sr_exec(writer, "CREATE TABLE t(a)"));
	snprintf(command, sizeof(command), "cp '%s' '%s/b.db' && cp '%s-wal' '%s/b.db-wal'", path,
		 scratch_folder(), path, scratch_folder());
	assert_int_equal(system(command), 0);
	sr_conn_close(writer);
}

static void inspecting_a_left_log_is_refused(void **state)
{
	sr_conn *conn;

	(void)state;
	leave_log();
	assert_fails(try_open(scratch_path("b.db"), SR_ACCESS_INSPECT, &conn), SR_READ_ONLY,
		     "log that must be brought in");
	assert_done(try_open(scratch_path("b.db"), SR_ACCESS_READ, &conn));
	assert_int_equal(ask(conn, "SELECT count(*) FROM t"), 0);
	sr_conn_close(conn);
	assert_done(try_open(scratch_path("b.db"), SR_ACCESS_INSPECT, &conn));
	sr_conn_close(conn);
}

/* Opens as somebody whom the file system forbids something, in a process of his own. */
static void as_nobody(sr_access access, sr_status expected, const char *words)
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		sr_conn *conn = NULL;
		int64_t count = 0;
		sr_status rc;

		if (setuid(65534) != 0)
			_exit(3);
		rc = try_open(path, access, &conn);
		if (rc == SR_OK)
			rc = sr_query_integer(conn, "SELECT count(*) FROM t", &count);
		if (rc != expected || (words && !strstr(sr_error_message(), words)) ||
		    (rc == SR_OK && count != 1)) {
			fprintf(stderr, "%s: %s\n", sr_status_name(rc), sr_error_message());
			_exit(1);
		}
		sr_conn_close(conn);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void permissions_are_respected(void **state)
{
	sr_conn *writer;

	(void)state;
	if (geteuid() != 0)
		skip(); /* Only root can become nobody. */
	make_database();

	/* A file, and a folder, that may only be read. */
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(chmod(scratch_folder(), 0755), 0);
	as_nobody(SR_ACCESS_READ, SR_OK, NULL);
	as_nobody(SR_ACCESS_INSPECT, SR_OK, NULL);
	as_nobody(SR_ACCESS_WRITE, SR_PERMISSION, "cannot be written");
	as_nobody(SR_ACCESS_CREATE, SR_PERMISSION, path);
	assert_false(exists("-wal"));

	/* The file may be written, but no log beside it. */
	assert_int_equal(chmod(path, 0666), 0);
	as_nobody(SR_ACCESS_READ, SR_OK, NULL);
	as_nobody(SR_ACCESS_WRITE, SR_PERMISSION, path);

	/* Beside a writer whose log may only be read. */
	assert_int_equal(chmod(path, 0644), 0);
	writer = open_as(SR_ACCESS_WRITE);
	assert_done(sr_exec(writer, "UPDATE t SET a = 2"));
	as_nobody(SR_ACCESS_READ, SR_OK, NULL);
	sr_conn_close(writer);

	assert_int_equal(chmod(path, 0600), 0);
	as_nobody(SR_ACCESS_READ, SR_PERMISSION, "cannot be read");
	assert_int_equal(chmod(scratch_folder(), 0700), 0);
	as_nobody(SR_ACCESS_READ, SR_PERMISSION, path);
}

/* A lessee may forget a statement: closing must not leave it something to call. */
static void closing_survives_a_forgotten_statement(void **state)
{
	sr_conn *conn = open_as(SR_ACCESS_CREATE);
	sqlite3_stmt *stmt;

	(void)state;
	assert_done(sr_exec(conn, "CREATE TABLE t(a)"));
	assert_int_equal(sqlite3_prepare_v2(sr_conn_handle(conn), "INSERT INTO t VALUES(1)", -1,
					    &stmt, NULL),
			 SQLITE_OK);
	sr_conn_close(conn);
	assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
	sqlite3_finalize(stmt);
	conn = open_as(SR_ACCESS_WRITE);
	assert_int_equal(ask(conn, "SELECT count(*) FROM t"), 1);
	sr_conn_close(conn);
}

/* ---- The journal ---- */

static int warnings;

static void count_warnings(void *arg, sr_log_level level, const char *module, const char *message)
{
	(void)arg;
	(void)module;
	if (level == SR_LOG_WARNING &&
	    strstr(message, "WAL mode not available, using default journaling") &&
	    strstr(message, "move it to a local disk"))
		warnings++;
}

static void refused_wal_falls_back_with_one_warning(void **state)
{
	sr_conn *conn;

	(void)state;
	warnings = 0;
	sr_log_set(count_warnings, NULL);
	fault_without_shm(true);
	for (int i = 0; i < 3; i++) {
		conn = open_as(SR_ACCESS_CREATE);
		assert_int_equal(ask(conn, "PRAGMA synchronous"), 2);
		assert_done(
			sr_exec(conn, "CREATE TABLE IF NOT EXISTS t(a); INSERT INTO t VALUES(1)"));
		assert_false(exists("-wal"));
		assert_int_equal(sr_conn_log_size(conn), 0);
		sr_conn_close(conn);
	}
	assert_int_equal(warnings, 1);
	sr_log_set(NULL, NULL);
}

static void durability_chooses_synchronous(void **state)
{
	sr_conn_options options = {.access = SR_ACCESS_CREATE, .durability = SR_DURABILITY_NORMAL};
	sr_conn *conn;

	(void)state;
	assert_done(sr_conn_open(&sr_sqlite, path, &options, &conn));
	assert_int_equal(ask(conn, "PRAGMA synchronous"), 1);
	sr_conn_close(conn);
	options.durability = SR_DURABILITY_FULL;
	assert_done(sr_conn_open(&sr_sqlite, path, &options, &conn));
	assert_int_equal(ask(conn, "PRAGMA synchronous"), 2);
	sr_conn_close(conn);
}

/* ---- Faults and processes ---- */

static void full_disk_makes_no_database(void **state)
{
	sr_conn *conn;

	(void)state;
	fault_arm(FAULT_WRITE, FAULT_ANY, 1, SQLITE_FULL, true);
	assert_fails(try_open(path, SR_ACCESS_CREATE, &conn), SR_NO_SPACE, path);
	fault_disarm();
	assert_false(exists(""));
	make_database();
	fault_arm(FAULT_READ, FAULT_MAIN, 1, SQLITE_IOERR_READ, true);
	assert_fails(try_open(path, SR_ACCESS_WRITE, &conn), SR_IO, "reading");
	fault_disarm();
	conn = open_as(SR_ACCESS_WRITE);
	sr_conn_close(conn);
}

/* SQLite goes on with such a log until somebody writes, and then with each that does. */
static void a_log_that_opens_for_reading_only_is_refused(void **state)
{
	sr_conn *reader, *conn, *other;

	(void)state;
	make_database();
	reader = open_as(SR_ACCESS_READ);
	assert_true(exists("-wal"));
	fault_arm(FAULT_OPEN, FAULT_WAL, 1, SQLITE_READONLY, false);
	assert_fails(try_open(path, SR_ACCESS_WRITE, &conn), SR_READ_ONLY, "-wal does not");
	assert_int_equal(fault_hits(), 1);
	conn = open_as(SR_ACCESS_WRITE);
	assert_done(sr_conn_begin(conn, SR_TRANSACTION_WRITE));
	/* Somebody who writes is no reason to wait, nor to refuse. */
	other = open_as(SR_ACCESS_WRITE);
	sr_conn_close(other);
	assert_done(sr_conn_commit(conn));
	sr_conn_close(conn);
	sr_conn_close(reader);
}

static void moved_file_is_noticed(void **state)
{
	sr_conn *conn;

	(void)state;
	make_database();
	conn = open_as(SR_ACCESS_WRITE);
	assert_done(sr_conn_validate(conn));
	assert_int_equal(rename(path, scratch_path("moved.db")), 0);
	assert_fails(sr_conn_validate(conn), SR_IO, "moved, replaced");
	assert_true(sr_conn_broken(conn));
	sr_conn_close(conn);
}

/* A log belongs to a name: who wrote through one would not see what was written through the other.
 */
static void a_file_with_two_names_is_read_and_not_written(void **state)
{
	const char *other = scratch_path("other.db");
	sr_conn *conn;

	(void)state;
	make_database();
	assert_int_equal(link(path, other), 0);
	assert_fails(try_open(path, SR_ACCESS_WRITE, &conn), SR_REFUSED, path);
	assert_fails(try_open(other, SR_ACCESS_CREATE, &conn), SR_REFUSED, "2 names");
	conn = open_as(SR_ACCESS_INSPECT);
	assert_int_equal(ask(conn, "SELECT count(*) FROM sqlite_schema"), 1);
	sr_conn_close(conn);
	/* Nor is a log made beside it, or brought in. */
	conn = open_as(SR_ACCESS_READ);
	assert_int_equal(ask(conn, "SELECT count(*) FROM sqlite_schema"), 1);
	assert_false(exists("-wal"));
	sr_conn_close(conn);
	assert_int_equal(unlink(other), 0);
	sr_conn_close(open_as(SR_ACCESS_WRITE));
}

static void a_name_made_meanwhile_stops_writes(void **state)
{
	const char *other = scratch_path("other.db");
	sr_conn *conn;

	(void)state;
	make_database();
	conn = open_as(SR_ACCESS_WRITE);
	assert_done(sr_conn_begin(conn, SR_TRANSACTION_WRITE));
	assert_done(sr_exec(conn, "CREATE TABLE more (x)"));
	assert_int_equal(link(path, other), 0);
	assert_fails(sr_conn_commit(conn), SR_REFUSED, "2 names");
	assert_fails(sr_conn_begin(conn, SR_TRANSACTION_WRITE), SR_REFUSED, path);
	assert_done(sr_conn_begin(conn, SR_TRANSACTION_READ));
	assert_int_equal(ask(conn, "SELECT count(*) FROM sqlite_schema"), 1);
	sr_conn_rollback(conn);
	assert_int_equal(unlink(other), 0);
	assert_done(sr_conn_begin(conn, SR_TRANSACTION_WRITE));
	assert_done(sr_exec(conn, "CREATE TABLE more (x)"));
	assert_done(sr_conn_commit(conn));
	sr_conn_close(conn);
}

/* Another name may have a log of its own by now. */
static void a_log_that_was_left_is_not_brought_into_two_names(void **state)
{
	const char *left = scratch_path("b.db"), *other = scratch_path("other.db");
	sr_conn *conn;

	(void)state;
	leave_log();
	assert_int_equal(link(left, other), 0);
	assert_fails(try_open(left, SR_ACCESS_INSPECT, &conn), SR_REFUSED, "a copy of it");
	assert_fails(try_open(left, SR_ACCESS_READ, &conn), SR_REFUSED, "a copy of it");
	assert_int_equal(unlink(other), 0);
	assert_done(try_open(left, SR_ACCESS_READ, &conn));
	assert_int_equal(ask(conn, "SELECT count(*) FROM t"), 0);
	sr_conn_close(conn);
}

static void incomplete_engine_is_refused(void **state)
{
	sr_conn_options options = {.access = SR_ACCESS_CREATE};
	void *holes[64] = {NULL};
	sr_conn *conn;

	(void)state;
	assert_fails(sr_conn_open((const sr_engine *)(void *)holes, path, &options, &conn),
		     SR_INVALID, "lacks a function");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(strangers_are_named),
		TEST(half_a_database_is_named),
		TEST(missing_ones_are_named),
		TEST(damage_in_any_byte_is_no_crash),
		TEST(locked_by_another_is_busy),
		TEST(new_files_are_private),
		TEST(odd_names_are_names),
		TEST(readers_cannot_write),
		TEST(inspecting_leaves_no_trace),
		TEST(inspecting_beside_a_writer_sees_its_commits),
		TEST(inspecting_notices_a_writer_that_begins),
		TEST(inspecting_keeps_a_snapshot_until_it_tears),
		TEST(inspecting_begins_no_snapshot_that_is_old),
		TEST(inspecting_a_left_log_is_refused),
		TEST(permissions_are_respected),
		TEST(closing_survives_a_forgotten_statement),
		TEST(refused_wal_falls_back_with_one_warning),
		TEST(durability_chooses_synchronous),
		TEST(full_disk_makes_no_database),
		TEST(a_log_that_opens_for_reading_only_is_refused),
		TEST(moved_file_is_noticed),
		TEST(a_file_with_two_names_is_read_and_not_written),
		TEST(a_name_made_meanwhile_stops_writes),
		TEST(a_log_that_was_left_is_not_brought_into_two_names),
		TEST(incomplete_engine_is_refused),
	};

	return cmocka_run_group_tests_name("engine open", tests, NULL, NULL);
}
