/* Pruning: a calendar worked out by hand, random histories against a naive model, what others do
 * meanwhile, and what is left when it is cut short. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "catalog_fixture.h"

static sr_keep keep_last(int64_t count)
{
	sr_keep keep;

	sr_keep_init(&keep);
	keep.last = count;
	return keep;
}

static sr_prune_options prune_by(const sr_keep *keep)
{
	sr_prune_options options;

	sr_prune_options_init(&options);
	options.keep = keep;
	return options;
}

static void save_size(const catalog_fixture *f, const char *path, int64_t size)
{
	sr_file file = file_at(f, path);

	file.size = size;
	(void)save(f, &file);
}

/* A file with a version for each of the times, oldest first; sizes are 1, 2, 3, … */
static void make_history(const catalog_fixture *f, const char *path, const char *const *times,
			 size_t count)
{
	char sql[512];

	for (size_t i = 0; i < count; i++)
		save_size(f, path, (int64_t)i + 1);
	for (size_t i = 0; i < count; i++) {
		snprintf(sql, sizeof(sql),
			 "UPDATE file_versions SET CreatedDate = '%s' WHERE VersionNumber = %zu"
			 " AND FileID = (SELECT ID FROM files WHERE OriginalPath = '%s')",
			 times[i], i + 1, path);
		foreign_sql(f, sql);
	}
}

/* What must always hold. */
static void expect_whole(const catalog_fixture *f)
{
	assert_int_equal(integer(f, "SELECT count(*) FROM file_versions WHERE FileID NOT IN"
				    " (SELECT ID FROM files)"),
			 0);
	assert_int_equal(integer(f, "SELECT count(*) FROM file_versions v WHERE ParentVersionID IS"
				    " NOT NULL AND NOT EXISTS (SELECT 1 FROM file_versions p WHERE"
				    " p.ID = v.ParentVersionID)"),
			 0);
	assert_int_equal(integer(f, "SELECT count(*) FROM files f WHERE TotalVersions <> max(1,"
				    " (SELECT count(*) FROM file_versions v WHERE v.FileID ="
				    " f.ID))"),
			 0);
	assert_int_equal(integer(f, "SELECT count(*) FROM files f WHERE CurrentVersionID IS NOT"
				    " NULL AND NOT EXISTS (SELECT 1 FROM file_versions v WHERE"
				    " v.ID = f.CurrentVersionID AND v.IsActive = 1)"),
			 0);
}

static int64_t versions(const catalog_fixture *f)
{
	return integer(f, "SELECT count(*) FROM file_versions");
}

/* ---- By hand ---- */

/* "3:yearly 4:" and so on, newest first. */
static bool note(void *arg, const sr_prune_version *v)
{
	char words[SR_KEPT_TEXT_SIZE];
	char *all = arg;

	sr_kept_format(v->kept, v->keep, words);
	snprintf(all + strlen(all), 1024 - strlen(all), "%s%lld:%s", all[0] ? "; " : "",
		 (long long)v->version->number, words);
	return false;
}

