/*
 * One backup without a client's key.
 *
 *	UNPACKED   [sr_unpack]        a private file beside the database
 *	REWRAPPED  [rewrap]           in it
 *	COMPACT    [sr_conn_compact]  a fresh file, which has nothing of what was there before
 *	PACKED     [pack]             as the backup was
 *	REPLACED   [take_place]       by one rename
 *
 * Up to REPLACED the backup is as it was.
 */
#include "shred.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/path.h"
#include "../base/private.h"
#include "../schema/schema.h"
#include "known_backups.h"

/* ---- Before anything is changed ---- */

/* Whether another process has the file open as a database: one that keeps a log holds a lock as
 * long as it is connected (https://www.sqlite.org/wal.html). SQLite locks these 512 bytes. */
static bool is_open(const char *path, pid_t *process)
{
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0x40000000, .l_len = 512};
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	bool is = fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;

	if (fd >= 0)
		close(fd);
	*process = lock.l_pid;
	return is;
}

/* One that is worked on as a database would be torn from its log. */
static sr_status check_unused(const char *path)
{
	static const char *const ends[] = {"-wal", "-journal"};
	char side[4112];
	struct stat st;
	pid_t process;

	if (is_open(path, &process))
		return sr_fail(SR_BUSY,
			       "the backup %s is in use as a database, by process %d: end that, or "
			       "move it to another folder",
			       sr_quoted(sr_text_of(path)), (int)process);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(side, sizeof(side), "%s%s", path, ends[i]);
		if (lstat(side, &st) == 0 && st.st_size > 0)
			return sr_fail(SR_BUSY,
				       "the backup %s is in use as a database, since %s is there: "
				       "end that, or move it to another folder",
				       sr_quoted(sr_text_of(path)), ends[i]);
	}
	return SR_OK;
}

/* A private file: its header is written. */
static sr_status check_whole(const char *path, sr_watch *watch)
{
	const sr_conn_options options = {
		.access = SR_ACCESS_INSPECT, .busy_timeout = 5, .cache_pages = 500, .bare = true};
	sr_copied copied;
	sr_conn *conn;
	sr_status rc;

	if ((rc = sr_header_without_log(path)) != SR_OK ||
	    (rc = sr_conn_open(&sr_sqlite, path, &options, &conn)) != SR_OK)
		return rc;
	if ((rc = sr_conn_begin(conn, SR_TRANSACTION_READ)) == SR_OK)
		rc = sr_copy_check(conn, false, watch, &copied);
	sr_conn_close(conn);
	return rc;
}

static sr_status unpack(sr_shredding *s, const char *path, sr_unpacked *unpacked)
{
	sr_backup_read_options how;
	sr_status rc;

	sr_backup_read_options_init(&how);
	how.key = s->options->key;
	how.key_length = s->options->key_length;
	rc = sr_unpack(s->catalog->settings.path, path, true, &how, &s->watch, unpacked);
	return rc == SR_OK ? rc : sr_fail_within(rc, "the backup %s", sr_quoted(sr_text_of(path)));
}

/* ---- Who is in it ---- */

/* -1 where it is none: other databases have a table `files`, too. */
static sr_status catalog_version(sr_conn *conn, int *version)
{
	char clients[16];
	sr_status rc;
	bool legacy;

	if ((rc = sr_schema_version(conn, version, &legacy)) != SR_OK ||
	    (rc = sr_object_type(conn, "clients", clients)) != SR_OK)
		return rc;
	if (clients[0] == '\0')
		*version = -1;
	else if (legacy)
		*version = 0;
	return rc;
}

/* Clients of the very first days lacked them. */
static sr_status has_keys(sr_conn *conn, bool *has)
{
	return sr_column_exists(conn, "clients", "AESKey", has);
}

/* "" where what is plain in it stays plain: older backups know of no master key. */
static sr_status current_master(sr_conn *conn, int version, char id[SR_MASTER_ID_SIZE])
{
	id[0] = '\0';
	return version < SR_KEYS_VERSION ? SR_OK : sr_keys_current(conn, id);
}

