/* What the engine's tests share: a folder of their own, and connections to a database in it. */
#ifndef SR_TEST_ENGINE_FIXTURE_H
#define SR_TEST_ENGINE_FIXTURE_H

#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "engine/engine.h"
#include "expect.h"
#include "fault_vfs.h"
#include "scratch.h"

static const char *path; /* Of the database; it is not there yet. */

static int make_folder(void **state)
{
	static char name[96];

	(void)state;
	scratch_new();
	snprintf(name, sizeof(name), "%s", scratch_path("a.db"));
	path = name;
	fault_vfs_install();
	return 0;
}

static int remove_folder(void **state)
{
	fault_vfs_remove();
	return scratch_teardown(state);
}

__attribute__((unused)) static sr_status try_open(const char *name, sr_access access,
						  sr_conn **conn)
{
	sr_conn_options options = {.access = access, .busy_timeout = 0.05, .cache_pages = 500};

	return sr_conn_open(&sr_sqlite, name, &options, conn);
}

__attribute__((unused)) static sr_conn *open_as(sr_access access)
{
	sr_conn *conn;

	assert_done(try_open(path, access, &conn));
	return conn;
}

__attribute__((unused)) static int64_t ask(sr_conn *conn, const char *sql)
{
	int64_t value = -1;

	assert_done(sr_query_integer(conn, sql, &value));
	return value;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

#endif
