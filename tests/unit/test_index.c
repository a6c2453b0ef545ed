/* The index of trigrams by itself: whatever the texts, keys and dates, nothing that matches is
 * missed; and whatever is changed in its tables, an audit notices. */
#include "base/text.h"
#include "chance.h"
#include "index/audit.h"
#include "index/bits.h"
#include "index/chunk.h"
#include "index/forget.h"
#include "index/match.h"
#include "index/pack.h"
#include "index/slots.h"
#include "migrate_fixture.h"

/* ---- Rows ---- */

#define ROWS 6000

typedef struct row {
	int64_t key;
	int64_t date;
	char *texts[3];
	size_t lengths[3];
	bool gone;    /* Not there any more. */
	bool changed; /* Not as it was indexed. */
} row;

typedef struct world {
	sr_conn *conn;
	sr_index_state state;
	row rows[ROWS]; /* By ascending keys. */
	size_t count;
} world;

static int setup(void **state)
{
	const char *path = migrate_path();
	sr_schema_options options = migrate_options();
	world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	seed = UINT64_C(0x9E3779B97F4A7C15);
	assert_done(migrate_run(path, &options, NULL));
	w->conn = migrate_open(path);
	assert_done(sr_conn_begin(w->conn, SR_TRANSACTION_WRITE));
	assert_done(sr_index_clear(w->conn));
	assert_done(sr_index_state_read(w->conn, &w->state));
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	world *w = *state;

	for (size_t i = 0; i < w->count; i++)
		for (size_t k = 0; k < 3; k++)
			free(w->rows[i].texts[k]);
	sr_index_state_free(&w->state);
	sr_conn_close(w->conn);
	free(w);
	return scratch_teardown(state);
}

static void set_text(row *r, size_t which, const void *bytes, size_t length)
{
	free(r->texts[which]);
	r->texts[which] = malloc(length + 1);
	assert_non_null(r->texts[which]);
	if (length > 0)
		memcpy(r->texts[which], bytes, length);
	r->texts[which][length] = '\0';
	r->lengths[which] = length;
}

static row *add_row(world *w, int64_t key, const void *bytes, size_t length)
{
	row *r = &w->rows[w->count++];

	assert_true(w->count <= ROWS);
	*r = (row){.key = key, .date = SR_NO_DATE};
	set_text(r, 0, bytes, length);
	return r;
}

static sr_index_row index_row(const row *r)
{
	sr_index_row one = {.key = r->key, .date = r->date};

	for (size_t i = 0; i < 3; i++)
		one.texts[i] = (sr_text){r->texts[i], r->lengths[i]};
	return one;
}

/* Indexes rows [first, first + count) in steps of so many. */
static void index_rows(world *w, size_t first, size_t count, size_t step)
{
	sr_index_run *run;

	assert_done(sr_index_run_new(&run));
	for (size_t i = first; i < first + count; i++) {
		sr_index_row one = index_row(&w->rows[i]);

		assert_done(sr_index_run_add(run, &one));
		w->state.through = one.key;
		if (sr_index_run_count(run) == step || i + 1 == first + count ||
		    sr_index_run_full(run))
			assert_done(sr_index_run_write(run, w->conn, &w->state.next_chunk));
	}
	sr_index_run_free(run);
	assert_done(sr_index_state_write(w->conn, &w->state));
	sr_index_state_free(&w->state);
	assert_done(sr_index_state_read(w->conn, &w->state));
	assert_true(w->state.usable);
}

