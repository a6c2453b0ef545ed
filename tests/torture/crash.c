/* The machine: states of the disk, each looked at by a child process. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crash.h"
#include "recorder.h"
#include "unit/fault_vfs.h"
#include "unit/scratch.h"

#define ROW "crash points"

enum {
	EXHAUSTIVE = 8, /* Units whose every subset is tried. */
	SAMPLES = 400,  /* States at most of a point with more. */
	SLICE = 400,    /* States that one process looks at. */
	AGAIN = 5,      /* Seconds of a scenario that is made up anew. */
	SEEN = 1 << 20, /* Room for hashes of images. */
	STATES = 256,   /* Of rows, of earlier versions. */
	BADS = 16,      /* Bad states that a scenario tells of; the others are only counted. */
	THIN = 12,      /* States of each scenario that are looked at in any case, */
	PLANTED = 3000, /* and with a bug in it, which is looked for until it is found. */
};

/* What the children and their parent share. */
typedef struct shared {
	uint64_t next; /* State, by number. */
	uint64_t tried;
	bool over;     /* There are no more. */
	char now[700]; /* The state that is being looked at, in words. */
	int bad_count;
	char bads[BADS][1300];
	int migrated_count; /* Digests of earlier versions that were brought to this one. */
	uint64_t migrated[STATES];
	uint64_t seen[SEEN];
	uint64_t digests[]; /* Of the state after each operation; 0: not known yet. */
} shared;

typedef struct machine {
	torture *run;
	const crash_scenario *scenario;
	stage *stage;
	disk record;
	shared *shared;
	uint64_t seed;
	double until;      /* Seconds since the beginning of the run. */
	char folder[4200]; /* Of the states. */
} machine;

/* ---- Which state ---- */

/* Every subset, then every unit torn or half arrived; of many units some, by chance. */
static bool fates_small(size_t count, uint64_t which, unsigned char *fates)
{
	uint64_t subsets = UINT64_C(1) << count;

	if (which >= subsets + 4 * count)
		return false;
	for (size_t i = 0; i < count; i++)
		fates[i] = which >= subsets || (which >> i & 1) ? DISK_DONE : DISK_LOST;
	if (which >= subsets)
		fates[(which - subsets) / 4] = (unsigned char)(DISK_HEAD + (which - subsets) % 4);
	return true;
}

static void fates_by_chance(size_t count, const disk_unit *units, uint64_t *chance,
			    unsigned char *fates)
{
	uint64_t manner = torture_chance(chance, 7);
	uint64_t pivot = torture_chance(chance, count);
	uint64_t most = 1 + torture_chance(chance, 30);
	size_t op = units[pivot].op;

	for (size_t i = 0; i < count; i++) {
		bool rare = torture_chance(chance, most + 1) == 0;
		bool is_done = manner == 0   ? torture_chance(chance, 2) == 0
			       : manner == 1 ? i < pivot
			       : manner == 2 ? i >= pivot
			       : manner == 3 ? !rare
			       : manner == 4 ? rare
			       : manner == 5 ? units[i].op != op
					     : units[i].op == op;

		fates[i] = is_done ? DISK_DONE : DISK_LOST;
	}
	if (torture_chance(chance, 3) == 0)
		fates[pivot] = (unsigned char)(DISK_HEAD + torture_chance(chance, 2));
	if (torture_chance(chance, 4) == 0)
		for (size_t i = 0; i < count; i++)
			if (fates[i] == DISK_LOST)
				fates[i] = (unsigned char)(DISK_ZEROS + torture_chance(chance, 2));
}

/* The fates of a point's units in its state number `which`. False: it has no more. */
static bool fates_choose(const machine *m, size_t point, uint64_t which, const disk_unit *units,
			 size_t count, unsigned char *fates)
{
	uint64_t chance = torture_state(m->seed, point * 1000003 + which);

	if (count <= EXHAUSTIVE) {
		uint64_t all = (UINT64_C(1) << count) + 4 * count;
		uint64_t first = torture_state(m->seed, point) % all;

		return which < all && fates_small(count, (first + which) % all, fates);
	}
	if (which >= SAMPLES)
		return false;
	memset(fates, which == 1 ? DISK_LOST : DISK_DONE, count);
	if (which > 2 || which == 0)
		fates_by_chance(count, units, &chance, fates);
	return true;
}

