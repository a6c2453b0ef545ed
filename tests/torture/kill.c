/*
 * SIGKILL at random moments: of every command of the program that changes something, of a process
 * whose 16 threads write, and of one that holds locks. After each: the catalog opens and is whole,
 * what was acknowledged is there, what was not is there whole or not at all, work goes on, and
 * done again the command leaves nothing lying about.
 */
#include "kill.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <signal.h>
#include <spawn.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "copy.h"
#include "fault.h"
#include "holds.h"
#include "unit/scratch.h"

extern char **environ;

enum { WORDS = 64, HEALTH_EVERY = 3 };

typedef struct machine {
	torture *run;
	char program[4200];
	char empty[4200], template[4200], seed[4200], stage[4200], folder[4200];
	const kill_command *command;
	holds before, after, names_before, names_after;
	double seconds; /* What it takes when it is not killed. */
	uint64_t chance;
} machine;

/* ---- Processes ---- */

void kill_rest(double seconds)
{
	struct timespec time = {.tv_sec = (time_t)seconds};

	time.tv_nsec = (long)((seconds - (double)time.tv_sec) * 1e9);
	while (nanosleep(&time, &time) != 0 && errno == EINTR)
		;
}

bool kill_now(pid_t child)
{
	int status;

	kill(child, SIGKILL);
	if (waitpid(child, &status, 0) != child)
		abort();
	return WIFSIGNALED(status);
}

pid_t kill_start(const char *role, const char *folder, const char *plant, int *out)
{
	char *argv[] = {"torture-kill", (char *)(uintptr_t)role, (char *)(uintptr_t)folder,
			(char *)(uintptr_t)(plant != NULL ? plant : ""), NULL};
	posix_spawn_file_actions_t actions;
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) != 0)
		abort();
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	if (posix_spawn(&child, "/proc/self/exe", &actions, NULL, argv, environ) != 0)
		abort();
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	*out = ends[0];
	return child;
}

/* ---- Commands ---- */

/* The words of a command as arguments. */
static void arguments_of(const machine *m, const char *words, char *room, size_t size, char **argv)
{
	int count = 0;
	char *to = room;

	argv[count++] = "strongroom";
	argv[count++] = "--db";
	argv[count++] = to;
	to += snprintf(to, size, "%s/catalog.db", m->folder) + 1;
	for (const char *p = words; *p != '\0'; p += *p == ' ') {
		argv[count++] = to;
		for (; *p != ' ' && *p != '\0'; p++) {
			if (*p == '@')
				to += sprintf(to, "%s", m->folder);
			else if (*p == '%')
				to += sprintf(to, "%s", m->seed);
			else
				*to++ = *p;
		}
		*to++ = '\0';
	}
	argv[count] = NULL;
	if (count >= WORDS || to >= room + size)
		abort();
}

static pid_t start(const machine *m, const char *words)
{
	posix_spawn_file_actions_t actions;
	char room[32000], *argv[WORDS];
	pid_t child;

	arguments_of(m, words, room, sizeof(room), argv);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 2, m->stage, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (posix_spawn(&child, m->program, &actions, NULL, argv, environ) != 0) {
		fprintf(stderr, "%s cannot be run: build it first\n", m->program);
		abort();
	}
	posix_spawn_file_actions_destroy(&actions);
	return child;
}

