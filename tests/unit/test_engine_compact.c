/* A compact copy, and a whole database put in the place of another. */
#include "engine_fixture.h"

#include <errno.h>
#include <fcntl.h>

static sr_conn *conn;  /* The one that writes. */
static char copy[128]; /* Where the copy goes. */
static int looks;      /* Until one at an open file fails, for SQLite too; 0: none does. */

/* In the place of the C library's. */
__attribute__((visibility("default"))) int fstat(int fd, struct stat *st)
{
	if (looks > 0 && --looks == 0) {
		errno = EIO;
		return -1;
	}
	return fstatat(fd, "", st, AT_EMPTY_PATH);
}

/* A table with gaps in its row numbers and much free space in between. */
static void fill(void)
{
	snprintf(copy, sizeof(copy), "%s.copy", path);
	conn = open_as(SR_ACCESS_CREATE);
	assert_done(sr_exec(conn, "CREATE TABLE t(a TEXT UNIQUE, b); CREATE TABLE plain(a);"
				  "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
				  " WHERE i < 3000) INSERT INTO t SELECT 'row ' || i, zeroblob(200)"
				  " FROM n; INSERT INTO plain SELECT a FROM t;"
				  "DELETE FROM t WHERE rowid % 3 <> 0;"
				  "DELETE FROM plain WHERE rowid % 3 <> 0"));
}

static int64_t size_of(const char *name)
{
	struct stat st;

	assert_int_equal(stat(name, &st), 0);
	return st.st_size;
}

static bool is_there(const char *name)
{
	struct stat st;

	return stat(name, &st) == 0;
}

/* The row numbers and what they belong to, as one number. */
static int64_t numbers(sr_conn *of)
{
	return ask(of, "SELECT (SELECT sum(rowid * length(a) * (1 + rowid % 7)) FROM t) +"
		       " (SELECT sum(rowid * length(a) * (1 + rowid % 7)) FROM plain)");
}

static void assert_whole(sr_conn *of)
{
	assert_int_equal(ask(of, "SELECT count(*) FROM t"), 1000);
	assert_int_equal(ask(of, "SELECT count(*) FROM pragma_integrity_check"
				 " WHERE integrity_check = 'ok'"),
			 1);
}

/* Brings the log in, in the order that is safe. */
static void bring_in(void)
{
	sr_conn *keeper = open_as(SR_ACCESS_WRITE);
	sr_checkpoint result;

	assert_done(sr_conn_begin(keeper, SR_TRANSACTION_WRITE));
	assert_done(sr_conn_checkpoint(conn, &result));
	assert_int_equal(result.copied_pages, result.log_pages);
	sr_conn_rollback(keeper);
	sr_conn_close(keeper);
}

typedef struct count {
	int calls;
	int stop_at; /* The call that cancels. */
	int64_t done;
	int64_t total;
} count;

static bool look(void *arg, int64_t done, int64_t total)
{
	count *c = arg;

	assert_true(done >= c->done);
	assert_true(done <= total);
	c->done = done;
	c->total = total;
	return ++c->calls == c->stop_at;
}

/* ---- The copy ---- */