static row *row_by_key(world *w, int64_t key)
{
	for (size_t low = 0, high = w->count; low < high;) {
		size_t middle = (low + high) / 2;

		if (w->rows[middle].key == key)
			return &w->rows[middle];
		if (w->rows[middle].key < key)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* ---- Searching ---- */

static bool row_has(const row *r, sr_text term, sr_buffer *scratch)
{
	for (size_t i = 0; i < 3; i++)
		if (sr_text_contains((sr_text){r->texts[i], r->lengths[i]}, term, scratch))
			return true;
	return false;
}

/* Every row that has the term is in a block that matches; returns how many blocks do. */
static size_t expect_found(world *w, sr_text term)
{
	bool *seen = calloc(w->count, sizeof(*seen));
	sr_buffer scratch = SR_BUFFER_EMPTY;
	sr_slots *slots;
	sr_matches matches;
	size_t matching;

	assert_non_null(seen);
	assert_done(sr_matches_new(&matches, &w->state));
	assert_done(sr_match(w->conn, &w->state, &term, 1, &matches));
	matching = sr_bits_count(&matches.blocks, 0, matches.blocks.size);
	assert_done(sr_slots_open(&slots, w->conn, &w->state, &matches, SR_SLOTS_BY_KEY));
	do {
		assert_done(sr_slots_next(slots));
		for (size_t i = 0; i < slots->count; i++) {
			row *r = row_by_key(w, slots->list[i].key);

			if (r == NULL)
				continue;
			assert_false(seen[r - w->rows]); /* Each once. */
			seen[r - w->rows] = true;
		}
	} while (slots->count > 0);
	sr_slots_close(slots);
	for (size_t i = 0; i < w->count; i++)
		if (!seen[i] && !w->rows[i].gone && row_has(&w->rows[i], term, &scratch))
			fail_msg("row %zu is missed by '%s'", i, sr_quoted(term));
	sr_buffer_free(&scratch);
	sr_matches_free(&matches);
	free(seen);
	return matching;
}

/* Terms that some row has, of one byte to many. */
static void expect_all_found(world *w, int times)
{
	sr_buffer folded = SR_BUFFER_EMPTY;

	for (int i = 0; i < times; i++) {
		const row *r = &w->rows[chance(w->count)];
		size_t which = chance(3), from, length;

		if (r->texts[which] == NULL)
			continue;
		assert_done(sr_text_fold((sr_text){r->texts[which], r->lengths[which]}, &folded));
		if (folded.length == 0)
			continue;
		from = chance(folded.length);
		length = 1 + chance(chance(2) ? 5 : 40);
		if (length > folded.length - from)
			length = folded.length - from;
		expect_found(w, (sr_text){folded.data + from, length});
	}
	sr_buffer_free(&folded);
}

/* ---- The audit ---- */

static sr_status now_of(void *arg, int64_t key, sr_index_row *one, bool *known)
{
	row *r = row_by_key(arg, key);

	*known = r != NULL && !r->gone && !r->changed;
	if (*known)
		*one = index_row(r);
	return SR_OK;
}

/* SR_CORRUPT also where rows are missing. */
static sr_status audit(world *w)
{
	sr_audit_sum slots, rows = {0};
	sr_index_state state;
	sr_status rc;

	if ((rc = sr_index_state_read(w->conn, &state)) != SR_OK)
		return rc;
	assert_true(state.usable);
	rc = sr_index_audit(w->conn, &state, now_of, w, &slots);
	for (size_t i = 0; i < w->count; i++)
		if (!w->rows[i].gone && !w->rows[i].changed && w->rows[i].key <= state.through)
			sr_audit_sum_add(&rows, w->rows[i].key);
	sr_index_state_free(&state);
	if (rc == SR_OK && (slots.rows != rows.rows || slots.keys != rows.keys))
		return SR_CORRUPT;
	return rc;
}

/* ---- Rows of every kind ---- */

static const char *const pieces[] = {
	"report", "Ärger", "a\xCC\x88", "\xFF\xFE", "İ",
	"ß",      "日本",  "\n",        "",         "x",
	"/",      "//",    ".txt",      "\xC3",     "\xF0\x9F\x98\x80",
	"AA",     "\x01",  "O'Brien",   "%",        "ﬁ",
};

static size_t random_text(char *out, size_t room)
{
	size_t length = 0;

	for (uint64_t i = chance(9); i > 0; i--) {
		const char *piece = pieces[chance(sizeof(pieces) / sizeof(pieces[0]))];

		if (length + strlen(piece) > room)
			break;
		memcpy(out + length, piece, strlen(piece));
		length += strlen(piece);
	}
	if (length < room && chance(20) == 0)
		out[length++] = '\0';
	return length;
}

/* Rows with keys from the least to the largest, dates of all years, one to three texts or none. */
static void add_odd_rows(world *w, size_t count)
{
	char text[300];

	for (size_t i = 0; i < count; i++) {
		int64_t key = (int64_t)i - (int64_t)count / 2;
		row *r;

		if (i < 3)
			key = INT64_MIN + 2 + (int64_t)i;
		if (count - i <= 3)
			key = INT64_MAX - (int64_t)(count - i);
		r = add_row(w, key, text, random_text(text, sizeof(text)));
		if (chance(3) == 0)
			set_text(r, 1, text, random_text(text, sizeof(text)));
		if (chance(3) == 0)
			set_text(r, 2, text, random_text(text, sizeof(text)));
		if (chance(30) == 0) {
			free(r->texts[0]);
			r->texts[0] = NULL;
		}
		if (chance(4) > 0)
			r->date = (int64_t)chance(UINT64_C(253402300800000000)) -
				  (int64_t)chance(2) * INT64_C(62135596800000000);
	}
}

static void merge_all(world *w)
{
	assert_done(sr_segment_merge(w->conn, w->state.segments, w->state.segment_count));
	sr_index_state_free(&w->state);
	assert_done(sr_index_state_read(w->conn, &w->state));
	assert_int_equal(w->state.segment_count, 1);
}

static void test_misses_nothing(void **state)
{
	world *w = *state;
	sr_text rare = sr_text_of("o'brienreport");
	size_t before;

	add_odd_rows(w, 3000);
	index_rows(w, 0, 3000, 700);
	assert_int_equal(w->state.segment_count, 5);
	assert_done(audit(w));
	expect_all_found(w, 300);
	before = expect_found(w, rare);
	/* And it does narrow. */
	assert_true(before < (size_t)w->state.next_chunk * SR_CHUNK_BLOCKS / 2);
	merge_all(w);
	assert_int_equal(expect_found(w, rare), before);
	expect_all_found(w, 300);
	assert_done(audit(w));
	assert_int_equal(expect_found(w, sr_text_of("never there")), 0);
}

static size_t rows_that_match(world *w, sr_text text)
{
	sr_matches matches;
	size_t rows;

	assert_done(sr_matches_new(&matches, &w->state));
	assert_done(sr_match(w->conn, &w->state, &text, 1, &matches));
	rows = sr_matches_rows(&matches);
	sr_matches_free(&matches);
	return rows;
}

/* A rare trigram says which rows to read, in a segment and in those that were merged. */
static void test_rare_rows(void **state)
{
	world *w = *state;

	for (size_t i = 0; i < 4096; i++) {
		char name[40];
		int length = snprintf(name, sizeof(name), "folder/%05zu%s", i,
				      i % 819 == 7 ? ".zebra" : "");

		add_row(w, (int64_t)i + 1, name, (size_t)length);
	}
	index_rows(w, 0, 4096, SR_CHUNK_ROWS);
	for (int merged = 0; merged < 2; merged++) {
		const sr_text zebra = sr_text_of("zebra");

		assert_int_equal(rows_that_match(w, sr_text_of("folder")), 4096);
		assert_int_equal(rows_that_match(w, zebra), 5);
		assert_int_equal(expect_found(w, zebra), 5);
		if (!merged)
			merge_all(w);
	}
}

/* What each of a row's texts begins with is found as such. */
static void test_beginnings(void **state)
{
	world *w = *state;

	for (size_t i = 0; i < SR_CHUNK_ROWS; i++) {
		row *r = add_row(w, (int64_t)i + 1, "/home/ann/usr/list", 18);

		if (i % 512 == 0)
			set_text(r, 1, "/usr/list", 9);
	}
	index_rows(w, 0, SR_CHUNK_ROWS, SR_CHUNK_ROWS);
	assert_int_equal(rows_that_match(w, sr_text_of("/usr/")), SR_CHUNK_ROWS);
	assert_in_range(rows_that_match(w, (sr_text){"\0/usr/", 6}), 4, 4 * SR_BLOCK_ROWS);
	assert_in_range(rows_that_match(w, (sr_text){"\0/u", 3}), 4, 4 * SR_BLOCK_ROWS);
	assert_int_equal(rows_that_match(w, (sr_text){"\0/", 2}), SR_CHUNK_ROWS);
	assert_int_equal(rows_that_match(w, (sr_text){"\0list", 5}), 0);
}

/* Rows that changed leave their slots and get others. */
static void test_forget(void **state)
{
	world *w = *state;
	int64_t keys[ROWS];
	size_t count = 0;
	sr_index_run *run;
	int64_t slots;

	add_odd_rows(w, 3000);
	index_rows(w, 0, 3000, 1000);
	for (size_t i = 0; i < w->count; i++)
		if (i == 0 || i + 1 == w->count || chance(4) == 0) {
			set_text(&w->rows[i], 0, "moved elsewhere", 15);
			w->rows[i].date = (int64_t)chance(1 << 30);
			w->rows[i].changed = true;
			keys[count++] = w->rows[i].key;
		}
	/* Changed rows are not held against their old slots. */
	assert_done(audit(w));
	assert_done(sr_index_forget(w->conn, keys, count));
	assert_done(sr_index_slots(w->conn, &w->state, &slots));
	assert_int_equal(slots, 3000 - count);
	assert_done(audit(w));
	assert_done(sr_index_run_new(&run));
	for (size_t i = 0; i < w->count; i++)
		if (w->rows[i].changed) {
			sr_index_row one = index_row(&w->rows[i]);

			assert_done(sr_index_run_add(run, &one));
			w->rows[i].changed = false;
		}
	assert_int_equal(audit(w), SR_CORRUPT); /* They are nowhere now, */
	assert_done(sr_index_run_write(run, w->conn, &w->state.next_chunk));
	sr_index_run_free(run);
	assert_done(sr_index_state_write(w->conn, &w->state));
	sr_index_state_free(&w->state);
	assert_done(sr_index_state_read(w->conn, &w->state));
	assert_done(audit(w)); /* and here they are. */
	expect_found(w, sr_text_of("elsewhere"));
	merge_all(w);
	expect_found(w, sr_text_of("elsewhere"));
	expect_all_found(w, 100);
	assert_done(audit(w));
	/* Keys that are nowhere are no error. */
	keys[0] = 123456789012345;
	assert_done(sr_index_forget(w->conn, keys, 1));
	assert_done(audit(w));
}

/* Texts that alone fill the notes of a segment, or more. */
static void test_huge_texts(void **state)
{
	static const size_t sizes[] = {10, 1 << 20, 1 << 20, 1 << 20, 4 << 20, 20, 1 << 20, 0};
	world *w = *state;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char *text = malloc(sizes[i] + 1);

		assert_non_null(text);
		for (size_t k = 0; k < sizes[i]; k++)
			text[k] = (char)(33 + chance(90));
		add_row(w, (int64_t)i, text, sizes[i]);
		free(text);
	}
	index_rows(w, 0, w->count, w->count);
	assert_true(w->state.segment_count > 1);
	assert_done(audit(w));
	expect_all_found(w, 20);
	merge_all(w);
	assert_done(audit(w));
	expect_all_found(w, 20);
}

/* By dates: the newest first, each row once, and none before one that is certainly newer. */
static void test_dates(void **state)
{
	world *w = *state;

	add_odd_rows(w, 3000);
	index_rows(w, 0, 3000, 900);
	for (int oldest = 0; oldest < 2; oldest++) {
		int64_t bound = INT64_MAX;
		sr_slots *slots;
		sr_matches matches;
		size_t all = 0;

		assert_done(sr_matches_new(&matches, &w->state));
		assert_done(sr_slots_open(&slots, w->conn, &w->state, &matches,
					  oldest ? SR_SLOTS_OLDEST : SR_SLOTS_NEWEST));
		do {
			assert_done(sr_slots_next(slots));
			for (size_t i = 0; i < slots->count; i++) {
				const row *r = row_by_key(w, slots->list[i].key);

				assert_non_null(r);
				assert_true(slots->list[i].rank <= bound);
				bound = slots->list[i].rank;
				if (r->date != SR_NO_DATE)
					assert_true((oldest ? -r->date : r->date) <= bound);
				else
					assert_true(bound == SR_NO_DATE);
			}
			all += slots->count;
		} while (slots->count > 0);
		assert_int_equal(all, 3000);
		sr_slots_close(slots);
		sr_matches_free(&matches);
	}
}

/* ---- Damage ---- */

#define POSTING "(SELECT Key FROM search_postings ORDER BY Key LIMIT 1 OFFSET 1)"
#define LAST    "(SELECT max(Key) FROM search_postings)"
static const char *const damages[] = {
	"DELETE FROM search_postings WHERE Key = " POSTING,
	"DELETE FROM search_postings WHERE Key = " LAST,
	"DELETE FROM search_postings WHERE Key = (SELECT min(Key) FROM search_postings)",
	"DELETE FROM search_postings",
	"UPDATE search_postings SET Key = Key + 1 WHERE Key = " POSTING,
	"UPDATE search_postings SET Until = Until + 1 WHERE Key = " POSTING,
	"UPDATE search_postings SET Until = 0 WHERE Key = " LAST,
	"UPDATE search_postings SET Until = Until - 1 WHERE Key = " LAST,
	"UPDATE search_postings SET Blocks = Blocks + 1 WHERE Key = " POSTING,
	"UPDATE search_postings SET Blocks = -1 WHERE Key = " POSTING,
	"UPDATE search_postings SET Lists = substr(Lists, 1, length(Lists) - 1)"
	" WHERE Key = " POSTING,
	"UPDATE search_postings SET Lists = x'' WHERE Key = " POSTING,
	"UPDATE search_postings SET Lists = Lists || x'00' WHERE Key = " POSTING,
	"UPDATE search_postings SET Lists = zeroblob(length(Lists)) WHERE Key = " POSTING,
	"UPDATE search_postings SET Lists = (SELECT Lists FROM search_postings"
	" WHERE Key = " LAST ") WHERE Key = " POSTING,
	"UPDATE search_chunks SET Chunk = 100 WHERE Chunk = 1",
	"DELETE FROM search_chunks WHERE Chunk = 0",
	"DELETE FROM search_chunks WHERE Chunk = 1",
	"DELETE FROM search_chunks",
	"UPDATE search_chunks SET FirstRow = FirstRow + 1 WHERE Chunk = 1",
	"UPDATE search_chunks SET LastRow = LastRow - 1 WHERE Chunk = 1",
	"UPDATE search_chunks SET Oldest = Oldest + 1 WHERE Chunk = 1",
	"UPDATE search_chunks SET Newest = Newest - 1 WHERE Chunk = 1",
	"UPDATE search_chunks SET Newest = NULL WHERE Chunk = 1",
	"UPDATE search_chunks SET Slots = substr(Slots, 2) WHERE Chunk = 1",
	"UPDATE search_chunks SET Slots = zeroblob(length(Slots)) WHERE Chunk = 1",
	"UPDATE search_chunks SET Slots = x'' WHERE Chunk = 1",
	"UPDATE search_chunks SET Slots = (SELECT Slots FROM search_chunks WHERE Chunk = 0)"
	" WHERE Chunk = 1",
	"INSERT INTO search_chunks SELECT 100, FirstRow, LastRow, Oldest, Newest, Slots"
	" FROM search_chunks WHERE Chunk = 1",
	"DELETE FROM search_segments WHERE FirstChunk = 0",
	"DELETE FROM search_segments WHERE FirstChunk > 0",
	"DELETE FROM search_segments",
	"UPDATE search_segments SET FirstChunk = FirstChunk + 1 WHERE FirstChunk = 0",
	"UPDATE search_segments SET Chunks = Chunks + 1 WHERE FirstChunk = 0",
	"UPDATE search_segments SET Chunks = 0 WHERE FirstChunk = 0",
	"UPDATE search_segments SET Segment = Segment + 100 WHERE FirstChunk = 0",
	"UPDATE search_segments SET Segment = -1 WHERE FirstChunk = 0",
	"UPDATE search_segments SET Segment = 9223372036854775807 WHERE FirstChunk = 0",
	"UPDATE search_state SET NextChunk = NextChunk + 1",
	"UPDATE search_state SET NextChunk = 0",
	"UPDATE search_state SET Through = Through - 1",
	"UPDATE search_state SET Through = -5",
};

static void test_damage(void **state)
{
	world *w = *state;

	add_odd_rows(w, 3000);
	index_rows(w, 0, 3000, 1500);
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		sr_status rc;

		assert_done(sr_savepoint(w->conn));
		assert_done(sr_exec(w->conn, damages[i]));
		if ((rc = audit(w)) != SR_CORRUPT)
			fail_msg("%s: %s", damages[i], sr_status_name(rc));
		sr_savepoint_rollback(w->conn);
	}
	assert_done(audit(w));
}

