/*
 * Tables and indexes, page by page.
 *
 * A page leads to others or holds rows. What it says is believed only as far as it fits: kinds,
 * places within the page, row numbers between those that the page above announces, lengths that
 * add up to the byte. So a page that a wrong pointer leads to is not taken for one of the table.
 */
#include "sqlite_pages.h"

#include <stdlib.h>
#include <string.h>

#define KIND_INDEX_INNER 0x02
#define KIND_TABLE_INNER 0x05
#define KIND_INDEX_LEAF  0x0a
#define KIND_TABLE_LEAF  0x0d

#define DEPTH_AT_MOST  20
#define VALUES_AT_MOST 2000

/* A page's own header, behind the file's on the first page. */
typedef struct page_head {
	const unsigned char *page;
	uint32_t at; /* Where it begins. */
	int kind;
	uint32_t cells;
	uint32_t pointers; /* Where the cells' places are listed. */
	uint32_t right;    /* The last page below, of inner ones. */
} page_head;

static bool is_inner(int kind)
{
	return kind == KIND_INDEX_INNER || kind == KIND_TABLE_INNER;
}

static bool head_parse(const unsigned char *page, uint32_t usable, bool first, page_head *head)
{
	uint32_t at = first ? 100 : 0;
	uint32_t start;

	head->page = page;
	head->at = at;
	head->kind = page[at];
	if (head->kind != KIND_INDEX_INNER && head->kind != KIND_TABLE_INNER &&
	    head->kind != KIND_INDEX_LEAF && head->kind != KIND_TABLE_LEAF)
		return false;
	head->cells = get2(page + at + 3);
	head->pointers = at + (is_inner(head->kind) ? 12 : 8);
	head->right = is_inner(head->kind) ? get4(page + at + 8) : 0;
	start = get2(page + at + 5) ? get2(page + at + 5) : 65536;
	return head->pointers + 2 * head->cells <= start && start <= usable &&
	       get2(page + at + 1) < usable;
}

/* Where the cell begins; 0 for a place that cannot be. */
static uint32_t cell_at(const page_head *head, uint32_t usable, uint32_t index)
{
	uint32_t at = get2(head->page + head->pointers + 2 * index);

	return at >= head->pointers + 2 * head->cells && at + 4 <= usable ? at : 0;
}

bool sr_pages_plausible(const unsigned char *page, uint32_t usable, bool first)
{
	page_head head;

	if (!head_parse(page, usable, first, &head) || (head.cells == 0 && !first))
		return false;
	for (uint32_t i = 0; i < head.cells; i++)
		if (cell_at(&head, usable, i) == 0)
			return false;
	return true;
}

/* The number at `at`, up to nine bytes; 0 bytes where it would run over the end. */
static uint32_t varint(const unsigned char *bytes, uint32_t at, uint32_t end, uint64_t *value)
{
	uint64_t v = 0;

	for (uint32_t i = 0; i < 9; i++) {
		if (at + i >= end)
			return 0;
		if (i == 8) {
			*value = v << 8 | bytes[at + i];
			return 9;
		}
		v = v << 7 | (bytes[at + i] & 0x7f);
		if (bytes[at + i] < 0x80) {
			*value = v;
			return i + 1;
		}
	}
	return 0;
}

/* ---- Values ---- */

static int64_t integer_of(const unsigned char *bytes, uint32_t length)
{
	uint64_t v = length && bytes[0] & 0x80 ? UINT64_MAX : 0;

	for (uint32_t i = 0; i < length; i++)
		v = v << 8 | bytes[i];
	return (int64_t)v;
}