static void test_copy_is_compact_and_the_same(void **state)
{
	count c = {.stop_at = -1};
	struct stat st;
	sr_conn *other;
	int64_t before;

	(void)state;
	fill();
	before = numbers(conn);
	assert_done(sr_conn_compact(conn, copy, look, &c));
	assert_true(c.calls > 0);
	assert_int_equal(stat(copy, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_done(try_open(copy, SR_ACCESS_INSPECT, &other));
	assert_whole(other);
	assert_int_equal(numbers(other), before);
	assert_true(ask(other, "PRAGMA page_count") * 2 < ask(conn, "PRAGMA page_count"));
	assert_int_equal(ask(other, "PRAGMA freelist_count"), 0);
	sr_conn_close(other);
	sr_conn_close(conn);
}

static void test_copy_never_over_another(void **state)
{
	sr_conn *reader;

	(void)state;
	fill();
	assert_int_equal(mknod(copy, S_IFREG | 0600, 0), 0);
	assert_fails(sr_conn_compact(conn, copy, NULL, NULL), SR_EXISTS, copy);
	assert_int_equal(size_of(copy), 0);
	assert_fails(sr_conn_compact(conn, "copy", NULL, NULL), SR_INVALID, "absolute");
	assert_done(sr_conn_begin(conn, SR_TRANSACTION_READ));
	assert_fails(sr_conn_compact(conn, copy, NULL, NULL), SR_INVALID, "transaction");
	assert_fails(sr_conn_replace(conn, copy, false, NULL, NULL), SR_INVALID, "transaction");
	sr_conn_rollback(conn);
	reader = open_as(SR_ACCESS_READ);
	assert_fails(sr_conn_compact(reader, copy, NULL, NULL), SR_READ_ONLY, path);
	assert_fails(sr_conn_replace(reader, copy, false, NULL, NULL), SR_READ_ONLY, path);
	sr_conn_close(reader);
	sr_conn_close(conn);
}

static void test_copy_cancelled_or_failed_is_gone(void **state)
{
	count c = {.stop_at = 1};

	(void)state;
	fill();
	assert_fails(sr_conn_compact(conn, copy, look, &c), SR_INTERRUPTED, copy);
	assert_false(is_there(copy));
	fault_arm(FAULT_WRITE, FAULT_ANY, 5, SQLITE_FULL, true);
	assert_fails(sr_conn_compact(conn, copy, NULL, NULL), SR_NO_SPACE, copy);
	fault_disarm();
	assert_false(is_there(copy));
	assert_whole(conn);
	sr_conn_close(conn);
}

static void test_copy_that_fails_leaves_no_journal(void **state)
{
	char journal[160];

	(void)state;
	fill();
	snprintf(journal, sizeof(journal), "%s-journal", copy);
	fault_arm(FAULT_DELETE, FAULT_ANY, 1, SQLITE_IOERR_DELETE, false);
	assert_fails(sr_conn_compact(conn, copy, NULL, NULL), SR_IO, copy);
	assert_int_equal(fault_hits(), 1);
	fault_disarm();
	assert_false(is_there(copy));
	assert_false(is_there(journal));
	sr_conn_close(conn);
}

/* Each read of a database fails once with EIO, or all after it too; nothing of it is damage.
 * Returns how many there are. */
static int fail_reads(bool back, bool lasting)
{
	int hits = 1, n = 0;

	while (hits > 0) {
		sr_status rc;

		conn = open_as(SR_ACCESS_WRITE);
		if (back)
			assert_done(sr_conn_compact(conn, copy, NULL, NULL));
		fault_arm(FAULT_READ, FAULT_MAIN, ++n, SQLITE_IOERR_CORRUPTFS, lasting);
		rc = back ? sr_conn_replace(conn, copy, true, NULL, NULL)
			  : sr_conn_compact(conn, copy, NULL, NULL);
		hits = fault_hits();
		fault_disarm();
		/* The last step, which commits, reads as well. */
		if (rc != SR_OK &&
		    (hits == 0 || (rc != SR_IO && !(back && rc == SR_OUTCOME_UNKNOWN))))
			fail_msg("without read %d: %s: %s", n, sr_status_name(rc),
				 sr_error_message());
		assert_int_equal(is_there(copy), back || rc == SR_OK);
		(void)unlink(copy);
		sr_conn_close(conn);
	}
	return n - 1;
}

static void test_what_cannot_be_read_is_not_damaged(void **state)
{
	(void)state;
	fill();
	sr_conn_close(conn);
	assert_true(fail_reads(false, false) > 1);
	assert_true(fail_reads(false, true) > 1);
	assert_true(fail_reads(true, false) > 1);
}

static void test_what_is_damaged_is_damaged(void **state)
{
	char rubbish[4096];
	int fd;

	(void)state;
	memset(rubbish, 0xff, sizeof(rubbish));
	fill();
	bring_in();
	sr_conn_close(conn);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	for (int page = 2; page < 40; page++)
		assert_int_equal(
			pwrite(fd, rubbish, sizeof(rubbish), page * (off_t)sizeof(rubbish)),
			sizeof(rubbish));
	assert_int_equal(close(fd), 0);
	conn = open_as(SR_ACCESS_WRITE);
	assert_fails(sr_conn_compact(conn, copy, NULL, NULL), SR_CORRUPT, "damaged");
	assert_false(is_there(copy));
	sr_conn_close(conn);
}

static void test_what_cannot_be_looked_at_is_no_mistake(void **state)
{
	int failed = 0;
	bool more = true;

	(void)state;
	fill();
	for (int n = 1; more; n++) {
		sr_status rc;

		looks = n;
		rc = sr_conn_compact(conn, copy, NULL, NULL);
		more = looks == 0;
		looks = 0;
		if (rc != SR_OK && (!more || rc != SR_IO))
			fail_msg("without look %d: %s: %s", n, sr_status_name(rc),
				 sr_error_message());
		failed += rc != SR_OK;
		(void)unlink(copy);
		sr_conn_close(conn);
		conn = open_as(SR_ACCESS_WRITE);
	}
	assert_true(failed > 0);
	sr_conn_close(conn);
}

/* ---- Back into the database ---- */

static void test_replaced_while_others_read(void **state)
{
	count c = {.stop_at = -1};
	sr_conn *reader;
	int64_t before;

	(void)state;
	fill();
	bring_in();
	before = numbers(conn);
	assert_done(sr_conn_compact(conn, copy, NULL, NULL));
	reader = open_as(SR_ACCESS_READ);
	assert_done(sr_conn_begin(reader, SR_TRANSACTION_READ));
	assert_true(ask(reader, "PRAGMA freelist_count") > 0);
	assert_done(sr_conn_replace(conn, copy, true, look, &c));
	assert_true(c.calls > 0);
	assert_whole(conn);
	/* Its snapshot stays what it was, and the next is the new one. */
	assert_whole(reader);
	assert_true(ask(reader, "PRAGMA freelist_count") > 0);
	sr_conn_rollback(reader);
	assert_whole(reader);
	assert_int_equal(ask(reader, "PRAGMA freelist_count"), 0);
	assert_int_equal(numbers(reader), before);
	assert_true(sr_conn_log_size(conn) >= size_of(copy));
	bring_in();
	assert_int_equal(size_of(path), size_of(copy));
	/* And it can be written as before. */
	assert_done(sr_exec(conn, "INSERT INTO t VALUES('one more', 1)"));
	assert_int_equal(ask(reader, "SELECT count(*) FROM t"), 1001);
	sr_conn_close(reader);
	sr_conn_close(conn);
}

static void test_replace_cancelled_leaves_it(void **state)
{
	count c = {.stop_at = 1};
	int64_t free_pages;

	(void)state;
	fill();
	assert_done(sr_conn_compact(conn, copy, NULL, NULL));
	free_pages = ask(conn, "PRAGMA freelist_count");
	assert_true(free_pages > 0);
	assert_fails(sr_conn_replace(conn, copy, true, look, &c), SR_INTERRUPTED, path);
	assert_whole(conn);
	assert_int_equal(ask(conn, "PRAGMA freelist_count"), free_pages);
	/* The lock is free again. */
	assert_done(sr_exec(conn, "INSERT INTO t VALUES('one more', 1)"));
	sr_conn_close(conn);
}

static bool commit_by_another(void *arg, int64_t done, int64_t total)
{
	sr_conn *other = arg;

	(void)done;
	(void)total;
	/* The lock is held from before the first call on. */
	assert_int_equal(sr_exec(other, "INSERT INTO t VALUES('too late', 1)"), SR_BUSY);
	return false;
}

static void unchanged_or_not(void)
{
	sr_conn *other;

	fill();
	other = open_as(SR_ACCESS_WRITE);
	assert_done(sr_conn_compact(conn, copy, NULL, NULL));
	assert_done(sr_exec(other, "INSERT INTO t VALUES('meanwhile', 1)"));
	assert_fails(sr_conn_replace(conn, copy, true, NULL, NULL), SR_BUSY, path);
	assert_int_equal(ask(conn, "SELECT count(*) FROM t WHERE a = 'meanwhile'"), 1);
	/* Who does not ask gets what the copy holds. */
	assert_done(sr_conn_replace(conn, copy, false, commit_by_another, other));
	assert_whole(other);
	sr_conn_close(other);
	sr_conn_close(conn);
}

static void test_nothing_committed_meanwhile_is_lost(void **state)
{
	(void)state;
	unchanged_or_not();
}

static void test_nothing_committed_meanwhile_is_lost_without_a_log(void **state)
{
	(void)state;
	fault_without_shm(true);
	unchanged_or_not();
	fault_without_shm(false);
}

static void test_full_disk_leaves_it(void **state)
{
	(void)state;
	fill();
	assert_done(sr_conn_compact(conn, copy, NULL, NULL));
	fault_arm(FAULT_WRITE, FAULT_WAL | FAULT_JOURNAL | FAULT_MAIN, 3, SQLITE_FULL, true);
	assert_fails(sr_conn_replace(conn, copy, true, NULL, NULL), SR_NO_SPACE, path);
	fault_disarm();
	sr_conn_close(conn);
	conn = open_as(SR_ACCESS_WRITE);
	assert_whole(conn);
	assert_true(ask(conn, "PRAGMA freelist_count") > 0);
	sr_conn_close(conn);
}

static void test_last_step_that_fails_is_unknown(void **state)
{
	(void)state;
	fill();
	assert_done(sr_conn_compact(conn, copy, NULL, NULL));
	fault_arm(FAULT_SYNC, FAULT_WAL, 1, SQLITE_IOERR_FSYNC, true);
	assert_fails(sr_conn_replace(conn, copy, true, NULL, NULL), SR_OUTCOME_UNKNOWN, copy);
	fault_disarm();
	assert_true(sr_conn_broken(conn));
	sr_conn_close(conn);
	conn = open_as(SR_ACCESS_WRITE);
	assert_whole(conn);
	sr_conn_close(conn);
}

static void test_what_is_no_database_is_not_taken(void **state)
{
	FILE *file;

	(void)state;
	fill();
	assert_fails(sr_conn_replace(conn, copy, true, NULL, NULL), SR_IO, copy);
	file = fopen(copy, "w");
	fputs("This is a text of more than a hundred bytes, so that it could be the beginning of a"
	      " database; it is none, whatever its name.\n",
	      file);
	fclose(file);
	assert_fails(sr_conn_replace(conn, copy, true, NULL, NULL), SR_CORRUPT, copy);
	assert_whole(conn);
	sr_conn_close(conn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_copy_is_compact_and_the_same),
		TEST(test_copy_never_over_another),
		TEST(test_copy_cancelled_or_failed_is_gone),
		TEST(test_copy_that_fails_leaves_no_journal),
		TEST(test_what_cannot_be_read_is_not_damaged),
		TEST(test_what_is_damaged_is_damaged),
		TEST(test_what_cannot_be_looked_at_is_no_mistake),
		TEST(test_replaced_while_others_read),
		TEST(test_replace_cancelled_leaves_it),
		TEST(test_nothing_committed_meanwhile_is_lost),
		TEST(test_nothing_committed_meanwhile_is_lost_without_a_log),
		TEST(test_full_disk_leaves_it),
		TEST(test_last_step_that_fails_is_unknown),
		TEST(test_what_is_no_database_is_not_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