/* One byte of a pack or a chunk is another. */
static void change_byte(world *w, const char *read, const char *write, int64_t at)
{
	unsigned char byte;
	sr_stmt *stmt;
	bool there;

	assert_done(sr_prepare(w->conn, read, &stmt));
	assert_done(sr_step(stmt, &there));
	assert_true(there);
	byte = (unsigned char)sr_column_text(stmt, 0).data[at] ^ (unsigned char)(1 << chance(8));
	sr_stmt_done(stmt);
	assert_done(sr_prepare(w->conn, write, &stmt));
	sr_bind_integer(stmt, 1, at);
	sr_bind_blob(stmt, 2, &byte, 1);
	assert_done(sr_run(stmt));
	sr_stmt_done(stmt);
}

static void expect_bytes_checked(world *w, const char *read, const char *write, int64_t length)
{
	assert_true(length > 10);
	for (int64_t at = 0; at < length; at++) {
		sr_status rc;

		assert_done(sr_savepoint(w->conn));
		change_byte(w, read, write, at);
		if ((rc = audit(w)) != SR_CORRUPT)
			fail_msg("byte %lld: %s", (long long)at, sr_status_name(rc));
		sr_savepoint_rollback(w->conn);
	}
}

static void test_bytes(void **state)
{
	world *w = *state;
	int64_t length;

	add_odd_rows(w, 60);
	index_rows(w, 0, 60, 30);
	assert_done(sr_query_integer(
		w->conn, "SELECT length(Lists) FROM search_postings WHERE Key = " POSTING,
		&length));
	expect_bytes_checked(w, "SELECT Lists FROM search_postings WHERE Key = " POSTING,
			     "UPDATE search_postings SET Lists = CAST(substr(Lists, 1, $1) || $2"
			     " || substr(Lists, $1 + 2) AS BLOB) WHERE Key = " POSTING,
			     length);
	assert_done(sr_query_integer(
		w->conn, "SELECT length(Slots) FROM search_chunks WHERE Chunk = 1", &length));
	expect_bytes_checked(w, "SELECT Slots FROM search_chunks WHERE Chunk = 1",
			     "UPDATE search_chunks SET Slots = CAST(substr(Slots, 1, $1) || $2"
			     " || substr(Slots, $1 + 2) AS BLOB) WHERE Chunk = 1",
			     length);
}