/* Runs one to its end; its exit status, 128 and the signal that ended it. */
static int run_whole(const machine *m, const char *words)
{
	pid_t child = start(m, words);
	int status;

	if (waitpid(child, &status, 0) != child)
		abort();
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The last line that a command wrote to standard error. */
static const char *said(const machine *m)
{
	static char words[600];
	FILE *in = fopen(m->stage, "r");
	size_t n = in != NULL ? fread(words, 1, sizeof(words) - 1, in) : 0;

	if (in != NULL)
		fclose(in);
	words[n] = '\0';
	words[strcspn(words, "\n")] = '\0';
	return words;
}

/* ---- Stages ---- */

/* What commands are given beside the catalog. */
static void add_inputs(const char *folder)
{
	char text[12000] = "original_path,size,date,stored\n", path[4400];
	size_t used = strlen(text);

	for (int i = 0; i < 200; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 "/imported/%d/file-%d,%d,2026-01-01T00:00:00Z,0\n", i % 9,
					 i, i);
	torture_write(folder, "files.csv", text);
	torture_write(folder, "clients.csv", "name\nimported-1\nimported-2\nimported-3\n");
	torture_write(folder, "key", "a passphrase\n");
	snprintf(path, sizeof(path), "%s/backups", folder);
	if (mkdir(path, 0700) != 0)
		abort();
}

/* A fresh case; what prepares it was done once, and is copied with it. */
static void set_stage(machine *m, const char *prepared)
{
	scratch_remove(m->folder);
	copy_tree(prepared, m->folder);
}

static void look(machine *m, holds *all, holds *names)
{
	char database[4300];

	snprintf(database, sizeof(database), "%s/catalog.db", m->folder);
	if (access(database, F_OK) == 0)
		holds_read(all, database, (m->command->flags & KILL_IN_PARTS) == 0);
	else
		*all = (holds){0};
	holds_names(names, m->folder);
}

static void die(const machine *m, const char *words, int status)
{
	fprintf(stderr, "torture-kill: strongroom %s ends with status %d: %s\n", words, status,
		said(m));
	exit(2);
}

static int run_sqlite(const machine *m, const char *sql)
{
	sqlite3 *db = NULL;
	char path[4300];
	int code;

	snprintf(path, sizeof(path), "%s/catalog.db", m->folder);
	code = sqlite3_open(path, &db);
	if (code == SQLITE_OK)
		code = sqlite3_exec(db, sql, NULL, NULL, NULL);
	sqlite3_close(db);
	return code;
}

static int prepare(const machine *m, const char *words)
{
	char one[600];
	int status = 0;

	while (words != NULL && status == 0) {
		const char *end = strstr(words, " && ");
		size_t length = end != NULL ? (size_t)(end - words) : strlen(words);

		snprintf(one, sizeof(one), "%.*s", (int)length, words);
		status = strncmp(one, "sqlite ", 7) == 0 ? run_sqlite(m, one + 7)
							 : run_whole(m, one);
		words = end != NULL ? end + 4 : NULL;
	}
	return status;
}

/* Prepares the command in a folder of its own, and sees what it does. */
static void rehearse(machine *m, char *prepared)
{
	const kill_command *c = m->command;
	double began;
	int status;

	snprintf(prepared, 4200, "%s/prepared", m->run->folder);
	scratch_remove(m->folder);
	scratch_remove(prepared);
	copy_tree(c->flags & KILL_EMPTY ? m->empty : m->template, m->folder);
	if (c->before != NULL && (status = prepare(m, c->before)) != 0)
		die(m, c->before, status);
	copy_tree(m->folder, prepared);
	look(m, &m->before, &m->names_before);
	m->seconds = 1e9;
	for (int i = 0; i < 2; i++) {
		set_stage(m, prepared);
		began = torture_elapsed(m->run);
		if ((status = run_whole(m, c->words)) != c->status)
			die(m, c->words, status);
		if (torture_elapsed(m->run) - began < m->seconds)
			m->seconds = torture_elapsed(m->run) - began;
	}
	look(m, &m->after, &m->names_after);
}

/* ---- Judging ---- */

static bool is_healthy(machine *m, char *words, size_t size)
{
	sr_health_options how;
	sr_health *found = NULL;
	char database[4300];
	sr_options options;
	bool well;

	snprintf(database, sizeof(database), "%s/catalog.db", m->folder);
	sr_options_init(&options);
	options.path = database;
	options.storage_dir = "received_files";
	sr_health_options_init(&how);
	how.full = true;
	if (sr_health_look(&options, &how, &found) != SR_OK) {
		snprintf(words, size, "its health cannot be told: %s", sr_error_message());
		return false;
	}
	well = found->errors == 0;
	if (!well)
		snprintf(words, size, "it is unhealthy: %s: %s", found->findings[0].code,
			 found->findings[0].meaning);
	sr_health_free(found);
	return well;
}

/* The same catalog, in this process. */
static bool goes_on(machine *m, char *words, size_t size)
{
	unsigned flags = m->command->flags;
	sr_catalog *catalog = NULL;
	char database[4300];
	sr_options options;
	sr_file file;
	sr_status rc;

	snprintf(database, sizeof(database), "%s/catalog.db", m->folder);
	sr_options_init(&options);
	options.path = database;
	options.storage_dir = "received_files";
	options.timeout = 5;
	options.create = options.migrate = (flags & KILL_EMPTY) != 0;
	if (sr_open(&catalog, &options) != SR_OK) {
		snprintf(words, size, "it does not open: %s", sr_error_message());
		return false;
	}
	sr_file_init(&file);
	file.client_id = fault_client(2);
	file.original_path = sr_text_of("/judge/afterwards");
	file.stored = false;
	rc = sr_file_save(catalog, &file, 1, NULL, NULL, NULL);
	if (rc != SR_OK && !((flags & KILL_STEPS) && rc == SR_TOO_OLD) &&
	    !((flags & KILL_EMPTY) && rc == SR_NOT_FOUND)) {
		snprintf(words, size, "nothing can be saved: %s", sr_error_message());
		(void)sr_close(catalog);
		return false;
	}
	if (sr_close(catalog) != SR_OK) {
		snprintf(words, size, "it does not close: %s", sr_error_message());
		return false;
	}
	return true;
}

/* On the way from version to version what the schema is differs, not what clients have. */
static void drop_schema(holds *all)
{
	static const char *const kinds[] = {"schema|", "table|", "setting|", "rule|", "category|"};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		(void)holds_drop(all, kinds[i]);
}

static bool rows_are_right(machine *m, char *words, size_t size)
{
	unsigned flags = m->command->flags;
	holds all, names;
	bool right;

	look(m, &all, &names);
	if (flags & KILL_STEPS)
		drop_schema(&all);
	if (flags & KILL_IN_PARTS)
		right = holds_between(&all, &m->before, &m->after, words, size);
	else
		right = holds_equal(&all, &m->before, words, size) ||
			holds_equal(&all, &m->after, words, size);
	holds_free(&all);
	holds_free(&names);
	return right;
}

/* Once more, to the end; then nothing lies about that would not, had nobody been killed. */
static bool done_again(machine *m, char *words, size_t size)
{
	unsigned flags = m->command->flags;
	int status = run_whole(m, m->command->words);
	holds all, names;
	bool right;

	if (status != m->command->status && !((flags & KILL_ONCE) && status == 1)) {
		snprintf(words, size, "done again it ends with status %d: %s", status, said(m));
		return false;
	}
	look(m, &all, &names);
	if (flags & KILL_ASIDE)
		(void)holds_drop(&names, HOLDS_ASIDE);
	if (flags & KILL_STEPS) /* Before it went on. */
		(void)holds_drop(&names, "catalog.db_backup_");
	right = holds_within(&names, &m->names_before, &m->names_after, words, size);
	holds_free(&all);
	holds_free(&names);
	return right;
}

/* Kills the command once; whether it was still running. */
static bool kill_once(machine *m, const char *prepared, uint64_t number)
{
	double moment = m->seconds * 1.05 * (double)torture_chance(&m->chance, 100000) / 1e5;
	bool health = number % HEALTH_EVERY == 0, killed;
	unsigned flags = m->command->flags;
	char words[1500] = "";
	pid_t child;

	set_stage(m, prepared);
	child = start(m, m->command->words);
	kill_rest(moment);
	killed = kill_now(child);
	if (!goes_on(m, words, sizeof(words)) || !rows_are_right(m, words, sizeof(words)) ||
	    (health && !(flags & KILL_UNWELL) && !is_healthy(m, words, sizeof(words))) ||
	    !done_again(m, words, sizeof(words)) ||
	    (health && (flags & KILL_UNWELL) && !is_healthy(m, words, sizeof(words))))
		torture_bad(m->run, m->command->words, "%s %g ms after its beginning: %s",
			    killed ? "killed" : "ended before", moment * 1e3, words);
	return killed;
}

static void run_command(machine *m, const kill_command *command, double until)
{
	uint64_t kills = 0, tries = 0;
	char prepared[4200], ring[4300];

	m->command = command;
	snprintf(ring, sizeof(ring), "%s/ring", m->folder);
	if (command->flags & KILL_KEYS)
		setenv("STRONGROOM_MASTER_KEY_FILE", ring, 1);
	rehearse(m, prepared);
	if (command->flags & KILL_STEPS) {
		drop_schema(&m->before);
		drop_schema(&m->after);
	}
	do {
		kills += kill_once(m, prepared, tries++);
	} while (torture_elapsed(m->run) < until || (kills == 0 && tries < 20));
	torture_scenario_end(m->run, command->words, "kills", kills);
	unsetenv("STRONGROOM_MASTER_KEY_FILE");
	holds_free(&m->before);
	holds_free(&m->after);
	holds_free(&m->names_before);
	holds_free(&m->names_after);
}

/* ---- The machine ---- */

static void folder_in(const torture *run, const char *name, char *path, bool make)
{
	snprintf(path, 4200, "%s/%s", run->folder, name);
	if (make && mkdir(path, 0700) != 0)
		abort();
}

/* The program lies in the build's own folder. */
static void find_program(machine *m)
{
	ssize_t n = readlink("/proc/self/exe", m->program, sizeof(m->program) - 40);

	if (n < 0)
		abort();
	m->program[n] = '\0';
	*strrchr(m->program, '/') = '\0';
	strcat(m->program, "/../../strongroom");
	if (getenv("STRONGROOM_PROGRAM") != NULL)
		snprintf(m->program, sizeof(m->program), "%s", getenv("STRONGROOM_PROGRAM"));
}

static const struct {
	const char *name;
	void (*run)(torture *run, const char *template, double until);
} others[] = {{"16 writers", kill_writers}, {"a holder of locks", kill_holders}};

enum { OTHERS = 2, OTHERS_WEIGH = 3 };

static const torture_machine kill_machine = {.name = "kill", .bugs = {[1] = "early-acknowledge"}};

int main(int argc, char **argv)
{
	size_t wanted = 0, done = 0;
	torture run;
	machine m;

	kill_become(argc, argv);
	run = torture_begin(&kill_machine, argc, argv);
	m = (machine){.run = &run, .chance = torture_state(run.seed, 1)};
	find_program(&m);
	setenv("XDG_CONFIG_HOME", run.folder, 1);
	setenv("FILE_STORAGE_DIR", "received_files", 1);
	folder_in(&run, "empty", m.empty, true);
	folder_in(&run, "template", m.template, true);
	folder_in(&run, "seed", m.seed, true);
	folder_in(&run, "said", m.stage, false);
	folder_in(&run, "case", m.folder, false);
	fault_template(m.template, m.seed);
	add_inputs(m.template);
	for (int i = 0; i < OTHERS; i++)
		wanted += torture_wants(&run, others[i].name) ? OTHERS_WEIGH : 0;
	for (const kill_command *c = kill_commands; c->words != NULL; c++)
		wanted += torture_wants(&run, c->words);
	for (int i = 0; i < OTHERS; i++) {
		double left = run.seconds - torture_elapsed(&run);

		if (!torture_wants(&run, others[i].name))
			continue;
		others[i].run(&run, m.template,
			      torture_elapsed(&run) +
				      left * OTHERS_WEIGH / (double)(wanted - done));
		done += OTHERS_WEIGH;
	}
	for (const kill_command *c = kill_commands; c->words != NULL; c++) {
		double left = run.seconds - torture_elapsed(&run);

		if (!torture_wants(&run, c->words))
			continue;
		run_command(&m, c, torture_elapsed(&run) + left / (double)(wanted - done));
		done++;
	}
	return torture_end(&run);
}
