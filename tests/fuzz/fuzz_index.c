/*
 * The search index: rows as they were written, some bytes and numbers of them changed and their
 * checks made right again, so that what lies behind the checks is reached. Whoever reads it notices
 * or finds too much; it never crashes, and no list is longer than its segment.
 */
#include "base/text.h"
#include "engine/engine.h"
#include "fuzz.h"
#include "index/audit.h"
#include "index/bytes.h"
#include "index/chunk.h"
#include "index/match.h"
#include "index/pack.h"
#include "index/slots.h"

#include <stdio.h>

enum { ROWS = 700, STEP = 300 };

static sr_conn *conn;

static void end(void)
{
	sr_conn_close(conn);
}

static const char tables[] =
	"CREATE TABLE search_state (ID INTEGER PRIMARY KEY CHECK (ID = 1), Through INTEGER NOT "
	"NULL,"
	" NextChunk INTEGER NOT NULL, Format TEXT NOT NULL);"
	"CREATE TABLE search_segments (Segment INTEGER PRIMARY KEY AUTOINCREMENT,"
	" FirstChunk INTEGER NOT NULL, Chunks INTEGER NOT NULL);"
	"CREATE TABLE search_postings (Key INTEGER PRIMARY KEY, Until INTEGER NOT NULL,"
	" Blocks INTEGER NOT NULL, Lists BLOB NOT NULL);"
	"CREATE TABLE search_chunks (Chunk INTEGER PRIMARY KEY, FirstRow INTEGER NOT NULL,"
	" LastRow INTEGER NOT NULL, Oldest INTEGER, Newest INTEGER, Slots BLOB NOT NULL);"
	"CREATE INDEX idx_search_chunks_dates ON search_chunks (Newest, Oldest);"
	"CREATE TABLE search_changes (RowKey INTEGER PRIMARY KEY);";

static void fill(void)
{
	sr_index_state state = {0};
	sr_index_run *run;

	FUZZ_CHECK(sr_index_run_new(&run) == SR_OK);
	for (int i = 0; i < ROWS; i++) {
		char name[64];
		sr_index_row row = {.key = i + 1, .date = i % 5 ? i * 1000000 : SR_NO_DATE};

		snprintf(name, sizeof(name), "/home/%d/report %d.txt", i / 50, i);
		row.texts[0] = sr_text_of(name);
		FUZZ_CHECK(sr_index_run_add(run, &row) == SR_OK);
		state.through = row.key;
		if (i % STEP == STEP - 1 || i == ROWS - 1)
			FUZZ_CHECK(sr_index_run_write(run, conn, &state.next_chunk) == SR_OK);
	}
	sr_index_run_free(run);
	FUZZ_CHECK(sr_index_state_write(conn, &state) == SR_OK);
}

static void begin(void)
{
	const sr_conn_options options = {
		.access = SR_ACCESS_CREATE, .busy_timeout = 5, .cache_pages = 2000};

	FUZZ_CHECK(sr_conn_open(&sr_sqlite, fuzz_path("index.db"), &options, &conn) == SR_OK);
	FUZZ_CHECK(sr_exec(conn, tables) == SR_OK);
	FUZZ_CHECK(sr_conn_begin(conn, SR_TRANSACTION_WRITE) == SR_OK);
	fill();
	FUZZ_CHECK(sr_conn_commit(conn) == SR_OK);
	atexit(end);
}

/* ---- Changes ---- */

/* One row of a table with numbers and a blob, changed, and its check made right. */
typedef struct kept {
	const char *select, *update;
	int numbers; /* Columns before the blob; the first is the key. */
} kept;

static const kept postings = {
	"SELECT Key, Until, Blocks, Lists FROM search_postings ORDER BY Key LIMIT 1 OFFSET"
	" $1 % (SELECT max(1, count(*)) FROM search_postings)",
	"UPDATE OR IGNORE search_postings SET Key = $1, Until = $2, Blocks = $3, Lists = $4 WHERE "
	"Key"
	" = $5",
	3};
static const kept chunks = {
	"SELECT Chunk, FirstRow, LastRow, Oldest, Newest, Slots FROM search_chunks ORDER BY Chunk"
	" LIMIT 1 OFFSET $1 % (SELECT max(1, count(*)) FROM search_chunks)",
	"UPDATE OR IGNORE search_chunks SET Chunk = $1, FirstRow = $2, LastRow = $3, Oldest = $4,"
	" Newest = $5, Slots = $6 WHERE Chunk = $7",
	5};

static void change_blob(sr_buffer *blob, fuzz_input *input)
{
	const unsigned how = (unsigned)fuzz_number(input, 1);
	sr_text text;

	if (how % 8 == 0) {
		text = fuzz_text(input);
		sr_buffer_clear(blob);
		sr_buffer_add(blob, text.data, text.length);
	} else if (how % 8 == 1 && blob->length > 0) {
		blob->length -= fuzz_number(input, 2) % blob->length;
	} else {
		for (unsigned i = 0; i < how % 8 && blob->length > 0; i++) {
			/* The beginning more often than the rest. */
			const size_t at = fuzz_number(input, i % 2 ? 1 : 2) % blob->length;

			blob->data[at] = (char)fuzz_number(input, 1);
		}
	}
}