/* A segment that is written as it should be, and lacks one posting. */
static void drop_posting(world *w, const sr_segment *segment, size_t which)
{
	sr_list_writer list = {.bytes = SR_BUFFER_EMPTY};
	sr_pack_writer writer;
	sr_pack_reader reader;
	sr_pack_list one;
	int64_t fresh;
	bool more;

	assert_done(sr_segment_add(w->conn, segment->first_chunk, segment->chunks, &fresh));
	assert_done(sr_pack_begin(&writer, w->conn, fresh));
	assert_done(sr_pack_open(&reader, w->conn, segment->number, 0, SR_TRIGRAMS - 1));
	for (size_t at = 0;; at++) {
		sr_list_run run;

		assert_done(sr_pack_next(&reader, &one, &more));
		if (!more)
			break;
		sr_list_start(&list, one.list.rows);
		while (sr_list_next(&one.list, &run)) {
			if (at == which)
				run.length--;
			if (run.length > 0)
				sr_list_add(&list, run.first, run.length, run.row);
			else
				at = which + 1; /* Only this run. */
		}
		sr_list_end(&list);
		if (list.blocks > 0)
			assert_done(sr_pack_add(&writer, one.trigram, &list));
	}
	assert_done(sr_pack_end(&writer));
	sr_pack_abandon(&writer);
	sr_pack_close(&reader);
	sr_buffer_free(&list.bytes);
	assert_done(sr_pack_delete(w->conn, segment->number));
}

