/* The processes that are killed while they write, and what must be there afterwards. */
#include "kill.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "copy.h"
#include "fault.h"
#include "holds.h"
#include "unit/scratch.h"

enum { WRITERS = 16, TOGETHER = 3, MANY = 1 << 20 };

/* What a writer tells when its save has returned. */
typedef struct told {
	uint32_t writer, number;
} told;

static struct {
	sr_catalog *catalog;
	uint32_t round; /* Which life of the process this is: its files have a folder of their own.
			 */
	bool early;     /* The planted bug. */
} role;

static sr_catalog *open_in(const char *folder, double timeout)
{
	sr_catalog *catalog = NULL;
	char database[4300];
	sr_options options;

	snprintf(database, sizeof(database), "%s/catalog.db", folder);
	sr_options_init(&options);
	options.path = database;
	options.timeout = timeout;
	if (sr_open(&catalog, &options) != SR_OK) {
		fprintf(stderr, "%s: %s\n", database, sr_error_message());
		return NULL;
	}
	return catalog;
}

/* ---- The writers ---- */

static sr_status save_together(uint32_t writer, uint32_t number)
{
	char paths[TOGETHER][80];
	sr_file files[TOGETHER];

	for (int i = 0; i < TOGETHER; i++) {
		snprintf(paths[i], sizeof(paths[i]), "/killed/%u/%u/%u/%d", role.round, writer,
			 number, i);
		sr_file_init(&files[i]);
		files[i].client_id = fault_client(0);
		files[i].original_path = sr_text_of(paths[i]);
		files[i].size = 1;
		files[i].stored = false;
	}
	return sr_file_save(role.catalog, files, TOGETHER, NULL, NULL, NULL);
}

static void acknowledge(told what)
{
	if (write(STDOUT_FILENO, &what, sizeof(what)) != (ssize_t)sizeof(what))
		_exit(1);
}

static void *write_on(void *arg)
{
	told what = {.writer = (uint32_t)(uintptr_t)arg};

	for (;; what.number++) {
		if (role.early)
			acknowledge(what);
		if (save_together(what.writer, what.number) != SR_OK) {
			fprintf(stderr, "a writer: %s\n", sr_error_message());
			_exit(1);
		}
		if (!role.early)
			acknowledge(what);
	}
	return NULL;
}

static void be_writers(const char *folder)
{
	pthread_t threads[WRITERS];

	role.catalog = open_in(folder, 30);
	if (role.catalog == NULL)
		_exit(1);
	for (uintptr_t i = 0; i < WRITERS; i++)
		if (pthread_create(&threads[i], NULL, write_on, (void *)i) != 0)
			_exit(1);
	pthread_join(threads[0], NULL);
	_exit(1);
}

/* Holds the only writer, with a row that nobody else sees. */
static void be_holder(const char *folder)
{
	role.catalog = open_in(folder, 30);
	if (role.catalog == NULL || sr_begin(role.catalog, "holder") != SR_OK ||
	    save_together(0, 0) != SR_OK)
		_exit(1);
	acknowledge((told){0});
	for (;;)
		pause();
}

void kill_become(int argc, char **argv)
{
	if (argc < 4 || argv[1][0] != '@')
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	role.round = (uint32_t)strtoul(argv[1] + 2, NULL, 10);
	role.early = strcmp(argv[3], "early-acknowledge") == 0;
	if (argv[1][1] == 'w')
		be_writers(argv[2]);
	be_holder(argv[2]);
}

/* ---- What must be there ---- */

/* What a round has acknowledged, and what of it the catalog has. */
typedef struct round {
	uint8_t *said;          /* By writer and number: 1 where it was acknowledged. */
	uint32_t next[WRITERS]; /* The number after the last acknowledged one. */
	uint64_t acknowledged;
} round;

enum { NUMBERS = MANY / WRITERS };

