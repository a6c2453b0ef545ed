/*
 * Hostile files, made by chance and used in every way, each in a process of its own. Afterwards
 * nothing of theirs has run (the table `canary` is as it was), nothing outside the catalog's folder
 * was opened, read or changed, and nothing has crashed, hung, or spoken in more than one line.
 *
 * --plant trigger: foreign triggers are trusted. --plant path: the storage folder is the one
 * around it all. --plant open: a file outside is opened. --plant crash: one case crashes.
 */
#include "hostile.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hostile_open.h"
#include "torture.h"
#include "unit/scratch.h"

enum {
	LEAST = 6,              /* Cases of each kind, however short the time. */
	PROCESSOR_SECONDS = 60, /* What one may take, */
	WALL_SECONDS = 240,     /* on a machine that has much to do. */
};

static const char secret[] = "nobody may read this\n";

/* ---- A case's folder ---- */

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "torture-hostile: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void run_quietly(const char *command)
{
	must(system(command) == 0, command);
}

static void make_folder(char *path, size_t size, const char *folder, const char *name)
{
	snprintf(path, size, "%s/%s", folder, name);
	must(mkdir(path, 0700) == 0, path);
}

/* A sound catalog, which each case begins with a copy of. */
static void make_template(const torture *run, hostile_place *sound)
{
	char path[4200];

	make_folder(path, sizeof(path), run->folder, "sound");
	hostile_name(sound, path);
	make_folder(path, sizeof(path), sound->folder, "catalog");
	make_folder(path, sizeof(path), sound->folder, "catalog/received_files");
	must(hostile_sound(sound), sr_error_message());
}

/* Long ago, so that reading shows in the time of access. */
static void put_secret(const hostile_place *place, const char *name)
{
	const struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1500000000}};
	char path[4400];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", place->outside, name);
	must((file = fopen(path, "w")) != NULL, path);
	fputs(secret, file);
	must(fclose(file) == 0 && utimensat(AT_FDCWD, path, times, 0) == 0, path);
}

static void begin_case(const torture *run, const hostile_place *sound, hostile_place *place)
{
	char path[4200], command[9000];

	snprintf(path, sizeof(path), "%s/case", run->folder);
	snprintf(command, sizeof(command), "cp -r '%s' '%s'", sound->folder, path);
	run_quietly(command);
	hostile_name(place, path);
	must(mkdir(place->outside, 0700) == 0, place->outside);
	put_secret(place, "secret");
	put_secret(place, "catalog.db-mj00000000");
}

/* ---- Afterwards ---- */

static bool canary_alive(const hostile_place *place, bool *there)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;
	char uri[4300];
	bool alive = true;

	snprintf(uri, sizeof(uri), "file:%s?immutable=1", place->database);
	*there = sqlite3_open_v2(uri, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) ==
			 SQLITE_OK &&
		 sqlite3_prepare_v2(db, "SELECT song FROM canary", -1, &stmt, NULL) == SQLITE_OK &&
		 sqlite3_step(stmt) == SQLITE_ROW;
	if (*there) {
		const char *song = (const char *)sqlite3_column_text(stmt, 0);

		alive = song != NULL && strcmp(song, "dead") != 0;
	}
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return alive;
}

/* What is wrong with a file outside, or NULL. */
static const char *secret_touched(const hostile_place *place, const char *name)
{
	char path[4400], bytes[64];
	struct stat st;
	FILE *file;
	size_t length;

	snprintf(path, sizeof(path), "%s/%s", place->outside, name);
	if (lstat(path, &st) != 0)
		return "deleted";
	if (st.st_mtim.tv_sec != 1500000000 || !S_ISREG(st.st_mode) || st.st_nlink != 1)
		return "changed";
	if (st.st_atim.tv_sec != 1000000000)
		return "read";
	if ((file = fopen(path, "r")) == NULL)
		return "made unreadable";
	length = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	return length == strlen(secret) && memcmp(bytes, secret, length) == 0 ? NULL : "changed";
}

static int entries(const char *folder)
{
	char command[4400];
	FILE *pipe;
	int count = -1;

	snprintf(command, sizeof(command), "ls -A '%s' | wc -l", folder);
	if ((pipe = popen(command, "r")) != NULL) {
		if (fscanf(pipe, "%d", &count) != 1)
			count = -1;
		pclose(pipe);
	}
	return count;
}

/* ---- Using it, in a process of its own ---- */

static int telling = -1; /* The pipe to the parent. */

static void say(const char *words)
{
	char line[1500];
	const int length = snprintf(line, sizeof(line), "%s\n", words);

	if (write(telling, line, (size_t)(length < 1499 ? length : 1499)) < 0)
		_exit(3);
}

static void say_bad(void *arg, const char *words)
{
	(void)arg;
	say(words);
}

static void say_opened(const char *path)
{
	char words[1400];

	snprintf(words, sizeof(words), "opened outside the catalog's folder: %s", path);
	say(words);
}

enum { TRIGGER = 1, PATH, OPEN, CRASH };

static const torture_machine machine = {
	.name = "hostile",
	.bugs = {[TRIGGER] = "trigger", [PATH] = "path", [OPEN] = "open", [CRASH] = "crash"},
};

