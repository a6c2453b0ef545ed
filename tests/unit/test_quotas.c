/* Quotas: kept to the byte whoever writes at once, lowered, warned about once, and what a save
 * writes down beside the files. */
#include <math.h>
#include <pthread.h>

#include "catalog_fixture.h"
#include "old_database.h"

static sr_status save_size(const catalog_fixture *f, const char *path, int64_t size,
			   sr_outcome *outcome)
{
	sr_file file = file_at(f, path);

	file.size = size;
	return sr_file_save(f->catalog, &file, 1, outcome, NULL, NULL);
}

static void set(const catalog_fixture *f, int64_t bytes, double warning)
{
	assert_ok(sr_quota_set(f->catalog, &f->client, bytes, warning, NULL));
}

/* What the catalog says is used, and what a count says. */
static int64_t used(const catalog_fixture *f)
{
	sr_quota *quota = NULL;
	int64_t bytes;

	assert_ok(sr_quota_get(f->catalog, &f->client, &quota));
	bytes = quota->used_bytes;
	sr_quota_free(quota);
	assert_int_equal(bytes,
			 integer(f, "SELECT coalesce(sum(FileSize), 0) FROM files WHERE"
				    " ClientID = (SELECT ID FROM clients WHERE Name = 'host')"));
	return bytes;
}

static sr_quota_state state_of(const catalog_fixture *f)
{
	sr_quota *quota = NULL;
	sr_quota_state state;

	assert_ok(sr_quota_get(f->catalog, &f->client, &quota));
	state = quota->state;
	sr_quota_free(quota);
	return state;
}

static int64_t activities(const catalog_fixture *f, const char *type)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM client_activity WHERE ActivityType = '%s'",
		 type);
	return integer(f, sql);
}

/* ---- Setting ---- */

static void test_set_get_clear(void **state)
{
	catalog_fixture *f = *state;
	sr_quota *quota = NULL;
	bool cleared = false;
	sr_id nobody;

	assert_ok(sr_quota_get(f->catalog, &f->client, &quota));
	assert_text(quota->client_name, "host");
	assert_memory_equal(&quota->client_id, &f->client, sizeof(sr_id));
	assert_int_equal(quota->state, SR_QUOTA_UNLIMITED);
	assert_true(quota->quota_bytes == SR_NULL_INTEGER);
	assert_true(quota->available_bytes == SR_NULL_INTEGER);
	assert_true(isnan(quota->used_percent) && isnan(quota->warning_threshold));
	assert_int_equal(quota->used_bytes, 0);
	sr_quota_free(quota);
	assert_ok(save_size(f, "/a", 300, NULL));
	assert_ok(sr_quota_set(f->catalog, &f->client, 1000, 0.5, &quota));
	assert_int_equal(quota->quota_bytes, 1000);
	assert_int_equal(quota->used_bytes, 300);
	assert_int_equal(quota->available_bytes, 700);
	assert_true(quota->used_percent == 30 && quota->warning_threshold == 0.5);
	assert_int_equal(quota->state, SR_QUOTA_FINE);
	sr_quota_free(quota);
	/* The threshold stays. */
	assert_ok(sr_quota_set(f->catalog, &f->client, 600, NAN, &quota));
	assert_true(quota->warning_threshold == 0.5);
	assert_int_equal(quota->state, SR_QUOTA_WARNING);
	sr_quota_free(quota);
	assert_ok(sr_quota_clear(f->catalog, &f->client, &cleared));
	assert_true(cleared);
	assert_ok(sr_quota_clear(f->catalog, &f->client, &cleared));
	assert_false(cleared);
	assert_int_equal(activities(f, "quota_set"), 2);
	assert_int_equal(activities(f, "quota_clear"), 1);
	assert_int_equal(integer(f, "SELECT BytesTransferred FROM client_activity WHERE"
				    " ActivityType = 'quota_clear'"),
			 600);
	sr_id_new(&nobody);
	assert_fails(sr_quota_set(f->catalog, &nobody, 1, NAN, &quota), SR_NOT_FOUND, "no client");
	assert_null(quota);
	assert_fails(sr_quota_get(f->catalog, &nobody, &quota), SR_NOT_FOUND, "no client");
	assert_fails(sr_quota_clear(f->catalog, &nobody, NULL), SR_NOT_FOUND, "no client");
	assert_fails(sr_quota_set(f->catalog, &f->client, -1, NAN, NULL), SR_INVALID, "-1");
	assert_fails(sr_quota_set(f->catalog, &f->client, 1, 0, NULL), SR_INVALID, "0");
	assert_fails(sr_quota_set(f->catalog, &f->client, 1, 1.01, NULL), SR_INVALID, "1.01");
	assert_fails(sr_quota_set(f->catalog, &f->client, 1, (double)INFINITY, NULL), SR_INVALID,
		     "inf");
	assert_int_equal(state_of(f), SR_QUOTA_UNLIMITED);
}

