/*
 * Check-ups of what is stored: records without their file, files without a record, and with
 * verify_files the bytes themselves.
 *
 * The paths of all records are kept as one number each, 8 bytes for a record, so that paths spelt
 * in any way are compared as what they mean and ten million of them fit in memory. Two paths that
 * share a number would hide one stray file in 2^64 / records: nobody will see that.
 */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/path.h"
#include "file.h"
#include "health.h"
#include "place.h"
#include "sharing.h"
#include "stored.h"

#define CHUNK 200 /* Records that are read at once; no connection is held while files are read. */
#define NAMED 20  /* Files that have a finding of their own; the rest are counted. */

static uint64_t mix(uint64_t hash)
{
	hash ^= hash >> 32;
	hash *= 0xd6e8feb86659fd93u;
	return hash ^ (hash >> 32);
}

static uint64_t number_of(const char *path)
{
	uint64_t hash = 14695981039346656037U;

	for (; *path; path++)
		hash = (hash ^ (unsigned char)*path) * 1099511628211U;
	return mix(hash);
}

/* ---- Records and their files ---- */

typedef struct survey {
	sr_checkup *c;
	const char *folder; /* The storage folder, as the settings spell it, */
	char *real;         /* and without links. */
	uint64_t *known;    /* Of each record's path below it, sorted in the end. */
	size_t count;
	size_t capacity;
	int64_t records;    /* Of stored files. */
	int storage;        /* The folder, open. */
	sr_tally missing;   /* Records whose file is not there, */
	sr_tally elsewhere; /* or that lead out of the folder. */
	sr_tally stray;     /* Files without a record. */
	sr_tally deleted;   /* What deletions that were cut short have left. */
	sr_tally unlisted;  /* What cannot be looked at, most often folders. */
} survey;

static sr_status note_path(survey *s, const char *path)
{
	const char *rest = sr_path_below(path, s->folder);

	if (rest == NULL)
		rest = sr_path_below(path, s->real);
	if (rest == NULL)
		return SR_OK;
	if (s->count == s->capacity) {
		size_t capacity = s->capacity ? s->capacity * 2 : 1024;
		uint64_t *more = realloc(s->known, capacity * sizeof(*more));

		if (more == NULL)
			return sr_fail_memory();
		s->known = more;
		s->capacity = capacity;
	}
	s->known[s->count++] = number_of(rest);
	return SR_OK;
}

static sr_status look_at_record(survey *s, sr_text stored, sr_buffer *path)
{
	s->records++;
	sr_buffer_clear(path);
	if (sr_place_resolve(&s->c->catalog->settings, stored, path) != SR_OK) {
		sr_tally_add(&s->missing, "%s", sr_quoted(stored));
		return sr_buffer_status(path);
	}
	switch (sr_place_presence(&s->c->catalog->settings, s->storage, stored, path->data)) {
	case SR_ABSENT:
		sr_tally_add(&s->missing, "%s", sr_quoted(stored));
		break;
	case SR_ELSEWHERE:
		sr_tally_add(&s->elsewhere, "%s", sr_quoted(stored));
		break;
	case SR_PRESENT:
		break;
	}
	return note_path(s, path->data);
}

/* Before version 6 every file was stored. */
static const char *which_are_stored(const sr_checkup *c)
{
	return c->reading.shape.version >= 6 ? "f.IsStored <> 0" : "1";
}

/* The paths of what is stored: an index answers, from SR_NAMES_INDEXED on that of files without a
 * path and another. */
static void select_stored(const sr_checkup *c, sr_buffer *sql)
{
	const char *files = c->reading.shape.files;

	if (c->reading.shape.version < SR_NAMES_INDEXED)
		sr_buffer_printf(sql, "SELECT f.PathName FROM %s AS f WHERE %s", files,
				 which_are_stored(c));
	else
		sr_buffer_printf(
			sql,
			"SELECT f.PathName FROM %s AS f WHERE f.OriginalPath IS NULL AND"
			" f.IsStored <> 0 UNION ALL SELECT f.PathName FROM %s AS f WHERE"
			" f.OriginalPath IS NOT NULL AND f.IsStored <> 0 AND " SR_STORED_ELSEWHERE(
				"f."),
			files, files);
}

