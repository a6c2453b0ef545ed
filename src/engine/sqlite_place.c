/*
 * Whether the path of a database leads to its file, and is the only one that does.
 *
 * SQLite calls the log and the journal after the database. So a file with two names has two logs,
 * and what is acknowledged through one is written over, or never seen, by who has the other
 * (https://www.sqlite.org/howtocorrupt.html, 2.5). Tools for snapshots make such names. Who reads
 * one sees what is in the file, and not what another name's log has. A mount of a single file in
 * two places cannot be told by looking.
 */
#include "sqlite.h"

#include <sys/stat.h>
#include <sys/vfs.h>

/* File systems, by statfs. */
#define FUSE  0x65735546
#define NTFS  0x5346544e
#define NTFS3 0x7366746e

/* What is about to be written would go into a file that its path no longer leads to. SQLite
 * asks for this itself only where it has a rollback journal. It also says yes where it could not
 * look, so it is asked twice. */
bool sr_sqlite_astray(sqlite3 *db)
{
	int moved = 1;

	for (int i = 0; i < 2 && moved != 0; i++)
		if (sqlite3_file_control(db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) != SQLITE_OK)
			return false;
	return moved != 0;
}

/* NTFS counts a second name that DOS would use, also through FUSE. */
static bool counts_other_names(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 &&
	       (fs.f_type == FUSE || fs.f_type == NTFS || fs.f_type == NTFS3);
}

/* A file that cannot be looked at is told of by who opens it. */
static unsigned long names_of(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0 || st.st_nlink <= 1 || counts_other_names(path))
		return 1;
	return (unsigned long)st.st_nlink;
}

bool sr_sqlite_has_names(const char *path)
{
	return names_of(path) > 1;
}

sr_status sr_database_names_check(const char *path)
{
	unsigned long names = names_of(path);

	if (names <= 1)
		return SR_OK;
	return sr_fail(
		SR_REFUSED,
		"%s has %lu names (hard links) and takes no writes: a log belongs to a name, "
		"and loses what is written through another; remove the other names, or use "
		"a copy of it and its log",
		path, names);
}

sr_status sr_sqlite_place_check(sqlite_conn *c)
{
	if (sr_sqlite_astray(c->db))
		return sr_sqlite_fail(c, SQLITE_READONLY_DBMOVED);
	return sr_database_names_check(c->base.path);
}