static void use_it(const torture *run, hostile_place *place, bool thorough)
{
	const struct rlimit time = {PROCESSOR_SECONDS, PROCESSOR_SECONDS + 5};
	const struct rlimit no_core = {0, 0};
	static char catalog[4200];

	setrlimit(RLIMIT_CPU, &time);
	setrlimit(RLIMIT_CORE, &no_core);
	setenv("XDG_CONFIG_HOME", place->folder, 1);
	snprintf(catalog, sizeof(catalog), "%s/catalog", place->folder);
	must(chdir(catalog) == 0, catalog);
	if (run->bug == TRIGGER)
		setenv("TRUST_FOREIGN_TRIGGERS", "true", 1);
	if (run->bug == PATH)
		setenv("FILE_STORAGE_DIR", place->folder, 1);
	if (run->bug == CRASH)
		abort();
	hostile_watch(catalog, say_opened);
	if (run->bug == OPEN) {
		char path[4400];

		snprintf(path, sizeof(path), "%s/../outside/secret", catalog);
		close(open(path, O_RDONLY | O_PATH));
	}
	place->bad = say_bad;
	hostile_use(place, thorough);
	_exit(0);
}

/* What the process says, until it has ended; false where it takes too long. */
static bool listen_to(int pipe, char *said, size_t size)
{
	struct pollfd wait = {pipe, POLLIN, 0};
	size_t length = 0;
	char rest[512];

	said[0] = '\0';
	for (;;) {
		const int ready = poll(&wait, 1, WALL_SECONDS * 1000);
		ssize_t got;

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return false;
		got = length + 1 < size ? read(pipe, said + length, size - length - 1)
					: read(pipe, rest, sizeof(rest));
		if (got <= 0)
			return true;
		if (length + 1 < size)
			length += (size_t)got;
		said[length] = '\0';
	}
}

static void use_apart(torture *run, hostile_place *place, bool thorough, const char *kind,
		      uint64_t number, const char *made)
{
	char said[4096];
	int ends[2], status = 0;
	pid_t child;
	bool ended;

	must(pipe(ends) == 0, "pipe");
	fflush(stdout);
	if ((child = fork()) == 0) {
		close(ends[0]);
		telling = ends[1];
		use_it(run, place, thorough);
	}
	must(child > 0, "fork");
	close(ends[1]);
	ended = listen_to(ends[0], said, sizeof(said));
	if (!ended)
		kill(child, SIGKILL);
	close(ends[0]);
	must(waitpid(child, &status, 0) == child, "waitpid");
	if (said[0] != '\0')
		torture_bad(run, kind, "case %llu (%s): %s", (unsigned long long)number, made,
			    said);
	if (!ended || (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU))
		torture_bad(run, kind, "case %llu (%s): it never ends", (unsigned long long)number,
			    made);
	else if (status != 0)
		torture_bad(run, kind, "case %llu (%s): it ended with %s %d",
			    (unsigned long long)number, made,
			    WIFSIGNALED(status) ? "signal" : "status",
			    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

/* ---- Cases ---- */

static void check_outside(torture *run, const hostile_place *place, const char *kind,
			  uint64_t number, const char *made)
{
	static const char *const names[] = {"secret", "catalog.db-mj00000000"};

	for (size_t i = 0; i < 2; i++) {
		const char *touched = secret_touched(place, names[i]);

		if (touched != NULL)
			torture_bad(run, kind, "case %llu (%s): outside/%s was %s",
				    (unsigned long long)number, made, names[i], touched);
	}
	if (entries(place->outside) != 2 || entries(place->folder) != 2)
		torture_bad(run, kind, "case %llu (%s): a file was made outside",
			    (unsigned long long)number, made);
}

static void one_case(torture *run, const hostile_place *sound, const hostile_kind *kind,
		     uint64_t number)
{
	uint64_t state = torture_state(run->seed, number * 8 + (uint64_t)(kind - hostile_kinds));
	hostile_place place;
	bool there, still;
	const char *made;

	begin_case(run, sound, &place);
	made = kind->make(&place, &state);
	there = canary_alive(&place, &still) && still;
	use_apart(run, &place, torture_chance(&state, 3) > 0, kind->name, number, made);
	check_outside(run, &place, kind->name, number, made);
	if (there && !canary_alive(&place, &still) && still)
		torture_bad(run, kind->name, "case %llu (%s): code of the file's own has run",
			    (unsigned long long)number, made);
	scratch_remove(place.folder);
}

static void all_of(torture *run, const hostile_place *sound, const hostile_kind *kind, double until)
{
	uint64_t number = 0;

	while (number < LEAST || (torture_elapsed(run) < until))
		one_case(run, sound, kind, number++);
	torture_scenario_end(run, kind->name, "hostile files", number);
}

int main(int argc, char **argv)
{
	torture run = torture_begin(&machine, argc, argv);
	hostile_place sound;
	int wanted = 0, done = 0;

	umask(077);
	make_template(&run, &sound);
	for (const hostile_kind *kind = hostile_kinds; kind->name != NULL; kind++)
		wanted += torture_wants(&run, kind->name);
	for (const hostile_kind *kind = hostile_kinds; kind->name != NULL; kind++)
		if (torture_wants(&run, kind->name)) {
			const double began = torture_elapsed(&run);

			all_of(&run, &sound, kind, began + (run.seconds - began) / (wanted - done));
			done++;
		}
	return torture_end(&run);
}