/* The value of that kind at bytes; false for a kind that there is not, or too few bytes. */
static bool value_parse(uint64_t kind, const unsigned char *bytes, uint64_t left, sr_value *value,
			uint64_t *length)
{
	static const unsigned char lengths[] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0};

	*value = (sr_value){.type = SR_NULL};
	if (kind == 10 || kind == 11)
		return false;
	*length = kind < 10 ? lengths[kind] : (kind - 12) / 2;
	if (*length > left)
		return false;
	if (kind >= 12) {
		value->type = kind % 2 ? SR_TEXT : SR_BLOB;
		value->text = (sr_text){(const char *)bytes, (size_t)*length};
	} else if (kind == 7) {
		uint64_t bits = (uint64_t)integer_of(bytes, 8);

		value->type = SR_REAL;
		memcpy(&value->real, &bits, sizeof(bits));
	} else if (kind > 0) {
		value->type = SR_INTEGER;
		value->integer =
			kind >= 8 ? (int64_t)kind - 8 : integer_of(bytes, (uint32_t)*length);
	}
	return true;
}

/* The row's values; false where its parts do not add up. */
static bool record_parse(const unsigned char *record, uint64_t length, sr_value *values,
			 size_t *count)
{
	uint64_t head, body;
	uint32_t at = varint(record, 0, (uint32_t)length, &head);

	*count = 0;
	if (at == 0 || head < at || head > length)
		return false;
	for (body = head; at < head; (*count)++) {
		uint64_t kind, used;
		uint32_t n = varint(record, at, (uint32_t)head, &kind);

		if (n == 0 || *count == VALUES_AT_MOST ||
		    !value_parse(kind, record + body, length - body, &values[*count], &used))
			return false;
		at += n;
		body += used;
	}
	return body == length && *count > 0;
}

/* ---- Rows ---- */

/* Of a payload's bytes, how many are in the page itself. */
static uint64_t local_bytes(const sr_pages *p, int kind, uint64_t payload)
{
	uint64_t usable = p->usable;
	uint64_t most = kind == KIND_TABLE_LEAF ? usable - 35 : (usable - 12) * 64 / 255 - 23;
	uint64_t least = (usable - 12) * 32 / 255 - 23;
	uint64_t local;

	if (payload <= most)
		return payload;
	local = least + (payload - least) % (usable - 4);
	return local <= most ? local : least;
}

static bool is_zero(const unsigned char *bytes, size_t length)
{
	return bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0;
}

/* The rest of a payload, from page to page. *hollow: a page of it was all zeros, as one is that was
 * never written or was wiped; it also looks like the end. */
static bool overflow_read(sr_pages *p, uint32_t first, uint64_t left, bool *hollow)
{
	uint32_t number = first;

	while (left > 0) {
		uint64_t part = left < p->usable - 4 ? left : p->usable - 4;

		if (!sr_pages_read(p, number, p->page))
			return false;
		*hollow = *hollow || is_zero(p->page, p->usable);
		sr_buffer_add(&p->payload, p->page + 4, (size_t)part);
		left -= part;
		number = get4(p->page);
	}
	return number == 0;
}

/* Nobody writes zeros into a text, and other bytes than all zeros are seldom followed by so many.
 */
static bool is_hollow(const sr_value *values, size_t count, uint32_t usable)
{
	for (size_t i = 0; i < count; i++) {
		const unsigned char *bytes = (const unsigned char *)values[i].text.data;
		size_t length = values[i].text.length;

		if (values[i].type == SR_TEXT && length > 0 && memchr(bytes, '\0', length))
			return true;
		if (values[i].type == SR_BLOB && length > usable / 2 && !is_zero(bytes, length))
			return true;
	}
	return false;
}

/* Once the whole chain was good, its pages are the row's. */
static void overflow_mark(sr_pages *p, uint32_t first)
{
	for (uint32_t number = first; number > 0 && sr_pages_read(p, number, p->page);
	     number = get4(p->page)) {
		if (sr_pages_seen(p, number))
			break;
		sr_pages_mark(p, number);
	}
}

/* One cell with values. */
typedef struct cell {
	int64_t number; /* The row's; 0 in an index. */
	size_t count;   /* Values, in the reader's own array. */
} cell;

