/*
 * Every n-th allocation and every n-th call of the operating system fails, in each of the
 * scenarios, for each n: afterwards there is an error with words, nothing has leaked, what was
 * acknowledged is there, what failed is there whole or not at all, and the catalog goes on working
 * at once.
 *
 * Cases run in a child, so that one that crashes or hangs is told of, and the next one goes on.
 */
#include "fault.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "copy.h"
#include "holds.h"
#include "shim.h"
#include "torture.h"
#include "unit/scratch.h"

enum {
	EACH = 2000,        /* Up to here every n is tried, */
	SAMPLED = 500,      /* of the others as many as this. */
	HANG_SECONDS = 120, /* Without a case that ends. */
	HEALTH_EVERY = 4,   /* A whole check-up takes as long as all the rest. */
	WORDS = 3600,
};

typedef struct trial {
	shim_kind kind;
	uint64_t nth;
	bool lasting;
} trial;

typedef struct machine {
	torture *run;
	const fault_scenario *scenario;
	char empty[4200], template[4200], seed[4200], prepared[4200], folder[4200];
	holds before, after;             /* What the catalog holds, without a fault. */
	holds names_before, names_after; /* And its folder. */
	uint64_t counts[SHIM_KINDS];
} machine;

/* What the child tells. */
typedef struct message {
	size_t trial;
	bool done;
	char words[WORDS];
} message;

/* ---- One case ---- */

sr_status fault_note(fault_case *c, sr_status rc, const char *call)
{
	const char *words = sr_error_message();

	if (c->status != SR_OK || (rc == SR_OK && words[0] == '\0'))
		return rc;
	if (rc == SR_OK) {
		snprintf(c->wrong, sizeof(c->wrong), "%s succeeds and says: %s", call, words);
		return rc;
	}
	c->status = rc;
	snprintf(c->call, sizeof(c->call), "%s", call);
	snprintf(c->message, sizeof(c->message), "%s", words);
	return rc;
}

static void case_begin(machine *m, const char *from, fault_case *c)
{
	scratch_remove(m->folder);
	copy_tree(from, m->folder);
	*c = (fault_case){.folder = m->folder, .seed = m->seed};
	snprintf(c->database, sizeof(c->database), "%s/catalog.db", m->folder);
	sr_options_init(&c->options);
	c->options.path = c->database;
	c->options.storage_dir = "received_files";
	c->options.pool_size = 2;
	c->options.timeout = 0.3;
	c->host = fault_client(0);
	c->spare = fault_client(1);
}

/* A file of the client "judge", which the comparisons leave out. */
static sr_status save_own(sr_catalog *catalog, const char *path)
{
	sr_file file;

	sr_file_init(&file);
	file.client_id = fault_client(2);
	file.original_path = sr_text_of(path);
	file.size = 1;
	file.stored = false;
	return sr_file_save(catalog, &file, 1, NULL, NULL, NULL);
}

static bool is_found(sr_catalog *catalog, const char *term)
{
	sr_files *cursor = NULL;
	const sr_file *file = NULL;
	sr_query query;
	bool found;

	sr_query_init(&query);
	query.term = sr_text_of(term);
	if (sr_search(catalog, &query, &cursor) != SR_OK)
		return false;
	found = sr_files_next(cursor, &file) == SR_OK && file != NULL;
	sr_files_close(cursor);
	return found;
}

#define BAD(...)                                                                                   \
	do {                                                                                       \
		snprintf(words, WORDS, __VA_ARGS__);                                               \
		return false;                                                                      \
	} while (0)