static void test_list(void **state)
{
	static const char *const names[] = {"host", "none", "zero"};
	static const sr_quota_state states[] = {SR_QUOTA_FINE, SR_QUOTA_UNLIMITED,
						SR_QUOTA_WARNING};
	catalog_fixture *f = *state;
	const sr_quota *quota;
	sr_quotas *cursor;
	sr_id zero;

	zero = add_client(f, "zero");
	(void)add_client(f, "none");
	set(f, INT64_MAX, 1);
	assert_ok(sr_quota_set(f->catalog, &zero, 0, NAN, NULL));
	assert_ok(sr_quota_list(f->catalog, &cursor));
	for (int i = 0; i < 3; i++) {
		assert_ok(sr_quotas_next(cursor, &quota));
		assert_text(quota->client_name, names[i]);
		assert_int_equal(quota->state, states[i]);
	}
	assert_true(quota->used_percent == 100);
	assert_int_equal(quota->available_bytes, 0);
	assert_ok(sr_quotas_next(cursor, &quota));
	assert_null(quota);
	assert_ok(sr_quotas_next(cursor, &quota));
	assert_null(quota);
	sr_quotas_close(cursor);
}

static void test_default(void **state)
{
	catalog_fixture *f = *state;
	sr_quota *quota = NULL;
	double warning;
	int64_t bytes;
	sr_id id;

	assert_ok(sr_quota_default_get(f->catalog, &bytes, &warning));
	assert_true(bytes == SR_NULL_INTEGER && isnan(warning));
	assert_ok(sr_quota_default_set(f->catalog, 500, NAN));
	assert_ok(sr_quota_default_get(f->catalog, &bytes, &warning));
	assert_true(bytes == 500 && warning == 0.8);
	assert_ok(sr_quota_default_set(f->catalog, 700, 0.25));
	id = add_client(f, "late");
	assert_ok(sr_quota_get(f->catalog, &id, &quota));
	assert_int_equal(quota->quota_bytes, 700);
	assert_true(quota->warning_threshold == 0.25);
	sr_quota_free(quota);
	/* By whatever program, and those there were keep what they had. */
	foreign_sql(f, "INSERT INTO clients (ID, Name, LastSeen) VALUES (zeroblob(16), 'x', 'y')");
	assert_int_equal(integer(f, "SELECT QuotaBytes FROM client_quotas WHERE ClientID ="
				    " zeroblob(16)"),
			 700);
	assert_int_equal(state_of(f), SR_QUOTA_UNLIMITED);
	/* Its warning is that of quotas set later too. */
	assert_ok(sr_quota_set(f->catalog, &f->client, 9, NAN, &quota));
	assert_true(quota->warning_threshold == 0.25);
	sr_quota_free(quota);
	assert_ok(sr_quota_default_set(f->catalog, SR_NULL_INTEGER, NAN));
	id = add_client(f, "later");
	assert_ok(sr_quota_get(f->catalog, &id, &quota));
	assert_int_equal(quota->state, SR_QUOTA_UNLIMITED);
	sr_quota_free(quota);
	assert_fails(sr_quota_default_set(f->catalog, -2, NAN), SR_INVALID, "-2");
	assert_fails(sr_quota_default_set(f->catalog, 2, 2), SR_INVALID, "2");
}

/* ---- Keeping to it ---- */

static void test_one_file(void **state)
{
	catalog_fixture *f = *state;
	sr_outcome outcome = SR_ADDED;

	set(f, 1000, NAN);
	assert_ok(save_size(f, "/a", 600, NULL));
	assert_fails(save_size(f, "/b", 401, &outcome), SR_QUOTA, "'host'");
	assert_says("1000");
	assert_says("600");
	assert_says("401");
	assert_says("'/b'");
	assert_int_equal(outcome, SR_OVER_QUOTA);
	assert_int_equal(integer(f, "SELECT count(*) FROM files"), 1);
	assert_ok(save_size(f, "/b", 400, &outcome));
	assert_int_equal(outcome, SR_ADDED);
	assert_int_equal(used(f), 1000);
	/* Known content in another size is growth too. */
	assert_fails(save_size(f, "/b", 401, &outcome), SR_QUOTA, "1 more");
	assert_ok(save_size(f, "/c", 0, &outcome));
	assert_ok(save_size(f, "/d", SR_NULL_INTEGER, &outcome));
	assert_fails(save_size(f, "/d", 1, &outcome), SR_QUOTA, "");
	assert_int_equal(integer(f, "SELECT count(*) FROM file_versions"), 0);
	/* And what shrinks makes room. */
	assert_ok(save_size(f, "/a", 599, &outcome));
	assert_int_equal(outcome, SR_CHANGED);
	assert_ok(save_size(f, "/b", 401, &outcome));
	assert_int_equal(used(f), 1000);
}

