/* The figures of the whole catalog, in one snapshot but for the storage folder's. */
#include <fts.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../base/instant.h"
#include "../schema/counters.h"
#include "catalog.h"

#define KB 1024.0
#define MB (KB * 1024)
#define GB (MB * 1024)

/* What sr_statistics_get returns, and the memory behind it. */
typedef struct figures {
	sr_statistics statistics; /* First, so that its address is this one's. */
	char *path;
	char *directory;
	char **names;   /* Of the indexes. */
	sr_text *texts; /* The same as texts. */
	size_t count;
} figures;

void sr_statistics_free(sr_statistics *statistics)
{
	figures *all = (figures *)statistics;

	if (all == NULL)
		return;
	for (size_t i = 0; i < all->count; i++)
		free(all->names[i]);
	free(all->names);
	free(all->texts);
	free(all->path);
	free(all->directory);
	free(all);
}

/* ---- The storage folder ---- */

/* Regular files below the folder. The folder itself may be a link, none below it is followed. */
static sr_status walk_storage(sr_statistics *out, char *folder)
{
	char *roots[] = {folder, NULL};
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL);
	sr_status rc = SR_OK;
	double bytes = 0;
	FTSENT *entry;

	if (walk == NULL)
		return sr_fail_errno(errno, "cannot read the storage folder %s",
				     sr_quoted(sr_text_of(folder)));
	while (rc == SR_OK && (errno = 0, entry = fts_read(walk)) != NULL) {
		switch (entry->fts_info) {
		case FTS_F:
			out->stored_files++;
			bytes += (double)entry->fts_statp->st_size;
			break;
		case FTS_DNR:
		case FTS_ERR:
		case FTS_NS:
			/* Not the folder's fault, and the next time it is counted. */
			if (entry->fts_errno == ENOMEM)
				rc = sr_fail_memory();
			/* No folder yet is what a new catalog has; others vanish as we walk. */
			else if (entry->fts_errno != ENOENT)
				sr_log("catalog", SR_LOG_WARNING,
				       "not counted in the storage statistics, %s: %s",
				       strerror(entry->fts_errno),
				       sr_quoted(sr_text_of(entry->fts_path)));
			break;
		default:
			break;
		}
	}
	if (rc == SR_OK && errno != 0)
		rc = sr_fail_errno(errno, "cannot read the storage folder %s",
				   sr_quoted(sr_text_of(folder)));
	fts_close(walk);
	out->stored_size_mb = bytes / MB;
	return rc;
}

/* ---- The database ---- */

/* Prepares "SELECT columns FROM relation AS t". */
static sr_status select_from(sr_reading *reading, const char *columns, const char *relation,
			     sr_stmt **stmt)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_status rc;

	*stmt = NULL;
	sr_buffer_printf(&sql, "SELECT %s FROM %s AS t", columns, relation);
	if ((rc = sr_buffer_status(&sql)) == SR_OK)
		rc = sr_prepare(reading->conn, sql.data, stmt);
	sr_buffer_free(&sql);
	return rc;
}

static sr_status read_size(sr_reading *reading, sr_statistics *out)
{
	int64_t pages;
	int64_t page_size;
	sr_status rc;

	if ((rc = sr_query_integer(reading->conn, "PRAGMA page_count", &pages)) != SR_OK)
		return rc;
	if ((rc = sr_query_integer(reading->conn, "PRAGMA page_size", &page_size)) != SR_OK)
		return rc;
	out->file_size_mb = (double)pages * (double)page_size / MB;
	return SR_OK;
}

/* Days from the time in the text until now; false where it cannot be read. */
static bool days_since(sr_text seen, int64_t now, double *days)
{
	char text[64];
	int64_t instant;

	if (seen.data == NULL || seen.length >= sizeof(text) ||
	    memchr(seen.data, '\0', seen.length) != NULL)
		return false;
	memcpy(text, seen.data, seen.length);
	text[seen.length] = '\0';
	if (!sr_instant_read(text, &instant, NULL))
		return false;
	*days = (double)(now - instant) / 86400e6;
	return true;
}

static sr_status read_clients(sr_reading *reading, sr_statistics *out)
{
	int64_t now = sr_time_now();
	int64_t readable = 0;
	double sum = 0;
	sr_stmt *stmt;
	sr_status rc;
	double days;
	bool row;

	if ((rc = select_from(reading, "t.LastSeen, length(t.PublicKey) > 0",
			      reading->shape.clients, &stmt)) != SR_OK)
		return rc;
	while ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		out->total_clients++;
		out->clients_with_keys += sr_column_integer(stmt, 1) == 1;
		if (days_since(sr_column_text(stmt, 0), now, &days)) {
			sum += days;
			readable++;
		}
	}
	sr_stmt_done(stmt);
	out->average_days_since_seen = readable > 0 ? sum / (double)readable : (double)NAN;
	return rc;
}

static double or_zero(double value)
{
	return isnan(value) ? 0 : value;
}

/* A size that is no integer is left out. */
#define SIZE "CASE WHEN typeof(t.FileSize) = 'integer' THEN t.FileSize END"