/* The words of an error, and that it is one of those that a fault can be. */
static bool judge_status(const fault_case *c, const trial *t, uint64_t hits, char *words)
{
	if (c->wrong[0] != '\0')
		BAD("%s", c->wrong);
	if (c->status == SR_OK)
		return true;
	if (c->message[0] == '\0')
		BAD("%s fails without a word: %s", c->call, sr_status_name(c->status));
	if (hits == 0)
		BAD("%s fails, and nothing was made to: %s", c->call, c->message);
	switch (c->status) {
	case SR_IO:
	case SR_NO_SPACE:
	case SR_NO_MEMORY:
	case SR_OUTCOME_UNKNOWN:
		return true;
	case SR_BUSY: /* What SQLite takes any failing lock for. */
		if (t->kind == SHIM_IO && shim_failed("fcntl"))
			return true;
		break;
	case SR_READ_ONLY: /* SQLite opens for reading what does not open for writing. */
		if (t->kind == SHIM_IO && strncmp(shim_where(), "open", 4) == 0)
			return true;
		break;
	default:
		break;
	}
	BAD("%s: the wrong status, '%s': %s", c->call, sr_status_name(c->status), c->message);
}

/* The same handle saves and finds at once. */
static bool judge_usable(machine *m, fault_case *c, char *words)
{
	sr_pool_statistics pool;
	sr_status rc;

	if (c->catalog == NULL && (m->scenario->flags & FAULT_EMPTY))
		c->options.create = c->options.migrate = true;
	if (c->status != SR_OK && (m->scenario->flags & FAULT_DAMAGED))
		return true;
	if (c->catalog == NULL && sr_open(&c->catalog, &c->options) != SR_OK)
		BAD("it does not open afterwards: %s", sr_error_message());
	if (sr_in_transaction(c->catalog))
		BAD("a transaction was left open");
	if (sr_pool_statistics_get(c->catalog, &pool) != SR_OK)
		BAD("no figures of the pool: %s", sr_error_message());
	if (pool.active != 0 || pool.waiting != 0)
		BAD("%d connections are still out, %d callers wait", pool.active, pool.waiting);
	rc = save_own(c->catalog, "/judge/afterwards");
	if ((rc == SR_TOO_OLD && (m->scenario->flags & FAULT_OLDER)) ||
	    (rc == SR_NOT_FOUND && (m->scenario->flags & FAULT_EMPTY)))
		return true;
	if (rc != SR_OK)
		BAD("nothing can be saved afterwards: %s", sr_error_message());
	if (!is_found(c->catalog, "/judge/afterwards"))
		BAD("what is saved afterwards is not found: %s", sr_error_message());
	if ((m->scenario->flags & (FAULT_OPENS | FAULT_REPLACES | FAULT_OLDER)) == 0 &&
	    !is_found(c->catalog, "/judge/before"))
		BAD("what was acknowledged before is not found: %s", sr_error_message());
	return true;
}

static bool judge_health(fault_case *c, char *words)
{
	sr_health_options how;
	sr_health *health = NULL;
	bool well;

	sr_health_options_init(&how);
	how.full = true;
	if (sr_health_look(&c->options, &how, &health) != SR_OK)
		BAD("its health cannot be told: %s", sr_error_message());
	well = health->errors == 0;
	if (!well)
		snprintf(words, WORDS, "it is unhealthy: %s: %s",
			 health->finding_count > 0 ? health->findings[0].code : "",
			 health->finding_count > 0 ? health->findings[0].meaning : "");
	sr_health_free(health);
	return well;
}

/* What is left of a deletion lies aside, and somebody was told. */
static bool may_lie_aside(machine *m, const fault_case *c, bool lasting)
{
	return (m->scenario->flags & FAULT_ASIDE) != 0 &&
	       (lasting || c->told || strstr(c->message, HOLDS_ASIDE) != NULL);
}

/* On the way from version to version what the schema is differs, not what clients have. */
static void drop_schema(holds *all)
{
	static const char *const kinds[] = {"schema|", "table|", "setting|", "rule|", "category|"};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		(void)holds_drop(all, kinds[i]);
}

