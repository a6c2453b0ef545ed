#include "torture.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "unit/scratch.h"

enum { ROWS = 8 };

typedef struct row {
	const char *name;
	uint64_t tried, bad;
} row;

/* A process runs one machine. */
static row rows[ROWS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t bad_since; /* The last end of a scenario. */
static bool only_known;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

__attribute__((noreturn)) static void usage(const torture_machine *machine)
{
	fprintf(stderr,
		"usage: torture-%s [--seconds N] [--seed S] [--only SCENARIO] [--plant BUG]%s\n"
		"Bugs:",
		machine->name, machine->numbers ? " [--number N]" : "");
	for (int i = 1; i < TORTURE_BUGS && machine->bugs[i] != NULL; i++)
		fprintf(stderr, " %s", machine->bugs[i]);
	fputc('\n', stderr);
	exit(2);
}

static int bug_of(const torture_machine *machine, const char *name)
{
	for (int i = 1; i < TORTURE_BUGS && machine->bugs[i] != NULL; i++)
		if (strcmp(machine->bugs[i], name) == 0)
			return i;
	fprintf(stderr, "torture-%s: there is no bug '%s' to plant\n", machine->name, name);
	usage(machine);
}

static uint64_t fresh_seed(void)
{
	uint64_t seed;
	if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed) {
		perror("getrandom");
		exit(2);
	}
	return seed % UINT64_C(1000000000); /* Short enough to be typed. */
}

static void make_folder(torture *run)
{
	const char *parent = getenv("TMPDIR");
	snprintf(run->folder, sizeof run->folder, "%s/strongroom-%s-XXXXXX",
		 parent != NULL ? parent : "/tmp", run->machine);
	if (mkdtemp(run->folder) == NULL) {
		perror(run->folder);
		exit(2);
	}
}

torture torture_begin(const torture_machine *machine, int argc, char **argv)
{
	torture run = {.machine = machine->name, .seconds = 10, .began = now()};
	bool seeded = false;
	for (int i = 1; i < argc; i++) {
		if (i + 1 == argc)
			usage(machine);
		char *end = argv[i + 1];
		if (strcmp(argv[i], "--seconds") == 0) {
			run.seconds = strtod(argv[++i], &end);
		} else if (strcmp(argv[i], "--seed") == 0) {
			run.seed = strtoull(argv[++i], &end, 10);
			seeded = true;
		} else if (strcmp(argv[i], "--only") == 0) {
			run.only = argv[++i];
			end = "";
		} else if (strcmp(argv[i], "--plant") == 0) {
			run.plant = argv[++i];
			run.bug = bug_of(machine, run.plant);
			end = "";
		} else if (machine->numbers && strcmp(argv[i], "--number") == 0) {
			run.number = strtoull(argv[++i], &end, 10);
		}
		if (*end != '\0' || end == argv[i])
			usage(machine);
	}
	if (!seeded)
		run.seed = fresh_seed();
	make_folder(&run);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("%s: seed %llu\n", run.machine, (unsigned long long)run.seed);
	return run;
}

bool torture_wants(torture *run, const char *scenario)
{
	if (run->only == NULL)
		return true;
	bool wanted = strcmp(run->only, scenario) == 0;
	only_known = only_known || wanted;
	return wanted;
}

double torture_elapsed(const torture *run)
{
	return now() - run->began;
}

bool torture_time_left(const torture *run)
{
	return torture_elapsed(run) < run->seconds;
}

void torture_bad(torture *run, const char *scenario, const char *words, ...)
{
	char line[2048];
	va_list args;
	va_start(args, words);
	vsnprintf(line, sizeof line, words, args);
	va_end(args);
	pthread_mutex_lock(&lock);
	bad_since++;
	printf("%s: BAD: %s: %s\n  again: torture-%s --seed %llu --only '%s'%s%s\n", run->machine,
	       scenario, line, run->machine, (unsigned long long)run->seed, scenario,
	       run->plant != NULL ? " --plant " : "", run->plant != NULL ? run->plant : "");
	pthread_mutex_unlock(&lock);
}

static row *row_of(const char *name)
{
	for (int i = 0; i < ROWS; i++) {
		if (rows[i].name == NULL)
			rows[i].name = name;
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	}
	fprintf(stderr, "more than %d rows\n", ROWS);
	abort();
}

void torture_scenario_end(torture *run, const char *scenario, const char *row_name, uint64_t tried)
{
	pthread_mutex_lock(&lock);
	row *one = row_of(row_name);
	one->tried += tried;
	one->bad += bad_since;
	printf("%s: %s: %llu %s, %llu bad\n", run->machine, scenario, (unsigned long long)tried,
	       row_name, (unsigned long long)bad_since);
	bad_since = 0;
	pthread_mutex_unlock(&lock);
}

int torture_end(torture *run)
{
	uint64_t tried = 0, bad = bad_since;
	for (int i = 0; i < ROWS && rows[i].name != NULL; i++) {
		printf("total\t%s\t%llu\t%llu\n", rows[i].name, (unsigned long long)rows[i].tried,
		       (unsigned long long)rows[i].bad);
		tried += rows[i].tried;
		bad += rows[i].bad;
	}
	scratch_remove(run->folder);
	if (run->only != NULL && !only_known) {
		fprintf(stderr, "torture-%s: there is no scenario '%s'\n", run->machine, run->only);
		return 2;
	}
	if (tried == 0)
		fprintf(stderr, "torture-%s: nothing was tried\n", run->machine);
	return bad > 0 || tried == 0 ? 1 : 0;
}

void torture_write(const char *folder, const char *name, const char *text)
{
	char path[4400];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	out = fopen(path, "w");
	if (out == NULL || fputs(text, out) < 0 || fclose(out) != 0)
		abort();
}

/* splitmix64: Steele, Lea, Flood, Fast Splittable Pseudorandom Number Generators (2014). */
uint64_t torture_chance(uint64_t *state, uint64_t below)
{
	uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return (z ^ (z >> 31)) % below;
}

uint64_t torture_state(uint64_t seed, uint64_t part)
{
	uint64_t state = seed ^ (part * UINT64_C(0xD6E8FEB86659FD93));
	(void)torture_chance(&state, 1);
	return state;
}