static sr_status look_at_records(survey *s)
{
	sr_buffer path = SR_BUFFER_EMPTY;
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	select_stored(s->c, &sql);
	if ((rc = sr_buffer_status(&sql)) != SR_OK ||
	    (rc = sr_prepare(s->c->conn, sql.data, &stmt)) != SR_OK)
		goto err0;
	while ((rc = sr_checkup_step(s->c, stmt, &row)) == SR_OK && row) {
		if ((rc = look_at_record(s, sr_column_text(stmt, 0), &path)) != SR_OK ||
		    sr_checkup_stop(s->c))
			break;
	}
	rc = sr_stmt_end(stmt, rc);

err0:
	sr_buffer_free(&sql);
	sr_buffer_free(&path);
	return rc;
}

/* ---- Files and their records ---- */

static int compare_numbers(const void *a, const void *b)
{
	uint64_t one = *(const uint64_t *)a;
	uint64_t other = *(const uint64_t *)b;

	return one < other ? -1 : one > other;
}

/* The database, its companions and copies may lie here as well. */
static bool is_catalogs_own(const survey *s, const FTSENT *entry)
{
	const char *path = s->c->catalog->settings.path;
	const char *base = strrchr(path, '/') + 1;

	return sr_is_database(&s->c->catalog->settings, entry->fts_statp) ||
	       strncmp(entry->fts_name, base, strlen(base)) == 0;
}

static bool is_known(const survey *s, const char *rest)
{
	uint64_t number = number_of(rest);

	return s->count > 0 &&
	       bsearch(&number, s->known, s->count, sizeof(number), compare_numbers) != NULL;
}

static void look_at_file(survey *s, const FTSENT *entry)
{
	const char *rest = entry->fts_path + strlen(s->folder) + 1;

	if (strncmp(entry->fts_name, SR_TOMBSTONE, strlen(SR_TOMBSTONE)) == 0)
		sr_tally_add(&s->deleted, "%s", sr_quoted(sr_text_of(rest)));
	else if (!is_known(s, rest) && !is_catalogs_own(s, entry))
		sr_tally_add(&s->stray, "%s", sr_quoted(sr_text_of(rest)));
}

/* Of the folder, as it is no damage of the database's. */
static sr_status folder_failed(survey *s, int error)
{
	if (error == ENOMEM)
		return sr_fail_memory();
	sr_finding_add(s->c, SR_SEVERITY_ERROR, "check_failed", sr_text_of(s->folder), 1, NULL,
		       "the storage folder %s cannot be checked: %s",
		       sr_quoted(sr_text_of(s->folder)), strerror(error));
	return SR_OK;
}

static sr_status walk(survey *s)
{
	char *roots[] = {(char *)(uintptr_t)s->folder, NULL};
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL);
	sr_status rc = SR_OK;
	FTSENT *entry;

	if (walk == NULL)
		return sr_fail_memory();
	if (s->count > 0)
		qsort(s->known, s->count, sizeof(*s->known), compare_numbers);
	/* One that nothing was read of is not freed whole by the C library. */
	while ((errno = 0, entry = fts_read(walk)) != NULL && !sr_checkup_stop(s->c)) {
		if (entry->fts_info == FTS_F)
			look_at_file(s, entry);
		else if ((entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR ||
			  entry->fts_info == FTS_NS) &&
			 entry->fts_errno != ENOENT)
			sr_tally_add(&s->unlisted, "%s (%s)",
				     sr_quoted(sr_text_of(entry->fts_path)),
				     strerror(entry->fts_errno));
	}
	if (entry == NULL && errno != 0)
		rc = folder_failed(s, errno);
	fts_close(walk);
	return rc;
}

/* ---- Both ---- */