/* What could not be taken away again may be there, where the message names it. */
static void drop_told(const fault_case *c, holds *names)
{
	static const char words[] = "; it stays as ";
	const char *told = strstr(c->message, words);
	size_t folder = strlen(c->folder);
	char name[300];

	if (told == NULL || strncmp(told += sizeof(words) - 1, c->folder, folder) != 0)
		return;
	snprintf(name, sizeof(name), "%s", told + folder + 1);
	name[strcspn(name, ":")] = '\0';
	(void)holds_drop(names, name);
}

static bool judge_rows(machine *m, const fault_case *c, const trial *t, char *words)
{
	holds all, names;
	char why[600] = "";
	bool well, parts = (m->scenario->flags & FAULT_IN_PARTS) != 0;

	holds_read(&all, c->database, !parts);
	holds_names(&names, c->folder);
	if (m->scenario->flags & FAULT_STEPS)
		drop_schema(&all);
	drop_told(c, &names);
	if (may_lie_aside(m, c, t->lasting))
		(void)holds_drop(&names, HOLDS_ASIDE);
	if (t->lasting && (shim_failed("unlink") || shim_failed("unlinkat"))) {
		(void)holds_drop(&names, ".part");
		(void)holds_drop(&names, ".rehearsal.");
		(void)holds_drop(&names, ".new");
	}
	if (parts)
		well = holds_between(&all, &m->before, &m->after, why, sizeof(why));
	else if (c->status == SR_OK)
		well = holds_equal(&all, &m->after, why, sizeof(why));
	else
		well = holds_equal(&all, &m->before, why, sizeof(why)) ||
		       (c->status == SR_OUTCOME_UNKNOWN &&
			holds_equal(&all, &m->after, why, sizeof(why)));
	if (well && (m->scenario->flags & FAULT_NO_FILE) && c->status != SR_OK &&
	    c->status != SR_OUTCOME_UNKNOWN)
		well = holds_equal(&names, &m->names_before, why, sizeof(why));
	if (well)
		well = holds_within(&names, &m->names_before, &m->names_after, why, sizeof(why));
	holds_free(&all);
	holds_free(&names);
	if (!well)
		snprintf(words, WORDS, "%s; the call: %s%s%s", why,
			 c->status == SR_OK ? "ok" : sr_status_name(c->status),
			 c->message[0] != '\0' ? ": " : "", c->message);
	return well;
}

static void give_up(const machine *m, const fault_case *c)
{
	fprintf(stderr, "%s fails by itself: %s: %s%s%s\n", m->scenario->name, c->call, c->message,
		c->wrong, sr_error_message());
	abort();
}

/* What all cases of the scenario begin with. */
static void prepare(machine *m)
{
	bool empty = (m->scenario->flags & FAULT_EMPTY) != 0;
	fault_case c;

	case_begin(m, empty ? m->empty : m->template, &c);
	c.options.backup = 0;
	if (m->scenario->prepare != NULL &&
	    (sr_open(&c.catalog, &c.options) != SR_OK || m->scenario->prepare(&c) != SR_OK ||
	     sr_close(c.catalog) != SR_OK))
		give_up(m, &c);
	scratch_remove(m->prepared);
	copy_tree(m->folder, m->prepared);
}

static void case_prepare(machine *m, fault_case *c)
{
	case_begin(m, m->prepared, c);
	if (m->scenario->flags & FAULT_OPENS)
		return;
	if (sr_open(&c->catalog, &c->options) != SR_OK)
		give_up(m, c);
	if (save_own(c->catalog, "/judge/before") != SR_OK &&
	    (m->scenario->flags & FAULT_OLDER) == 0)
		give_up(m, c);
}