/* The cell at `at`; false where it makes no sense. SQLite's limit on a row's size is a billion. */
static bool cell_parse(sr_pages *p, const page_head *head, uint32_t at, cell *out)
{
	uint64_t payload, number = 0, local;
	uint32_t n, first = 0;
	bool hollow = false;

	at += head->kind == KIND_INDEX_INNER ? 4 : 0;
	if ((n = varint(head->page, at, p->usable, &payload)) == 0)
		return false;
	at += n;
	if (head->kind == KIND_TABLE_LEAF) {
		if ((n = varint(head->page, at, p->usable, &number)) == 0)
			return false;
		at += n;
	}
	local = local_bytes(p, head->kind, payload);
	if (payload > 1000000000 || payload > (uint64_t)p->count * p->usable ||
	    at + local + (local < payload ? 4 : 0) > p->usable)
		return false;
	sr_buffer_clear(&p->payload);
	sr_buffer_add(&p->payload, head->page + at, (size_t)local);
	if (local < payload) {
		first = get4(head->page + at + local);
		if (!overflow_read(p, first, payload - local, &hollow))
			return false;
	}
	if (p->payload.failed ||
	    !record_parse((const unsigned char *)p->payload.data, payload, p->values,
			  &out->count) ||
	    (hollow && is_hollow(p->values, out->count, p->usable)))
		return false;
	overflow_mark(p, first);
	out->number = (int64_t)number;
	return true;
}

/* ---- Walking ---- */

typedef struct walker {
	sr_pages *pages;
	sr_pages_row_fn fn;
	void *arg;
	sr_pages_walk *walk;
	bool keyed;
	int64_t low; /* Row numbers so far; those that come are higher, */
	int64_t top; /* and not higher than this. */
} walker;

/* A row or an entry. Numbers out of order are of another page's rows. */
static sr_status walk_cell(walker *w, const page_head *head, uint32_t index)
{
	uint32_t at = cell_at(head, w->pages->usable, index);
	cell found = {0};

	if (w->fn == NULL) {
		w->walk->rows += at > 0;
		w->walk->lost_rows += at == 0;
		return SR_OK;
	}
	if (at == 0 || !cell_parse(w->pages, head, at, &found) ||
	    (!w->keyed && (found.number <= w->low || found.number > w->top))) {
		w->walk->lost_rows++;
		return sr_buffer_status(&w->pages->payload);
	}
	w->low = w->keyed ? 0 : found.number;
	w->walk->rows++;
	return w->fn(w->arg, found.number, w->pages->values, found.count);
}

/* Whether the page's first readable row has its place between those around it. */
static bool leaf_belongs(walker *w, const page_head *head)
{
	for (uint32_t i = 0; !w->keyed && i < head->cells; i++) {
		uint32_t at = cell_at(head, w->pages->usable, i);
		uint64_t payload, number;
		uint32_t n;

		if (at == 0 || (n = varint(head->page, at, w->pages->usable, &payload)) == 0 ||
		    varint(head->page, at + n, w->pages->usable, &number) == 0)
			continue;
		return (int64_t)number > w->low && (int64_t)number <= w->top;
	}
	return true;
}

static sr_status walk_page(walker *w, int64_t number, int depth);

/* What the page leads to, and the entries between. */
static sr_status walk_inner(walker *w, const page_head *head, int depth)
{
	int64_t top = w->top;
	sr_status rc = SR_OK;

	for (uint32_t i = 0; i < head->cells && rc == SR_OK; i++) {
		uint32_t at = cell_at(head, w->pages->usable, i);
		uint64_t key = 0;

		if (at == 0 ||
		    (!w->keyed && varint(head->page, at + 4, w->pages->usable, &key) == 0)) {
			w->walk->lost_pages++;
			continue;
		}
		/* One that is out of order says nothing about what is below. */
		if (!w->keyed)
			w->top = (int64_t)key > w->low && (int64_t)key <= top ? (int64_t)key : top;
		rc = walk_page(w, get4(head->page + at), depth + 1);
		if (rc == SR_OK && w->keyed)
			rc = walk_cell(w, head, i);
		if (!w->keyed && w->top != top)
			w->low = w->top;
		w->top = top;
	}
	return rc == SR_OK ? walk_page(w, head->right, depth + 1) : rc;
}