/* Over the quota, what grows is refused, and nothing else. */
static void test_lowered(void **state)
{
	catalog_fixture *f = *state;
	sr_quota *quota = NULL;
	sr_file file = file_at(f, "/a");

	assert_ok(save_size(f, "/a", 600, NULL));
	assert_ok(save_size(f, "/b", 600, NULL));
	assert_ok(sr_quota_set(f->catalog, &f->client, 500, NAN, &quota));
	assert_int_equal(quota->state, SR_QUOTA_EXCEEDED);
	assert_int_equal(quota->available_bytes, 0);
	assert_int_equal(quota->used_percent, 240);
	sr_quota_free(quota);
	assert_fails(save_size(f, "/a", 601, NULL), SR_QUOTA, "");
	assert_fails(save_size(f, "/c", 1, NULL), SR_QUOTA, "");
	file.size = 600;
	file.date = sr_text_of("2026-01-31");
	assert_ok(sr_file_save(f->catalog, &file, 1, NULL, NULL, NULL));
	assert_ok(save_size(f, "/a", 599, NULL));
	assert_ok(save_size(f, "/e", 0, NULL));
	assert_int_equal(used(f), 1199);
	assert_ok(sr_file_delete(f->catalog, &f->client, sr_text_of("/a")));
	assert_ok(sr_file_delete(f->catalog, &f->client, sr_text_of("/b")));
	assert_int_equal(state_of(f), SR_QUOTA_FINE);
	assert_ok(save_size(f, "/a", 500, NULL));
}

/* Those that fit stay; the call says which did not. */
static void test_batch(void **state)
{
	static const int64_t sizes[] = {400, 700, 300, 301, 300, 1};
	static const sr_outcome wanted[] = {SR_ADDED,      SR_OVER_QUOTA, SR_ADDED,
					    SR_OVER_QUOTA, SR_ADDED,      SR_OVER_QUOTA};
	catalog_fixture *f = *state;
	sr_outcome outcomes[6];
	sr_file files[7];
	char paths[6][4];
	sr_saved saved;
	sr_id ids[7];

	set(f, 1000, NAN);
	for (int i = 0; i < 6; i++) {
		snprintf(paths[i], sizeof(paths[i]), "/%d", i);
		files[i] = file_at(f, paths[i]);
		files[i].size = sizes[i];
	}
	assert_fails(sr_file_save(f->catalog, files, 6, outcomes, ids, &saved), SR_QUOTA, "'/1'");
	assert_says("3 files");
	assert_memory_equal(outcomes, wanted, sizeof(wanted));
	assert_int_equal(saved.added, 3);
	assert_int_equal(saved.refused, 3);
	assert_int_equal(saved.changed + saved.unchanged, 0);
	assert_int_equal(integer(f, "SELECT count(*) FROM files"), 3);
	assert_int_equal(used(f), 1000);
	for (int i = 0; i < 6; i++) {
		static const sr_id none;
		int there = memcmp(&ids[i], &none, sizeof(none)) != 0;

		assert_int_equal(there, outcomes[i] == SR_ADDED);
	}
	/* Of a known file that may not grow it is the row's. */
	files[0].size = 401;
	assert_fails(sr_file_save(f->catalog, files, 1, outcomes, &ids[6], &saved), SR_QUOTA, "");
	assert_memory_equal(&ids[6], &ids[0], sizeof(sr_id));
	/* In their order: what shrinks first makes room for the next. */
	files[0].size = 100;
	files[1].size = 300;
	assert_ok(sr_file_save(f->catalog, files, 2, outcomes, NULL, &saved));
	assert_int_equal(used(f), 1000);
	/* Another client's files in between have room of their own. */
	files[6] = file_at(f, "/6");
	files[6].client_id = add_client(f, "other");
	files[6].size = 5000;
	files[5].size = 5000;
	assert_fails(sr_file_save(f->catalog, &files[5], 2, outcomes, NULL, &saved), SR_QUOTA, "");
	assert_int_equal(outcomes[0], SR_OVER_QUOTA);
	assert_int_equal(outcomes[1], SR_ADDED);
}