/* ---- The states of a killed process ---- */

static void put_down(const machine *m, const disk_image *image, const char *name, char path[4112])
{
	char folder[4300];

	snprintf(folder, sizeof(folder), "%s/%s", m->folder, name);
	scratch_remove(folder);
	rmdir(folder);
	if (mkdir(folder, 0700) != 0) {
		perror(folder);
		abort();
	}
	disk_image_write(image, folder);
	snprintf(path, 4112, "%.4000s/catalog.db", folder);
}

static uint64_t digest_at(const machine *m, size_t point)
{
	uint64_t *digest = &m->shared->digests[point];
	char path[4112], words[512];
	disk_image image;

	if (*digest != 0)
		return *digest;
	disk_image_make(&image, &m->record, point, NULL, NULL, 0);
	put_down(m, &image, "killed", path);
	disk_image_free(&image);
	*digest = oracle_digest(path, words);
	if (*digest == 0 && m->scenario->damaged)
		*digest = ORACLE_DAMAGED;
	return *digest;
}

/* What is safe on the disk when somebody was told something is one of the states, and a power cut
 * goes back behind none that is older. Where many write that may be one before the present. */
static size_t safe_at(const machine *m, size_t point)
{
	char path[4112], words[512];
	disk_unit *units;
	size_t count = disk_uncertain(&m->record, point, &units);
	unsigned char *fates = calloc(count + 1, 1); /* DISK_LOST, all. */
	uint64_t digest;
	disk_image image;

	if (fates == NULL)
		abort();
	disk_image_make(&image, &m->record, point, units, fates, count);
	put_down(m, &image, "killed", path);
	disk_image_free(&image);
	free(fates);
	free(units);
	digest = oracle_digest(path, words);
	while (point > 0 && digest_at(m, point) != digest)
		point--;
	return point;
}

/* Between two points with the same digest there is hardly another. */
static bool is_between(const machine *m, size_t low, size_t high, uint64_t digest)
{
	size_t middle = low + (high - low) / 2;

	if (digest_at(m, low) == digest || digest_at(m, high) == digest)
		return true;
	if (high - low < 2 || digest_at(m, low) == digest_at(m, high))
		return false;
	return is_between(m, low, middle, digest) || is_between(m, middle, high, digest);
}

static bool is_allowed(const machine *m, size_t low, size_t high, uint64_t digest)
{
	for (size_t i = low; i <= high; i++)
		if (m->shared->digests[i] == digest)
			return true;
	if (is_between(m, low, high, digest))
		return true;
	low = safe_at(m, low);
	for (size_t i = low; i <= high; i++)
		if (digest_at(m, i) == digest)
			return true;
	return false;
}

/* ---- One state ---- */

static void bad(machine *m, const char *words)
{
	shared *s = m->shared;

	if (s->bad_count < BADS)
		snprintf(s->bads[s->bad_count], sizeof(s->bads[0]), "%s: %s", s->now, words);
	s->bad_count++;
}

/* The point from which on what was told last is there, and what that was. */
static size_t told_by(const machine *m, size_t point, unsigned char told[CRASH_TRUTHS])
{
	size_t since = 0;

	memset(told, 0, CRASH_TRUTHS);
	for (size_t i = 0; i < point; i++) {
		const disk_op *op = &m->record.ops[i];

		if (op->kind != DISK_MARK)
			continue;
		since = i;
		if (m->stage->truths[op->at].sql[0] == '\0')
			memset(told, 0, CRASH_TRUTHS);
		else
			told[op->at] = 1;
	}
	return since;
}

/* Whether it is worked on with. To bring one to this version takes long: each state of the rows
 * once, and a few more. */
static bool goes_on(const machine *m, const crash_look *look)
{
	shared *s = m->shared;
	bool known = false;

	if (look->digest == ORACLE_DAMAGED || oracle_is_latest(look))
		return look->digest != ORACLE_DAMAGED;
	for (int i = 0; i < s->migrated_count; i++)
		known = known || s->migrated[i] == look->digest;
	if (known || s->migrated_count == STATES)
		return s->tried % 8 == 0;
	s->migrated[s->migrated_count++] = look->digest;
	return true;
}

