/* What the torture machines share: options, a seed, what was tried and found, a folder. */
#ifndef TORTURE_H
#define TORTURE_H

#include <stdbool.h>
#include <stdint.h>

enum { TORTURE_BUGS = 5 };

/* What a program is called with. */
typedef struct torture_machine {
	const char *name;
	const char *bugs[TORTURE_BUGS]; /* That can be planted, from 1 on; NULL: no more. */
	bool numbers;                   /* It takes --number. */
} torture_machine;

typedef struct torture {
	const char *machine; /* Its name, before each line. */
	double seconds;      /* How long to go on; every scenario runs at least once. */
	uint64_t seed;       /* Of all that is random. */
	const char *only;    /* The one scenario to run, or null. */
	const char *plant;   /* The bug to plant, or null; */
	int bug;             /* and its number, or 0. */
	uint64_t number;     /* Of the one to try; 0 for all. */
	char folder[4096];   /* Of this run, empty, and removed by torture_end. */
	double began;
} torture;

/* Reads [--seconds N] [--seed S] [--only SCENARIO] [--plant BUG] [--number N], makes the
 * folder, prints the seed. Ends the process with status 2 where it is called otherwise. */
torture torture_begin(const torture_machine *machine, int argc, char **argv);

/* Whether this scenario is to run. Notes that it exists, so that an unknown --only is an error. */
bool torture_wants(torture *run, const char *scenario);

/* Seconds since the beginning; whether there are some left. */
double torture_elapsed(const torture *run);
bool torture_time_left(const torture *run);

/* One bad thing: printed at once with what replays it. The words need no newline. From any thread.
 */
__attribute__((format(printf, 3, 4))) void torture_bad(torture *run, const char *scenario,
						       const char *words, ...);

/* The end of a scenario: adds what it tried to a row of the table, and prints
 * "MACHINE: SCENARIO: TRIED ROW, BAD bad" with the bad things since the last such line. */
void torture_scenario_end(torture *run, const char *scenario, const char *row, uint64_t tried);

/* Prints "total TAB ROW TAB TRIED TAB BAD" for each row, removes the folder; the exit status, 0
 * where nothing bad was found, something was tried, and --only named a scenario. */
int torture_end(torture *run);

/* Makes a file of that text. Any failure ends the process. */
void torture_write(const char *folder, const char *name, const char *text);

/* Numbers by chance, the same from the same state on every machine; 0 <= result < below. */
uint64_t torture_chance(uint64_t *state, uint64_t below);

/* A state of its own for a part of a run, so that one part can be replayed without the others. */
uint64_t torture_state(uint64_t seed, uint64_t part);

#endif