/* One that the catalog has under another name by now keeps its key. */
static sr_status meet_namesake(sr_shredding *s, const sr_id *id)
{
	char text[SR_ID_TEXT_SIZE];
	sr_client *client;
	sr_status rc;

	sr_id_format(id, text);
	if (sr_paths_have(&s->namesakes, text))
		return SR_OK;
	if ((rc = sr_paths_add(&s->namesakes, text)) != SR_OK)
		return rc;
	rc = sr_client_find(s->catalog, id, (sr_text){0}, SR_CLIENT_NAME, &client);
	sr_client_free(client);
	if (rc != SR_NOT_FOUND)
		return rc;
	if (s->options->namesake != NULL)
		s->options->namesake(s->options->namesake_arg, id);
	return SR_OK;
}

/* By the bytes of the name: those with a NUL inside are a TEXT here and a BLOB there. */
static sr_status meet_clients(sr_shredding *s, sr_conn *conn)
{
	sr_stmt *stmt;
	sr_status rc;
	sr_id id;
	bool row;

	if ((rc = sr_prepare(conn,
			     "SELECT ID FROM clients WHERE ID = $1 OR (CAST(Name AS BLOB) = "
			     "CAST($2 AS BLOB) AND AESKey IS NOT NULL)",
			     &stmt)) != SR_OK)
		return rc;
	sr_bind_id(stmt, 1, s->client);
	sr_bind_name(stmt, 2, s->found != NULL ? s->found->name : (sr_text){0});
	while ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		if (!sr_column_id(stmt, 0, &id))
			continue;
		if (memcmp(&id, s->client, sizeof(id)) == 0)
			s->backed = true;
		else if ((rc = meet_namesake(s, &id)) != SR_OK)
			break;
	}
	return sr_stmt_end(stmt, rc);
}

static sr_status fail_damaged(int64_t count)
{
	return sr_fail(SR_CORRUPT,
		       "%lld AES %s in it cannot be opened, and could never be once the old "
		       "master keys are destroyed",
		       (long long)count, sr_plural(count, "key", "keys"));
}

/* What the ring has no master key for loses nothing more. */
static sr_status check_key(const sr_shredding *s, sr_conn *conn, sr_stmt *stmt, int64_t *damaged)
{
	sr_text owner = sr_column_text(stmt, 0), stored = sr_column_text(stmt, 1);
	sr_status rc;
	sr_key key;

	if ((rc = sr_stmt_check(stmt)) != SR_OK)
		return rc;
	rc = sr_key_open_unnamed(s->catalog, conn, 0, owner, stored, &key);
	sr_key_done(&key);
	*damaged += rc == SR_CORRUPT;
	return rc == SR_CORRUPT || rc == SR_WRONG_KEY ? SR_OK : rc;
}

/* Whether rewrapping will open them. */
static sr_status check_keys(const sr_shredding *s, sr_conn *conn, int version)
{
	char current[SR_MASTER_ID_SIZE];
	int64_t damaged = 0;
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	if ((rc = current_master(conn, version, current)) != SR_OK || current[0] == '\0' ||
	    (rc = sr_prepare(
		     conn,
		     "SELECT ID, AESKey FROM clients WHERE ID IS NOT $1 AND " SR_KEY_WAS_WRAPPED,
		     &stmt)) != SR_OK)
		return rc;
	sr_bind_id(stmt, 1, s->client);
	while ((rc = sr_step(stmt, &row)) == SR_OK && row &&
	       (rc = check_key(s, conn, stmt, &damaged)) == SR_OK)
		;
	rc = sr_stmt_end(stmt, rc);
	return rc == SR_OK && damaged > 0 ? fail_damaged(damaged) : rc;
}

static sr_status check_clients(sr_shredding *s, const char *path)
{
	const sr_conn_options options = {
		.access = SR_ACCESS_INSPECT, .busy_timeout = 5, .cache_pages = 100, .bare = true};
	sr_conn *conn;
	int version;
	sr_status rc;
	bool has;

	if ((rc = sr_conn_open(&sr_sqlite, path, &options, &conn)) != SR_OK)
		return rc;
	if ((rc = catalog_version(conn, &version)) == SR_OK && version >= 0 &&
	    (rc = has_keys(conn, &has)) == SR_OK && has && (rc = meet_clients(s, conn)) == SR_OK)
		rc = check_keys(s, conn, version);
	sr_conn_close(conn);
	return rc;
}