/* Berlin: 25 October 2026 has 25 hours, 29 March 23; 2026 ends in week 53. */
static void test_calendar(void **state)
{
	static const char *const times[] = {
		"2024-02-29T11:00:00Z", /* 1: leap day */
		"2024-12-31T22:59:59Z", /* 2: 31 December 2024, the last of that year */
		"2024-12-31T23:00:00Z", /* 3: 1 January 2025 */
		"2026-03-28T23:00:00Z", /* 4: 29 March, 00:00 */
		"2026-03-29T21:59:00Z", /* 5: 29 March, 23:59 */
		"2026-10-24T22:00:00Z", /* 6: 25 October, 00:00 */
		"2026-10-25T22:59:00Z", /* 7: 25 October, 23:59 */
		"2026-12-31T22:59:00Z", /* 8: 31 December, Thursday of week 53 */
		"2027-01-03T22:59:00Z", /* 9: 3 January, Sunday of week 53 */
		"2027-01-03T23:00:00Z", /* 10: 4 January, Monday of week 1 */
	};
	catalog_fixture *f = *state;
	sr_keep keep;
	sr_prune_options options = prune_by(&keep);
	sr_prune_summary summary;
	char told[1024] = "";

	assert_int_equal(setenv("TZ", "Europe/Berlin", 1), 0);
	make_history(f, "/a", times, 10);
	sr_keep_init(&keep);
	keep.daily = 4;
	keep.weekly = 3;
	keep.yearly = SR_KEEP_UNLIMITED;
	options.each = note;
	options.arg = told;
	options.dry_run = true;
	assert_ok(sr_prune(f->catalog, &options, &summary));
	assert_string_equal(told, "10:daily, weekly, yearly, active; 9:daily, weekly; "
				  "8:daily, yearly; 7:daily, weekly; 6:; 5:; 4:; 3:yearly; "
				  "2:yearly; 1:");
	assert_int_equal(versions(f), 10);
	told[0] = '\0';
	options.dry_run = false;
	assert_ok(sr_prune(f->catalog, &options, &summary));
	assert_string_equal(told, "10:daily, weekly, yearly, active; 9:daily, weekly; "
				  "8:daily, yearly; 7:daily, weekly; 6:; 5:; 4:; 3:yearly; "
				  "2:yearly; 1:");
	assert_int_equal(summary.clients, 1);
	assert_int_equal(summary.files, 1);
	assert_int_equal(summary.kept, 6);
	assert_int_equal(summary.pruned, 4);
	assert_int_equal(summary.bytes, 1 + 4 + 5 + 6);
	expect_whole(f);
	assert_int_equal(versions(f), 6);
	assert_int_equal(integer(f, "SELECT TotalVersions FROM files"), 6);
	/* 2 was a child of 1, which is gone; 7 of 6, whose nearest ancestor that stays is 3. */
	assert_int_equal(integer(f, "SELECT count(*) FROM file_versions WHERE VersionNumber = 2"
				    " AND ParentVersionID IS NULL"),
			 1);
	assert_int_equal(integer(f, "SELECT p.VersionNumber FROM file_versions v JOIN file_versions"
				    " p ON p.ID = v.ParentVersionID WHERE v.VersionNumber = 7"),
			 3);
	assert_int_equal(integer(f, "SELECT count(*) FROM client_activity WHERE ActivityType ="
				    " 'prune' AND FileCount = 1 AND BytesTransferred = 16"),
			 1);
	/* Again there is nothing to do. */
	assert_ok(sr_prune(f->catalog, &options, &summary));
	assert_int_equal(summary.pruned, 0);
	assert_int_equal(integer(f, "SELECT count(*) FROM client_activity WHERE ActivityType ="
				    " 'prune'"),
			 1);
	assert_int_equal(unsetenv("TZ"), 0);
}

static void test_what_always_stays(void **state)
{
	static const char *const times[] = {"2026-01-01", "2026-01-02", "nonsense",
					    "2026-01-04", "2026-01-05", "2026-01-06"};
	catalog_fixture *f = *state;
	sr_keep keep = keep_last(1);
	sr_prune_options options = prune_by(&keep);
	sr_prune_summary summary;
	char told[1024] = "";
	int64_t fresh;

	make_history(f, "/a", times, 6);
	assert_ok(sr_version_pin(f->catalog, &f->client, sr_text_of("/a"), 2, true, NULL));
	/* The current one need not be the newest by its time. */
	foreign_sql(f, "UPDATE file_versions SET CreatedDate = '2025-01-01' WHERE IsActive = 1");
	options.each = note;
	options.arg = told;
	assert_ok(sr_prune(f->catalog, &options, &summary));
	assert_non_null(strstr(told, "6:active"));
	assert_non_null(strstr(told, "5:last"));
	assert_non_null(strstr(told, "3:date unreadable"));
	assert_non_null(strstr(told, "2:pinned"));
	assert_int_equal(summary.pruned, 2);
	assert_int_equal(versions(f), 4);
	expect_whole(f);
	/* Numbers go on, and what is left can still be made current. */
	assert_ok(sr_version_activate(f->catalog, &f->client, sr_text_of("/a"), 2, &fresh));
	assert_int_equal(fresh, 7);
	expect_whole(f);
}

/* ---- Against a model ---- */

static int64_t pick(unsigned *seed, int64_t below)
{
	return (((int64_t)rand_r(seed) << 31) ^ rand_r(seed)) % below;
}

/* Which version numbers of /N stay, by SQL: the newest `last` by time, one of each of the newest
 * `daily` days of UTC, pinned ones, the current one, and what has no date. */
