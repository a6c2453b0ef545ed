/*
 * Whether the log that lies beside a database is its own.
 *
 * A log does not name its database: SQLite plays whatever lies there into the file. Where somebody
 * has copied a backup over a database whose log was left by a crash, that makes a mixture of both,
 * which may well pass for whole. Two things hold of a log and its own database, however far a
 * checkpoint has come:
 *
 * 1. Whoever writes page 1 into the log counts its change counter on. So the first one there has
 *    one more than the file had when the log began, and a checkpoint brings the file to one of
 *    those that are there. Copies that SQLite makes count from 1 anew.
 * 2. Every page that the file does not have yet is in the log.
 *
 * A file that is not so is another. One that is may still be another, as near to it as a copy that
 * was made shortly before the log began; that is the limit of what can be told from outside.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sqlite.h"
#include "sqlite_pages.h"

#define PAGE_HEADER      100
#define AT_COUNTER       24
#define AT_COUNTER_AGAIN 92
#define PAGE_OF_LOCKS    (0x40000000u) /* Where in the file it is; it is never written. */

/* The file, past the log. */
typedef struct file_facts {
	uint32_t counter;
	int64_t bytes;
} file_facts;

/* What is in the log up to its last commit. */
typedef struct log_facts {
	uint32_t *pages; /* The numbers of all, in order. */
	size_t count;    /* Of them, uncommitted ones behind it. */
	size_t room;
	size_t committed; /* How many count; 0: nothing was committed. */
	uint32_t page_size;
	uint32_t length; /* Pages that the last commit leaves the database. */
	bool counted;    /* There is a page 1, */
	uint32_t first;  /* and this is its counter in the first and */
	uint32_t last;   /* in the last one. */
} log_facts;

/* ---- Reading ---- */

static sr_status note_page(log_facts *l, uint32_t number)
{
	if (l->count == l->room) {
		size_t room = l->room * 2 + 1024;
		uint32_t *more = realloc(l->pages, room * sizeof(*more));

		if (more == NULL)
			return sr_fail_memory();
		l->pages = more;
		l->room = room;
	}
	l->pages[l->count++] = number;
	return SR_OK;
}

/* One frame; false where the log ends. With sums all of it is read, else its page's head. */
static bool frame_read(sqlite3_file *log, const unsigned char *header, int64_t at,
		       sr_log_sums *sums, unsigned char *frame)
{
	int page = (int)get4(header + 8);
	int length = FRAME_HEADER + (sums ? page : AT_COUNTER + 4);

	if (!sr_pages_file_read(log, frame, length, at) || memcmp(frame + 8, header + 16, 8) != 0)
		return false;
	if (sums == NULL)
		return true;
	sr_log_sums_add(sums, frame, 8);
	sr_log_sums_add(sums, frame + FRAME_HEADER, (size_t)page);
	return get4(frame + 16) == sums->a && get4(frame + 20) == sums->b;
}

/* What a commit ends with. */
typedef struct ending {
	bool counted;
	uint32_t first;
	uint32_t last;
} ending;

/* Without sums it may take for committed what a crash has cut off. */
static sr_status log_read(sqlite3_file *log, int64_t bytes, bool with_sums, log_facts *l)
{
	unsigned char header[LOG_HEADER], *frame;
	sr_log_sums sums = {0};
	ending open = {0};
	sr_status rc = SR_OK;
	int64_t size;

	if (!sr_pages_file_read(log, header, LOG_HEADER, 0) || !sr_log_header_good(header))
		return SR_OK;
	l->page_size = get4(header + 8);
	size = FRAME_HEADER + (int64_t)l->page_size;
	if ((frame = malloc((size_t)size)) == NULL)
		return sr_fail_memory();
	sums.big = get4(header) & 1;
	sr_log_sums_add(&sums, header, 24);
	for (int64_t at = LOG_HEADER; rc == SR_OK && at + size <= bytes; at += size) {
		if (!frame_read(log, header, at, with_sums ? &sums : NULL, frame))
			break;
		rc = note_page(l, get4(frame));
		if (get4(frame) == 1) {
			open.last = get4(frame + FRAME_HEADER + AT_COUNTER);
			open.first = open.counted ? open.first : open.last;
			open.counted = true;
		}
		if (get4(frame + 4) == 0)
			continue;
		l->committed = l->count;
		l->length = get4(frame + 4);
		l->counted = open.counted;
		l->first = open.first;
		l->last = open.last;
	}
	free(frame);
	return rc;
}