/* What becomes current again counts like what is saved. */
static void test_activate(void **state)
{
	catalog_fixture *f = *state;

	assert_ok(save_size(f, "/a", 700, NULL));
	assert_ok(save_size(f, "/a", 100, NULL));
	assert_ok(save_size(f, "/b", 300, NULL));
	set(f, 999, NAN);
	assert_fails(sr_version_activate(f->catalog, &f->client, sr_text_of("/a"), 1, NULL),
		     SR_QUOTA, "600 more");
	assert_says("'/a'");
	assert_int_equal(used(f), 400);
	assert_int_equal(integer(f, "SELECT count(*) FROM file_versions"), 2);
	assert_int_equal(activities(f, "activate"), 0);
	set(f, 1000, NAN);
	assert_ok(sr_version_activate(f->catalog, &f->client, sr_text_of("/a"), 1, NULL));
	assert_int_equal(used(f), 1000);
	assert_int_equal(activities(f, "activate"), 1);
	set(f, 1, NAN);
	assert_ok(sr_version_activate(f->catalog, &f->client, sr_text_of("/a"), 2, NULL));
	assert_int_equal(used(f), 400);
}

/* A size that was not known is filled in where it fits; the file is verified either way. */
static void test_verify(void **state)
{
	catalog_fixture *f = *state;
	sr_file file = file_named(f, "stored");
	FILE *bytes;

	assert_int_equal(mkdir(scratch_path("received_files"), 0700), 0);
	assert_non_null(bytes = fopen(scratch_path("received_files/stored"), "w"));
	assert_true(fputs("twelve bytes", bytes) >= 0);
	assert_int_equal(fclose(bytes), 0);
	file.path = sr_text_of("received_files/stored");
	assert_ok(sr_file_save(f->catalog, &file, 1, NULL, NULL, NULL));
	set(f, 11, NAN);
	assert_ok(sr_file_verify(f->catalog, &f->client, sr_text_of("stored")));
	assert_int_equal(integer(f, "SELECT Verified FROM files"), 1);
	assert_int_equal(used(f), 0);
	set(f, 12, NAN);
	assert_ok(sr_file_verify(f->catalog, &f->client, sr_text_of("stored")));
	assert_int_equal(used(f), 12);
}

/* A call that fails for another reason than a quota still changes nothing. */
static void test_batch_that_fails(void **state)
{
	catalog_fixture *f = *state;
	sr_outcome outcomes[3] = {SR_CHANGED, SR_CHANGED, SR_CHANGED};
	sr_file files[3];

	set(f, 100, NAN);
	for (int i = 0; i < 3; i++) {
		files[i] = file_at(f, i == 0 ? "/0" : i == 1 ? "/1" : "/2");
		files[i].size = 60;
	}
	sr_id_new(&files[2].client_id);
	assert_fails(sr_file_save(f->catalog, files, 3, outcomes, NULL, NULL), SR_NOT_FOUND, "");
	assert_int_equal(outcomes[0], SR_CHANGED);
	assert_int_equal(integer(f, "SELECT count(*) FROM files"), 0);
	assert_int_equal(activities(f, "save") + activities(f, "save_failed"), 0);
	assert_int_equal(integer(f, "SELECT count(*) FROM transfer_stats"), 0);
}

static void test_transaction(void **state)
{
	catalog_fixture *f = *state;

	set(f, 1000, NAN);
	assert_ok(sr_begin(f->catalog, NULL));
	assert_ok(save_size(f, "/a", 900, NULL));
	assert_fails(save_size(f, "/b", 200, NULL), SR_QUOTA, "900");
	assert_int_equal(used(f), 900);
	assert_ok(sr_rollback(f->catalog));
	assert_int_equal(used(f), 0);
	assert_int_equal(activities(f, "save") + activities(f, "save_failed"), 0);
	assert_ok(sr_begin(f->catalog, NULL));
	assert_ok(save_size(f, "/a", 900, NULL));
	assert_fails(save_size(f, "/b", 200, NULL), SR_QUOTA, "900");
	assert_ok(save_size(f, "/c", 100, NULL));
	assert_ok(sr_commit(f->catalog));
	assert_int_equal(used(f), 1000);
	assert_int_equal(activities(f, "save_failed"), 1);
}

/* Sizes that make no sense neither wrap around nor open a gap. */
static void test_huge_sizes(void **state)
{
	catalog_fixture *f = *state;
	const int64_t most = INT64_C(1) << 53;
	sr_quota *quota = NULL;

	set(f, most, NAN);
	assert_ok(save_size(f, "/a", INT64_MAX, NULL));
	assert_fails(save_size(f, "/b", 1, NULL), SR_QUOTA, "");
	assert_ok(sr_quota_set(f->catalog, &f->client, INT64_MAX, NAN, &quota));
	assert_int_equal(quota->used_bytes, most);
	sr_quota_free(quota);
	assert_ok(save_size(f, "/a", INT64_MAX - 1, NULL));
	assert_ok(save_size(f, "/a", 3, NULL));
	assert_int_equal(used(f), 3);
}