static void expect_model(const catalog_fixture *f, int64_t last, int64_t daily)
{
	char sql[2048];

	snprintf(
		sql, sizeof(sql),
		"WITH dated AS (SELECT ID, FileID, Pinned, IsActive, julianday(CreatedDate) AS t,"
		" date(CreatedDate) AS d, row_number() OVER (PARTITION BY FileID ORDER BY"
		" julianday(CreatedDate) DESC, VersionNumber DESC) AS n, row_number() OVER"
		" (PARTITION BY FileID, date(CreatedDate) ORDER BY julianday(CreatedDate) DESC,"
		" VersionNumber DESC) AS of_day, dense_rank() OVER (PARTITION BY FileID ORDER BY"
		" date(CreatedDate) DESC) AS day FROM before),"
		" model AS (SELECT ID FROM dated WHERE t IS NULL OR Pinned OR IsActive OR n <= %lld"
		" OR (of_day = 1 AND day <= %lld))"
		" SELECT (SELECT count(*) FROM model WHERE ID NOT IN (SELECT ID FROM"
		" file_versions)) + (SELECT count(*) FROM file_versions WHERE ID NOT IN (SELECT ID"
		" FROM model))",
		(long long)last, (long long)daily);
	assert_int_equal(integer(f, sql), 0);
}

static void random_histories(const catalog_fixture *f, unsigned *seed, int files)
{
	char path[32], sql[256], time[SR_TIME_TEXT_SIZE];

	for (int file = 0; file < files; file++) {
		int64_t count = 1 + pick(seed, 12);

		snprintf(path, sizeof(path), "/%d", file);
		for (int64_t i = 0; i < count; i++)
			save_size(f, path, 100 + i);
		for (int64_t i = pick(seed, 3); i > 0; i--) {
			/* A tree and not a chain. */
			sr_status rc = sr_version_activate(f->catalog, &f->client, sr_text_of(path),
							   1 + pick(seed, count), NULL);

			/* The current one may be picked too. */
			assert_true(rc == SR_OK || rc == SR_INVALID);
		}
		if (pick(seed, 3) == 0)
			assert_ok(sr_version_pin(f->catalog, &f->client, sr_text_of(path), 1, true,
						 NULL));
	}
	for (int64_t id = integer(f, "SELECT max(ID) FROM file_versions"); id > 0; id--) {
		sr_time_format(INT64_C(1770000000000000) + pick(seed, 20) * 30000000000, time);
		snprintf(sql, sizeof(sql),
			 "UPDATE file_versions SET CreatedDate = '%s' WHERE ID = %lld",
			 pick(seed, 20) == 0 ? "?" : time, (long long)id);
		assert_ok(sr_execute(f->catalog, sql, NULL, 0, NULL));
	}
}

/* Each version's nearest ancestor that stays, walked naively. */
#define CHECK_PARENTS                                                                              \
	"WITH RECURSIVE up(ID, at) AS (SELECT ID, ParentVersionID FROM before WHERE ID IN"         \
	" (SELECT ID FROM file_versions) UNION ALL SELECT up.ID, b.ParentVersionID FROM up"        \
	" JOIN before b ON b.ID = up.at WHERE up.at NOT IN (SELECT ID FROM file_versions)),"       \
	" ends AS (SELECT ID, max(CASE WHEN at IN (SELECT ID FROM file_versions) THEN at END)"     \
	" AS ancestor FROM up GROUP BY ID) SELECT count(*) FROM ends JOIN file_versions v"         \
	" USING (ID) WHERE v.ParentVersionID IS NOT ends.ancestor"

