/* Allocations of a call are not had, one after the other: the call says so, or comes out as it
 * always does. */
#include <inttypes.h>

#include "../torture/shim.h"
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, catalog_setup_client, catalog_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(file_is_found_whole),
		TEST(reader_knows_of_writers),
	};

	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
