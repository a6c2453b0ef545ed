/*
 * A folder of backups, of which the keep rules leave some. What may be removed is on a list that
 * sr_backup writes beside them, NAME_backup_made_XXXXXXXX; anything else there is somebody's. The
 * digits are of the database's path, since catalogs of one name may share a folder.
 */
#include "backup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/checksum.h"
#include "../base/path.h"
#include "../base/retention.h"
#include "known_backups.h"

/* One of the folder's. */
typedef struct backup {
	char *name;
	int64_t instant;
	struct timespec written; /* The file, for those of one second. */
	int64_t bytes;
	unsigned kept;
} backup;

typedef struct rotation {
	char folder[4096];
	const char *database; /* Its absolute path, */
	const char *base;     /* and its name. */
	backup *list;
	size_t count;
	size_t capacity;
	sr_status status; /* Of collecting. */
} rotation;

static sr_status list_path(const char *folder, const char *database, char list[4096])
{
	char digest[65];
	sr_status rc = sr_sha256_hex(database, strlen(database), digest);
	int n;

	if (rc != SR_OK)
		return rc;
	n = snprintf(list, 4096, "%s/%s_backup_made_%.8s", folder,
		     sr_path_name(sr_text_of(database)).data, digest);
	return n > 0 && n < 4096 ? SR_OK
				 : sr_fail(SR_INVALID, "the path %s is too long for a backup",
					   sr_quoted(sr_text_of(folder)));
}

bool sr_rotation_is_list(const char *database, const char *path)
{
	sr_text folder = sr_path_folder(sr_text_of(path));
	char where[4096], list[4096];

	snprintf(where, sizeof(where), "%.*s", SR_TEXT_ARGS(folder));
	return list_path(where, database, list) == SR_OK && strcmp(list, path) == 0;
}

sr_status sr_rotation_note(const char *database, const char *path)
{
	sr_text folder = sr_path_folder(sr_text_of(path));
	const char *base = sr_path_name(sr_text_of(database)).data;
	char where[4096], list[4096];
	sr_status rc;

	snprintf(where, sizeof(where), "%.*s", SR_TEXT_ARGS(folder));
	if ((rc = list_path(where, database, list)) != SR_OK)
		return rc;
	return sr_backup_list_update(list, base, NULL, NULL, sr_path_name(sr_text_of(path)).data);
}

/* ---- What there is ---- */

static sr_status path_of(const rotation *r, const char *name, char path[4096])
{
	int n = snprintf(path, 4096, "%s/%s", r->folder, name);

	return n > 0 && n < 4096 ? SR_OK
				 : sr_fail(SR_INVALID, "the path %s is too long for a backup",
					   sr_quoted(sr_text_of(r->folder)));
}

static sr_status add(rotation *r, const char *name, const struct stat *st)
{
	backup *one;

	if (r->count == r->capacity) {
		size_t capacity = 2 * r->capacity + 16;
		backup *more = realloc(r->list, capacity * sizeof(*more));

		if (more == NULL)
			return sr_fail_memory();
		r->list = more;
		r->capacity = capacity;
	}
	one = &r->list[r->count];
	*one = (backup){
		.name = strdup(name), .written = st->st_mtim, .bytes = (int64_t)st->st_size};
	if (one->name == NULL)
		return sr_fail_memory();
	(void)sr_backup_named(r->base, name, &one->instant);
	r->count++;
	return SR_OK;
}

/* What is gone, or is no backup any more, is not ours. An empty file, or somebody's under a name of
 * ours, is neither kept in the place of a backup nor removed. */
static bool collect(void *arg, const char *name, size_t index, size_t total)
{
	rotation *r = arg;
	char path[4096];
	struct stat st;
	bool may_be;

	(void)index;
	(void)total;
	if ((r->status = path_of(r, name, path)) != SR_OK)
		return false;
	for (size_t i = 0; i < r->count; i++)
		if (strcmp(r->list[i].name, name) == 0)
			return true;
	if (lstat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	    sr_may_be_backup(path, &may_be) == SR_OK && may_be)
		r->status = add(r, name, &st);
	return r->status == SR_OK;
}

/* Newest first. */
static int newer_first(const void *a, const void *b)
{
	const backup *x = a, *y = b;

	if (x->instant != y->instant)
		return x->instant < y->instant ? 1 : -1;
	if (x->written.tv_sec != y->written.tv_sec)
		return x->written.tv_sec < y->written.tv_sec ? 1 : -1;
	return x->written.tv_nsec < y->written.tv_nsec ? 1 : -1;
}