static void test_random(void **state)
{
	catalog_fixture *f = *state;
	unsigned seed = 99;

	assert_int_equal(setenv("TZ", "UTC", 1), 0);
	for (int round = 0; round < 4; round++) {
		sr_keep keep = keep_last(pick(&seed, 3));
		sr_prune_options options = prune_by(&keep);
		sr_prune_summary dry, summary;

		keep.daily = 1 + pick(&seed, 3);
		foreign_sql(f, "DELETE FROM file_versions; DELETE FROM files;"
			       " DROP TABLE IF EXISTS before");
		assert_ok(sr_begin(f->catalog, "histories")); /* Opened once, without a pool too. */
		random_histories(f, &seed, 150);
		assert_ok(sr_commit(f->catalog));
		foreign_sql(f, "CREATE TABLE before AS SELECT * FROM file_versions");
		options.dry_run = true;
		assert_ok(sr_prune(f->catalog, &options, &dry));
		assert_int_equal(versions(f), integer(f, "SELECT count(*) FROM before"));
		options.dry_run = false;
		assert_ok(sr_prune(f->catalog, &options, &summary));
		assert_true(summary.pruned > 0 && summary.pruned == dry.pruned);
		assert_true(summary.bytes == dry.bytes && summary.kept == dry.kept);
		expect_whole(f);
		expect_model(f, keep.last, keep.daily);
		assert_int_equal(integer(f, CHECK_PARENTS), 0);
		assert_int_equal(summary.pruned,
				 integer(f, "SELECT count(*) FROM before") - versions(f));
	}
	assert_int_equal(unsetenv("TZ"), 0);
}

/* Parents in a circle, of another file, of nobody. */
static void test_odd_parents(void **state)
{
	static const char *const times[] = {"2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04"};
	catalog_fixture *f = *state;
	sr_keep keep = keep_last(1);
	sr_prune_options options = prune_by(&keep);

	make_history(f, "/a", times, 4);
	make_history(f, "/b", times, 4);
	foreign_sql(f, "UPDATE file_versions SET ParentVersionID = 2 WHERE ID = 1;"
		       "UPDATE file_versions SET ParentVersionID = 3 WHERE ID = 3;"
		       "UPDATE file_versions SET ParentVersionID = 2 WHERE ID = 4;"
		       "UPDATE file_versions SET ParentVersionID = 1 WHERE ID = 8;"
		       "UPDATE file_versions SET ParentVersionID = 4711 WHERE ID = 7");
	assert_ok(sr_prune(f->catalog, &options, NULL));
	assert_int_equal(versions(f), 2);
	assert_int_equal(integer(f, "SELECT count(*) FROM file_versions WHERE ParentVersionID IS"
				    " NOT NULL"),
			 0);
	expect_whole(f);
}

/* ---- Whose, and what is refused ---- */

static void test_whose(void **state)
{
	static const char *const times[] = {"2026-01-01", "2026-01-02", "2026-01-03"};
	catalog_fixture *f = *state;
	sr_keep keep = keep_last(1);
	sr_prune_options options = prune_by(&keep);
	sr_prune_summary summary;
	sr_id first = f->client, other = add_client(f, "other");

	make_history(f, "/a", times, 3);
	make_history(f, "/b", times, 3);
	f->client = other;
	make_history(f, "/c", times, 3);
	options.clients = &first;
	options.client_count = 1;
	options.file = sr_text_of("/a");
	assert_ok(sr_prune(f->catalog, &options, &summary));
	assert_int_equal(summary.pruned, 2);
	assert_int_equal(summary.files, 1);
	options.file = sr_text_of(NULL);
	assert_ok(sr_prune(f->catalog, &options, &summary));
	assert_int_equal(summary.pruned, 2);
	assert_int_equal(summary.clients, 1);
	options.client_count = 0;
	assert_ok(sr_prune(f->catalog, &options, &summary));
	assert_int_equal(summary.pruned, 2);
	assert_int_equal(summary.clients, 2);
	assert_int_equal(versions(f), 3);
	options.clients = &first;
	options.client_count = 1;
	options.file = sr_text_of("/none");
	assert_fails(sr_prune(f->catalog, &options, &summary), SR_NOT_FOUND, "'/none'");
	options.client_count = 0;
	assert_fails(sr_prune(f->catalog, &options, &summary), SR_INVALID, "of one client");
}