/* 2^63 - 1 bytes are the most, also without a quota: 1023 times 2^53 fit. */
static void test_huge_sums(void **state)
{
	enum { COUNT = 1030 };
	catalog_fixture *f = *state;
	sr_file *files = calloc(COUNT, sizeof(*files));
	char(*paths)[16] = calloc(COUNT, sizeof(*paths));
	sr_quota *quota = NULL;
	sr_saved saved;

	assert_non_null(files);
	assert_non_null(paths);
	for (int i = 0; i < COUNT; i++) {
		snprintf(paths[i], sizeof(paths[i]), "/%d", i);
		files[i] = file_at(f, paths[i]);
		files[i].size = INT64_MAX;
	}
	assert_fails(sr_file_save(f->catalog, files, COUNT, NULL, NULL, &saved), SR_QUOTA,
		     "9223372036854775807");
	assert_int_equal(saved.added, 1023);
	assert_int_equal(saved.refused, COUNT - 1023);
	assert_ok(sr_quota_get(f->catalog, &f->client, &quota));
	assert_true(quota->used_bytes == INT64_MAX - (INT64_C(1) << 53) + 1);
	sr_quota_free(quota);
	foreign_sql(f, "UPDATE files SET FileSize = 1");
	assert_int_equal(used(f), 1023);
	/* Another program may write more than can be counted: then nothing more fits. */
	foreign_sql(f, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE"
		       " i < 1100) INSERT INTO files (ID, FileName, PathName, FileSize, ClientID)"
		       " SELECT randomblob(16), i, 'p', 1 << 60, c.ID FROM n, clients c");
	assert_ok(sr_quota_set(f->catalog, &f->client, 1 << 20, NAN, &quota));
	assert_true(quota->used_bytes == INT64_MAX);
	assert_int_equal(quota->state, SR_QUOTA_EXCEEDED);
	assert_int_equal(quota->available_bytes, 0);
	sr_quota_free(quota);
	assert_fails(save_size(f, "/more", 1, NULL), SR_QUOTA, "");
	assert_ok(save_size(f, "/0", 0, NULL));
	free(paths);
	free(files);
}

/* ---- Many at once ---- */

enum { THREADS = 64, ROUNDS = 40 };

typedef struct racer {
	catalog_fixture *f;
	int number;
	int batch;
	int64_t kept;    /* Bytes of what it was told is saved. */
	int64_t refused; /* Files. */
	int wrong;       /* Calls that ended as none should. */
} racer;

static void *race(void *arg)
{
	racer *me = arg;
	unsigned seed = (unsigned)me->number;

	for (int round = 0; round < ROUNDS; round += me->batch) {
		sr_outcome outcomes[8];
		sr_file files[8];
		char paths[8][32];
		sr_saved saved = {0};
		sr_status rc;

		for (int i = 0; i < me->batch; i++) {
			snprintf(paths[i], sizeof(paths[i]), "/%d/%d", me->number, round + i);
			files[i] = file_at(me->f, paths[i]);
			files[i].size = 1 + rand_r(&seed) % 97;
		}
		rc = sr_file_save(me->f->catalog, files, (size_t)me->batch, outcomes, NULL, &saved);
		me->wrong += rc != (saved.refused > 0 ? SR_QUOTA : SR_OK);
		for (int i = 0; i < me->batch; i++) {
			if (outcomes[i] == SR_ADDED)
				me->kept += files[i].size;
			else
				me->refused++;
		}
	}
	/* What is left takes a byte at a time, until not even one fits. */
	for (int i = 0;; i++) {
		char path[32];
		sr_status rc;

		snprintf(path, sizeof(path), "/%d/rest/%d", me->number, i);
		if ((rc = save_size(me->f, path, 1, NULL)) != SR_OK) {
			me->wrong += rc != SR_QUOTA;
			me->refused++;
			return NULL;
		}
		me->kept++;
	}
}

static void race_all(catalog_fixture *f, int batch)
{
	const int64_t limit = 54321;
	pthread_t threads[THREADS];
	racer racers[THREADS];
	int64_t kept = 0, refused = 0;

	set(f, limit, NAN);
	for (int i = 0; i < THREADS; i++) {
		racers[i] = (racer){.f = f, .number = i, .batch = batch};
		assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		kept += racers[i].kept;
		refused += racers[i].refused;
		assert_int_equal(racers[i].wrong, 0);
	}
	assert_int_equal(kept, limit);
	assert_int_equal(used(f), limit);
	assert_int_equal(integer(f, "SELECT UsedBytes FROM client_quotas"), limit);
	/* What was written down agrees, to the file and to the byte. */
	assert_int_equal(integer(f, "SELECT sum(BytesTransferred) FROM client_activity WHERE"
				    " ActivityType = 'save'"),
			 limit);
	assert_int_equal(integer(f, "SELECT sum(TotalBytes) FROM transfer_stats"), limit);
	assert_int_equal(integer(f, "SELECT sum(FailedTransfers) FROM transfer_stats"), refused);
	assert_int_equal(integer(f, "SELECT sum(FileCount) FROM client_activity WHERE"
				    " ActivityType = 'save_failed'"),
			 refused);
	assert_int_equal(integer(f, "SELECT sum(SuccessfulTransfers) FROM transfer_stats"),
			 integer(f, "SELECT count(*) FROM files"));
	assert_int_equal(activities(f, "quota_warning"), 1);
}

