/*
 * torture-schedule: the pool and group commit under a scheduler that decides every hand-over of a
 * lock, wait and timeout. Schedule number i of a run with seed S is the first of one with seed
 * S + i, so that what is found is found again at once.
 */
#include "schedule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "torture.h"

const schedule_scenario schedule_scenarios[] = {
	{
		.name = "readers",
		.threads = {2, 6},
		.steps = 4,
		.readers = 3,
		.often = {[WORK_READ] = 8, [WORK_LOOK] = 1},
	},
	{
		.name = "timeouts",
		.threads = {2, 6},
		.steps = 4,
		.readers = 2,
		.often = {[WORK_READ] = 4, [WORK_COMMIT] = 2, [WORK_LEASE] = 2, [WORK_REST] = 1},
		.impatience = 40,
	},
	{
		.name = "ages and leaks",
		.threads = {2, 5},
		.steps = 5,
		.readers = 3,
		.often = {[WORK_READ] = 4,
			  [WORK_COMMIT] = 2,
			  [WORK_LEASE] = 1,
			  [WORK_LOOK] = 2,
			  [WORK_REST] = 2},
		.ages = true,
		.faults = {.validate = 2, .open = 20},
	},
	{
		.name = "group commit",
		.threads = {2, 8},
		.steps = 3,
		.readers = 1,
		.often = {[WORK_COMMIT] = 1},
		.bad_deeds = 3,
	},
	{
		.name = "group commit that fails",
		.threads = {2, 8},
		.steps = 3,
		.readers = 1,
		.often = {[WORK_COMMIT] = 1},
		.bad_deeds = 4,
		.faults = {.full = 4, .busy = 12, .unknown = 6, .begin = 16},
	},
	{
		.name = "done at once",
		.threads = {18, 24},
		.steps = 2,
		.readers = 1,
		.often = {[WORK_TOGETHER] = 20, [WORK_COMMIT] = 1},
		.bad_deeds = 40,
	},
	{
		.name = "transactions",
		.threads = {2, 6},
		.steps = 3,
		.readers = 2,
		.often = {[WORK_TRANSACTION] = 3,
			  [WORK_COMMIT] = 3,
			  [WORK_READ] = 1,
			  [WORK_LEASE] = 2},
		.bad_deeds = 5,
	},
	{
		.name = "checkpoints",
		.threads = {2, 6},
		.steps = 6,
		.readers = 2,
		.often = {[WORK_COMMIT] = 8,
			  [WORK_CHECKPOINT] = 2,
			  [WORK_READ] = 2,
			  [WORK_OTHER] = 4},
		.unstarted = 8,
		.faults = {.large = 4, .begin = 20},
	},
	{
		.name = "closing",
		.threads = {1, 6},
		.steps = 1,
		.readers = 2,
		.often = {[WORK_READ] = 4,
			  [WORK_COMMIT] = 4,
			  [WORK_LEASE] = 2,
			  [WORK_CHECKPOINT] = 1},
		.closes = true,
	},
	{
		.name = "closing without patience",
		.threads = {1, 6},
		.steps = 1,
		.readers = 2,
		.often = {[WORK_READ] = 4, [WORK_COMMIT] = 4, [WORK_LEASE] = 2, [WORK_REST] = 1},
		.impatience = 30,
		.closes = true,
	},
	{
		.name = "cancelled calls",
		.threads = {2, 6},
		.steps = 4,
		.readers = 2,
		.often = {[WORK_READ] = 3,
			  [WORK_COMMIT] = 3,
			  [WORK_LEASE] = 1,
			  [WORK_TRANSACTION] = 1,
			  [WORK_REST] = 1},
		.cancels = true,
		.impatience = 200,
	},
	{
		.name = "a connection a call",
		.threads = {2, 5},
		.steps = 3,
		.readers = 2,
		.often = {[WORK_READ] = 3,
			  [WORK_COMMIT] = 3,
			  [WORK_TRANSACTION] = 1,
			  [WORK_CHECKPOINT] = 1},
		.bad_deeds = 6,
		.direct = true,
	},
	{
		.name = "everything",
		.threads = {3, 8},
		.steps = 5,
		.readers = 3,
		.often = {[WORK_READ] = 4,
			  [WORK_COMMIT] = 6,
			  [WORK_TOGETHER] = 2,
			  [WORK_TRANSACTION] = 2,
			  [WORK_LEASE] = 1,
			  [WORK_CHECKPOINT] = 1,
			  [WORK_LOOK] = 1,
			  [WORK_OTHER] = 1,
			  [WORK_REST] = 1},
		.bad_deeds = 8,
		.impatience = 200,
		.unstarted = 8,
		.cancels = true,
		.ages = true,
		.faults = {.validate = 8,
			   .full = 30,
			   .busy = 40,
			   .unknown = 40,
			   .begin = 40,
			   .large = 6},
	},
	{
		.name = "on SQLite",
		.threads = {2, 5},
		.steps = 4,
		.readers = 2,
		.often = {[WORK_READ] = 3,
			  [WORK_COMMIT] = 4,
			  [WORK_TRANSACTION] = 2,
			  [WORK_LEASE] = 1,
			  [WORK_CHECKPOINT] = 1},
		.bad_deeds = 5,
		.real = true,
	},
};

const int schedule_scenario_count = sizeof schedule_scenarios / sizeof schedule_scenarios[0];

enum { LEAST = 500, LEAST_REAL = 20, ENOUGH_BAD = 3 };

static const torture_machine machine = {
	.name = "schedule",
	.bugs =
		{
			[PLANT_LOST_WAKEUP] = "lost-wakeup",
			[PLANT_DOUBLE_LEND] = "double-lend",
			[PLANT_EARLY_ANSWER] = "early-answer",
			[PLANT_LOG_FREE] = "log-free",
		},
};

/* Each schedule of a scenario until the time, or LEAST; a planted bug until it is found. */
static void run_scenario(torture *run, int number, schedule_plant plant, double until)
{
	const schedule_scenario *scenario = &schedule_scenarios[number];
	uint64_t first = run->seed, tried = 0;
	uint64_t least = scenario->real ? LEAST_REAL : LEAST;
	/* What a schedule that failed has open there is in the way of the next. */
	int enough = plant != PLANT_NOTHING || scenario->real ? 1 : ENOUGH_BAD;
	int bad = 0;

	while ((tried < least || torture_elapsed(run) < until) && bad < enough) {
		uint64_t seed = torture_state(first + tried, (uint64_t)number + 1);

		if (!schedule_one(scenario, seed, plant)) {
			run->seed = first + tried;
			torture_bad(run, scenario->name, "%s", schedule_wrong());
			bad++;
		}
		tried++;
	}
	run->seed = first;
	torture_scenario_end(run, scenario->name, "schedules", tried);
}

int main(int argc, char **argv)
{
	torture run = torture_begin(&machine, argc, argv);
	schedule_plant plant = (schedule_plant)run.bug;
	int left = run.only != NULL ? 1 : schedule_scenario_count;

	real_begin(run.folder);
	for (int i = 0; i < schedule_scenario_count; i++) {
		double now = torture_elapsed(&run);

		if (!torture_wants(&run, schedule_scenarios[i].name))
			continue;
		run_scenario(&run, i, plant, now + (run.seconds - now) / left);
		left--;
	}
	printf("schedule: %llu points\n", (unsigned long long)schedule_points());
	return torture_end(&run);
}