static void look_at(machine *m, size_t point, const disk_image *image)
{
	char folder[4300];
	crash_look look = {.scenario = m->scenario, .stage = m->stage, .folder = folder};
	size_t since = told_by(m, point, look.told);

	put_down(m, image, "state", look.path);
	snprintf(folder, sizeof(folder), "%s/state", m->folder);
	snprintf(look.ring, sizeof(look.ring), "%.4000s/ring", folder);
	oracle_open(&look);
	if (look.words[0] == '\0' && !is_allowed(m, since, point, look.digest))
		snprintf(look.words, sizeof(look.words),
			 "the rows are those of no state that the catalog may be in");
	if (look.words[0] == '\0' && m->scenario->look)
		m->scenario->look(&look);
	if (look.words[0] == '\0' && goes_on(m, &look))
		oracle_go_on(&look);
	oracle_close(&look);
	if (look.words[0] != '\0')
		bad(m, look.words);
}

/* Whether it is new. */
static bool note_seen(shared *s, uint64_t hash)
{
	hash |= 1;
	for (size_t i = hash % SEEN, steps = 0; steps < 64; i = (i + 1) % SEEN, steps++) {
		if (s->seen[i] == hash)
			return false;
		if (s->seen[i] == 0) {
			s->seen[i] = hash;
			return true;
		}
	}
	return true;
}

/* False: the point has no such state. */
static bool try_state(machine *m, size_t point, uint64_t which)
{
	disk_unit *units;
	size_t count = disk_uncertain(&m->record, point, &units);
	unsigned char *fates = calloc(count + 1, 1);
	disk_image image;
	unsigned char told[CRASH_TRUTHS];
	bool chosen;

	if (fates == NULL)
		abort();
	if ((chosen = fates_choose(m, point, which, units, count, fates))) {
		size_t lost = 0;
		uint64_t since = told_by(m, point, told);

		for (size_t i = 0; i < count; i++)
			lost += fates[i] != DISK_DONE;
		snprintf(m->shared->now, sizeof(m->shared->now),
			 "state %llu after operation %zu of %zu (%.300s), %zu of %zu pieces not "
			 "arrived",
			 (unsigned long long)which, point, m->record.op_count,
			 point > 0 ? disk_op_words(&m->record, point - 1) : "nothing", lost, count);
		disk_image_make(&image, &m->record, point, units, fates, count);
		if (note_seen(m->shared, disk_image_hash(&image) + since * 31)) {
			m->shared->tried++;
			look_at(m, point, &image);
		}
		disk_image_free(&image);
	}
	free(fates);
	free(units);
	return chosen;
}

/* ---- All of them ---- */

/* Every point once, in an order by chance, then each again. */
static size_t point_of(const machine *m, uint64_t number)
{
	uint64_t points = m->record.op_count + 1;
	uint64_t chance = torture_state(m->seed, number / points);
	uint64_t stride = 1 + torture_chance(&chance, points);
	uint64_t a = points, b = stride;

	while (b != 0) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	/* A stride without a common factor comes to every point. */
	if (a != 1)
		stride = 1;
	return (size_t)((torture_chance(&chance, points) + number * stride) % points);
}

static bool is_enough(const machine *m)
{
	const shared *s = m->shared;

	if (m->run->plant != NULL)
		return s->over || s->bad_count > 0 || s->tried >= PLANTED;
	return s->over || (torture_elapsed(m->run) > m->until && s->tried >= THIN);
}

static void slice(machine *m)
{
	uint64_t points = m->record.op_count + 1, idle = 0;

	for (int i = 0; i < SLICE; i++) {
		uint64_t number = m->shared->next++;

		if (idle > points) {
			m->shared->over = true;
			return;
		}
		if (is_enough(m))
			return;
		if (try_state(m, point_of(m, number), number / points))
			idle = 0;
		else
			idle++;
	}
}

/* In a process of its own: what it breaks is its own. */
static void slice_apart(machine *m)
{
	int status;
	pid_t child;

	fflush(NULL);
	if ((child = fork()) == 0) {
		slice(m);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child) {
		perror("a child");
		abort();
	}
	if (WIFSIGNALED(status)) {
		char words[64];

		snprintf(words, sizeof(words), "the process died of signal %d", WTERMSIG(status));
		bad(m, words);
	}
}

