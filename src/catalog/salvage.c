/* What can be read of a damaged database, into a new one that gets its name when it is whole. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/path.h"
#include "../base/private.h"
#include "../engine/pages.h"
#include "../schema/copy.h"
#include "activity.h"

/* Most of the work is one insert after the other. */
#define CACHE_PAGES  10000
#define BUSY_SECONDS 5

void sr_salvage_options_init(sr_salvage_options *options)
{
	*options = (sr_salvage_options){.version = SR_SALVAGE_OPTIONS_VERSION};
}

void sr_salvaged_free(sr_salvaged *salvaged)
{
	sr_schema_salvaged_free(salvaged);
}

/* ---- The new file ---- */

/* A log that lies beside would be taken for the new one's. */
static sr_status is_free(const char *path)
{
	static const char *const sides[] = {"", "-wal", "-journal", "-shm"};

	for (size_t i = 0; i < sizeof(sides) / sizeof(sides[0]); i++) {
		sr_buffer name = SR_BUFFER_EMPTY;
		struct stat st;
		sr_status rc;

		sr_buffer_printf(&name, "%s%s", path, sides[i]);
		if ((rc = sr_buffer_status(&name)) == SR_OK && lstat(name.data, &st) == 0)
			rc = sr_fail(SR_EXISTS, "%s is there already; name a new file",
				     sr_quoted(sr_text_of(name.data)));
		sr_buffer_free(&name);
		if (rc != SR_OK)
			return rc;
	}
	return SR_OK;
}

/* ---- The work ---- */

static sr_status append(sr_conn *conn, const char *damaged, const sr_salvaged *salvaged)
{
	char now[SR_TIME_TEXT_SIZE];
	sr_buffer detail = SR_BUFFER_EMPTY;
	sr_status rc;

	sr_time_format(sr_time_now(), now);
	sr_buffer_printf(&detail, "salvaged from %s: %lld %s, %s%lld lost",
			 sr_quoted(sr_text_of(damaged)), (long long)salvaged->saved,
			 sr_plural(salvaged->saved, "row", "rows"),
			 salvaged->exact ? "" : "at least ", (long long)salvaged->lost);
	if ((rc = sr_buffer_status(&detail)) == SR_OK &&
	    (rc = sr_conn_begin(conn, SR_TRANSACTION_WRITE)) == SR_OK) {
		rc = sr_activity_append_catalog(conn, SR_ACTIVITY_REPAIR, detail.data, 0, now);
		if (rc == SR_OK)
			rc = sr_conn_commit(conn);
		sr_conn_rollback(conn);
	}
	sr_buffer_free(&detail);
	return rc;
}

static sr_status fill(const char *damaged, const char *part, const sr_salvage_options *options,
		      sr_salvaged **salvaged)
{
	const sr_conn_options how = {
		.access = SR_ACCESS_CREATE,
		.durability = SR_DURABILITY_NORMAL, /* It counts when it is closed. */
		.busy_timeout = BUSY_SECONDS,
		.cache_pages = CACHE_PAGES,
	};
	sr_pages *pages;
	sr_conn *conn;
	sr_status rc;

	if ((rc = sr_pages_open(damaged, &pages)) != SR_OK)
		goto err0;
	if ((rc = sr_conn_open(&sr_sqlite, part, &how, &conn)) != SR_OK)
		goto err1;
	if ((rc = sr_schema_salvage(pages, conn, options, salvaged)) != SR_OK)
		sr_fail_within(rc, "%s was not salvaged", sr_quoted(sr_text_of(damaged)));
	else
		rc = append(conn, damaged, *salvaged);
	sr_conn_close(conn);
err1:
	sr_pages_close(pages);
err0:
	return rc;
}

static sr_status salvage(const char *damaged, const char *fresh, const sr_salvage_options *options,
			 sr_salvaged **salvaged)
{
	char part[4096];
	int hold = -1;
	struct stat st;
	sr_status rc;

	if (stat(damaged, &st) != 0)
		return sr_fail_errno(errno, "the damaged database %s cannot be reached",
				     sr_quoted(sr_text_of(damaged)));
	if ((rc = sr_output_name_check(fresh)) != SR_OK || (rc = is_free(fresh)) != SR_OK)
		return rc;
	if ((rc = sr_part_name(fresh, part)) != SR_OK)
		return rc;
	sr_parts_remove(NULL, fresh, sr_path_name(sr_text_of(fresh)).data);
	sr_database_remove(part);
	if ((rc = sr_part_hold(part, &hold)) != SR_OK ||
	    (rc = sr_private_make(part, "the database", NULL)) != SR_OK)
		goto err0;
	if ((rc = fill(damaged, part, options, salvaged)) == SR_OK &&
	    (rc = sr_database_closed(part)) == SR_OK &&
	    (rc = sr_schema_salvaged_path(*salvaged, fresh)) == SR_OK)
		rc = sr_part_finish(part, fresh);
	/* Where it has got its name, what SQLite may have left beside it. */
	sr_database_remove(part);
	if (rc != SR_OK) {
		sr_salvaged_free(*salvaged);
		*salvaged = NULL;
	}
err0:
	sr_part_let_go(&hold);
	return rc;
}

sr_status sr_salvage(const char *damaged, const char *fresh, const sr_salvage_options *options,
		     sr_salvaged **salvaged)
{
	sr_salvage_options defaults;
	sr_buffer from = SR_BUFFER_EMPTY;
	sr_buffer to = SR_BUFFER_EMPTY;
	sr_status rc;

	*salvaged = NULL;
	if (options == NULL) {
		sr_salvage_options_init(&defaults);
		options = &defaults;
	} else if (options->version != SR_SALVAGE_OPTIONS_VERSION) {
		return sr_return(sr_fail(SR_INVALID,
					 "sr_salvage_options of version %u, not %d: "
					 "sr_salvage_options_init it",
					 options->version, SR_SALVAGE_OPTIONS_VERSION));
	}
	if ((rc = sr_path_absolute(NULL, sr_text_of(damaged), &from)) == SR_OK &&
	    (rc = sr_path_absolute(NULL, sr_text_of(fresh), &to)) == SR_OK &&
	    (rc = sr_buffer_status(&from)) == SR_OK && (rc = sr_buffer_status(&to)) == SR_OK)
		rc = salvage(from.data, to.data, options, salvaged);
	sr_buffer_free(&to);
	sr_buffer_free(&from);
	return sr_return(rc);
}