static bool kind_fits(const walker *w, int kind)
{
	return w->keyed ? kind == KIND_INDEX_LEAF || kind == KIND_INDEX_INNER
			: kind == KIND_TABLE_LEAF || kind == KIND_TABLE_INNER;
}

static sr_status walk_page(walker *w, int64_t number, int depth)
{
	sr_pages *p = w->pages;
	unsigned char *page;
	sr_status rc = SR_OK;
	page_head head;

	if (depth > DEPTH_AT_MOST || number < 1 || number > p->count || sr_pages_seen(p, number)) {
		w->walk->lost_pages++;
		return SR_OK;
	}
	if ((page = malloc(p->page_size)) == NULL)
		return sr_fail_memory();
	if (!sr_pages_read(p, number, page) || !head_parse(page, p->usable, number == 1, &head) ||
	    !kind_fits(w, head.kind) || (!is_inner(head.kind) && !leaf_belongs(w, &head))) {
		w->walk->lost_pages++;
		goto err0;
	}
	sr_pages_mark(p, number);
	if (is_inner(head.kind))
		rc = walk_inner(w, &head, depth);
	else
		for (uint32_t i = 0; i < head.cells && rc == SR_OK; i++)
			rc = walk_cell(w, &head, i);
err0:
	free(page);
	return rc;
}

sr_status sr_pages_tree(sr_pages *pages, int64_t root, bool keyed, sr_pages_row_fn fn, void *arg,
			sr_pages_walk *walk)
{
	walker w = {.pages = pages,
		    .fn = fn,
		    .arg = arg,
		    .walk = walk,
		    .keyed = keyed,
		    .low = INT64_MIN,
		    .top = INT64_MAX};

	return walk_page(&w, root, 0);
}

/* ---- Free pages, and those that nothing leads to ---- */

void sr_pages_mark_free(sr_pages *p)
{
	unsigned char *trunk = malloc(p->page_size);
	int64_t number = p->first_free;

	/* A page that comes again ends a list that bites its tail. */
	while (trunk && number > 0 && number <= p->count && !sr_pages_seen(p, number) &&
	       sr_pages_read(p, number, trunk)) {
		uint32_t leaves = get4(trunk + 4);

		if (leaves > p->usable / 4 - 2)
			break;
		sr_pages_mark(p, number);
		for (uint32_t i = 0; i < leaves; i++)
			sr_pages_take(p, get4(trunk + 8 + 4 * i));
		number = get4(trunk);
	}
	if (number != 0)
		sr_pages_complain(p, "its list of free pages is damaged");
	free(trunk);
}

int64_t sr_pages_adrift(sr_pages *p, int64_t after)
{
	page_head head;

	for (int64_t number = after + 1; number <= p->count; number++)
		if (!sr_pages_seen(p, number) && sr_pages_read(p, number, p->page) &&
		    head_parse(p->page, p->usable, number == 1, &head) &&
		    head.kind == KIND_TABLE_LEAF && head.cells > 0)
			return number;
	return 0;
}

sr_status sr_pages_leaf(sr_pages *pages, int64_t number, sr_pages_row_fn fn, void *arg,
			sr_pages_walk *walk)
{
	walker w = {.pages = pages,
		    .fn = fn,
		    .arg = arg,
		    .walk = walk,
		    .low = INT64_MIN,
		    .top = INT64_MAX};
	unsigned char *page = malloc(pages->page_size);
	sr_status rc = page ? SR_OK : sr_fail_memory();
	page_head head;

	if (rc == SR_OK && sr_pages_read(pages, number, page) &&
	    head_parse(page, pages->usable, number == 1, &head) && head.kind == KIND_TABLE_LEAF)
		for (uint32_t i = 0; i < head.cells && rc == SR_OK; i++)
			rc = walk_cell(&w, &head, i);
	free(page);
	return rc;
}