static void test_race_of_files(void **state)
{
	race_all(*state, 1);
}

static void test_race_of_batches(void **state)
{
	race_all(*state, 8);
}

/* ---- What a save writes down ---- */

static void test_transfers(void **state)
{
	catalog_fixture *f = *state;
	sr_file files[3];

	for (int i = 0; i < 3; i++) {
		files[i] = file_at(f, i == 0 ? "/0" : i == 1 ? "/1" : "/2");
		files[i].size = 100 * (i + 1);
		files[i].transfer_speed = 10 * (i + 1);
	}
	files[2].client_id = add_client(f, "other");
	assert_ok(sr_file_save(f->catalog, files, 3, NULL, NULL, NULL));
	/* One row a client and call, with its counts summed. */
	assert_int_equal(activities(f, "save"), 2);
	assert_int_equal(integer(f, "SELECT BytesTransferred FROM client_activity WHERE"
				    " FileCount = 2"),
			 300);
	assert_int_equal(integer(f, "SELECT TotalFiles FROM transfer_stats"), 3);
	assert_int_equal(integer(f, "SELECT TotalBytes FROM transfer_stats"), 600);
	assert_int_equal(integer(f, "SELECT PeakTransferSpeed FROM transfer_stats"), 30);
	/* A call that transfers nothing leaves no trace. */
	assert_ok(sr_file_save(f->catalog, files, 3, NULL, NULL, NULL));
	assert_int_equal(activities(f, "save"), 2);
	files[0].size = 50;
	files[0].transfer_speed = 5;
	assert_ok(sr_file_save(f->catalog, files, 3, NULL, NULL, NULL));
	assert_int_equal(activities(f, "save"), 3);
	assert_int_equal(integer(f, "SELECT TotalFiles FROM transfer_stats"), 4);
	assert_int_equal(integer(f, "SELECT TotalBytes FROM transfer_stats"), 650);
	assert_int_equal(integer(f, "SELECT PeakTransferSpeed FROM transfer_stats"), 30);
	assert_int_equal(integer(f, "SELECT FailedTransfers FROM transfer_stats"), 0);
}

static void test_failed(void **state)
{
	catalog_fixture *f = *state;
	sr_id nobody;

	assert_ok(sr_activity_failed(f->catalog, &f->client, 0, NULL));
	assert_int_equal(activities(f, "save_failed"), 0);
	assert_ok(sr_activity_failed(f->catalog, &f->client, 7, NULL));
	assert_int_equal(integer(f, "SELECT FileCount FROM client_activity"), 7);
	assert_int_equal(integer(f, "SELECT FailedTransfers FROM transfer_stats"), 7);
	assert_int_equal(integer(f, "SELECT SuccessfulTransfers FROM transfer_stats"), 0);
	assert_fails(sr_activity_failed(f->catalog, &f->client, -1, NULL), SR_INVALID, "-1");
	sr_id_new(&nobody);
	assert_fails(sr_activity_failed(f->catalog, &nobody, 1, NULL), SR_NOT_FOUND, "");
}

/* ---- Recording ---- */

typedef struct failures {
	int count;
	int64_t bytes; /* Of those that do not fit, by the words. */
	int unread;
} failures;

static void take_failure(void *arg, sr_text path, const char *why)
{
	const char *has = strstr(why, "does not fit: it has ");
	failures *told = arg;

	told->count++;
	if (has != NULL)
		told->bytes += strtoll(has + strlen("does not fit: it has "), NULL, 10);
	else
		told->unread += strstr(path.data, "gone") != NULL;
}

static void make_file(const char *name, size_t size)
{
	FILE *file = fopen(scratch_path(name), "w");

	assert_non_null(file);
	while (size-- > 0)
		assert_int_not_equal(putc('x', file), EOF);
	assert_int_equal(fclose(file), 0);
}