/* Runs it once; false: something is bad, in words. */
static bool case_run(machine *m, const trial *t, bool traces, char *words)
{
	int descriptors = shim_descriptors();
	const char *whence;
	uint64_t hits;
	size_t left;
	fault_case c;
	bool well;

	words[0] = '\0';
	shim_watch(traces);
	case_prepare(m, &c);
	shim_arm(t->kind, t->nth, t->lasting);
	(void)m->scenario->act(&c);
	hits = shim_disarm();
	well = judge_status(&c, t, hits, words) && judge_usable(m, &c, words);
	if (well && m->scenario->check != NULL) {
		m->scenario->check(&c);
		if (c.wrong[0] != '\0') {
			snprintf(words, WORDS, "%s", c.wrong);
			well = false;
		}
	}
	if (sr_close(c.catalog) != SR_OK && well) {
		snprintf(words, WORDS, "it does not close: %s", sr_error_message());
		well = false;
	}
	well = well && judge_rows(m, &c, t, words) &&
	       ((m->scenario->flags & FAULT_UNWELL) != 0 || t->nth % HEALTH_EVERY != 0 ||
		judge_health(&c, words));
	left = shim_left(&whence);
	if (well && left > 0)
		BAD("%zu blocks were not freed%s", left, whence);
	if (well && shim_descriptors() != descriptors)
		BAD("%d descriptors were left open", shim_descriptors() - descriptors);
	return well;
}

/* What leaks only the first time is somebody's cache. */
static bool case_try(machine *m, const trial *t, char *words)
{
	if (case_run(m, t, false, words))
		return true;
	return strstr(words, "were not freed") != NULL &&
	       (case_run(m, t, false, words) || case_run(m, t, true, words));
}

/* ---- The cases of a scenario ---- */

/* What it holds before and after, and how many calls there are to fail. */
static void measure(machine *m)
{
	bool activity = (m->scenario->flags & FAULT_IN_PARTS) == 0;
	fault_case c;

	for (int i = 0; i < 3; i++) { /* The last time everything is warm. */
		holds_free(&m->before);
		holds_free(&m->after);
		holds_free(&m->names_before);
		holds_free(&m->names_after);
		case_prepare(m, &c);
		if (c.catalog != NULL || (m->scenario->flags & FAULT_EMPTY) == 0)
			holds_read(&m->before, c.database, activity);
		if (sr_close(c.catalog) != SR_OK)
			abort();
		holds_names(&m->names_before, c.folder);
		case_prepare(m, &c);
		if (i == 2)
			shim_survey();
		shim_arm(SHIM_MEMORY, 0, false);
		(void)m->scenario->act(&c);
		shim_disarm();
		if (c.status != SR_OK || c.wrong[0] != '\0' || sr_close(c.catalog) != SR_OK)
			give_up(m, &c);
		holds_read(&m->after, c.database, activity);
		holds_names(&m->names_after, c.folder);
		if (m->scenario->flags & FAULT_STEPS) {
			drop_schema(&m->before);
			drop_schema(&m->after);
		}
		for (int kind = 0; kind < SHIM_KINDS; kind++)
			m->counts[kind] = shim_count((shim_kind)kind);
	}
}

/* STRONGROOM_TORTURE_KIND names one: calls of no other fail. */
static bool is_wanted(int kind)
{
	const char *only = getenv("STRONGROOM_TORTURE_KIND");

	return only == NULL || strcmp(only, shim_kind_names[kind]) == 0;
}

static void shuffle(trial *trials, size_t count, uint64_t *state)
{
	for (size_t i = count; i > 1; i--) {
		size_t j = (size_t)torture_chance(state, i);
		trial swap = trials[i - 1];

		trials[i - 1] = trials[j];
		trials[j] = swap;
	}
}

/* How many of the first call from each place. */
static size_t count_places(void)
{
	const uint64_t *numbers;
	size_t sum = 0;

	for (int kind = 0; kind < SHIM_KINDS; kind++)
		sum += is_wanted(kind) ? shim_places((shim_kind)kind, &numbers) : 0;
	return sum;
}