static void try_all(machine *m)
{
	size_t size = sizeof(shared) + (m->record.op_count + 1) * sizeof(uint64_t);

	m->shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (m->shared == MAP_FAILED)
		abort();
	while (!is_enough(m))
		slice_apart(m);
	for (int i = 0; i < m->shared->bad_count; i++)
		torture_bad(m->run, m->scenario->name, "%s",
			    i < BADS ? m->shared->bads[i] : "and more");
	torture_scenario_end(m->run, m->scenario->name, ROW, m->shared->tried);
	munmap(m->shared, size);
}

/* ---- A scenario ---- */

/* The bugs that are the recorder's, and one more. */
enum { EARLY = RECORDER_NO_OWN_SYNC + 1 };

static const torture_machine crash_machine = {
	.name = "crash",
	.bugs =
		{
			[RECORDER_NO_SYNC] = "missing-sync",
			[RECORDER_NO_OWN_SYNC] = "missing-own-sync",
			[EARLY] = "early-acknowledge",
		},
};

static void stage_init(stage *s, const machine *m)
{
	snprintf(s->folder, sizeof(s->folder), "%s/live", m->folder);
	snprintf(s->path, sizeof(s->path), "%s/catalog.db", s->folder);
	if (mkdir(m->folder, 0700) != 0 || mkdir(s->folder, 0700) != 0)
		abort();
	sr_options_init(&s->options);
	s->options.path = s->path;
	s->options.create = s->options.migrate = true;
	s->options.pool_size = 2;
	snprintf(s->ring, sizeof(s->ring), "%.4000s/ring", s->folder);
	if (m->scenario->ring)
		s->options.master_key_file = s->ring;
	s->chance = m->seed;
}

/* A disk that has no memory to share lets nobody have a log. */
static void set_disk(const crash_scenario *scenario)
{
	if (!scenario->without_log)
		return;
	fault_vfs_install();
	fault_without_shm(true);
}

static void run_scenario(torture *run, const crash_scenario *scenario, unsigned number,
			 double until)
{
	machine m = {.run = run, .scenario = scenario, .until = until};
	char words[512];

	m.stage = calloc(1, sizeof(*m.stage));
	m.seed = torture_state(run->seed, number);
	snprintf(m.folder, sizeof(m.folder), "%s/%u", run->folder, number);
	if (m.stage == NULL)
		abort();
	stage_init(m.stage, &m);
	set_disk(scenario);
	scenario->prepare(m.stage);
	recorder_begin(&m.record, m.stage->folder,
		       run->bug != EARLY ? (recorder_plant)run->bug : RECORDER_HONEST);
	scenario->run(m.stage);
	recorder_end(words);
	if (m.stage->failed)
		torture_bad(run, scenario->name, "the scenario itself failed");
	if (words[0] != '\0')
		torture_bad(run, scenario->name, "the recorder missed something: %s", words);
	try_all(&m);
	fault_vfs_remove();
	disk_free(&m.record);
	free(m.stage);
	scratch_remove(m.folder);
}

/* One that chance makes up is run as often as there is time for some hundred states of each. */
static void run_share(torture *run, const crash_scenario *scenario, unsigned number, double seconds)
{
	unsigned rounds = scenario->again && seconds > AGAIN ? (unsigned)(seconds / AGAIN) : 1;

	for (unsigned i = 0; i < rounds; i++)
		run_scenario(run, scenario, number + 1000 * i,
			     torture_elapsed(run) + seconds / rounds);
}

/* Memory that is a file system: thousands of databases a minute are written. */
static void use_memory(void)
{
	if (getenv("TMPDIR") == NULL && access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0);
}

int main(int argc, char **argv)
{
	static const crash_scenario *const groups[] = {crash_writes,     crash_wholes, crash_keys,
						       crash_recoveries, crash_random, NULL};
	torture run;
	unsigned left = 0, number = 0;

	use_memory();
	run = torture_begin(&crash_machine, argc, argv);
	stage_plant_early(run.bug == EARLY);
	for (int g = 0; groups[g] != NULL; g++)
		for (const crash_scenario *one = groups[g]; one->name != NULL; one++)
			left += torture_wants(&run, one->name);
	for (int g = 0; groups[g] != NULL; g++)
		for (const crash_scenario *one = groups[g]; one->name != NULL; one++, number++) {
			double now = torture_elapsed(&run);

			/* What one does not need is there for the others. */
			if (torture_wants(&run, one->name))
				run_share(&run, one, number, (run.seconds - now) / left--);
		}
	return torture_end(&run);
}