static void test_refused(void **state)
{
	static const char *const times[] = {"2026-01-01", "2026-01-02", "2026-01-03"};
	catalog_fixture *f = *state;
	sr_keep keep = keep_last(0);
	sr_prune_options options = prune_by(&keep);
	sr_id nobody;

	make_history(f, "/a", times, 3);
	assert_fails(sr_prune(f->catalog, &options, NULL), SR_INVALID, "without any keep rule");
	keep.daily = -3;
	assert_fails(sr_prune(f->catalog, &options, NULL), SR_INVALID, "keep-daily -3");
	keep = keep_last(1);
	options.policies = true;
	assert_fails(sr_prune(f->catalog, &options, NULL), SR_INVALID, "not both");
	options = prune_by(NULL);
	assert_fails(sr_prune(f->catalog, &options, NULL), SR_INVALID, "neither");
	options = prune_by(&keep);
	options.version = 77;
	assert_fails(sr_prune(f->catalog, &options, NULL), SR_INVALID, "sr_prune_options_init");
	sr_id_new(&nobody);
	options = prune_by(&keep);
	options.clients = &nobody;
	options.client_count = 1;
	assert_fails(sr_prune(f->catalog, &options, NULL), SR_NOT_FOUND, "no client");
	options = prune_by(&keep);
	options.delete_stored = true;
	assert_ok(sr_begin(f->catalog, "test"));
	assert_fails(sr_prune(f->catalog, &options, NULL), SR_INVALID, "inside a transaction");
	options.delete_stored = false;
	/* Without stored bytes it joins, and goes with a rollback. */
	assert_ok(sr_prune(f->catalog, &options, NULL));
	assert_ok(sr_rollback(f->catalog));
	assert_int_equal(versions(f), 3);
}

static void test_policies(void **state)
{
	static const char *const times[] = {"2026-01-01", "2026-01-02", "2026-01-03"};
	catalog_fixture *f = *state;
	sr_keep keep = keep_last(2);
	sr_prune_options options = prune_by(NULL);
	sr_prune_summary summary;
	const sr_policy *each;
	sr_policies *cursor;
	sr_policy *policy;
	bool cleared;
	sr_id first = f->client, other = add_client(f, "other"), nobody;

	sr_id_new(&nobody);
	options.policies = true;
	make_history(f, "/a", times, 3);
	f->client = other;
	make_history(f, "/b", times, 3);
	assert_fails(sr_prune(f->catalog, &options, &summary), SR_NOT_FOUND, "prune policy set");
	assert_fails(sr_policy_get(f->catalog, &first, &policy), SR_NOT_FOUND, "'host'");
	assert_fails(sr_policy_get(f->catalog, &nobody, &policy), SR_NOT_FOUND, "no client");
	assert_fails(sr_policy_set(f->catalog, &nobody, &keep), SR_NOT_FOUND, "no client");
	assert_ok(sr_policy_set(f->catalog, &first, &keep));
	keep.within = SR_KEEP_UNLIMITED;
	keep.last = 1;
	assert_ok(sr_policy_set(f->catalog, &first, &keep));
	assert_ok(sr_policy_get(f->catalog, &first, &policy));
	assert_text(policy->client_name, "host");
	assert_int_equal(policy->keep.last, 1);
	assert_int_equal(policy->keep.daily, 0);
	assert_int_equal(policy->keep.within, SR_KEEP_UNLIMITED);
	assert_non_null(policy->updated.data);
	sr_policy_free(policy);
	assert_ok(sr_prune(f->catalog, &options, &summary));
	assert_int_equal(summary.clients, 1);
	assert_int_equal(summary.pruned, 0);
	keep = keep_last(1);
	assert_ok(sr_policy_set(f->catalog, &first, &keep));
	assert_ok(sr_prune(f->catalog, &options, &summary));
	assert_int_equal(summary.pruned, 2);
	assert_int_equal(versions(f), 4);
	options.clients = &other;
	options.client_count = 1;
	assert_fails(sr_prune(f->catalog, &options, &summary), SR_NOT_FOUND, "'other'");
	keep = keep_last(0);
	assert_fails(sr_policy_set(f->catalog, &first, &keep), SR_INVALID, "without any keep rule");
	assert_ok(sr_policy_list(f->catalog, &cursor));
	assert_ok(sr_policies_next(cursor, &each));
	assert_text(each->client_name, "host");
	assert_ok(sr_policies_next(cursor, &each));
	assert_null(each);
	sr_policies_close(cursor);
	assert_ok(sr_policy_clear(f->catalog, &first, &cleared));
	assert_true(cleared);
	assert_ok(sr_policy_clear(f->catalog, &first, &cleared));
	assert_false(cleared);
	/* It goes with its client. */
	keep = keep_last(1);
	assert_ok(sr_policy_set(f->catalog, &other, &keep));
	assert_ok(sr_client_delete(f->catalog, &other, NULL));
	assert_int_equal(integer(f, "SELECT count(*) FROM retention_policies"), 0);
}

