/* One catalog and many threads, through the public calls alone; the sums are exact afterwards. */
#include <pthread.h>

#include "catalog_fixture.h"

#define THREADS 16
#define ROUNDS  12

typedef struct worker {
	catalog_fixture *f;
	int number;
	int64_t saved;     /* Files that it was told are added, */
	int64_t changed;   /* or changed. */
	char failure[300]; /* The first call that failed, and why; cmocka's own assertions are for
			      the main thread. */
	pthread_t thread;
} worker;

static bool good(worker *w, const char *call, sr_status rc)
{
	if (rc == SR_OK)
		return true;
	if (w->failure[0] == '\0')
		snprintf(w->failure, sizeof(w->failure), "thread %d, %s: %s", w->number, call,
			 sr_error_message());
	return false;
}

static void fail_because(worker *w, const char *why)
{
	if (w->failure[0] == '\0')
		snprintf(w->failure, sizeof(w->failure), "thread %d: %s", w->number, why);
}

/* Two files of its own and one that all threads fight for. */
static void save_some(worker *w, int round)
{
	char paths[3][64];
	sr_file files[3];
	sr_saved saved;

	snprintf(paths[0], sizeof(paths[0]), "/own/%d/%d/a.txt", w->number, round);
	snprintf(paths[1], sizeof(paths[1]), "/own/%d/%d/b.txt", w->number, round);
	snprintf(paths[2], sizeof(paths[2]), "/shared/%d.txt", round);
	for (int i = 0; i < 3; i++) {
		files[i] = file_at(w->f, paths[i]);
		files[i].size = i < 2 ? 10 : w->number;
	}
	if (!good(w, "sr_file_save", sr_file_save(w->f->catalog, files, 3, NULL, NULL, &saved)))
		return;
	w->saved += saved.added;
	w->changed += saved.changed;
}

/* What it saved is found at once by itself. */
static void search_own(worker *w, int round)
{
	char term[64];
	const sr_file *file;
	sr_files *cursor;
	sr_query query;
	int found = 0;

	snprintf(term, sizeof(term), "/OWN/%d/%d/", w->number, round);
	sr_query_init(&query);
	query.term = sr_text_of(term);
	if (!good(w, "sr_search", sr_search(w->f->catalog, &query, &cursor)))
		return;
	while (good(w, "sr_files_next", sr_files_next(cursor, &file)) && file != NULL)
		found++;
	sr_files_close(cursor);
	if (found != 2)
		fail_because(w, "what was saved is not found");
}

/* A transaction over several calls, kept or not; the calls join it. */
static void transact(worker *w, int round)
{
	char path[64];
	sr_file file, *again = NULL;
	sr_saved saved;
	bool keep = round % 2 == 0;

	snprintf(path, sizeof(path), "/kept/%d/%d", w->number, round);
	file = file_at(w->f, path);
	if (!good(w, "sr_begin", sr_begin(w->f->catalog, "a test")))
		return;
	if (good(w, "sr_file_save", sr_file_save(w->f->catalog, &file, 1, NULL, NULL, &saved)) &&
	    good(w, "sr_file_find",
		 sr_file_find(w->f->catalog, &w->f->client, sr_text_of(path), &again)))
		w->saved += keep ? saved.added : 0;
	sr_file_free(again);
	if (keep)
		good(w, "sr_commit", sr_commit(w->f->catalog));
	else
		good(w, "sr_rollback", sr_rollback(w->f->catalog));
}

/* The schema's number moves, so that everybody reads its shape anew. */
static void change_schema(worker *w, int round)
{
	char sql[128];

	if (round % 4 != 0)
		return;
	snprintf(sql, sizeof(sql), "CREATE TABLE notes_%d_%d (a); DROP TABLE notes_%d_%d",
		 w->number, round, w->number, round);
	good(w, "sr_execute_script", sr_execute_script(w->f->catalog, sql));
}

static void read_some(worker *w)
{
	sr_statistics *statistics = NULL;
	sr_pool_statistics pool;
	sr_clients *clients;
	const sr_client *client;
	sr_table *table = NULL;

	if (good(w, "sr_statistics_get", sr_statistics_get(w->f->catalog, &statistics)) &&
	    statistics->total_files < w->saved)
		fail_because(w, "fewer files than this thread alone has saved");
	sr_statistics_free(statistics);
	if (good(w, "sr_client_list", sr_client_list(w->f->catalog, true, &clients))) {
		while (good(w, "sr_clients_next", sr_clients_next(clients, &client)) && client)
			continue;
		sr_clients_close(clients);
	}
	good(w, "sr_fetch",
	     sr_fetch(w->f->catalog, "SELECT count(*) FROM files", NULL, 0, 1, &table));
	sr_table_free(table);
	good(w, "sr_pool_statistics_get", sr_pool_statistics_get(w->f->catalog, &pool));
}

static void *work(void *arg)
{
	worker *w = arg;

	for (int round = 0; round < ROUNDS && w->failure[0] == '\0'; round++) {
		save_some(w, round);
		search_own(w, round);
		transact(w, round);
		change_schema(w, round);
		read_some(w);
	}
	return NULL;
}

static void test_many_threads(void **state)
{
	worker workers[THREADS];
	catalog_fixture *f = *state;
	int64_t saved = 0, changed = 0;

	for (int i = 0; i < THREADS; i++) {
		workers[i] = (worker){.f = f, .number = i + 1};
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
		assert_string_equal(workers[i].failure, "");
		saved += workers[i].saved;
		changed += workers[i].changed;
	}
	assert_int_equal(integer(f, "SELECT count(*) FROM files"), saved);
	/* Each file that changed has a version for its first state and one for each change. */
	assert_int_equal(integer(f, "SELECT sum(TotalVersions) - count(*) FROM files"), changed);
	assert_int_equal(integer(f, "SELECT count(*) FROM file_versions"),
			 changed +
				 integer(f, "SELECT count(*) FROM files WHERE TotalVersions > 1"));
	assert_int_equal(integer(f, "SELECT count(*) FROM file_versions WHERE IsActive"),
			 integer(f, "SELECT count(*) FROM files WHERE TotalVersions > 1"));
	assert_int_equal(integer(f, "SELECT count(*) FROM files WHERE OriginalPath GLOB '/kept/*'"),
			 THREADS * ROUNDS / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_many_threads, catalog_setup_client,
						catalog_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