static sr_status check_content(sr_shredding *s, const char *path)
{
	sr_unpacked unpacked;
	sr_status rc;
	bool is;

	if ((rc = unpack(s, path, &unpacked)) != SR_OK)
		return rc;
	if ((rc = sr_begins_as_database(unpacked.path, &is)) == SR_OK && !is)
		rc = sr_shred_pass_over(s, path);
	else if (rc == SR_OK && ((rc = check_whole(unpacked.path, &s->watch)) != SR_OK ||
				 (rc = check_clients(s, unpacked.path)) != SR_OK))
		sr_fail_within(rc, "the backup %s", sr_quoted(sr_text_of(path)));
	sr_unpacked_remove(&unpacked);
	return rc;
}

/* A damaged one would end every attempt only after another master key was made. */
sr_status sr_shred_backup_check(sr_shredding *s, const char *path)
{
	sr_status rc;
	bool may_be;

	if ((rc = sr_may_be_backup(path, &may_be)) != SR_OK)
		return rc;
	if (!may_be)
		return sr_shred_pass_over(s, path);
	if ((rc = check_unused(path)) == SR_OK)
		rc = check_content(s, path);
	return rc == SR_CORRUPT ? sr_fail_also(rc, "; delete it, or move it elsewhere") : rc;
}

/* ---- Rewrapped ---- */

/* What there is to change: the client's key, and wrapped ones. */
static sr_status count_keys(sr_conn *conn, const sr_id *client, int64_t *count)
{
	sr_stmt *stmt;
	sr_status rc;
	bool has, row;

	*count = 0;
	if ((rc = has_keys(conn, &has)) != SR_OK || !has ||
	    (rc = sr_prepare(conn,
			     "SELECT count(*) FROM clients WHERE AESKey IS NOT NULL AND (ID = $1 "
			     "OR (" SR_KEY_IS_WRAPPED "))",
			     &stmt)) != SR_OK)
		return rc;
	sr_bind_id(stmt, 1, client);
	if ((rc = sr_step(stmt, &row)) == SR_OK && row)
		*count = sr_column_integer(stmt, 0);
	return sr_stmt_end(stmt, rc);
}

static sr_status rewrap_rows(const sr_shredding *s, sr_conn *conn, int version,
			     sr_shred_found *found)
{
	char current[SR_MASTER_ID_SIZE];
	sr_rewrapped rewrapped = {0};
	sr_status rc;

	if ((rc = current_master(conn, version, current)) != SR_OK)
		return rc;
	if (current[0] == '\0')
		rc = sr_keys_take_away(conn, s->client, &rewrapped.taken);
	else
		rc = sr_keys_rewrap(s->catalog, conn, &s->master, s->client, s->now, &rewrapped);
	/* The backup came after the check. */
	if (rc == SR_OK && rewrapped.unreadable > rewrapped.lost)
		rc = sr_fail_also(fail_damaged(rewrapped.unreadable - rewrapped.lost),
				  "; delete it, or move it elsewhere");
	else if (rc == SR_OK && rewrapped.lost > 0)
		sr_log("catalog", SR_LOG_WARNING,
		       "the backup %s has %lld AES %s that no master key in the ring opens: %s as "
		       "%s",
		       sr_quoted(sr_text_of(s->backup)), (long long)rewrapped.lost,
		       sr_plural(rewrapped.lost, "key", "keys"),
		       sr_plural(rewrapped.lost, "it stays", "they stay"),
		       sr_plural(rewrapped.lost, "it was", "they were"));
	if (rewrapped.taken > 0 || rewrapped.changed > 0)
		*found = SR_SHRED_CHANGED;
	return rc;
}

/* In one transaction, without anybody's triggers. */
static sr_status rewrap(const sr_shredding *s, sr_conn *conn, sr_shred_found *found)
{
	int64_t keys;
	int version;
	sr_status rc;

	if ((rc = catalog_version(conn, &version)) != SR_OK || version < 0)
		return rc;
	*found = SR_SHRED_SAME;
	if ((rc = count_keys(conn, s->client, &keys)) != SR_OK || keys == 0)
		return rc;
	if ((rc = sr_conn_triggers(conn, false)) != SR_OK ||
	    (rc = sr_conn_begin(conn, SR_TRANSACTION_WRITE)) != SR_OK)
		return rc;
	if ((rc = rewrap_rows(s, conn, version, found)) == SR_OK && *found == SR_SHRED_CHANGED)
		rc = sr_conn_commit(conn);
	sr_conn_rollback(conn);
	return rc;
}