/* ---- Cut short ---- */

static bool stop_after(void *arg, int64_t done, int64_t total)
{
	(void)total;
	return done >= *(const int64_t *)arg;
}

static void many_files(const catalog_fixture *f, int files)
{
	char path[32];

	assert_ok(sr_begin(f->catalog, "test"));
	for (int i = 0; i < files; i++) {
		snprintf(path, sizeof(path), "/%d", i);
		for (int64_t size = 1; size <= 4; size++)
			save_size(f, path, size);
	}
	assert_ok(sr_commit(f->catalog));
}

/* The rows of activity that prune left, */
static int64_t activities(const catalog_fixture *f)
{
	return integer(f, "SELECT count(*) FROM client_activity WHERE ActivityType = 'prune'");
}

/* the newest's files, and its bytes. */
static int64_t newest_files(const catalog_fixture *f)
{
	return integer(f, "SELECT FileCount FROM client_activity WHERE ActivityType = 'prune'"
			  " ORDER BY ID DESC LIMIT 1");
}

static int64_t newest_bytes(const catalog_fixture *f)
{
	return integer(f, "SELECT BytesTransferred FROM client_activity WHERE"
			  " ActivityType = 'prune' ORDER BY ID DESC LIMIT 1");
}

/* Files are done or as they were: 4 versions, or 1. */
static int64_t files_done(const catalog_fixture *f)
{
	assert_int_equal(integer(f, "SELECT count(*) FROM files WHERE (SELECT count(*) FROM"
				    " file_versions v WHERE v.FileID = files.ID) NOT IN (1, 4)"),
			 0);
	expect_whole(f);
	return integer(f, "SELECT count(*) FROM files WHERE TotalVersions = 1");
}

static void test_interrupted(void **state)
{
	catalog_fixture *f = *state;
	sr_keep keep = keep_last(1);
	sr_prune_options options = prune_by(&keep);
	sr_prune_summary summary;
	int64_t after = 1, done;

	many_files(f, 300);
	options.progress = stop_after;
	options.arg = &after;
	assert_int_equal(sr_prune(f->catalog, &options, &summary), SR_INTERRUPTED);
	done = files_done(f);
	assert_true(done > 0 && done < 300);
	assert_int_equal(summary.files, done);
	assert_int_equal(summary.pruned, done * 3);
	assert_int_equal(activities(f), 1);
	assert_int_equal(newest_files(f), done);
	assert_int_equal(newest_bytes(f), done * (1 + 2 + 3));
	options.progress = NULL;
	assert_ok(sr_prune(f->catalog, &options, &summary));
	assert_int_equal(summary.files, 300 - done);
	assert_int_equal(files_done(f), 300);
	/* Of several transactions, too. */
	assert_true(300 - done > 128);
	assert_int_equal(activities(f), 2);
	assert_int_equal(newest_files(f), 300 - done);
	assert_int_equal(newest_bytes(f), (300 - done) * (1 + 2 + 3));
}

/* One row a call and client, of however many transactions. */
static void test_one_activity(void **state)
{
	catalog_fixture *f = *state;
	sr_keep keep = keep_last(1);
	sr_prune_options options = prune_by(&keep);
	sr_id first = f->client, other = add_client(f, "other");

	many_files(f, 400);
	f->client = other;
	many_files(f, 200);
	f->client = first;
	assert_ok(sr_prune(f->catalog, &options, NULL));
	assert_int_equal(activities(f), 2);
	assert_int_equal(integer(f, "SELECT count(*) FROM client_activity a JOIN clients c ON"
				    " c.ID = a.ClientID WHERE ActivityType = 'prune' AND"
				    " FileCount = iif(c.Name = 'other', 200, 400) AND"
				    " BytesTransferred = FileCount * 6"),
			 2);
}

/* Somebody deletes the row while the call goes on, or gives its id to another kind of row. */
typedef struct meddler {
	const catalog_fixture *f;
	const char *sql;
} meddler;

static bool meddle(void *arg, int64_t done, int64_t total)
{
	meddler *own = arg;

	(void)done;
	(void)total;
	if (own->sql != NULL)
		foreign_sql(own->f, own->sql);
	own->sql = NULL;
	return false;
}