static void hear(round *r, int in)
{
	told what;

	while (read(in, &what, sizeof(what)) == (ssize_t)sizeof(what)) {
		if (what.writer >= WRITERS || what.number >= NUMBERS)
			abort();
		r->said[what.writer * NUMBERS + what.number] = 1;
		r->next[what.writer] = what.number + 1;
		r->acknowledged++;
	}
}

/* The rows of the round, counted by group; each group of a writer is whole, each acknowledged one
 * is there, and at most one more of each writer. */
static bool judge_round(const char *folder, uint32_t number, const round *r, char *words,
			size_t size)
{
	uint8_t *found = calloc(MANY, 1);
	char database[4300], query[300];
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;
	bool right = true;

	snprintf(database, sizeof(database), "%s/catalog.db", folder);
	snprintf(query, sizeof(query),
		 "SELECT OriginalPath FROM files WHERE OriginalPath > '/killed/%u/' AND "
		 "OriginalPath < '/killed/%u0'",
		 number, number);
	if (found == NULL || sqlite3_open(database, &db) != SQLITE_OK ||
	    sqlite3_prepare_v2(db, query, -1, &stmt, NULL) != SQLITE_OK)
		abort();
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		unsigned id, writer, at, part;

		if (sscanf((const char *)sqlite3_column_text(stmt, 0), "/killed/%u/%u/%u/%u", &id,
			   &writer, &at, &part) != 4 ||
		    id != number || writer >= WRITERS || at >= NUMBERS)
			abort();
		found[writer * NUMBERS + at]++;
	}
	if (sqlite3_finalize(stmt) != SQLITE_OK)
		abort();
	for (uint32_t writer = 0; writer < WRITERS && right; writer++)
		for (uint32_t at = 0; at <= r->next[writer] + 1 && right; at++) {
			int have = found[writer * NUMBERS + at];
			bool said = r->said[writer * NUMBERS + at] != 0;

			right = (have == TOGETHER || have == 0) && !(said && have == 0) &&
				!(have > 0 && at > r->next[writer]);
			if (!right)
				snprintf(words, size,
					 "of save %u of writer %u, %s, %d of %d rows are there", at,
					 writer, said ? "acknowledged" : "not acknowledged", have,
					 TOGETHER);
		}
	sqlite3_close(db);
	free(found);
	return right;
}

/* This process goes on with the handle that it had all the time. */
static bool judge_beside(sr_catalog *catalog, const char *path, char *words, size_t size)
{
	sr_file *found = NULL, file;
	sr_id judge = fault_client(2);

	sr_file_init(&file);
	file.client_id = judge;
	file.original_path = sr_text_of(path);
	file.stored = false;
	if (sr_file_save(catalog, &file, 1, NULL, NULL, NULL) == SR_OK &&
	    sr_file_find(catalog, &judge, sr_text_of(path), &found) == SR_OK) {
		sr_file_free(found);
		return true;
	}
	snprintf(words, size, "a process beside it does not go on: %s", sr_error_message());
	return false;
}

static bool judge_integrity(const char *folder, char *words, size_t size)
{
	char database[4300];
	sr_health_options how;
	sr_health *health = NULL;
	sr_options options;
	bool well;

	snprintf(database, sizeof(database), "%s/catalog.db", folder);
	sr_options_init(&options);
	options.path = database;
	sr_health_options_init(&how);
	how.full = true;
	if (sr_health_look(&options, &how, &health) != SR_OK) {
		snprintf(words, size, "its health cannot be told: %s", sr_error_message());
		return false;
	}
	well = health->errors == 0;
	if (!well)
		snprintf(words, size, "it is unhealthy: %s", health->findings[0].meaning);
	sr_health_free(health);
	return well;
}

/* ---- Killing ---- */

static void fresh(const torture *run, const char *template, char *folder)
{
	snprintf(folder, 4200, "%s/writers", run->folder);
	scratch_remove(folder);
	copy_tree(template, folder);
}

