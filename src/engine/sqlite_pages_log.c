/*
 * What lies beside a database file: a log, of which the pages of committed transactions count, or
 * the journal of a transaction that was cut off, whose pages are those from before it.
 */
#include "sqlite_pages.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define JOURNAL_WHOLE 0xffffffffu

static const unsigned char journal_magic[8] = {0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7};

/* Opens what is there and not empty; *file stays NULL where nothing is. */
static sr_status beside(const char *name, int kind, sqlite3_file **file, int64_t *size)
{
	struct stat st;

	*file = NULL;
	*size = 0;
	if (stat(name, &st) != 0 || st.st_size == 0 || !S_ISREG(st.st_mode))
		return SR_OK;
	*size = st.st_size;
	return sr_pages_file_open(name, SQLITE_OPEN_READONLY | kind, file);
}

/* Grows on demand, since a log may hold pages beyond the file's end. */
static sr_status logged_set(sr_pages *p, int64_t number, int64_t offset)
{
	int64_t *more;

	if (number >= p->logged_count) {
		int64_t room = number + number / 2 + 64;

		more = realloc(p->logged, (size_t)room * sizeof(*more));
		if (more == NULL)
			return sr_fail_memory();
		memset(more + p->logged_count, 0, (size_t)(room - p->logged_count) * sizeof(*more));
		p->logged = more;
		p->logged_count = room;
	}
	p->logged[number] = offset;
	return SR_OK;
}

/* ---- The log ---- */

uint32_t sr_pages_log_page_size(const sr_pages *p)
{
	unsigned char header[LOG_HEADER];
	sqlite3_file *log;
	uint32_t size = 0;
	int64_t length;

	if (beside(sqlite3_filename_wal(p->name), SQLITE_OPEN_WAL, &log, &length) != SR_OK || !log)
		return 0;
	if (sr_pages_file_read(log, header, LOG_HEADER, 0) && sr_log_header_good(header))
		size = get4(header + 8);
	sr_pages_file_close(log);
	return size;
}

/* The frames that follow each other by salt and sum; *last is where the last commit ends. */
static sr_status log_frames(sr_pages *p, const unsigned char *header, sr_log_sums s, int64_t length,
			    bool apply, int64_t *last)
{
	int64_t frame = FRAME_HEADER + (int64_t)p->page_size;
	unsigned char *bytes = malloc((size_t)frame);
	int64_t until = apply ? *last : length;
	sr_status rc = bytes ? SR_OK : sr_fail_memory();

	for (int64_t at = LOG_HEADER; rc == SR_OK && at + frame <= until; at += frame) {
		int64_t number;

		if (!sr_pages_file_read(p->log, bytes, (int)frame, at) ||
		    memcmp(bytes + 8, header + 16, 8) != 0)
			break;
		sr_log_sums_add(&s, bytes, 8);
		sr_log_sums_add(&s, bytes + FRAME_HEADER, p->page_size);
		if (get4(bytes + 16) != s.a || get4(bytes + 20) != s.b)
			break;
		number = get4(bytes);
		if (apply && number > 0)
			rc = logged_set(p, number, at + FRAME_HEADER);
		if (get4(bytes + 4) == 0)
			continue;
		*last = at + frame;
		p->count = get4(bytes + 4);
	}
	free(bytes);
	return rc;
}

static sr_status log_load(sr_pages *p)
{
	unsigned char header[LOG_HEADER];
	int64_t length, last = 0, count = p->count;
	sr_log_sums s = {0};
	sr_status rc;

	rc = beside(sqlite3_filename_wal(p->name), SQLITE_OPEN_WAL, &p->log, &length);
	if (rc != SR_OK || p->log == NULL)
		return rc;
	if (!sr_pages_file_read(p->log, header, LOG_HEADER, 0) || !sr_log_header_good(header) ||
	    get4(header + 8) != p->page_size)
		goto bad;
	s.big = get4(header) & 1;
	sr_log_sums_add(&s, header, 24);
	if (get4(header + 24) != s.a || get4(header + 28) != s.b)
		goto bad;
	/* What follows the last commit was never committed. */
	if ((rc = log_frames(p, header, s, length, false, &last)) != SR_OK ||
	    (rc = log_frames(p, header, s, length, true, &last)) != SR_OK)
		return rc;
	if (last == 0)
		p->count = count;
	return SR_OK;
bad:
	sr_pages_complain(p, "its log is damaged from the start, and nothing of it is used");
	return SR_OK;
}

/* ---- The journal ---- */

/* SQLite's sum over a journal's page: a byte in 200. */
static uint32_t journal_sum(uint32_t start, const unsigned char *page, uint32_t size)
{
	for (int64_t i = (int64_t)size - 200; i > 0; i -= 200)
		start += page[i];
	return start;
}

/* A part: a header in a sector of its own, and the records that it counts. */
static sr_status journal_part(sr_pages *p, int64_t *at, int64_t length, bool *good)
{
	unsigned char header[28];
	unsigned char *record = malloc((size_t)p->page_size + 8);
	int64_t size = (int64_t)p->page_size + 8;
	int64_t records, sector;
	sr_status rc = record ? SR_OK : sr_fail_memory();

	*good = rc == SR_OK && sr_pages_file_read(p->log, header, 28, *at) &&
		memcmp(header, journal_magic, 8) == 0 &&
		(*at > 0 || get4(header + 24) == p->page_size);
	if (!*good)
		goto err0;
	if (*at == 0)
		p->count = get4(header + 16);
	sector = sr_is_page_size(get4(header + 20)) ? get4(header + 20) : 512;
	*at += sector;
	records = get4(header + 8) == JOURNAL_WHOLE ? (length - *at) / size : get4(header + 8);
	for (int64_t i = 0; i < records && rc == SR_OK; i++, *at += size) {
		int64_t number;

		if (!sr_pages_file_read(p->log, record, (int)size, *at))
			break;
		number = get4(record);
		if (get4(record + size - 4) !=
		    journal_sum(get4(header + 12), record + 4, p->page_size))
			break;
		/* The first is the oldest, and that is the one that was committed. */
		if (number > 0 && (number >= p->logged_count || p->logged[number] == 0))
			rc = logged_set(p, number, *at + 4);
	}
	/* The next header begins with a sector. */
	*at = (*at + sector - 1) / sector * sector;
err0:
	free(record);
	return rc;
}

static sr_status journal_load(sr_pages *p)
{
	int64_t length, at = 0;
	bool good = true;
	sr_status rc;

	rc = beside(sqlite3_filename_journal(p->name), SQLITE_OPEN_MAIN_JOURNAL, &p->log, &length);
	while (rc == SR_OK && p->log && good && at < length)
		rc = journal_part(p, &at, length, &good);
	return rc;
}

sr_status sr_pages_log_load(sr_pages *p, bool uses_log)
{
	int64_t in_file = p->count;
	sr_status rc;

	rc = uses_log ? log_load(p) : SR_OK;
	if (rc == SR_OK && p->log == NULL)
		rc = journal_load(p);
	/* Pages that are neither here nor there are no pages; a wild count would take memory. */
	if (p->count > in_file && p->count > p->logged_count)
		p->count = in_file > p->logged_count ? in_file : p->logged_count;
	return rc;
}