/* ---- Compact, packed ---- */

/* The private file's rows, compact, in `fresh`. */
static sr_status make_fresh(sr_shredding *s, const char *unpacked, const char *fresh,
			    sr_shred_found *found)
{
	const sr_conn_options options = {
		.access = SR_ACCESS_WRITE,
		.durability = SR_DURABILITY_NORMAL, /* Nobody needs the private file. */
		.busy_timeout = 5,
		.cache_pages = 2000,
	};
	sr_conn *conn;
	sr_status rc;

	if ((rc = sr_header_without_log(unpacked)) != SR_OK ||
	    (rc = sr_conn_open(&sr_sqlite, unpacked, &options, &conn)) != SR_OK)
		return rc;
	rc = rewrap(s, conn, found);
	if (rc == SR_OK && *found == SR_SHRED_CHANGED &&
	    (rc = sr_watch_step(&s->watch, "rewriting a backup")) == SR_OK)
		rc = sr_conn_compact(conn, fresh, sr_watch_progress, &s->watch);
	sr_conn_close(conn);
	if (rc == SR_OK && *found == SR_SHRED_CHANGED &&
	    (rc = check_whole(fresh, &s->watch)) != SR_OK)
		sr_private_remove(fresh);
	return rc;
}

/* And unpacked again, to see that it is what went in. */
static sr_status pack(sr_shredding *s, const sr_unpacked *was, const char *fresh, const char *part)
{
	const sr_archive_options options = {
		.key = was->encrypted ? s->options->key : NULL,
		.key_length = was->encrypted ? s->options->key_length : 0,
		.compress = was->compressed,
		.progress = sr_watch_progress,
		.progress_arg = &s->watch,
	};
	sr_archive_content in, out;
	sr_status rc;

	if ((rc = sr_watch_step(&s->watch, "packing")) != SR_OK ||
	    (rc = sr_archive_pack(fresh, part, &options, &in)) != SR_OK)
		return rc;
	if ((rc = sr_watch_step(&s->watch, "reading back")) == SR_OK)
		rc = sr_archive_unpack(part, NULL, &options, &out);
	if (rc == SR_OK && (in.bytes != out.bytes || strcmp(in.hash, out.hash) != 0))
		rc = sr_fail(SR_CORRUPT, "%s does not give back what was packed into it",
			     sr_quoted(sr_text_of(part)));
	if (rc != SR_OK)
		sr_private_remove(part);
	return rc;
}

/* ---- Replaced ---- */

/* Whoever owns the folder could put a file of theirs there, to have its owner and mode given to
 * what was in the one before. Every such exchange changes the time that is looked at. */
static sr_status check_same(const char *path, const struct stat *was)
{
	struct stat now;

	if (lstat(path, &now) != 0)
		return sr_fail_errno(errno, "%s cannot be looked at", sr_quoted(sr_text_of(path)));
	if (S_ISREG(now.st_mode) && now.st_dev == was->st_dev && now.st_ino == was->st_ino &&
	    now.st_ctim.tv_sec == was->st_ctim.tv_sec &&
	    now.st_ctim.tv_nsec == was->st_ctim.tv_nsec)
		return SR_OK;
	return sr_fail(SR_REFUSED, "%s was changed or exchanged by somebody meanwhile",
		       sr_quoted(sr_text_of(path)));
}