static void kill_round(torture *run, const char *folder, uint32_t number, uint64_t *chance)
{
	bool beside = torture_chance(chance, 2) == 0;
	double moment = 0.005 + (double)torture_chance(chance, 100000) / 1e6;
	round r = {.said = calloc(MANY, 1)};
	sr_catalog *catalog = beside ? open_in(folder, 10) : NULL;
	char words[600] = "", name[40];
	pid_t child;
	int out;

	snprintf(name, sizeof(name), "@w%u", number);
	child = kill_start(name, folder, run->plant, &out);
	kill_rest(moment);
	if (!kill_now(child))
		snprintf(words, sizeof(words), "the writers ended by themselves");
	hear(&r, out);
	close(out);
	if (beside && words[0] == '\0')
		(void)(catalog != NULL &&
		       judge_beside(catalog, "/judge/beside", words, sizeof(words)));
	if (words[0] == '\0')
		(void)judge_round(folder, number, &r, words, sizeof(words));
	if (sr_close(catalog) != SR_OK && words[0] == '\0')
		snprintf(words, sizeof(words), "it does not close: %s", sr_error_message());
	if (words[0] == '\0' && number % 4 == 0)
		(void)judge_integrity(folder, words, sizeof(words));
	if (words[0] != '\0')
		torture_bad(run, "16 writers", "killed after %g ms and %llu acknowledged saves: %s",
			    moment * 1e3, (unsigned long long)r.acknowledged, words);
	free(r.said);
}

void kill_writers(torture *run, const char *template, double until)
{
	uint64_t chance = torture_state(run->seed, 2);
	uint32_t number = 0;
	char folder[4200];

	do {
		if (number % 20 == 0)
			fresh(run, template, folder);
		kill_round(run, folder, number, &chance);
		number++;
	} while (torture_elapsed(run) < until);
	torture_scenario_end(run, "16 writers", "kills", number);
}

typedef struct waiting {
	sr_catalog *catalog;
	sr_status status;
	char words[300];
} waiting;

static void *save_beside(void *arg)
{
	waiting *w = arg;
	sr_file file;

	sr_file_init(&file);
	file.client_id = fault_client(2);
	file.original_path = sr_text_of("/judge/waited");
	file.stored = false;
	w->status = sr_file_save(w->catalog, &file, 1, NULL, NULL, NULL);
	snprintf(w->words, sizeof(w->words), "%s", sr_error_message());
	return NULL;
}

/* Somebody waits for the lock when its holder dies, and has it then. */
static void kill_holder(torture *run, const char *folder, uint32_t number, uint64_t *chance)
{
	waiting w = {.catalog = open_in(folder, 20)};
	round r = {.said = calloc(MANY, 1)};
	char words[600] = "", name[40];
	pthread_t thread;
	pid_t child;
	told what;
	int out;

	snprintf(name, sizeof(name), "@h%u", number);
	child = kill_start(name, folder, NULL, &out);
	if (w.catalog == NULL || read(out, &what, sizeof(what)) != (ssize_t)sizeof(what) ||
	    pthread_create(&thread, NULL, save_beside, &w) != 0)
		abort();
	kill_rest((double)torture_chance(chance, 20000) / 1e6);
	kill_now(child);
	close(out);
	pthread_join(thread, NULL);
	if (w.status != SR_OK)
		snprintf(words, sizeof(words), "who waited does not go on: %s", w.words);
	else if (judge_round(folder, number, &r, words, sizeof(words)))
		words[0] = '\0';
	if (sr_close(w.catalog) != SR_OK && words[0] == '\0')
		snprintf(words, sizeof(words), "it does not close: %s", sr_error_message());
	if (words[0] == '\0' && number % 4 == 0)
		(void)judge_integrity(folder, words, sizeof(words));
	if (words[0] != '\0')
		torture_bad(run, "a holder of locks", "%s", words);
	free(r.said);
}

void kill_holders(torture *run, const char *template, double until)
{
	uint64_t chance = torture_state(run->seed, 3);
	uint32_t number = 0;
	char folder[4200];

	fresh(run, template, folder);
	do {
		kill_holder(run, folder, number, &chance);
		number++;
	} while (torture_elapsed(run) < until);
	torture_scenario_end(run, "a holder of locks", "kills", number);
}