/* total() and not sum(): the size of a damaged row must not overflow. */
#define BY_SCAN                                                                                    \
	"count(*), coalesce(sum(t.Verified <> 0), 0), total(" SIZE "), "                           \
	"avg(" SIZE "), min(" SIZE "), max(" SIZE ")"

/* The smallest and the largest stand at the ends of the index on sizes. */
#define EXTREME(bound, order)                                                                      \
	"(SELECT f.FileSize FROM files f WHERE f.FileSize " bound                                  \
	" AND typeof(f.FileSize) = 'integer' ORDER BY f.FileSize" order " LIMIT 1)"
#define BY_COUNTERS                                                                                \
	"coalesce(sum(t.Files), 0), coalesce(sum(t.Files) FILTER (WHERE t.Verified), 0), "         \
	"total(t.Bytes), total(t.Bytes) / nullif(sum(t.Files) FILTER (WHERE t.SizeClass), "        \
	"0), " EXTREME(">= -9223372036854775808", "") ", " EXTREME("<= 9223372036854775807",       \
								   " DESC")

static sr_status read_files(sr_reading *reading, sr_statistics *out)
{
	const bool counted = reading->shape.version >= SR_COUNTERS_VERSION;
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	rc = select_from(reading, counted ? BY_COUNTERS : BY_SCAN,
			 counted ? "file_totals" : reading->shape.files, &stmt);
	if (rc != SR_OK)
		return rc;
	if ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		out->total_files = sr_column_integer(stmt, 0);
		out->verified_files = sr_column_integer(stmt, 1);
		out->total_size_gb = sr_column_real(stmt, 2) / GB;
		out->average_file_size_mb = or_zero(sr_column_real(stmt, 3)) / MB;
		out->min_file_size_kb = or_zero(sr_column_real(stmt, 4)) / KB;
		out->max_file_size_mb = or_zero(sr_column_real(stmt, 5)) / MB;
	}
	sr_stmt_done(stmt);
	if (out->total_files > 0)
		out->verification_rate =
			100.0 * (double)out->verified_files / (double)out->total_files;
	return rc;
}

/* Those with a name of somebody's; SQLite's own behind UNIQUE are not counted. */
static sr_status read_indexes(sr_reading *reading, figures *all)
{
	size_t capacity = 0;
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	if ((rc = sr_prepare(reading->conn,
			     "SELECT name FROM sqlite_schema WHERE type = 'index' AND "
			     "substr(name, 1, 7) <> 'sqlite_' ORDER BY name",
			     &stmt)) != SR_OK)
		return rc;
	while ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		if (all->count == capacity) {
			char **more = realloc(all->names, (capacity += 32) * sizeof(*more));

			if (more == NULL) {
				rc = sr_fail_memory();
				break;
			}
			all->names = more;
		}
		if ((all->names[all->count] = strdup(sr_column_text(stmt, 0).data)) == NULL) {
			rc = sr_fail_memory();
			break;
		}
		all->count++;
	}
	if ((rc = sr_stmt_end(stmt, rc)) != SR_OK)
		return rc;
	if ((all->texts = calloc(all->count + 1, sizeof(*all->texts))) == NULL)
		return sr_fail_memory();
	for (size_t i = 0; i < all->count; i++)
		all->texts[i] = sr_text_of(all->names[i]);
	all->statistics.indexes = all->texts;
	all->statistics.indexes_count = (int64_t)all->count;
	return SR_OK;
}

static sr_status read_database(sr_catalog *catalog, figures *all)
{
	sr_reading reading = {0};
	sr_status rc;

	if ((rc = sr_reading_begin(catalog, "sr_statistics_get", &reading)) != SR_OK)
		return rc;
	if ((rc = read_size(&reading, &all->statistics)) == SR_OK &&
	    (rc = read_clients(&reading, &all->statistics)) == SR_OK &&
	    (rc = read_files(&reading, &all->statistics)) == SR_OK)
		rc = read_indexes(&reading, all);
	sr_reading_end(&reading);
	return rc;
}

static sr_status read_settings(const sr_settings *settings, figures *all)
{
	sr_statistics *out = &all->statistics;

	all->path = strdup(settings->path);
	all->directory = strdup(settings->storage_dir);
	if (all->path == NULL || all->directory == NULL)
		return sr_fail_memory();
	out->file_path = sr_text_of(all->path);
	out->directory = sr_text_of(all->directory);
	out->connection_pool_enabled = !settings->direct;
	out->pool_size = settings->pool_size;
	return SR_OK;
}

sr_status sr_statistics_get(sr_catalog *catalog, sr_statistics **statistics)
{
	figures *all = calloc(1, sizeof(*all));
	sr_status rc;

	*statistics = NULL;
	if (all == NULL)
		return sr_return(sr_fail_memory());
	if ((rc = read_settings(&catalog->settings, all)) == SR_OK &&
	    (rc = read_database(catalog, all)) == SR_OK &&
	    (rc = walk_storage(&all->statistics, all->directory)) == SR_OK) {
		*statistics = &all->statistics;
		return sr_return(SR_OK);
	}
	sr_statistics_free(&all->statistics);
	return sr_return(rc);
}
