/* A scenario that chance makes up: another one for each seed. */
#include "catalog/catalog.h"
#include "crash.h"
#include "pool/internal.h"

enum { STEPS = 40, FILES = 30 };

/* What the catalog must hold: the CRC of each file, 0 where there is none. */
typedef struct model {
	int64_t files[FILES];
} model;

static uint64_t chance(stage *s, uint64_t below)
{
	return torture_chance(&s->chance, below);
}

static void open_catalog(stage *s)
{
	stage_open(s);
	if (s->catalog)
		s->catalog->pool->options.checkpoint_bytes = (int64_t)(4 + chance(s, 60)) << 10;
}

static void empty(stage *s)
{
	stage_create(s);
	stage_close(s);
}

/* The whole of it, as it is to be after the next step. */
static int promise_all(stage *s, const model *m)
{
	int64_t count = 0, sum = 0;

	for (int i = 0; i < FILES; i++) {
		count += m->files[i] != 0;
		sum += m->files[i] * (i + 1);
	}
	return stage_promise(s,
			     "SELECT count(*) = %lld AND coalesce(sum(CRC * (1 + "
			     "substr(OriginalPath, 19, 3))), 0) = %lld FROM files",
			     (long long)count, (long long)sum);
}

static sr_status write_many(stage *s, model *m, sr_file files[FILES], char paths[FILES][64])
{
	size_t count = 1 + chance(s, FILES), first = chance(s, FILES);
	int promise;
	sr_status rc;

	for (size_t i = 0; i < count; i++) {
		size_t number = (first + i) % FILES;

		m->files[number] = 1 + (int64_t)chance(s, 1000000);
		files[i] = stage_file(s, paths[i], (int)number, m->files[number]);
	}
	promise = promise_all(s, m);
	rc = sr_file_save(s->catalog, files, count, NULL, NULL, NULL);
	stage_tell(s, promise);
	return rc;
}

static sr_status delete_one(stage *s, model *m)
{
	size_t number = chance(s, FILES);
	char path[64];
	sr_file file = stage_file(s, path, (int)number, 0);
	int promise;
	sr_status rc;

	if (m->files[number] == 0)
		return SR_OK;
	m->files[number] = 0;
	promise = promise_all(s, m);
	rc = sr_file_delete(s->catalog, &s->client, file.original_path);
	stage_tell(s, promise);
	return rc;
}

/* What changes no file. */
static sr_status tend(stage *s)
{
	sr_prune_options options;
	sr_optimized optimized;
	int64_t rows;
	sr_keep keep;

	switch (chance(s, 6)) {
	case 0:
		sr_prune_options_init(&options);
		sr_keep_init(&keep);
		keep.last = 1;
		options.keep = &keep;
		return sr_prune(s->catalog, &options, NULL);
	case 1:
		return sr_optimize(s->catalog, NULL, &optimized);
	case 2:
		return sr_search_index_build(s->catalog, chance(s, 2) == 0, NULL, NULL, &rows);
	default:
		stage_close(s);
		open_catalog(s);
		return SR_OK;
	}
}

static void random_work(stage *s)
{
	char paths[FILES][64];
	sr_file files[FILES];
	model m = {{0}};

	open_catalog(s);
	for (int i = 0; i < STEPS && !s->failed; i++) {
		uint64_t kind = chance(s, 10);

		if (kind < 6) {
			stage_forget(s);
			stage_good(s, write_many(s, &m, files, paths), "saving");
		} else if (kind < 9) {
			stage_forget(s);
			stage_good(s, delete_one(s, &m), "deleting");
		} else {
			stage_good(s, tend(s), "tending");
		}
	}
	stage_close(s);
}

const crash_scenario crash_random[] = {
	{.name = "random work", .prepare = empty, .run = random_work, .again = true},
	{.name = NULL},
};