/* What does not fit is told and counted, and the rest goes on. */
static void test_record(void **state)
{
	catalog_fixture *f = *state;
	failures told = {0};
	char tree[128], gone[128];
	const char *paths[] = {tree, gone};
	sr_record_options options;
	sr_record_summary summary;

	assert_int_equal(mkdir(scratch_path("tree"), 0700), 0);
	make_file("tree/a", 300);
	make_file("tree/b", 2000);
	make_file("tree/c", 700);
	make_file("tree/d", 1001);
	snprintf(tree, sizeof(tree), "%s", scratch_path("tree"));
	snprintf(gone, sizeof(gone), "%s", scratch_path("gone"));
	set(f, 1000, NAN);
	sr_record_options_init(&options);
	options.failure = take_failure;
	options.arg = &told;
	assert_ok(sr_record(f->catalog, &f->client, paths, 2, &options, &summary));
	assert_int_equal(summary.added, 2);
	assert_int_equal(summary.failed, 3);
	assert_int_equal(summary.over_quota, 2);
	assert_int_equal(told.count, 3);
	assert_int_equal(told.bytes, 3001);
	assert_int_equal(told.unread, 1);
	assert_int_equal(used(f), 1000);
	assert_int_equal(integer(f, "SELECT FailedTransfers FROM transfer_stats"), 3);
	assert_int_equal(integer(f, "SELECT sum(FileCount) FROM client_activity WHERE"
				    " ActivityType = 'save_failed'"),
			 3);
	/* Again: nothing changed, and the same do not fit. */
	assert_ok(sr_record(f->catalog, &f->client, paths, 1, &options, &summary));
	assert_int_equal(summary.unchanged, 2);
	assert_int_equal(summary.over_quota, 2);
	set(f, 4001, NAN);
	assert_ok(sr_record(f->catalog, &f->client, paths, 1, &options, &summary));
	assert_int_equal(summary.added, 2);
	assert_int_equal(summary.failed, 0);
	assert_int_equal(used(f), 4001);
	assert_int_equal(integer(f, "SELECT FailedTransfers FROM transfer_stats"), 5);
}

/* ---- The warning ---- */

static int warnings;

static void count_warning(void *arg, sr_log_level level, const char *module, const char *message)
{
	(void)arg;
	if (level == SR_LOG_WARNING && strcmp(module, "catalog") == 0 &&
	    strstr(message, "quota") != NULL && strstr(message, "'host'") != NULL)
		warnings++;
}

static void expect_warnings(const catalog_fixture *f, int count)
{
	assert_int_equal(warnings, count);
	assert_int_equal(activities(f, "quota_warning"), count);
}

static void test_warns_once(void **state)
{
	catalog_fixture *f = *state;

	warnings = 0;
	sr_log_set(count_warning, NULL);
	set(f, 1000, 0.75);
	assert_ok(save_size(f, "/a", 749, NULL));
	expect_warnings(f, 0);
	assert_ok(save_size(f, "/b", 1, NULL));
	expect_warnings(f, 1);
	assert_int_equal(state_of(f), SR_QUOTA_WARNING);
	assert_ok(save_size(f, "/c", 100, NULL));
	assert_fails(save_size(f, "/d", 500, NULL), SR_QUOTA, "");
	expect_warnings(f, 1);
	/* Falling below arms it again. */
	assert_ok(sr_file_delete(f->catalog, &f->client, sr_text_of("/a")));
	assert_int_equal(state_of(f), SR_QUOTA_FINE);
	assert_ok(save_size(f, "/d", 500, NULL));
	expect_warnings(f, 1);
	assert_ok(save_size(f, "/e", 300, NULL));
	expect_warnings(f, 2);
	sr_log_set(NULL, NULL);
}

/* Inside a transaction it is said once that is what came to be, and not of what was undone. */
static void test_warns_at_the_commit(void **state)
{
	catalog_fixture *f = *state;

	warnings = 0;
	sr_log_set(count_warning, NULL);
	set(f, 1000, 0.75);
	assert_ok(sr_begin(f->catalog, NULL));
	assert_ok(save_size(f, "/a", 800, NULL));
	assert_int_equal(warnings, 0);
	assert_ok(sr_rollback(f->catalog));
	expect_warnings(f, 0);
	assert_ok(sr_begin(f->catalog, NULL));
	assert_ok(sr_begin(f->catalog, NULL));
	assert_ok(save_size(f, "/a", 800, NULL));
	assert_ok(sr_commit(f->catalog));
	assert_int_equal(warnings, 0);
	assert_ok(sr_commit(f->catalog));
	expect_warnings(f, 1);
	sr_log_set(NULL, NULL);
}

/* ---- Other programs ---- */

