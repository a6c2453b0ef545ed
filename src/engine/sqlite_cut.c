/*
 * Whether the database or its log was cut short while it is in use.
 *
 * SQLite does not look: a writer has in memory what it needs of the file, and the index of the log
 * tells it where to go on. So somebody's truncate would go unnoticed by all that is written after,
 * and the next checkpoint fill the file up again, with holes. Two things hold at every commit:
 *
 * 1. Every page that the file does not have is in the log. Whether it is, the log's index says; it
 *    is gone through only when the file is shorter than at the last look.
 * 2. The last frame that was committed is in the log, where its index says. Where the log was cut
 *    and written on beyond, there is a hole.
 *
 * The index is memory that SQLite has mapped. Its beginning, and where it has the numbers of pages,
 * are part of the format of the files (https://sqlite.org/walformat.html).
 */
#include <stdlib.h>
#include <string.h>

#include "sqlite.h"
#include "sqlite_pages.h"

#define REGION_BYTES   32768
#define REGION_FRAMES  4096
#define INDEX_HEADER   136
#define HEADER_WORDS   12 /* There are two copies, which differ while it is written. */
#define HEADER_RETRIES 100

/* The header of the index. */
typedef struct index_header {
	uint32_t page_size;
	uint32_t frames; /* In the log, up to its last commit. */
	uint32_t pages;  /* Of the database then. */
	uint32_t salt[2];
} index_header;

static int region_of(sqlite3_file *file, int number, const uint32_t **region)
{
	void volatile *memory = NULL;
	int code = file->pMethods->xShmMap(file, number, REGION_BYTES, 0, &memory);

	*region = (const uint32_t *)memory;
	return code;
}

/* Other processes write there. */
static uint32_t word(const uint32_t *region, uint32_t at)
{
	return __atomic_load_n(&region[at], __ATOMIC_ACQUIRE);
}

static bool header_copy(const uint32_t *region, uint32_t words[HEADER_WORDS])
{
	bool same = true;

	for (uint32_t i = 0; i < HEADER_WORDS; i++) {
		words[i] = word(region, i);
		same = word(region, HEADER_WORDS + i) == words[i] && same;
	}
	return same;
}

/* False where there is none, or none that stands still. */
static bool header_read(const uint32_t *region, index_header *h)
{
	uint32_t words[HEADER_WORDS];
	unsigned char flags[4];
	uint16_t page_size;
	int tries = 0;

	while (!header_copy(region, words))
		if (++tries == HEADER_RETRIES)
			return false;
	memcpy(flags, &words[3], sizeof(flags));
	memcpy(&page_size, flags + 2, sizeof(page_size));
	h->page_size = (page_size & 0xfe00u) + ((page_size & 1u) << 16);
	h->frames = words[4];
	h->pages = words[5];
	h->salt[0] = words[8];
	h->salt[1] = words[9];
	return flags[0] != 0 && h->page_size != 0;
}

/* ---- The database ---- */

static sr_status numbers_read(sqlite_conn *c, sqlite3_file *file, uint32_t frames,
			      uint32_t *numbers)
{
	for (uint32_t done = 0, number = 0; done < frames; number++) {
		uint32_t skip = number == 0 ? INDEX_HEADER / 4 : 0;
		const uint32_t *region;
		int code = region_of(file, (int)number, &region);

		if (code != SQLITE_OK)
			return sr_sqlite_fail(c, code);
		for (uint32_t at = skip; at < REGION_FRAMES && done < frames; at++)
			numbers[done++] = region != NULL ? word(region, at) : 0;
	}
	return SR_OK;
}

/* Whether the log has all that a file of that size lacks. */
static sr_status log_has_rest(sqlite_conn *c, sqlite3_file *file, const index_header *h,
			      int64_t size, bool *has)
{
	uint32_t *numbers = malloc(((size_t)h->frames + 1) * sizeof(*numbers));
	sr_status rc;

	if (numbers == NULL)
		return sr_fail_memory();
	if ((rc = numbers_read(c, file, h->frames, numbers)) == SR_OK)
		rc = sr_sqlite_log_covers(numbers, h->frames, size / h->page_size, h->pages,
					  h->page_size, has);
	free(numbers);
	return rc;
}

static sr_status look_at_file(sqlite_conn *c, sqlite3_file *file, const uint32_t *region,
			      const index_header *h)
{
	index_header now;
	sqlite3_int64 size;
	bool has = true;
	sr_status rc;
	int code;

	if ((code = file->pMethods->xFileSize(file, &size)) != SQLITE_OK)
		return sr_sqlite_fail(c, code);
	if (size < c->least && (rc = log_has_rest(c, file, h, size, &has)) != SR_OK)
		return rc;
	/* Who does not hold the write lock may have seen half of one log and half of the next. */
	if (!has &&
	    (!header_read(region, &now) || memcmp(now.salt, h->salt, sizeof(now.salt)) != 0))
		return SR_OK;
	if (has) {
		c->least = size;
		return SR_OK;
	}
	c->base.broken = true;
	return sr_fail(SR_CORRUPT, "%s is damaged: it is cut short, %lld bytes of %lld are there",
		       c->base.path, size, (sqlite3_int64)h->pages * h->page_size);
}

/* ---- The log ---- */

static sr_status look_at_log(sqlite_conn *c, const index_header *h)
{
	sqlite3_int64 frame = FRAME_HEADER + (sqlite3_int64)h->page_size, size = 0;
	sqlite3_int64 end = LOG_HEADER + frame * h->frames;
	unsigned char header[FRAME_HEADER];
	sqlite3_file *log = NULL;
	int code;

	if (h->frames == 0 ||
	    sqlite3_file_control(c->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) != SQLITE_OK ||
	    log == NULL || log->pMethods == NULL)
		return SR_OK;
	code = log->pMethods->xRead(log, header, FRAME_HEADER, end - frame);
	if (code == SQLITE_OK && memcmp(header + 8, h->salt, sizeof(h->salt)) == 0)
		return SR_OK;
	if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ)
		return sr_sqlite_fail(c, code);
	c->base.broken = true;
	if ((code = log->pMethods->xFileSize(log, &size)) != SQLITE_OK)
		return sr_sqlite_fail(c, code);
	if (size >= end)
		return sr_fail(SR_CORRUPT,
			       "%s-wal is damaged: it was cut short and written on, what was "
			       "committed last is not in its %lld bytes",
			       c->base.path, size);
	return sr_fail(SR_CORRUPT,
		       "%s-wal is damaged: it is cut short, %lld bytes of %lld are there",
		       c->base.path, size, end);
}

sr_status sr_sqlite_cut_check(sqlite_conn *c, bool keeps_log)
{
	sqlite3_file *file = NULL;
	const uint32_t *region;
	index_header h;
	sr_status rc;
	int code;

	/* Without a log SQLite looks at the size itself, whenever it begins. */
	if (c->excludes ||
	    sqlite3_file_control(c->db, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK ||
	    file == NULL || file->pMethods == NULL)
		return SR_OK;
	if ((code = region_of(file, 0, &region)) != SQLITE_OK)
		return sr_sqlite_fail(c, code);
	if (region == NULL || !header_read(region, &h))
		return SR_OK;
	if ((rc = look_at_file(c, file, region, &h)) != SR_OK)
		return rc;
	return keeps_log ? look_at_log(c, &h) : SR_OK;
}
