#include "machine.h"

#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../unit/scratch.h"
#include "asking.h"
#include "catalog/search_index.h"

#define QUERIES_OF_AN_EPOCH 500
#define LOG_LINES_SHOWN     40

void machine_options_init(machine_options *options)
{
	*options = (machine_options){
		.seed = 1, .queries = 2000, .rows = 800, .concurrent = true, .damage = true};
}

bool machine_failed(const machine *m)
{
	return m->report.length > 0 || m->writing.failed;
}

/* ---- Asking ---- */

static void report(machine *m, const question *q, const sr_buffer *words)
{
	sr_buffer_printf(&m->report, "query %lu of epoch %u: strongroom --db … ",
			 m->figures->queries, m->epoch);
	question_describe(q, &m->report);
	sr_buffer_printf(&m->report, "\n%s", words->data);
}

static void ask_one(machine *m, oracle *all)
{
	sr_buffer words = SR_BUFFER_EMPTY;
	question q;
	answer a;

	question_make(&q, all);
	m->figures->queries++;
	if (!answer_get(&a, m->writing.catalog, &q, true, &words)) {
		report(m, &q, &words);
	} else {
		m->figures->compared += a.count;
		m->figures->hits += a.count > 0;
		if (!answer_equals(&a, all, &q, true, &words))
			report(m, &q, &words);
		answer_free(&a);
		if (words.length == 0 && one_in(4) &&
		    !count_equals(m->writing.catalog, all, &q, &words))
			report(m, &q, &words);
	}
	question_free(&q);
	sr_buffer_free(&words);
}

void machine_ask(machine *m, sqlite3 *db, unsigned queries)
{
	sqlite3 *own = db ? NULL : open_plain(m->path);
	oracle *all = oracle_load(db ? db : own);

	if (all == NULL)
		sr_buffer_add_string(&m->report, "the oracle cannot read the tables\n");
	for (unsigned i = 0; i < queries && !machine_failed(m); i++)
		ask_one(m, all);
	oracle_free(all);
	sqlite3_close(own);
}

/* ---- Open and closed ---- */

void machine_choose_step(machine_index *index)
{
	static const int64_t steps[] = {0, 1, 4, 12, 40, 100, 300};

	index->step = PICK(steps);
	index->always = !one_in(4);
}

void machine_set_step(const machine_index *index, sr_catalog *catalog)
{
	sr_index_set_step(catalog, index->step);
	catalog->index_always = index->always;
}

void machine_open(machine *m)
{
	if (sr_open(&m->writing.catalog, &m->open) != SR_OK)
		sr_buffer_printf(&m->report, "sr_open failed: %s\n", sr_error_message());
	else
		machine_set_step(&m->index, m->writing.catalog);
}

void machine_close(machine *m)
{
	if (sr_close(m->writing.catalog) != SR_OK)
		sr_buffer_printf(&m->report, "sr_close failed: %s\n", sr_error_message());
	m->writing.catalog = NULL;
}

/* ---- Inside a transaction of this thread ---- */

static void ask_inside(machine *m, unsigned queries)
{
	sr_lease *lease;

	if (sr_lease_open(m->writing.catalog, "machine", true, &lease) != SR_OK) {
		sr_buffer_printf(&m->report, "sr_lease_open failed: %s\n", sr_error_message());
		return;
	}
	machine_ask(m, sr_lease_handle(lease), queries);
	sr_lease_close(lease);
}

static void transaction(machine *m)
{
	bool kept = one_in(2);
	int calls = 1 + (int)chance(4);

	if (sr_begin(m->writing.catalog, "machine") != SR_OK) {
		sr_buffer_printf(&m->report, "sr_begin failed: %s\n", sr_error_message());
		return;
	}
	write_log(&m->writing, "transaction of calls");
	while (calls-- > 0 && !machine_failed(m)) {
		write_in_transaction(&m->writing);
		m->figures->writes++;
	}
	if (!machine_failed(m))
		ask_inside(m, 1 + chance(6));
	write_log(&m->writing, "%s", kept ? "commit" : "rollback");
	if ((kept ? sr_commit(m->writing.catalog) : sr_rollback(m->writing.catalog)) != SR_OK)
		sr_buffer_printf(&m->report, "its end failed: %s\n", sr_error_message());
}

/* ---- Epochs ---- */

/* For tests that there is something to find. */
static void sabotage(machine *m)
{
	sqlite3 *db = open_plain(m->path);

	run_sql(&m->writing, db, m->options->sabotage);
	sqlite3_close(db);
}

