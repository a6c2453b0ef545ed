/* What the files that read pages share: sqlite_pages.c, sqlite_pages_log.c, sqlite_tree.c,
 * sqlite_log_owner.c. */
#ifndef SR_SQLITE_PAGES_H
#define SR_SQLITE_PAGES_H

#include <sqlite3.h>

#include "../base/buffer.h"
#include "../base/error.h"
#include "pages.h"

#define PAGES_COMPLAINTS 4

struct sr_pages {
	char *path;
	const char *name;     /* The same as SQLite's files ask for it. */
	sqlite3_file *file;   /* SQLite's own handle: closing another would drop locks. */
	sqlite3_file *log;    /* The log or the journal, or NULL. */
	int64_t *logged;      /* Where in it a page's bytes are; 0: they are in the file. */
	int64_t logged_count; /* Pages that logged has room for, page 0 included. */
	int64_t file_size;    /* Bytes. */
	uint32_t page_size;   /* Bytes, */
	uint32_t usable;      /* and those of them that SQLite uses. */
	int64_t count;        /* Pages. */
	int64_t first_free;   /* The first page of the list of free ones; 0: none is known. */
	unsigned char *seen;  /* A bit a page. */
	int64_t visited;      /* Bits that are set. */
	unsigned char *page;  /* A page being looked at, for sr_pages_adrift and overflow. */
	sr_buffer payload;    /* The row being read. */
	sr_value *values;     /* Its values. */
	char complaints[PAGES_COMPLAINTS][160];
	size_t complaint_count;
};

/* sqlite_pages.c */

/* The page's bytes as of the last commit; false where they cannot be had. */
bool sr_pages_read(sr_pages *pages, int64_t number, unsigned char *page);
bool sr_pages_seen(const sr_pages *pages, int64_t number);
void sr_pages_mark(sr_pages *pages, int64_t number);
void sr_pages_complain(sr_pages *pages, const char *fmt, ...) SR_PRINTF(2, 3);
sr_status sr_pages_file_open(const char *name, int flags, sqlite3_file **file);
void sr_pages_file_close(sqlite3_file *file);
bool sr_pages_file_read(sqlite3_file *file, void *bytes, int length, int64_t offset);

/* sqlite_pages_log.c */

/* The size of pages that a log beside says; 0 without. */
uint32_t sr_pages_log_page_size(const sr_pages *pages);
/* Finds the log or the journal, and what of it counts. */
sr_status sr_pages_log_load(sr_pages *pages, bool uses_log);

/* sqlite_tree.c */

/* Whether the bytes can be those of a page of a table or an index. */
bool sr_pages_plausible(const unsigned char *page, uint32_t usable, bool first);

static inline uint32_t get2(const unsigned char *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static inline uint32_t get4(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* ---- A log ---- */

#define LOG_HEADER   32
#define FRAME_HEADER 24

static inline bool sr_is_page_size(uint32_t size)
{
	return size >= 512 && size <= 65536 && (size & (size - 1)) == 0;
}

static inline bool sr_log_header_good(const unsigned char *h)
{
	return (get4(h) & ~1u) == 0x377f0682 && get4(h + 4) == 3007000 &&
	       sr_is_page_size(get4(h + 8));
}

/* The sums that go on from frame to frame. */
typedef struct sr_log_sums {
	bool big; /* Words are read with their highest byte first. */
	uint32_t a;
	uint32_t b;
} sr_log_sums;

static inline void sr_log_sums_add(sr_log_sums *s, const unsigned char *bytes, size_t length)
{
	for (size_t i = 0; i + 8 <= length; i += 8) {
		uint32_t x = get4(bytes + i), y = get4(bytes + i + 4);

		s->a += (s->big ? x : __builtin_bswap32(x)) + s->b;
		s->b += (s->big ? y : __builtin_bswap32(y)) + s->a;
	}
}

#endif
