/*
 * What lies beside a database, which SQLite takes up by itself and before anything can be asked:
 * the log, its index, the journal of a writer that was cut short.
 *
 * Such a journal may name another file, the super-journal, where several databases were written in
 * one transaction. SQLite reads that file wherever it is, and deletes it in the end unless it is a
 * list of journals of which one is still there. This program never writes so; who does, with
 * ATTACH, has it in the folder of one of them, with a name that SQLite makes. Any other is somebody
 * else's file, which a planted journal would have deleted with our rights.
 */
#include "sqlite.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/private.h"
#include "../base/text.h"

#define TRAILER 16 /* Bytes behind the name: its length, its sum, the journal's magic. */

static const unsigned char magic[8] = {0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7};

/* The name, "" without one. The sum is not looked at: better to refuse what SQLite would pass over.
 */
static sr_status super_read(int fd, const char *journal, char name[4096])
{
	unsigned char end[TRAILER];
	struct stat st;
	uint32_t length;

	name[0] = '\0';
	if (fstat(fd, &st) != 0)
		return sr_fail_errno(errno, "%s cannot be read", journal);
	if (st.st_size < TRAILER || pread(fd, end, TRAILER, st.st_size - TRAILER) != TRAILER ||
	    memcmp(end + 8, magic, sizeof(magic)) != 0)
		return SR_OK;
	length = (uint32_t)end[0] << 24 | (uint32_t)end[1] << 16 | (uint32_t)end[2] << 8 | end[3];
	if (length == 0 || length >= 4096 || length > st.st_size - TRAILER)
		return SR_OK;
	if (pread(fd, name, length, st.st_size - TRAILER - (off_t)length) != (ssize_t)length)
		return sr_fail(SR_IO, "%s cannot be read", journal);
	name[length] = '\0';
	return SR_OK;
}

/* "-mj" and nine digits at its end, in the folder of the database, and no link. */
static bool is_sqlites_own(const char *name, const char *database)
{
	const char *slash = strrchr(database, '/');
	const size_t folder = (size_t)(slash - database) + 1, length = strlen(name);
	struct stat st;

	if (length < folder + 12 || strncmp(name, database, folder) != 0 ||
	    strchr(name + folder, '/') != NULL || strncmp(name + length - 12, "-mj", 3) != 0)
		return false;
	for (size_t i = length - 9; i < length; i++)
		if (!isxdigit((unsigned char)name[i]))
			return false;
	return lstat(name, &st) != 0 || S_ISREG(st.st_mode);
}

static sr_status journal_check(const char *database, const char *journal)
{
	char name[4096];
	sr_status rc;
	int fd;

	fd = open(journal, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return SR_OK;
	if (fd < 0)
		return sr_fail_errno(errno, "%s cannot be read", journal);
	/* SQLite locks the database, and never its journal: none is lost by closing this. */
	rc = super_read(fd, journal, name);
	close(fd);
	if (rc == SR_OK && name[0] != '\0' && !is_sqlites_own(name, database))
		rc = sr_fail(
			SR_REFUSED,
			"%s was left with a journal that names %s, which SQLite would read and "
			"delete: look who made it; where several databases were written at "
			"once, open all of them with sqlite3",
			database, sr_quoted(sr_text_of(name)));
	return rc;
}

static const char *const sides[] = {"-wal", "-shm", "-journal"};
enum { SIDES = sizeof(sides) / sizeof(sides[0]) };

sr_status sr_output_name_check(const char *path)
{
	const size_t length = strlen(path);

	for (size_t i = 0; i < SIDES; i++) {
		const size_t end = strlen(sides[i]);

		if (length >= end && strcmp(path + length - end, sides[i]) == 0)
			return sr_fail(SR_INVALID,
				       "%s is not made: SQLite takes what ends in %s for a "
				       "database's own, and writes over it or removes it; choose "
				       "another name",
				       sr_quoted(sr_text_of(path)), sides[i]);
	}
	return SR_OK;
}

sr_status sr_sqlite_beside_check(const char *database)
{
	sr_buffer name = SR_BUFFER_EMPTY;
	sr_status rc = SR_OK;
	struct stat st;

	for (size_t i = 0; i < SIDES && rc == SR_OK; i++) {
		sr_buffer_clear(&name);
		sr_buffer_printf(&name, "%s%s", database, sides[i]);
		if ((rc = sr_buffer_status(&name)) != SR_OK || lstat(name.data, &st) != 0)
			continue;
		if (S_ISLNK(st.st_mode))
			rc = sr_fail(SR_REFUSED,
				     "%s is a symbolic link, which is not followed: look who "
				     "made it, and remove it",
				     name.data);
		else if (!S_ISREG(st.st_mode))
			rc = sr_fail(SR_REFUSED,
				     "%s is no regular file: look who made it, and remove it",
				     name.data);
		else if (strcmp(sides[i], "-journal") == 0)
			rc = journal_check(database, name.data);
	}
	sr_buffer_free(&name);
	return rc;
}

sr_status sr_database_closed(const char *path)
{
	sr_buffer log = SR_BUFFER_EMPTY;
	struct stat st;
	sr_status rc;

	sr_buffer_printf(&log, "%s-wal", path);
	if ((rc = sr_buffer_status(&log)) != SR_OK)
		goto out;
	if (lstat(log.data, &st) == 0)
		rc = sr_fail(SR_IO, "%s could not be brought into its database", log.data);
	else if (errno != ENOENT)
		rc = sr_fail_errno(errno, "%s cannot be looked at", log.data);
out:
	sr_buffer_free(&log);
	return rc;
}

void sr_database_remove(const char *path)
{
	sr_private_remove(path);
	for (size_t i = 0; i < SIDES; i++) {
		char side[4096 + 16]; /* It may be for want of memory that it goes. */

		snprintf(side, sizeof(side), "%s%s", path, sides[i]);
		sr_private_remove(side);
	}
}