static void test_activity_gone(void **state)
{
	static const char *const acts[] = {
		"DELETE FROM client_activity WHERE ActivityType = 'prune'",
		"UPDATE client_activity SET ActivityType = 'other' WHERE ActivityType = 'prune'",
	};
	catalog_fixture *f = *state;
	sr_keep keep = keep_last(1);
	sr_prune_options options = prune_by(&keep);

	for (size_t i = 0; i < 2; i++) {
		meddler own = {f, acts[i]};

		foreign_sql(f, "DELETE FROM file_versions; DELETE FROM files;"
			       " DELETE FROM client_activity");
		many_files(f, 400);
		options.progress = meddle;
		options.arg = &own;
		assert_ok(sr_prune(f->catalog, &options, NULL));
		assert_null(own.sql);
		assert_int_equal(activities(f), 1);
		assert_int_equal(newest_files(f), 400 - 128);
		assert_int_equal(integer(f, "SELECT coalesce(sum(FileCount), 0) FROM"
					    " client_activity WHERE ActivityType = 'other'"),
				 i == 0 ? 0 : 128);
	}
}

/* Told of in the child as soon as a chunk is committed; then it is killed at once. */
static bool die(void *arg, int64_t done, int64_t total)
{
	(void)total;
	if (done >= *(const int64_t *)arg)
		raise(SIGKILL);
	return false;
}

