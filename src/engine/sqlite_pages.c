/*
 * The file of sr_pages: its lock, its header, its pages. The format is SQLite's, documented at
 * sqlite.org/fileformat2.html.
 */
#include "sqlite_pages.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER_SIZE    100
#define SMALLEST_PAGE  512u
#define LARGEST_PAGE   65536
#define SAMPLE_BYTES   (64 << 20) /* Looked at to find the size of the pages. */
#define VALUES_AT_MOST 2000       /* Columns that SQLite allows. */

static const unsigned char magic[16] = "SQLite format 3";

void sr_pages_complain(sr_pages *pages, const char *fmt, ...)
{
	va_list ap;

	if (pages->complaint_count == PAGES_COMPLAINTS)
		return;
	va_start(ap, fmt);
	vsnprintf(pages->complaints[pages->complaint_count++], sizeof(pages->complaints[0]), fmt,
		  ap);
	va_end(ap);
}

const char *sr_pages_complaint(const sr_pages *pages, size_t index)
{
	return index < pages->complaint_count ? pages->complaints[index] : NULL;
}

/* ---- SQLite's own files ---- */

sr_status sr_pages_file_open(const char *name, int flags, sqlite3_file **file)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
	int code;

	if ((*file = calloc(1, (size_t)vfs->szOsFile)) == NULL)
		return sr_fail_memory();
	code = vfs->xOpen(vfs, name, *file, flags, NULL);
	if (code == SQLITE_OK)
		return SR_OK;
	sr_pages_file_close(*file);
	*file = NULL;
	return sr_fail(code == SQLITE_NOMEM ? SR_NO_MEMORY : SR_IO, "%s cannot be opened", name);
}

void sr_pages_file_close(sqlite3_file *file)
{
	if (file && file->pMethods)
		file->pMethods->xClose(file);
	free(file);
}

bool sr_pages_file_read(sqlite3_file *file, void *bytes, int length, int64_t offset)
{
	return file->pMethods->xRead(file, bytes, length, offset) == SQLITE_OK;
}

/* Everybody out: what is read is then of one moment. A medium that only reads has no writers. */
static sr_status file_lock(sr_pages *p, bool writable)
{
	const sqlite3_io_methods *methods = p->file->pMethods;
	int code = methods->xLock(p->file, SQLITE_LOCK_SHARED);

	if (code == SQLITE_OK && writable)
		code = methods->xLock(p->file, SQLITE_LOCK_EXCLUSIVE);
	if (code == SQLITE_OK)
		return SR_OK;
	if ((code & 0xff) == SQLITE_BUSY)
		return sr_fail(SR_BUSY,
			       "%s is in use; end every program that has it open, this one too",
			       p->path);
	return sr_fail(SR_IO, "%s cannot be locked", p->path);
}

static sr_status file_check(const char *path)
{
	struct stat st;

	if (path[0] != '/')
		return sr_fail(SR_INVALID, "the path of a database must be absolute: %s", path);
	if (stat(path, &st) != 0)
		return sr_fail_errno(errno, "the database %s cannot be reached", path);
	if (!S_ISREG(st.st_mode))
		return sr_fail(SR_CORRUPT, "%s is no file", path);
	return SR_OK;
}

/* ---- Pages ---- */

bool sr_pages_seen(const sr_pages *p, int64_t number)
{
	return p->seen[number / 8] >> number % 8 & 1;
}

void sr_pages_mark(sr_pages *p, int64_t number)
{
	if (sr_pages_seen(p, number))
		return;
	p->seen[number / 8] |= (unsigned char)(1 << number % 8);
	p->visited++;
}

bool sr_pages_read(sr_pages *p, int64_t number, unsigned char *page)
{
	if (number < 1 || number > p->count)
		return false;
	if (number < p->logged_count && p->logged[number] > 0)
		return sr_pages_file_read(p->log, page, (int)p->page_size, p->logged[number]);
	return sr_pages_file_read(p->file, page, (int)p->page_size,
				  (number - 1) * (int64_t)p->page_size);
}

int64_t sr_pages_count(const sr_pages *p)
{
	return p->count;
}

int64_t sr_pages_visited(const sr_pages *p)
{
	return p->visited;
}

void sr_pages_take(sr_pages *p, int64_t page)
{
	if (page >= 1 && page <= p->count)
		sr_pages_mark(p, page);
}

/* ---- The size of the pages, where the header does not say ---- */

/* How many of a thousand places where pages of that size would begin look like one. */
static int share_of_pages(sr_pages *p, uint32_t size, unsigned char *page)
{
	int64_t good = 0, all = 0;

	/* The first has lost its header, and the last may be cut. */
	for (int64_t at = size; at + size <= p->file_size && at < SAMPLE_BYTES; at += size) {
		all++;
		good += sr_pages_file_read(p->file, page, (int)size, at) &&
			sr_pages_plausible(page, size, false);
	}
	if (all > 0)
		return (int)(good * 1000 / all);
	return p->file_size >= size && sr_pages_file_read(p->file, page, (int)size, 0) &&
			       sr_pages_plausible(page, size, true)
		       ? 1000
		       : 0;
}

/* Twice the true size looks as good: its pages begin where true ones do. So the smallest of the
 * good ones is the true one. */
static uint32_t guess_page_size(sr_pages *p)
{
	unsigned char *page = malloc(LARGEST_PAGE);
	int shares[8];
	int best = 0;
	uint32_t found = 0;

	for (int i = 0; page && i < 8; i++) {
		shares[i] = share_of_pages(p, SMALLEST_PAGE << i, page);
		best = shares[i] > best ? shares[i] : best;
	}
	for (int i = 0; page && best > 0 && found == 0; i++)
		if (shares[i] * 5 >= best * 4)
			found = SMALLEST_PAGE << i;
	free(page);
	return found;
}