static void step(machine *m)
{
	int writes = 1 + (int)chance(5);

	if (one_in(12))
		machine_upset(m);
	while (writes-- > 0 && !machine_failed(m)) {
		if (m->options->sabotage)
			sabotage(m);
		write_something(&m->writing);
		m->figures->writes++;
	}
	if (!machine_failed(m) && one_in(5))
		transaction(m);
	if (!machine_failed(m) && m->options->concurrent && one_in(12))
		machine_ask_beside(m, 10 + chance(20));
	if (!machine_failed(m) && m->options->damage && one_in(10))
		machine_damage(m);
	if (!machine_failed(m))
		machine_ask(m, NULL, 1 + chance(24));
}

static void begin_epoch(machine *m)
{
	chance_seed(m->options->seed * 1000003u + m->epoch);
	scratch_make(m->folder, sizeof(m->folder), "random");
	snprintf(m->path, sizeof(m->path), "%s/catalog.db", m->folder);
	snprintf(m->log, sizeof(m->log), "%s/log", m->folder);
	sr_options_init(&m->open);
	m->open.path = m->path;
	m->open.create = m->open.migrate = true;
	m->open.pool_size = 2;
	m->open.backup = 0;
	m->open.durability = SR_DURABILITY_NORMAL;
	m->writing = (writing){
		.path = m->path,
		.log = fopen(m->log, "a"),
		.rows = 50 + chance(m->options->rows - 49),
	};
	if (m->writing.log == NULL)
		abort();
	machine_choose_step(&m->index);
	if (one_in(4))
		machine_begin_old(m);
	if (m->writing.catalog == NULL && !machine_failed(m))
		machine_open(m);
	if (!machine_failed(m))
		write_clients(&m->writing);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static void print_log(const machine *m)
{
	char command[256];

	snprintf(command, sizeof(command), "tail -n %d %s | cut -c 1-300", LOG_LINES_SHOWN, m->log);
	puts("what was done last:");
	fflush(stdout);
	if (system(command) != 0)
		puts("(no log)");
}

static void print_difference(const machine *m)
{
	printf("\nDIFFERENCE with seed %llu in epoch %u:\n%s", (unsigned long long)m->options->seed,
	       m->epoch, m->report.length ? m->report.data : "a writer failed, see the log\n");
	print_log(m);
	printf("again: search-random --seed %llu --first-epoch %u --rows %u --queries %lu%s%s\n"
	       "the catalog as it is now: %s\n",
	       (unsigned long long)m->options->seed, m->epoch, m->options->rows,
	       m->options->queries, m->options->concurrent ? "" : " --alone",
	       m->options->damage ? "" : " --sound", m->path);
}

static void end_epoch(machine *m)
{
	if (machine_failed(m)) {
		m->figures->differences++;
		if (m->options->sabotage == NULL)
			print_difference(m);
	}
	machine_close(m);
	fclose(m->writing.log);
	if (m->figures->differences == 0 || m->options->sabotage)
		nftw(m->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	sr_buffer_free(&m->report);
}

void machine_run(const machine_options *options, machine_figures *figures)
{
	unsigned epoch = options->first_epoch;

	*figures = (machine_figures){0};
	while (figures->queries < options->queries && figures->differences == 0) {
		unsigned long enough = figures->queries + QUERIES_OF_AN_EPOCH;
		machine m = {.options = options, .figures = figures, .epoch = epoch++};

		begin_epoch(&m);
		figures->epochs++;
		while (figures->queries < enough && !machine_failed(&m))
			step(&m);
		end_epoch(&m);
		if (options->loud && figures->epochs % 20 == 0)
			machine_print(options, figures);
	}
}

void machine_print(const machine_options *options, const machine_figures *figures)
{
	printf("seed %llu: %lu queries in %u catalogs, %lu with hits, %lu rows compared; %lu "
	       "beside "
	       "a writer (%lu unclear); %lu writes, %u upgrades, %u vacuums, %u reloads, %u opened "
	       "anew, %u writers killed, %u indexes damaged: %u differences\n",
	       (unsigned long long)options->seed, figures->queries, figures->epochs, figures->hits,
	       figures->compared, figures->beside, figures->unclear, figures->writes,
	       figures->upgrades, figures->vacuums, figures->reloads, figures->reopened,
	       figures->killed, figures->damaged, figures->differences);
	fflush(stdout);
}