static void test_killed(void **state)
{
	catalog_fixture *f = *state;
	sr_keep keep = keep_last(1);
	sr_prune_options options = prune_by(&keep);
	int64_t done, runs = 0;

	many_files(f, 400);
	assert_ok(sr_close(f->catalog));
	f->catalog = NULL;
	for (int64_t after = 1; after < 400; after += 150) {
		pid_t child = fork();
		int status;

		assert_true(child >= 0);
		if (child == 0) {
			sr_catalog *catalog;

			options.progress = die;
			options.arg = &after;
			if (sr_open(&catalog, &f->options) != SR_OK)
				_exit(1);
			_exit(sr_prune(catalog, &options, NULL) == SR_OK ? 0 : 2);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		runs++;
		if (!WIFSIGNALED(status))
			break;
	}
	catalog_open(f);
	done = files_done(f);
	assert_true(done > 0);
	assert_int_equal(done, integer(f, "SELECT sum(FileCount) FROM client_activity WHERE"
					  " ActivityType = 'prune'"));
	assert_int_equal(activities(f), runs);
	assert_ok(sr_prune(f->catalog, &options, NULL));
	assert_int_equal(files_done(f), 400);
}

/* ---- Others at work ---- */

typedef struct saver {
	const catalog_fixture *f;
	atomic_bool stop;
	int64_t saved;
} saver;

static void *go_on_saving(void *arg)
{
	saver *own = arg;
	char path[32];

	while (!atomic_load(&own->stop) || own->saved < 50) {
		sr_file file;

		snprintf(path, sizeof(path), "/%d", (int)(own->saved % 300));
		file = file_at(own->f, path);
		file.size = 100 + own->saved;
		if (sr_file_save(own->f->catalog, &file, 1, NULL, NULL, NULL) != SR_OK)
			break;
		own->saved++;
	}
	return NULL;
}

/* Whoever saves meanwhile loses nothing, and is decided about as he left it. */
static void test_saves_meanwhile(void **state)
{
	catalog_fixture *f = *state;
	sr_keep keep = keep_last(1);
	sr_prune_options options = prune_by(&keep);
	saver own = {.f = f};
	pthread_t thread;

	many_files(f, 300);
	atomic_init(&own.stop, false);
	assert_int_equal(pthread_create(&thread, NULL, go_on_saving, &own), 0);
	assert_ok(sr_prune(f->catalog, &options, NULL));
	atomic_store(&own.stop, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(own.saved >= 50);
	expect_whole(f);
	/* The last save of each file is what it is now. */
	for (int64_t n = own.saved - 1; n >= 0 && n >= own.saved - 300; n--) {
		char sql[160];

		snprintf(sql, sizeof(sql), "SELECT FileSize FROM files WHERE OriginalPath = '/%d'",
			 (int)(n % 300));
		assert_int_equal(integer(f, sql), 100 + n);
	}
	assert_ok(sr_prune(f->catalog, &options, NULL));
	assert_int_equal(files_done(f), 300);
}

/* ---- Stored bytes ---- */

static void store(const char *name, const char *content)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
	close(fd);
}

static void save_stored(const catalog_fixture *f, const char *key, int64_t size, const char *path,
			bool stored)
{
	sr_file file = file_at(f, key);

	file.size = size;
	file.path = sr_text_of(path);
	file.stored = stored;
	(void)save(f, &file);
}

static void test_stored(void **state)
{
	static const char *const names[] = {"one", "two", "three", "four", "shared", "local"};
	catalog_fixture *f = *state;
	sr_keep keep = keep_last(1);
	sr_prune_options options = prune_by(&keep);
	char folder[128], paths[6][192], outside[128];
	sr_prune_summary summary;

	snprintf(folder, sizeof(folder), "%s/received_files", scratch_folder());
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_ok(sr_close(f->catalog));
	f->options.storage_dir = folder;
	catalog_open(f);
	for (int i = 0; i < 6; i++) {
		snprintf(paths[i], sizeof(paths[i]), "%s/%s", folder, names[i]);
		store(paths[i], "12345");
	}
	snprintf(outside, sizeof(outside), "%s/outside", scratch_folder());
	store(outside, "12345");
	/* Each state in a place of its own; the last is kept, and its bytes with it. */
	save_stored(f, "/a", 1, paths[0], true);
	save_stored(f, "/a", 2, paths[1], true);
	save_stored(f, "/a", 3, outside, true);
	save_stored(f, "/a", 4, paths[4], true);
	save_stored(f, "/a", 5, paths[2], true);
	/* An older version of another file, by the other spelling, refers to one of these. */
	save_stored(f, "/b", 1, "received_files/shared", true);
	save_stored(f, "/b", 2, paths[3], true);
	assert_ok(sr_version_pin(f->catalog, &f->client, sr_text_of("/b"), 1, true, NULL));
	/* Only catalogued: nothing of it is ours. */
	save_stored(f, "/c", 1, paths[5], false);
	save_stored(f, "/c", 2, "elsewhere", false);
	options.delete_stored = true;
	options.dry_run = true;
	assert_ok(sr_prune(f->catalog, &options, &summary));
	assert_int_equal(summary.stored_files, 0);
	assert_int_equal(access(paths[0], F_OK), 0);
	options.dry_run = false;
	assert_ok(sr_prune(f->catalog, &options, &summary));
	assert_int_equal(summary.pruned, 5);
	assert_int_equal(summary.stored_files, 2);
	assert_int_equal(summary.stored_bytes, 10);
	assert_int_equal(summary.stored_failed, 0);
	assert_true(access(paths[0], F_OK) != 0 && access(paths[1], F_OK) != 0);
	for (int i = 2; i < 6; i++)
		assert_int_equal(access(paths[i], F_OK), 0);
	assert_int_equal(access(outside, F_OK), 0);
	expect_whole(f);
}

/* Another file's version refers to them: deleting the first file with its bytes leaves them. */
static void test_delete_keeps_what_versions_need(void **state)
{
	catalog_fixture *f = *state;
	char folder[128], path[192];

	snprintf(folder, sizeof(folder), "%s/received_files", scratch_folder());
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_ok(sr_close(f->catalog));
	f->options.storage_dir = folder;
	catalog_open(f);
	snprintf(path, sizeof(path), "%s/one", folder);
	store(path, "12345");
	save_stored(f, "/a", 5, path, true);
	save_stored(f, "/b", 5, path, true);
	save_stored(f, "/b", 6, "received_files/other", true);
	assert_ok(sr_file_delete_stored(f->catalog, &f->client, sr_text_of("/a")));
	assert_int_equal(access(path, F_OK), 0);
	assert_ok(sr_file_delete(f->catalog, &f->client, sr_text_of("/b")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, catalog_setup_client, catalog_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_calendar),     TEST(test_what_always_stays),
		TEST(test_random),       TEST(test_odd_parents),
		TEST(test_whose),        TEST(test_refused),
		TEST(test_policies),     TEST(test_interrupted),
		TEST(test_one_activity), TEST(test_activity_gone),
		TEST(test_killed),       TEST(test_saves_meanwhile),
		TEST(test_stored),       TEST(test_delete_keeps_what_versions_need),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
