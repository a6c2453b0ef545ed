/* Allocations of a call are not had, one after the other: the call says so, or comes out as it
 * always does. */
#include <inttypes.h>

#include "../torture/shim.h"
#include "archive/sink.h"
#include "base/error.h"
#include "catalog_fixture.h"
#include "engine/engine.h"

#define LETTER "/home/anna/letter.txt"

/* What is tried; what does not come out right is a failure of its own. */
typedef sr_status (*attempt)(catalog_fixture *f);

/* Where nothing is prepared or kept yet. */
static sr_status try_cold(catalog_fixture *f, attempt act, uint64_t nth)
{
	sr_status rc;

	assert_done(sr_close(f->catalog));
	f->catalog = NULL;
	catalog_open(f);
	shim_arm(SHIM_MEMORY, nth, false);
	rc = act(f);
	shim_disarm();
	return rc;
}

enum { SOME = 60 };

/* Of its allocations the first, where it opens things, or the last, where it reads values. */
static void fail_each(catalog_fixture *f, attempt act, bool last)
{
	uint64_t count, from = 1;

	assert_done(try_cold(f, act, 0));
	count = shim_count(SHIM_MEMORY);
	assert_true(count > SOME);
	if (last)
		from = count - SOME + 1;
	for (uint64_t n = from; n < from + SOME; n++) {
		sr_status rc = try_cold(f, act, n);

		if (rc != SR_OK && (rc != SR_NO_MEMORY || sr_error_message()[0] == '\0'))
			fail_msg("without allocation %" PRIu64 ": %s: %s", n, sr_status_name(rc),
				 sr_error_message());
	}
	assert_done(act(f));
}

static void save_versions(const catalog_fixture *f, int count)
{
	sr_file file = file_at(f, LETTER);

	for (int i = 0; i < count; i++) {
		file.size = 100 + i;
		(void)save(f, &file);
	}
}

static sr_status look_at_last(catalog_fixture *f)
{
	sr_file *file = NULL;
	sr_status rc = sr_file_find(f->catalog, &f->client, sr_text_of(LETTER), &file);

	if (rc == SR_OK && (!file->has_id || file->size != 102))
		rc = sr_fail(SR_CORRUPT, "another file");
	sr_file_free(file);
	return rc;
}

static void file_is_found_whole(void **state)
{
	catalog_fixture *f = *state;

	save_versions(f, 3);
	fail_each(f, look_at_last, true);
}

/* A reader that takes the database for one that nobody writes to does not see what is written. */
static sr_status read_beside_a_writer(catalog_fixture *f)
{
	sr_conn_options options = {.access = SR_ACCESS_READ, .busy_timeout = 1};
	sr_conn *conn = NULL;
	int64_t rows = 0;
	sr_status rc = sr_conn_open(&sr_sqlite, f->path, &options, &conn);

	shim_disarm();
	foreign_sql(f, "DELETE FROM catalog_settings; INSERT INTO catalog_settings"
		       " (Name, Value) VALUES ('a', 1), ('b', 2)");
	if (rc == SR_OK && (rc = sr_conn_begin(conn, SR_TRANSACTION_READ)) == SR_OK)
		rc = sr_query_integer(conn, "SELECT count(*) FROM catalog_settings", &rows);
	sr_conn_close(conn);
	return rc == SR_OK && rows != 2 ? sr_fail(SR_CORRUPT, "%" PRId64 " rows", rows) : rc;
}

static void reader_knows_of_writers(void **state)
{
	catalog_fixture *f = *state;

	assert_done(sr_close(f->catalog));
	f->catalog = NULL;
	fail_each(f, read_beside_a_writer, false);
}

/* ---- Archives ---- */

static char kept[4096];
static size_t kept_length;

static sr_status keep(sr_sink *sink, const void *bytes, size_t length)
{
	(void)sink;
	assert_true(kept_length + length <= sizeof(kept));
	memcpy(kept + kept_length, bytes, length);
	kept_length += length;
	return SR_OK;
}

static sr_status keep_end(sr_sink *sink)
{
	(void)sink;
	return SR_OK;
}

static void keep_free(sr_sink *sink)
{
	(void)sink;
}

static sr_status run_through(sr_sink *stage, const void *bytes, size_t length)
{
	sr_status rc;

	kept_length = 0;
	if ((rc = sr_sink_add(stage, bytes, length)) == SR_OK)
		rc = sr_sink_end(stage);
	sr_sink_free(stage);
	return rc;
}

static sr_status there_and_back(void)
{
	sr_sink last = {.add = keep, .end = keep_end, .free = keep_free}, *stage;
	char packed[sizeof(kept)];
	sr_status rc;

	if ((rc = sr_squeeze_new(&stage, "a.zst", 5, &last)) != SR_OK ||
	    (rc = run_through(stage, "aaaaa", 5)) != SR_OK)
		return rc;
	memcpy(packed, kept, kept_length);
	if ((rc = sr_unsqueeze_new(&stage, "a.zst", &last)) != SR_OK)
		return rc;
	return run_through(stage, packed, kept_length);
}

/* Whatever zstd has no memory for, the archive is not damaged. */
static void archive_is_not_damaged(void **state)
{
	uint64_t hits = 1;

	(void)state;
	assert_done(there_and_back());
	for (uint64_t n = 1; hits > 0; n++) {
		sr_status rc;

		shim_arm(SHIM_MEMORY, n, false);
		rc = there_and_back();
		hits = shim_disarm();
		if (rc != (hits > 0 ? SR_NO_MEMORY : SR_OK))
			fail_msg("without allocation %" PRIu64 ": %s: %s", n, sr_status_name(rc),
				 sr_error_message());
	}
	assert_int_equal(kept_length, 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, catalog_setup_client, catalog_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(file_is_found_whole),
		TEST(reader_knows_of_writers),
		cmocka_unit_test(archive_is_not_damaged),
	};

	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