/* A first page that is damaged says nothing: the log may have it whole. */
static bool file_read(sqlite_conn *c, file_facts *f)
{
	unsigned char header[PAGE_HEADER];
	sqlite3_file *file = NULL;
	sqlite3_int64 bytes;

	if (sqlite3_file_control(c->db, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK ||
	    file == NULL || file->pMethods == NULL ||
	    file->pMethods->xFileSize(file, &bytes) != SQLITE_OK || bytes < PAGE_HEADER ||
	    file->pMethods->xRead(file, header, PAGE_HEADER, 0) != SQLITE_OK ||
	    memcmp(header, "SQLite format 3", 16) != 0 ||
	    get4(header + AT_COUNTER) != get4(header + AT_COUNTER_AGAIN))
		return false;
	*f = (file_facts){get4(header + AT_COUNTER), bytes};
	return true;
}

/* ---- Judging ---- */

/* Differences, since counters begin again at 0 one day. */
static bool counts_on(const log_facts *l, const file_facts *f)
{
	return !l->counted || f->counter - (l->first - 1) <= l->last - (l->first - 1);
}

sr_status sr_sqlite_log_covers(const uint32_t *numbers, size_t count, int64_t there,
			       uint32_t length, uint32_t page_size, bool *covers)
{
	int64_t fresh = length - there, locks = PAGE_OF_LOCKS / page_size + 1;
	unsigned char *seen;

	if (locks > there && locks <= length)
		fresh--;
	*covers = fresh <= 0;
	if (fresh <= 0 || fresh > (int64_t)count)
		return SR_OK;
	if ((seen = calloc((size_t)(length - there) / 8 + 1, 1)) == NULL)
		return sr_fail_memory();
	for (size_t i = 0; i < count; i++) {
		int64_t bit = (int64_t)numbers[i] - there - 1;

		if (bit < 0 || numbers[i] > length || (seen[bit / 8] >> bit % 8 & 1))
			continue;
		seen[bit / 8] |= (unsigned char)(1 << bit % 8);
		fresh--;
	}
	free(seen);
	*covers = fresh <= 0;
	return SR_OK;
}

static sr_status look(sqlite_conn *c, const char *name, bool with_sums, bool *own)
{
	log_facts l = {0};
	file_facts f;
	sqlite3_file *log;
	struct stat st;
	sr_status rc;

	*own = true;
	if (stat(name, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size <= LOG_HEADER ||
	    !file_read(c, &f))
		return SR_OK;
	if ((rc = sr_pages_file_open(name, SQLITE_OPEN_READONLY | SQLITE_OPEN_WAL, &log)) != SR_OK)
		return rc;
	rc = log_read(log, (int64_t)st.st_size, with_sums, &l);
	sr_pages_file_close(log);
	if (rc == SR_OK && l.committed > 0 && (*own = counts_on(&l, &f)))
		rc = sr_sqlite_log_covers(l.pages, l.committed, f.bytes / l.page_size, l.length,
					  l.page_size, own);
	free(l.pages);
	return rc;
}

/* ---- The check ---- */

/* Closing the last connection would play the log in. */
static void keep_log(sqlite_conn *c, int keep)
{
	sqlite3_db_config(c->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep, NULL);
}

sr_status sr_sqlite_log_check(sqlite_conn *c)
{
	const char *name = sqlite3_filename_wal(sqlite3_db_filename(c->db, "main"));
	sr_status rc;
	bool own;
	int code;

	/* What only reads spoils nothing, and could not look twice. */
	if (c->immutable || sqlite3_db_readonly(c->db, "main") != 0)
		return SR_OK;
	if ((rc = look(c, name, false, &own)) != SR_OK || own)
		return rc;
	/* Somebody may have begun the log anew meanwhile: once more while nobody can, and as
	 * closely as SQLite looks. Whoever writes at this moment has a log that is the database's.
	 */
	keep_log(c, 1);
	code = sqlite3_exec(c->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) & 0xff;
	own = code == SQLITE_BUSY;
	if (!own)
		rc = look(c, name, true, &own);
	if (code == SQLITE_OK)
		sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
	if (own || rc != SR_OK) {
		keep_log(c, 0);
		return rc;
	}
	return sr_fail(SR_REFUSED,
		       "%s is not the database that the log beside it was left by: it was "
		       "replaced, by a copy perhaps, and %s would spoil it; nothing was changed. "
		       "Move the log away to have the file as it is",
		       c->base.path, name);
}
