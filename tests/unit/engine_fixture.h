/* What the engine's tests share: a folder of their own, and connections to a database in it. */
#ifndef SR_TEST_ENGINE_FIXTURE_H
#define SR_TEST_ENGINE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "engine/engine.h"
#include "fault_vfs.h"

static char folder[64];
static char path[96];

/* A path in the folder; good until the next call but three. */
__attribute__((unused)) static const char *in_folder(const char *name)
{
	static char names[4][160];
	static int next;
	char *out = names[next++ % 4];

	snprintf(out, sizeof(names[0]), "%s/%s", folder, name);
	return out;
}

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/strongroom-engine-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/a.db", folder);
	fault_vfs_install();
	return 0;
}

static int remove_folder(void **state)
{
	char command[128];

	(void)state;
	fault_vfs_remove();
	snprintf(command, sizeof(command), "rm -r '%s'", folder);
	return system(command);
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

	if (try_open(path, access, &conn) != SR_OK)
		fail_msg("%s", sr_error_message());
	return conn;
}

#define ok(call)                                                                                   \
	do {                                                                                       \
		if ((call) != SR_OK)                                                               \
			fail_msg("%s: %s", #call, sr_error_message());                             \
	} while (0)

/* Fails with the status, and with words that hold the part. */
#define fails(status, part, call)                                                                  \
	do {                                                                                       \
		sr_status got_ = (call);                                                           \
		if (got_ != (status) || !strstr(sr_error_message(), (part)))                       \
			fail_msg("%s: %s: %s", #call, sr_status_name(got_), sr_error_message());   \
	} while (0)

__attribute__((unused)) static int64_t ask(sr_conn *conn, const char *sql)
{
	int64_t value = -1;

	ok(sr_query_integer(conn, sql, &value));
	return value;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

#endif