static void test_plain_writers(void **state)
{
	catalog_fixture *f = *state;
	const char *sql = "INSERT INTO files (ID, FileName, PathName, FileSize, ClientID) SELECT"
			  " randomblob(16), 'n', 'p', 800, ID FROM clients";
	bool enforce = true;

	set(f, 1000, NAN);
	assert_ok(sr_quota_enforce_get(f->catalog, &enforce));
	assert_false(enforce);
	foreign_sql(f, sql);
	foreign_sql(f, sql);
	assert_int_equal(used(f), 1600);
	assert_int_equal(state_of(f), SR_QUOTA_EXCEEDED);
	assert_ok(sr_quota_enforce_set(f->catalog, true));
	assert_ok(sr_quota_enforce_get(f->catalog, &enforce));
	assert_true(enforce);
	assert_fails(sr_execute(f->catalog, sql, NULL, 0, NULL), SR_CONSTRAINT, "over the quota");
	assert_int_equal(used(f), 1600);
	/* Shrinking and deleting goes on, and so does what then fits. */
	foreign_sql(f, "UPDATE files SET FileSize = FileSize - 1");
	foreign_sql(f, "DELETE FROM files WHERE rowid = 1");
	assert_int_equal(used(f), 799);
	foreign_sql(f, "UPDATE files SET FileSize = 1000");
	/* The library's own words for the library's own saves. */
	assert_fails(save_size(f, "/a", 1, NULL), SR_QUOTA, "'host'");
	assert_ok(sr_quota_enforce_set(f->catalog, false));
	foreign_sql(f, sql);
	assert_int_equal(used(f), 1800);
}

/* ---- Old databases ---- */

static void test_old_databases(void **state)
{
	catalog_fixture *f = *state;
	const sr_quota *quota;
	sr_quotas *cursor;
	bool enforce = true;
	double warning;
	int64_t bytes;
	sr_id client;

	foreign_sql(f, OLD_TABLES OLD_ROWS);
	f->options.create = f->options.migrate = false;
	catalog_open(f);
	assert_ok(sr_quota_list(f->catalog, &cursor));
	assert_ok(sr_quotas_next(cursor, &quota));
	assert_int_equal(quota->state, SR_QUOTA_UNLIMITED);
	assert_int_equal(quota->used_bytes, 100);
	client = quota->client_id;
	sr_quotas_close(cursor);
	assert_ok(sr_quota_default_get(f->catalog, &bytes, &warning));
	assert_true(bytes == SR_NULL_INTEGER);
	assert_ok(sr_quota_enforce_get(f->catalog, &enforce));
	assert_false(enforce);
	assert_fails(sr_quota_set(f->catalog, &client, 1, NAN, NULL), SR_TOO_OLD, "migrate up");
}

/* Version 4 has quotas, and what it says is used is not kept by anybody: it is counted. */
static void test_version_4(void **state)
{
	catalog_fixture *f = *state;
	sr_migrate_options down;
	sr_quota *quota = NULL;

	catalog_open(f);
	f->client = add_client(f, "host");
	set(f, 1000, 0.5);
	assert_ok(save_size(f, "/a", 600, NULL));
	sr_migrate_options_init(&down);
	down.to = 4;
	down.accept_loss = true;
	assert_ok(sr_migrate(f->catalog, &down, NULL));
	foreign_sql(f, "UPDATE client_quotas SET UsedBytes = 77");
	assert_ok(sr_quota_get(f->catalog, &f->client, &quota));
	assert_int_equal(quota->quota_bytes, 1000);
	assert_int_equal(quota->used_bytes, 600);
	assert_int_equal(quota->state, SR_QUOTA_WARNING);
	sr_quota_free(quota);
}

#define WITH_CLIENT(test)                                                                          \
	cmocka_unit_test_setup_teardown(test, catalog_setup_client, catalog_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CLIENT(test_set_get_clear),
		WITH_CLIENT(test_list),
		WITH_CLIENT(test_default),
		WITH_CLIENT(test_one_file),
		WITH_CLIENT(test_lowered),
		WITH_CLIENT(test_batch),
		WITH_CLIENT(test_activate),
		WITH_CLIENT(test_verify),
		WITH_CLIENT(test_batch_that_fails),
		WITH_CLIENT(test_transaction),
		WITH_CLIENT(test_huge_sizes),
		WITH_CLIENT(test_huge_sums),
		WITH_CLIENT(test_race_of_files),
		WITH_CLIENT(test_race_of_batches),
		WITH_CLIENT(test_transfers),
		WITH_CLIENT(test_failed),
		WITH_CLIENT(test_record),
		WITH_CLIENT(test_warns_once),
		WITH_CLIENT(test_warns_at_the_commit),
		WITH_CLIENT(test_plain_writers),
		cmocka_unit_test_setup_teardown(test_old_databases, catalog_setup,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_version_4, catalog_setup, catalog_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