/* ---- The header ---- */

static bool header_good(const unsigned char *h)
{
	uint32_t size = get2(h + 16) == 1 ? LARGEST_PAGE : get2(h + 16);

	return memcmp(h, magic, sizeof(magic)) == 0 && size >= SMALLEST_PAGE &&
	       (size & (size - 1)) == 0 && h[20] <= size - 480 && h[21] == 64 && h[22] == 32 &&
	       h[23] == 32;
}

static void header_take_size(sr_pages *p, const unsigned char *h)
{
	p->page_size = get2(h + 16) == 1 ? LARGEST_PAGE : get2(h + 16);
	p->usable = p->page_size - h[20];
}

/* What the header says about the rest of the file. */
static sr_status header_take(sr_pages *p, const unsigned char *h)
{
	/* The count holds only when it was written with the last change. */
	int64_t promised = get4(h + 24) == get4(h + 92) ? get4(h + 28) : 0;

	if (get4(h + 56) == 2 || get4(h + 56) == 3)
		return sr_fail(SR_INVALID, "%s holds its text as UTF-16, which no catalog does",
			       p->path);
	p->first_free = get4(h + 32);
	if (promised > p->count)
		sr_pages_complain(p, "it is cut short: %lld of %lld pages are there",
				  (long long)p->count, (long long)promised);
	return SR_OK;
}

static sr_status header_read(sr_pages *p)
{
	unsigned char header[HEADER_SIZE] = {0};
	bool good;

	/* A short file leaves zeros, which are no header. */
	(void)sr_pages_file_read(p->file, header, HEADER_SIZE, 0);
	good = header_good(header);
	if (good) {
		header_take_size(p, header);
	} else {
		p->page_size = sr_pages_log_page_size(p);
		if (p->page_size == 0)
			p->page_size = guess_page_size(p);
		if (p->page_size == 0)
			return sr_fail(SR_CORRUPT,
				       "%s cannot be salvaged: nothing in it looks like a page of "
				       "a database, or it is encrypted",
				       p->path);
		p->usable = p->page_size;
	}
	p->count = (p->file_size + p->page_size - 1) / p->page_size;
	return sr_pages_log_load(p, !good || header[19] == 2);
}

/* Again, as the log has it. */
static sr_status header_settle(sr_pages *p)
{
	uint32_t size = p->page_size;

	if (sr_pages_read(p, 1, p->page) && header_good(p->page)) {
		header_take_size(p, p->page);
		if (p->page_size == size)
			return header_take(p, p->page);
		p->page_size = p->usable = size;
	}
	sr_pages_complain(p, "its header is lost");
	return SR_OK;
}

/* ---- Opening and closing ---- */

static sr_status make_room(sr_pages *p)
{
	p->seen = calloc(1, (size_t)(p->count / 8 + 1));
	p->page = malloc(LARGEST_PAGE);
	p->values = calloc(VALUES_AT_MOST, sizeof(*p->values));
	return p->seen && p->page && p->values ? SR_OK : sr_fail_memory();
}

/* A link's log lies where the link leads. */
static sr_status open_name(sr_pages *p, const char *given)
{
	char *real = realpath(given, NULL);
	const char *path = real ? real : given;
	char *log = sqlite3_mprintf("%s-wal", path);
	char *journal = sqlite3_mprintf("%s-journal", path);

	p->path = strdup(given);
	if (log && journal)
		p->name = sqlite3_create_filename(path, journal, log, 0, NULL);
	sqlite3_free(log);
	sqlite3_free(journal);
	free(real);
	return p->path && p->name ? SR_OK : sr_fail_memory();
}

static sr_status open_file(sr_pages *p)
{
	struct stat st;
	sr_status rc;

	/* For writing, since only so it can be locked; nothing is written. */
	rc = sr_pages_file_open(p->name, SQLITE_OPEN_READWRITE | SQLITE_OPEN_MAIN_DB, &p->file);
	if (rc != SR_OK)
		return rc;
	if ((rc = file_lock(p, access(p->path, W_OK) == 0)) != SR_OK)
		return rc;
	if (stat(p->path, &st) != 0)
		return sr_fail_errno(errno, "%s cannot be looked at", p->path);
	p->file_size = st.st_size;
	return SR_OK;
}

sr_status sr_pages_open(const char *path, sr_pages **pages)
{
	sr_pages *p;
	sr_status rc;

	*pages = NULL;
	if ((rc = file_check(path)) != SR_OK)
		return rc;
	if ((p = calloc(1, sizeof(*p))) == NULL)
		return sr_fail_memory();
	if ((rc = open_name(p, path)) != SR_OK || (rc = open_file(p)) != SR_OK ||
	    (rc = header_read(p)) != SR_OK || (rc = make_room(p)) != SR_OK ||
	    (rc = header_settle(p)) != SR_OK) {
		sr_pages_close(p);
		return rc;
	}
	*pages = p;
	return SR_OK;
}

void sr_pages_close(sr_pages *p)
{
	if (p == NULL)
		return;
	if (p->file && p->file->pMethods)
		p->file->pMethods->xUnlock(p->file, SQLITE_LOCK_NONE);
	sr_pages_file_close(p->log);
	sr_pages_file_close(p->file);
	sqlite3_free_filename((char *)(uintptr_t)p->name);
	sr_buffer_free(&p->payload);
	free(p->values);
	free(p->logged);
	free(p->page);
	free(p->seen);
	free(p->path);
	free(p);
}