static sr_status decide(rotation *r, const sr_keep *keep)
{
	sr_dated *dates = calloc(r->count + 1, sizeof(*dates));

	if (dates == NULL)
		return sr_fail_memory();
	if (r->count > 0)
		qsort(r->list, r->count, sizeof(*r->list), newer_first);
	for (size_t i = 0; i < r->count; i++)
		dates[i].instant = r->list[i].instant;
	sr_retention_apply(keep, dates, r->count);
	for (size_t i = 0; i < r->count; i++)
		r->list[i].kept = dates[i].kept;
	free(dates);
	return SR_OK;
}

/* ---- What goes ---- */

static bool still_there(void *arg, const char *name, size_t index, size_t total)
{
	rotation *r = arg;
	char path[4096];
	struct stat st;

	(void)index;
	(void)total;
	return path_of(r, name, path) != SR_OK || (lstat(path, &st) == 0 && S_ISREG(st.st_mode));
}

static sr_status remove_one(const char *path, const backup *one, sr_rotated *rotated)
{
	if (unlink(path) != 0 && errno != ENOENT)
		return sr_fail_errno(errno, "the backup %s cannot be removed",
				     sr_quoted(sr_text_of(path)));
	rotated->removed++;
	rotated->bytes_removed += one->bytes;
	return SR_OK;
}

static sr_status carry_out(rotation *r, bool dry_run, sr_rotation_fn fn, void *arg,
			   sr_rotated *rotated)
{
	sr_status rc, first = SR_OK;
	char words[SR_MESSAGE_SIZE] = "", path[4096];

	for (size_t i = 0; i < r->count; i++) {
		backup *one = &r->list[i];
		sr_rotation told = {path, one->instant, one->bytes, one->kept};

		if ((rc = path_of(r, one->name, path)) == SR_OK && one->kept == 0 && !dry_run)
			rc = remove_one(path, one, rotated);
		else if (one->kept == 0) {
			rotated->removed++;
			rotated->bytes_removed += one->bytes;
		} else {
			rotated->kept++;
		}
		if (rc != SR_OK && first == SR_OK) {
			first = rc;
			snprintf(words, sizeof(words), "%s", sr_error_message());
		}
		if (rc == SR_OK && fn)
			fn(arg, &told);
	}
	if (first != SR_OK)
		sr_error_set(words);
	return first;
}

static sr_status rotate(rotation *r, const sr_keep *keep, bool dry_run, sr_rotation_fn fn,
			void *arg, sr_rotated *rotated)
{
	char list[4096], words[SR_MESSAGE_SIZE];
	sr_status rc;

	if ((rc = list_path(r->folder, r->database, list)) != SR_OK ||
	    (rc = sr_backup_list_each(list, r->base, collect, r)) != SR_OK ||
	    (rc = r->status) != SR_OK || (rc = decide(r, keep)) != SR_OK)
		return rc;
	rc = carry_out(r, dry_run, fn, arg, rotated);
	if (dry_run || rotated->removed == 0)
		return rc;
	snprintf(words, sizeof(words), "%s", sr_error_message());
	if (sr_backup_list_update(list, r->base, still_there, r, NULL) != SR_OK)
		sr_log("catalog", SR_LOG_WARNING, "the list of backups was not updated: %s",
		       sr_error_message());
	sr_error_set(words);
	return rc;
}

static sr_status folder_of(const sr_settings *settings, const char *folder, char where[4096])
{
	sr_text beside = sr_path_folder(sr_text_of(settings->path));

	if (folder != NULL)
		return sr_backup_path(folder, where);
	snprintf(where, 4096, "%.*s", SR_TEXT_ARGS(beside));
	return SR_OK;
}

sr_status sr_backup_rotate(const sr_options *options, const char *folder, const sr_keep *keep,
			   bool dry_run, sr_rotation_fn fn, void *arg, sr_rotated *rotated)
{
	sr_rotated done = {0};
	rotation r = {.status = SR_OK};
	sr_settings settings;
	sr_status rc;

	if ((rc = sr_settings_resolve(options, &settings)) != SR_OK ||
	    (rc = sr_keep_check(keep)) != SR_OK ||
	    (rc = folder_of(&settings, folder, r.folder)) != SR_OK)
		goto err0;
	if (!sr_keep_any(keep)) {
		rc = sr_fail(SR_INVALID, "no rule says which backups are to be kept");
		goto err0;
	}
	r.database = settings.path;
	r.base = sr_path_name(sr_text_of(settings.path)).data;
	rc = rotate(&r, keep, dry_run, fn, arg, &done);
	for (size_t i = 0; i < r.count; i++)
		free(r.list[i].name);
	free(r.list);
err0:
	if (rotated != NULL)
		*rotated = done;
	sr_settings_free(&settings);
	return sr_return(rc);
}