static void test_wrong_and_well_made(void **state)
{
	world *w = *state;
	sr_chunk chunk;
	char sql[200];

	add_odd_rows(w, 3000);
	index_rows(w, 0, 3000, 1500);
	for (size_t which = 0; which < 200; which += 41) {
		assert_done(sr_savepoint(w->conn));
		drop_posting(w, &w->state.segments[0], which);
		snprintf(sql, sizeof(sql), "DELETE FROM search_segments WHERE Segment = %lld",
			 (long long)w->state.segments[0].number);
		assert_done(sr_exec(w->conn, sql));
		assert_int_equal(audit(w), SR_CORRUPT);
		sr_savepoint_rollback(w->conn);
	}
	/* A slot that is empty, and one that is of a row with another date. */
	assert_done(sr_savepoint(w->conn));
	assert_done(sr_chunk_read(w->conn, 1, &chunk));
	assert_done(sr_chunk_keep(&chunk, 0, ~(1U << 5)));
	assert_done(sr_chunk_store(w->conn, &chunk));
	assert_int_equal(audit(w), SR_CORRUPT);
	sr_savepoint_rollback(w->conn);
	assert_done(audit(w));
	w->rows[100].date = w->rows[100].date == SR_NO_DATE ? 5 : SR_NO_DATE;
	assert_int_equal(audit(w), SR_CORRUPT);
}

/* Rows that changed unnoticed. */
static void test_rows_unnoticed(void **state)
{
	world *w = *state;
	row *r;

	add_odd_rows(w, 3000);
	index_rows(w, 0, 3000, 1500);
	r = &w->rows[1234];
	set_text(r, 0, "zebra crossing", 14);
	assert_int_equal(audit(w), SR_CORRUPT);
	/* Known to have changed, or gone, it is no matter. */
	r->changed = true;
	assert_done(audit(w));
	r->changed = false;
	r->gone = true;
	assert_done(audit(w));
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_misses_nothing), TEST(test_rare_rows),  TEST(test_beginnings),
		TEST(test_forget),         TEST(test_huge_texts), TEST(test_dates),
		TEST(test_damage),         TEST(test_bytes),      TEST(test_wrong_and_well_made),
		TEST(test_rows_unnoticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
