/*
 * What a file is that is no database: the first page says it.
 *
 * It is read through SQLite's own file handle. Opening the file here would drop this process's
 * locks on it at the close, of whatever connection.
 */
#include "sqlite.h"

#include <string.h>

#define HEADER_SIZE 100

static const unsigned char magic[16] = "SQLite format 3";

/* Bytes of a line of text: what people point at by mistake. */
static bool looks_like_text(const unsigned char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if ((bytes[i] < ' ' && !strchr("\t\r\n\f", bytes[i])) || bytes[i] == 0x7f ||
		    bytes[i] == '\0')
			return false;
	return sr_text_is_utf8((sr_text){(const char *)bytes, length});
}

static unsigned be32(const unsigned char *p)
{
	return (unsigned)p[0] << 24 | (unsigned)p[1] << 16 | (unsigned)p[2] << 8 | p[3];
}

/* Reads the file's header; false where SQLite has no file open. */
static bool header_read(sqlite_conn *c, unsigned char header[HEADER_SIZE], sqlite3_int64 *size)
{
	sqlite3_file *file = NULL;

	memset(header, 0, HEADER_SIZE);
	if (sqlite3_file_control(c->db, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK ||
	    file == NULL || file->pMethods == NULL)
		return false;
	if (file->pMethods->xFileSize(file, size) != SQLITE_OK)
		return false;
	/* A short file leaves zeros, which is as good. */
	file->pMethods->xRead(file, header, HEADER_SIZE, 0);
	return true;
}

static sr_status identify_stranger(sqlite_conn *c, const unsigned char *header, sqlite3_int64 size)
{
	size_t length = size < 64 ? (size_t)size : 64;
	const char *path = c->base.path;

	/* A letter of several bytes may be cut at the end. */
	for (size_t cut = 0; cut < 4 && cut < length; cut++)
		if (looks_like_text(header, length - cut))
			return sr_fail(SR_CORRUPT, "%s is a text file, not a database", path);
	return sr_fail(SR_CORRUPT, "%s is not a database, or is encrypted", path);
}

sr_status sr_sqlite_identify(sqlite_conn *c, int code)
{
	unsigned char header[HEADER_SIZE];
	const char *path = c->base.path;
	sqlite3_int64 size, page, whole;

	if (c->db == NULL || !header_read(c, header, &size))
		return sr_fail(SR_CORRUPT, "%s is damaged: %s", path, sqlite3_errstr(code));
	if (memcmp(header, magic, sizeof(magic)) != 0)
		return identify_stranger(c, header, size);
	page = (sqlite3_int64)header[16] << 8 | header[17];
	page = page == 1 ? 65536 : page;
	whole = page * (sqlite3_int64)be32(header + 28);
	/* The header's page count holds only when it was written with the last change. */
	if (be32(header + 24) == be32(header + 92) && size < whole)
		return sr_fail(SR_CORRUPT,
			       "%s is damaged: it is cut short, %lld bytes of %lld are there", path,
			       size, whole);
	if ((code & 0xff) == SQLITE_NOTADB)
		return sr_fail(SR_CORRUPT,
			       "%s is damaged: its header makes no sense to this version", path);
	return sr_fail(SR_CORRUPT, "%s is damaged: %s", path, sqlite3_errmsg(c->db));
}