static void change(const kept *table, fuzz_input *input)
{
	const int64_t which = (int64_t)fuzz_number(input, 1);
	const unsigned column = (unsigned)fuzz_number(input, 1);
	sr_buffer blob = SR_BUFFER_EMPTY;
	int64_t numbers[8], key;
	sr_stmt *stmt;
	sr_text text;
	bool row;

	FUZZ_CHECK(sr_prepare(conn, table->select, &stmt) == SR_OK);
	sr_bind_integer(stmt, 1, which);
	FUZZ_CHECK(sr_step(stmt, &row) == SR_OK);
	if (!row) {
		sr_stmt_done(stmt);
		return;
	}
	for (int i = 0; i < table->numbers; i++)
		numbers[i] = sr_column_integer(stmt, i);
	key = numbers[0];
	text = sr_column_text(stmt, table->numbers);
	if (text.length > SR_CHECK_BYTES)
		sr_buffer_add(&blob, text.data, text.length - SR_CHECK_BYTES);
	sr_stmt_done(stmt);
	if (column < 128)
		change_blob(&blob, input);
	else
		numbers[column % (unsigned)table->numbers] =
			(int64_t)fuzz_number(input, column & 64 ? 8 : 1);
	sr_put_check(&blob, numbers, (size_t)table->numbers);
	FUZZ_CHECK(sr_prepare(conn, table->update, &stmt) == SR_OK);
	for (int i = 0; i < table->numbers; i++)
		sr_bind_integer(stmt, i + 1, numbers[i]);
	sr_bind_blob(stmt, table->numbers + 1, blob.data, blob.length);
	sr_bind_integer(stmt, table->numbers + 2, key);
	(void)sr_run(stmt); /* A number that must not be null. */
	sr_stmt_done(stmt);
	sr_buffer_free(&blob);
}

static void change_segment(fuzz_input *input)
{
	char sql[256];
	const long long first = (long long)fuzz_number(input, 1) - 1;
	const long long count = (long long)fuzz_number(input, 4);

	snprintf(sql, sizeof(sql),
		 "UPDATE search_segments SET FirstChunk = %lld, Chunks = %lld WHERE Segment = %d",
		 first, count, (int)fuzz_number(input, 1) % 4);
	FUZZ_CHECK(sr_exec(conn, sql) == SR_OK);
}

static void change_state(fuzz_input *input)
{
	sr_index_state state = {
		.through = (int64_t)fuzz_number(input, 2),
		.next_chunk = (int64_t)fuzz_number(input, 4),
	};

	(void)fuzz_inner(sr_index_state_write(conn, &state));
}

/* ---- Reading ---- */

static void search(const sr_index_state *state, const char *term)
{
	static const sr_slot_order orders[] = {SR_SLOTS_BY_KEY, SR_SLOTS_NEWEST, SR_SLOTS_OLDEST};
	sr_text text = sr_text_of(term);
	sr_matches matches = {0};
	sr_slots *slots;
	int64_t blocks;

	(void)fuzz_inner(sr_match_estimate(conn, state, &text, 1, &blocks));
	if (!fuzz_inner(sr_matches_new(&matches, state)))
		return;
	if (fuzz_inner(sr_match(conn, state, &text, 1, &matches))) {
		(void)sr_matches_rows(&matches);
		for (int i = 0; i < 3; i++) {
			int batches = 0;

			if (!fuzz_inner(sr_slots_open(&slots, conn, state, &matches, orders[i])))
				continue;
			while (fuzz_inner(sr_slots_next(slots)) && slots->count > 0)
				FUZZ_CHECK(++batches < 100000);
			sr_slots_close(slots);
		}
	}
	sr_matches_free(&matches);
}

static sr_status nothing(void *arg, int64_t key, sr_index_row *row, bool *known)
{
	static char name[64];

	(void)arg;
	*known = key > 0 && key <= ROWS;
	snprintf(name, sizeof(name), "/home/%d/report %d.txt", (int)(key - 1) / 50, (int)(key - 1));
	*row = (sr_index_row){.key = key, .date = SR_NO_DATE, .texts = {sr_text_of(name)}};
	return SR_OK;
}

static void read_all(void)
{
	sr_index_state state;
	sr_audit_sum sum;
	int64_t slots;

	if (!fuzz_inner(sr_index_state_read(conn, &state)) || !state.usable)
		return;
	/* So many chunks are asked for memory that nothing vouches for: the rows are counted first.
	 */
	if (fuzz_inner(sr_index_chunks_check(conn, &state))) {
		search(&state, "report 1");
		search(&state, "/home");
		search(&state, "x");
		(void)fuzz_inner(sr_index_slots(conn, &state, &slots));
		(void)fuzz_inner(sr_index_audit(conn, &state, nothing, NULL, &sum));
		if (state.segment_count > 1)
			(void)fuzz_inner(
				sr_segment_merge(conn, state.segments, state.segment_count));
	}
	sr_index_state_free(&state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_input input = {data, size};

	if (conn == NULL)
		begin();
	FUZZ_CHECK(sr_conn_begin(conn, SR_TRANSACTION_WRITE) == SR_OK);
	while (input.left > 0) {
		switch (fuzz_number(&input, 1) % 8) {
		case 0:
			change_segment(&input);
			break;
		case 1:
			change_state(&input);
			break;
		case 2:
		case 3:
		case 4:
			change(&chunks, &input);
			break;
		default:
			change(&postings, &input);
		}
	}
	read_all();
	sr_conn_rollback(conn);
	return 0;
}