static void add_places(trial *trials, size_t *count)
{
	const uint64_t *numbers;

	for (int kind = 0; kind < SHIM_KINDS; kind++) {
		size_t places = shim_places((shim_kind)kind, &numbers);

		for (size_t i = 0; is_wanted(kind) && i < places; i++)
			trials[(*count)++] = (trial){(shim_kind)kind, numbers[i], false};
	}
}

/* The first call from each place that no scenario before came to; then every n of each kind, up to
 * EACH; beyond that some. Both in an order by chance, so that any beginning is a fair sample. */
static trial *make_trials(machine *m, uint64_t *state, size_t *count)
{
	/* What is planted shows at a few calls of one place, of which most are the same. */
	size_t places = m->run->plant == NULL ? count_places() : 0;
	trial *trials = calloc(places + SHIM_KINDS * (size_t)(EACH + SAMPLED) * 2, sizeof(*trials));

	if (trials == NULL)
		abort();
	*count = 0;
	if (places > 0)
		add_places(trials, count);
	shuffle(trials, places, state);
	for (int kind = 0; kind < SHIM_KINDS; kind++) {
		uint64_t all = m->counts[kind], each = all < EACH ? all : EACH;
		bool lasts = kind == SHIM_FULL || kind == SHIM_MEMORY || kind == SHIM_IO;

		if (!is_wanted(kind))
			continue;
		for (uint64_t n = 1; n <= each; n++) {
			trials[(*count)++] = (trial){(shim_kind)kind, n, false};
			if (lasts && n % 2 == 0)
				trials[(*count)++] = (trial){(shim_kind)kind, n, true};
		}
		for (int i = 0; all > each && i < SAMPLED; i++)
			trials[(*count)++] =
				(trial){(shim_kind)kind,
					each + 1 + torture_chance(state, all - each), false};
	}
	shuffle(trials + places, *count - places, state);
	return trials;
}

/* Leaves those of one number, once each; how many. */
static size_t only_number(trial *trials, size_t count, uint64_t number)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		bool wanted = trials[i].nth == number;

		for (size_t j = 0; j < kept; j++)
			wanted = wanted && (trials[j].kind != trials[i].kind ||
					    trials[j].lasting != trials[i].lasting);
		if (wanted)
			trials[kept++] = trials[i];
	}
	return kept;
}

/* The child: one case after the other, each told of. */
static void work(machine *m, const trial *trials, size_t from, size_t count, double until, int out)
{
	static message told;

	for (size_t i = from; i < count && (i == from || torture_elapsed(m->run) < until); i++) {
		told = (message){.trial = i};
		if (write(out, &told, sizeof(told)) != (ssize_t)sizeof(told))
			exit(1);
		told.done = true;
		case_try(m, &trials[i], told.words);
		if (told.words[0] != '\0') {
			size_t used = strlen(told.words);

			snprintf(told.words + used, sizeof(told.words) - used, "\n  failed: %s",
				 shim_where());
		}
		if (write(out, &told, sizeof(told)) != (ssize_t)sizeof(told))
			exit(1);
	}
	exit(0);
}

static void tell(machine *m, const trial *t, const char *words)
{
	torture_bad(m->run, m->scenario->name, "%s number %llu%s: %s", shim_kind_names[t->kind],
		    (unsigned long long)t->nth, t->lasting ? " and all after it" : "", words);
}

/* Follows a child to its end; the trial to go on with. */
static size_t follow(machine *m, const trial *trials, size_t from, int in, pid_t child)
{
	struct pollfd waiting = {.fd = in, .events = POLLIN};
	size_t next = from;
	bool running = false, hangs = false;
	message told;
	int status;

	while (!hangs) {
		hangs = poll(&waiting, 1, HANG_SECONDS * 1000) == 0;
		if (hangs || read(in, &told, sizeof(told)) != (ssize_t)sizeof(told))
			break;
		running = !told.done;
		next = told.trial + 1;
		if (told.done && told.words[0] != '\0')
			tell(m, &trials[told.trial], told.words);
	}
	if (hangs)
		kill(child, SIGKILL);
	if (waitpid(child, &status, 0) != child)
		abort();
	if (running)
		tell(m, &trials[next - 1],
		     hangs                 ? "it hangs"
		     : WIFSIGNALED(status) ? strsignal(WTERMSIG(status))
					   : "the process ended");
	return next;
}