static void report(survey *s)
{
	sr_checkup *c = s->c;
	sr_text folder = sr_text_of(s->folder);

	if (s->missing.count > 0)
		sr_finding_add(c, SR_SEVERITY_ERROR, "file_missing", folder, s->missing.count,
			       "put the files back, or delete their records: strongroom file "
			       "delete CLIENT PATH",
			       "stored files are not where their records say: %s",
			       sr_tally_names(s->c, &s->missing));
	if (s->elsewhere.count > 0)
		sr_finding_add(
			c, SR_SEVERITY_WARNING, "file_elsewhere", folder, s->elsewhere.count,
			"set FILE_STORAGE_DIR to the folder that holds them all, or correct "
			"their records",
			"records of stored files lead out of the storage folder, and what is "
			"there is neither read nor deleted: %s",
			sr_tally_names(s->c, &s->elsewhere));
	if (s->stray.count > 0)
		sr_finding_add(c, SR_SEVERITY_WARNING, "file_stray", folder, s->stray.count,
			       "record them with strongroom file import, or remove them",
			       "files in the storage folder have no record: %s",
			       sr_tally_names(s->c, &s->stray));
	if (s->deleted.count > 0)
		sr_finding_add(c, SR_SEVERITY_WARNING, "deletion_left", folder, s->deleted.count,
			       "strongroom file verify CLIENT takes back those that still have a "
			       "record; remove the others",
			       "files are left of deletions that were cut short: %s",
			       sr_tally_names(s->c, &s->deleted));
	if (s->unlisted.count > 0)
		sr_unseen_add(c, "folders that cannot be read: %s",
			      sr_tally_names(s->c, &s->unlisted));
}

static sr_status check_missing_folder(survey *s, bool exists)
{
	sr_checkup *c = s->c;
	sr_buffer sql = SR_BUFFER_EMPTY;
	int64_t some = 0;
	sr_status rc;

	sr_buffer_printf(&sql, "SELECT EXISTS (SELECT 1 FROM %s AS f WHERE %s)",
			 c->reading.shape.files, which_are_stored(c));
	if ((rc = sr_buffer_status(&sql)) == SR_OK)
		rc = sr_query_integer(c->conn, sql.data, &some);
	sr_buffer_free(&sql);
	if (rc == SR_OK)
		sr_finding_add(c, some ? SR_SEVERITY_WARNING : SR_SEVERITY_NOTE, "storage_missing",
			       sr_text_of(s->folder), 1,
			       some ? "set FILE_STORAGE_DIR, or bring the folder back" : NULL,
			       "the storage folder %s %s%s", sr_quoted(sr_text_of(s->folder)),
			       exists ? "is no folder" : "does not exist",
			       some ? ", and there are records of stored files" : "");
	return rc;
}