/* On the disk, and with the owner, mode and time of the one before: rotation goes by that. */
static sr_status take_place(const char *part, const char *path, const struct stat *was)
{
	int fd = open(part, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	sr_status rc = SR_OK;

	if (fd < 0)
		return sr_fail_errno(errno, "%s cannot be opened", sr_quoted(sr_text_of(part)));
	if ((rc = check_same(path, was)) == SR_OK &&
	    ((fchown(fd, was->st_uid, was->st_gid) != 0 && errno != EPERM) ||
	     fchmod(fd, was->st_mode & 0777) != 0 ||
	     futimens(fd, (struct timespec[2]){was->st_atim, was->st_mtim}) != 0 ||
	     fsync(fd) != 0 || rename(part, path) != 0))
		rc = sr_fail_errno(errno, "%s cannot be put in the place of %s",
				   sr_quoted(sr_text_of(part)), sr_quoted(sr_text_of(path)));
	close(fd);
	return rc == SR_OK ? sr_folder_sync(path) : rc;
}

/* A snapshot's hard link to it is to the file of before. */
static void tell_of_names(const char *path, const struct stat *was)
{
	unsigned long others = (unsigned long)was->st_nlink - 1;

	if (was->st_nlink > 1)
		sr_log("catalog", SR_LOG_WARNING,
		       "the file that was %s until now has %lu other %s (hard %s), and the key "
		       "with it where that is in none of the folders given",
		       sr_quoted(sr_text_of(path)), others,
		       sr_plural((int64_t)others, "name", "names"),
		       sr_plural((int64_t)others, "link", "links"));
}

/* ---- The whole ---- */

/* Beside the backup, but called after the database, whatever the backup is called: so that what
 * a killed process leaves is known for what it is. */
static sr_status part_beside(const sr_shredding *s, const char *path, char part[4096])
{
	sr_text folder = sr_path_folder(sr_text_of(path));
	char where[4096], name[4096];
	sr_status rc;

	snprintf(where, sizeof(where), "%.*s", SR_TEXT_ARGS(folder));
	if ((rc = sr_backup_name(s->catalog->settings.path, where, "", name)) != SR_OK)
		return rc;
	return sr_part_name(name, part);
}

static sr_status write_part(sr_shredding *s, const sr_unpacked *unpacked, const char *path,
			    const char *part, const struct stat *was, sr_shred_found *found)
{
	bool packed = unpacked->compressed || unpacked->encrypted;
	char fresh[4096];
	sr_status rc;

	if ((rc = packed ? sr_part_name(unpacked->path, fresh) : SR_OK) != SR_OK)
		return rc;
	/* Of a run that was killed, by a process of the same number. */
	sr_private_remove(part);
	if (!packed)
		strcpy(fresh, part);
	else
		sr_private_remove(fresh);
	if ((rc = make_fresh(s, unpacked->path, fresh, found)) != SR_OK ||
	    *found != SR_SHRED_CHANGED)
		return rc;
	if (packed) {
		rc = pack(s, unpacked, fresh, part);
		sr_private_remove(fresh);
	}
	if (rc == SR_OK && (rc = take_place(part, path, was)) != SR_OK)
		sr_private_remove(part);
	return rc;
}

static sr_status rewrite(sr_shredding *s, const sr_unpacked *unpacked, const char *path,
			 const struct stat *was, sr_shred_found *found)
{
	char part[4096];
	int hold = -1;
	sr_status rc;

	if ((rc = part_beside(s, path, part)) == SR_OK && (rc = sr_part_hold(part, &hold)) == SR_OK)
		rc = write_part(s, unpacked, path, part, was, found);
	sr_part_let_go(&hold);
	return rc;
}

sr_status sr_shred_backup(sr_shredding *s, const char *path, sr_shred_found *found)
{
	sr_unpacked unpacked;
	struct stat was;
	sr_status rc;
	bool may_be, is;

	*found = SR_SHRED_NO_CATALOG;
	s->backup = path;
	if (lstat(path, &was) != 0 || !S_ISREG(was.st_mode))
		return sr_fail(SR_REFUSED, "%s is no file any more", sr_quoted(sr_text_of(path)));
	if ((rc = sr_may_be_backup(path, &may_be)) != SR_OK || !may_be ||
	    (rc = check_unused(path)) != SR_OK || (rc = unpack(s, path, &unpacked)) != SR_OK)
		return rc;
	rc = check_same(path, &was);
	if (rc == SR_OK && (rc = sr_begins_as_database(unpacked.path, &is)) == SR_OK && is)
		rc = rewrite(s, &unpacked, path, &was, found);
	sr_unpacked_remove(&unpacked);
	if (rc != SR_OK)
		sr_fail_within(rc, "the backup %s is as it was", sr_quoted(sr_text_of(path)));
	else if (*found == SR_SHRED_CHANGED)
		tell_of_names(path, &was);
	return rc;
}