static size_t run_trials(machine *m, const trial *trials, size_t count, double until)
{
	size_t next = 0;

	do {
		int ends[2];
		pid_t child;

		if (pipe2(ends, O_CLOEXEC) != 0 || fflush(NULL) != 0 || (child = fork()) < 0)
			abort();
		if (child == 0)
			work(m, trials, next, count, until, ends[1]);
		close(ends[1]);
		next = follow(m, trials, next, ends[0], child);
		close(ends[0]);
	} while (next < count && torture_elapsed(m->run) < until);
	return next;
}

static void run_scenario(machine *m, const fault_scenario *scenario, uint64_t part, double until)
{
	uint64_t state = torture_state(m->run->seed, part);
	size_t count, tried;
	trial *trials;

	m->scenario = scenario;
	prepare(m);
	measure(m);
	trials = make_trials(m, &state, &count);
	if (getenv("STRONGROOM_TORTURE_PLACES") != NULL) /* Each line that can fail, soon. */
		count = count_places();
	if (m->run->number > 0)
		count = only_number(trials, count, m->run->number);
	tried = count > 0 ? run_trials(m, trials, count, until) : 0;
	printf("fault: %s: %zu of %zu, %zu places (%llu allocations, %llu calls)\n", scenario->name,
	       tried, count, count_places(), (unsigned long long)m->counts[SHIM_MEMORY],
	       (unsigned long long)m->counts[SHIM_IO]);
	torture_scenario_end(m->run, scenario->name, "faults", tried);
	free(trials);
}

static const torture_machine fault_machine = {
	.name = "fault",
	.bugs = {[SHIM_SWALLOW] = "swallow", [SHIM_LEAK] = "leak", [SHIM_HOLD] = "hold"},
	.numbers = true,
};

static void folder_in(const torture *run, const char *name, char *path, bool make)
{
	snprintf(path, 4200, "%s/%s", run->folder, name);
	if (make && mkdir(path, 0700) != 0)
		abort();
}

static const fault_scenario *const lists[] = {fault_scenarios, fault_wholes};

enum { LISTS = sizeof(lists) / sizeof(lists[0]) };

int main(int argc, char **argv)
{
	torture run = torture_begin(&fault_machine, argc, argv);
	machine m = {.run = &run};
	size_t wanted = 0;
	char ring[4300];
	uint64_t part = 0;

	shim_plant_set((shim_plant)run.bug);
	setenv("XDG_CONFIG_HOME", run.folder, 1);
	folder_in(&run, "empty", m.empty, true);
	folder_in(&run, "template", m.template, true);
	folder_in(&run, "seed", m.seed, true);
	folder_in(&run, "prepared", m.prepared, false);
	snprintf(ring, sizeof(ring), "%s/case/ring", run.folder);
	setenv("STRONGROOM_MASTER_KEY_FILE", ring, 1);
	folder_in(&run, "case", m.folder, false);
	fault_template(m.template, m.seed);
	for (int list = 0; list < LISTS; list++)
		for (const fault_scenario *s = lists[list]; s->name != NULL; s++)
			wanted += torture_wants(&run, s->name);
	for (int list = 0; list < LISTS; list++)
		for (const fault_scenario *s = lists[list]; s->name != NULL; s++) {
			double now = torture_elapsed(&run), left = run.seconds - now;

			part++;
			if (torture_wants(&run, s->name))
				run_scenario(&m, s, part, now + left / (double)wanted--);
		}
	return torture_end(&run);
}