sr_status sr_check_storage(sr_checkup *c)
{
	survey s = {.c = c, .folder = c->catalog->settings.storage_dir};
	struct stat st;
	bool exists;
	sr_status rc;

	exists = stat(s.folder, &st) == 0;
	if (exists ? !S_ISDIR(st.st_mode) : errno == ENOENT || errno == ENOTDIR)
		return check_missing_folder(&s, exists);
	/* Which fails where it could not be looked at. */
	if ((s.storage = open(s.folder, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		return folder_failed(&s, errno);
	if ((s.real = realpath(s.folder, NULL)) == NULL)
		rc = folder_failed(&s, errno);
	else if ((rc = look_at_records(&s)) == SR_OK) {
		/* Without all records nothing can be said of files. */
		if (c->late)
			sr_unseen_add(c, "files without a record");
		else
			rc = walk(&s);
	}
	report(&s);
	sr_tally_free(&s.unlisted);
	sr_tally_free(&s.deleted);
	sr_tally_free(&s.stray);
	sr_tally_free(&s.elsewhere);
	sr_tally_free(&s.missing);
	close(s.storage);
	free(s.known);
	free(s.real);
	return rc;
}

/* ---- Their bytes ---- */

/* Whether the seed chooses the record: the same each time. */
static bool is_chosen(const sr_checkup *c, int64_t row)
{
	double share =
		(double)(mix(mix((uint64_t)row) ^ c->options.seed) >> 11) / (double)(1ULL << 53);

	return share * 100 < c->options.sample;
}

typedef struct chunk {
	sr_file *files[CHUNK];
	int count;
	int64_t last; /* The highest row that was looked at. */
	bool more;
} chunk;

/* The next chosen records behind chunk->last, and then the connection is given back. */
static sr_status read_chunk(sr_checkup *c, chunk *next)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_stmt *stmt = NULL;
	sr_status rc;

	next->count = 0;
	if ((rc = sr_reading_begin(c->catalog, "sr_health_check", &c->reading)) != SR_OK)
		return rc;
	sr_file_select(&sql, &c->reading.shape, "f.ClientID");
	sr_buffer_printf(&sql, " WHERE f.row_number > $1 AND %s ORDER BY f.row_number",
			 which_are_stored(c));
	if ((rc = sr_buffer_status(&sql)) != SR_OK ||
	    (rc = sr_prepare(c->reading.conn, sql.data, &stmt)) != SR_OK)
		goto err0;
	sr_bind_integer(stmt, 1, next->last);
	while ((rc = sr_step(stmt, &next->more)) == SR_OK && next->more && next->count < CHUNK) {
		sr_file file;

		next->last = sr_file_row(stmt);
		if (!is_chosen(c, next->last))
			continue;
		sr_file_read(stmt, &file);
		if ((next->files[next->count] = sr_file_copy(&file)) == NULL) {
			rc = sr_fail_memory();
			break;
		}
		next->count++;
	}

err0:
	rc = sr_stmt_end(stmt, rc);
	sr_buffer_free(&sql);
	sr_reading_end(&c->reading);
	return rc;
}

static bool stop(void *arg)
{
	return sr_checkup_stop(arg);
}

static sr_status verify(sr_checkup *c, const sr_file *file)
{
	sr_stored found;
	sr_place place;
	sr_status rc;

	if ((rc = sr_place_open(&c->catalog->settings, file->path, &place)) == SR_OK) {
		rc = sr_stored_measure(&c->catalog->settings, &place, stop, c, &found);
		if (rc == SR_OK)
			rc = sr_stored_compare(file, &found, place.path);
		sr_place_close(&place);
	}
	if (rc == SR_INTERRUPTED || rc == SR_NO_MEMORY)
		return rc;
	c->health->stored_files++;
	if (rc == SR_OK)
		return SR_OK;
	if (++c->health->stored_failed <= NAMED) {
		char words[SR_MESSAGE_SIZE];

		strcpy(words, sr_error_message());
		sr_finding_add(c, SR_SEVERITY_ERROR, "stored_differs", file->path, 1,
			       "restore it from a backup; strongroom file verify marks it", "%s",
			       words);
	}
	return SR_OK;
}

static sr_status count_stored(sr_checkup *c, int64_t *count)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_status rc;

	if ((rc = sr_reading_begin(c->catalog, "sr_health_check", &c->reading)) != SR_OK)
		return rc;
	sr_buffer_printf(&sql, "SELECT count(*) FROM %s AS f WHERE %s", c->reading.shape.files,
			 which_are_stored(c));
	if ((rc = sr_buffer_status(&sql)) == SR_OK)
		rc = sr_query_integer(c->reading.conn, sql.data, count);
	sr_buffer_free(&sql);
	sr_reading_end(&c->reading);
	return rc;
}

sr_status sr_check_stored(sr_checkup *c)
{
	chunk next = {.last = INT64_MIN + 1, .more = true};
	int64_t count = 0;
	sr_status rc;

	c->health->stored_files = c->health->stored_failed = 0;
	if ((rc = count_stored(c, &count)) != SR_OK)
		return rc;
	c->total = (int64_t)((double)count * c->options.sample / 100);
	c->done = 0;
	while (rc == SR_OK && next.more) {
		rc = read_chunk(c, &next);
		for (int i = 0; i < next.count; i++) {
			if (rc == SR_OK && !sr_checkup_stop(c)) {
				rc = verify(c, next.files[i]);
				/* By chance it may be more than its share. */
				c->done = c->health->stored_files < c->total
						  ? c->health->stored_files
						  : c->total;
			}
			sr_file_free(next.files[i]);
		}
		if (sr_checkup_stop(c))
			break;
	}
	if (c->health->stored_failed > NAMED)
		sr_finding_add(c, SR_SEVERITY_ERROR, "stored_differs", sr_text_of(NULL),
			       c->health->stored_failed - NAMED,
			       "strongroom file verify names and marks them",
			       "and %" PRId64 " more stored files are not as recorded",
			       c->health->stored_failed - NAMED);
	return rc;
}
