#include "fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "holds.h"

#define WRONG(c, ...)                                                                              \
	do {                                                                                       \
		if ((c)->wrong[0] == '\0')                                                         \
			snprintf((c)->wrong, sizeof((c)->wrong), __VA_ARGS__);                     \
	} while (0)

static sr_file file_of(const sr_id *client, const char *path)
{
	sr_file file;

	sr_file_init(&file);
	file.client_id = *client;
	file.original_path = sr_text_of(path);
	file.size = 11;
	file.date = sr_text_of("2026-02-01T10:00:00Z");
	file.hash = sr_text_of("00000000000000000000000000000000000000000000000000000000000000ff");
	file.stored = false;
	return file;
}

/* ---- Opening ---- */

static sr_status create_it(fault_case *c)
{
	sr_client client = {.id = c->host, .name = sr_text_of("host")};

	c->options.create = c->options.migrate = true;
	c->options.backup = 0;
	TRY(c, sr_open(&c->catalog, &c->options));
	TRY(c, sr_client_save(c->catalog, &client, 1, NULL));
	return SR_OK;
}

static sr_status open_it(fault_case *c)
{
	int64_t count = 0;

	TRY(c, sr_open(&c->catalog, &c->options));
	TRY(c, sr_client_count(c->catalog, &count));
	if (count != 3)
		WRONG(c, "%lld clients", (long long)count);
	return SR_OK;
}

static sr_status open_direct(fault_case *c)
{
	c->options.direct = true;
	return open_it(c);
}

static sr_status open_to_read(fault_case *c)
{
	sr_catalog *catalog = NULL;
	int64_t count = 0;

	c->options.read_only = true;
	(void)fault_note(c, sr_open(&catalog, &c->options), "sr_open");
	c->options.read_only = false;
	if (catalog == NULL)
		return c->status;
	(void)fault_note(c, sr_client_count(catalog, &count), "sr_client_count");
	return fault_note(c, sr_close(catalog), "sr_close");
}

static void count_setting(void *arg, const sr_setting *setting)
{
	int *count = arg;

	*count += setting->value != NULL;
}

static sr_status configure(fault_case *c)
{
	char path[4400];
	int count = 0;
	sr_status rc;

	snprintf(path, sizeof(path), "%s/strongroom.conf", c->seed);
	c->options.config_file = path;
	c->options.pool_size = 0;
	rc = fault_note(c, sr_settings_each(&c->options, count_setting, &count),
			"sr_settings_each");
	if (rc == SR_OK)
		rc = fault_note(c, sr_open(&c->catalog, &c->options), "sr_open");
	c->options.config_file = NULL;
	c->options.pool_size = 2;
	return rc;
}

/* ---- Saving ---- */

static sr_status save_one(fault_case *c)
{
	sr_file file = file_of(&c->host, "/new/one");

	TRY(c, sr_file_save(c->catalog, &file, 1, NULL, NULL, NULL));
	return SR_OK;
}

static sr_status save_changed(fault_case *c)
{
	sr_file file = file_of(&c->host, "/home/anna/photos/file-01.jpg");
	sr_outcome outcome = SR_UNCHANGED;

	TRY(c, sr_file_save(c->catalog, &file, 1, &outcome, NULL, NULL));
	if (outcome != SR_CHANGED)
		WRONG(c, "the outcome is %d", (int)outcome);
	return SR_OK;
}

static sr_status save_many(fault_case *c)
{
	enum { MANY = 150 };
	static char paths[MANY][40];
	static sr_file files[MANY];
	static sr_id ids[MANY];
	sr_saved saved = {0};

	for (int i = 0; i < MANY; i++) {
		snprintf(paths[i], sizeof(paths[i]), "/many/%d/file-%d", i % 7, i);
		files[i] = file_of(i % 2 ? &c->host : &c->spare, paths[i]);
	}
	TRY(c, sr_file_save(c->catalog, files, MANY, NULL, ids, &saved));
	if (saved.added != MANY)
		WRONG(c, "%lld were added", (long long)saved.added);
	return SR_OK;
}

static sr_status save_in_transaction(fault_case *c)
{
	sr_file file = file_of(&c->host, "/new/first");
	sr_status rc;

	TRY(c, sr_begin(c->catalog, "torture"));
	rc = fault_note(c, sr_file_save(c->catalog, &file, 1, NULL, NULL, NULL), "first save");
	if (rc == SR_OK) {
		file = file_of(&c->spare, "/new/second");
		rc = fault_note(c, sr_file_save(c->catalog, &file, 1, NULL, NULL, NULL), "second");
	}
	if (rc == SR_OK)
		rc = fault_note(c, sr_commit(c->catalog), "sr_commit");
	else
		(void)fault_note(c, sr_rollback(c->catalog), "sr_rollback");
	return rc;
}

static sr_status record_folder(fault_case *c)
{
	const char *paths[] = {c->seed};
	sr_record_options options;
	sr_record_summary summary;

	sr_record_options_init(&options);
	options.threads = 2;
	TRY(c, sr_record(c->catalog, &c->spare, paths, 1, &options, &summary));
	/* A folder that cannot be listed is one failure, for all that lies in it. */
	if (summary.failed == 0 ? summary.added != 25 : summary.added + summary.failed > 25)
		WRONG(c, "%lld added, %lld failed", (long long)summary.added,
		      (long long)summary.failed);
	return SR_OK;
}

/* ---- Searching and listing ---- */

static sr_status search_pages(fault_case *c)
{
	char token[600] = "";
	sr_query query;
	int found = 0;

	sr_query_init(&query);
	query.term = sr_text_of("photos/file");
	query.limit = 15;
	for (int page = 0; page < 4; page++) {
		const sr_file *file = NULL;
		sr_files *cursor = NULL;
		sr_status rc;

		query.after = token[0] != '\0' ? token : NULL;
		TRY(c, sr_search(c->catalog, &query, &cursor));
		while ((rc = fault_note(c, sr_files_next(cursor, &file), "sr_files_next")) ==
			       SR_OK &&
		       file != NULL)
			found++;
		snprintf(token, sizeof(token), "%s",
			 sr_search_token(cursor) != NULL ? sr_search_token(cursor) : "");
		sr_files_close(cursor);
		if (rc != SR_OK)
			return rc;
		if (token[0] == '\0')
			break;
	}
	if (found != 32)
		WRONG(c, "%d rows were found", found);
	return SR_OK;
}

static bool count_facet(void *arg, const sr_facet_value *value)
{
	int64_t *files = arg;

	*files += value->files;
	return false;
}

static sr_status search_count(fault_case *c)
{
	sr_condition condition = {.kind = SR_MATCH_GLOB, .text = sr_text_of("letters/*.txt")};
	sr_found found = {0};
	int64_t by_type = 0;
	sr_query query;

	sr_query_init(&query);
	query.matches = &condition;
	query.match_count = 1;
	query.all_versions = true;
	TRY(c, sr_search_facets(c->catalog, &query, SR_FACET_TYPE, count_facet, &by_type, &found));
	if (found.files != 13 || by_type != found.files)
		WRONG(c, "%lld files, %lld by type", (long long)found.files, (long long)by_type);
	return SR_OK;
}

/* A list to its end, which `open` opens as `list`: rows are counted. */
#define LIST(c, count, row_type, list_type, open)                                                  \
	do {                                                                                       \
		const row_type *row_ = NULL;                                                       \
		struct list_type *list = NULL;                                                     \
		sr_status rc_ = fault_note(c, open, #open);                                        \
                                                                                                   \
		if (rc_ != SR_OK)                                                                  \
			return rc_;                                                                \
		while ((rc_ = fault_note(c, list_type##_next(list, &row_), #list_type "_next")) == \
			       SR_OK &&                                                            \
		       row_ != NULL)                                                               \
			(count)++;                                                                 \
		list_type##_close(list);                                                           \
		if (rc_ != SR_OK)                                                                  \
			return rc_;                                                                \
	} while (0)

static sr_status list_files(fault_case *c)
{
	int files = 0, entries = 0, versions = 0;
	sr_file *one = NULL;

	LIST(c, files, sr_file, sr_files, sr_file_list(c->catalog, &c->host, &list));
	LIST(c, entries, sr_entry, sr_folder,
	     sr_folder_open(c->catalog, &c->host, sr_text_of("/home/anna"), false, &list));
	LIST(c, versions, sr_file_version, sr_versions,
	     sr_version_list(c->catalog, &c->host, sr_text_of("/home/anna/letters/file-00.txt"),
			     &list));
	TRY(c,
	    sr_file_find(c->catalog, &c->host, sr_text_of("/home/anna/letters/file-00.txt"), &one));
	sr_file_free(one);
	if (files != 40 || entries != 2 || versions != 3)
		WRONG(c, "%d files, %d entries, %d versions", files, entries, versions);
	return SR_OK;
}

static sr_status list_clients(fault_case *c)
{
	int clients = 0, usages = 0, quotas = 0, policies = 0, categories = 0;

	LIST(c, clients, sr_client, sr_clients, sr_client_list(c->catalog, true, &list));
	LIST(c, usages, sr_client_usage, sr_client_usages,
	     sr_client_usage_list(c->catalog, 7, &list));
	LIST(c, quotas, sr_quota, sr_quotas, sr_quota_list(c->catalog, &list));
	LIST(c, policies, sr_policy, sr_policies, sr_policy_list(c->catalog, &list));
	LIST(c, categories, sr_category, sr_categories, sr_category_list(c->catalog, true, &list));
	if (clients != 3 || usages != 3 || quotas != 3 || policies != 1 || categories < 2)
		WRONG(c, "%d clients, %d usages, %d quotas, %d policies, %d categories", clients,
		      usages, quotas, policies, categories);
	return SR_OK;
}

static sr_status statistics(fault_case *c)
{
	int totals = 0, days = 0, activities = 0, metrics = 0;
	sr_statistics *all = NULL;

	TRY(c, sr_statistics_get(c->catalog, &all));
	if (all->total_files != 51 || all->stored_files != 15)
		WRONG(c, "%lld files, %lld stored", (long long)all->total_files,
		      (long long)all->stored_files);
	sr_statistics_free(all);
	LIST(c, totals, sr_total, sr_totals, sr_total_list(c->catalog, SR_TOTAL_BY_SIZE, &list));
	LIST(c, days, sr_transfer_day, sr_transfer_days,
	     sr_transfer_day_list(c->catalog, 7, &list));
	LIST(c, activities, sr_activity, sr_activities, sr_activity_list(c->catalog, NULL, &list));
	LIST(c, metrics, sr_metric, sr_metrics,
	     sr_metric_list(c->catalog, sr_text_of("load"), 24, &list));
	if (totals == 0 || days != 7 || activities < 3 || metrics != 1)
		WRONG(c, "%d totals, %d days, %d activities, %d metrics", totals, days, activities,
		      metrics);
	return SR_OK;
}

/* ---- Clients and what they may ---- */

static sr_status add_client(fault_case *c)
{
	sr_client clients[] = {
		{.id = {{9, 9}}, .name = sr_text_of("new"), .aes_key = {"0123456789abcdef", 16}},
		{.id = {{9, 8}}, .name = sr_text_of("newer")},
	};

	TRY(c, sr_client_save(c->catalog, clients, 2, NULL));
	return SR_OK;
}

static sr_status update_client(fault_case *c)
{
	sr_client client = {.id = c->spare, .name = sr_text_of("renamed")};

	client.public_key = sr_text_of("another");
	TRY(c, sr_client_update(c->catalog, &client, SR_CLIENT_NAME | SR_CLIENT_PUBLIC_KEY));
	return SR_OK;
}

static sr_status delete_client(fault_case *c)
{
	int64_t files = 0;

	TRY(c, sr_client_delete(c->catalog, &c->spare, &files));
	if (files != 10)
		WRONG(c, "%lld files went", (long long)files);
	return SR_OK;
}

static sr_status set_quota(fault_case *c)
{
	sr_quota *quota = NULL;

	TRY(c, sr_quota_set(c->catalog, &c->spare, 5000, 0.5, &quota));
	sr_quota_free(quota);
	return SR_OK;
}

static sr_status set_policy(fault_case *c)
{
	sr_keep keep;

	sr_keep_init(&keep);
	keep.daily = 3;
	TRY(c, sr_policy_set(c->catalog, &c->spare, &keep));
	return SR_OK;
}

/* ---- Deleting ---- */

#define STORED "/home/anna/letters/file-24.txt"

static sr_status delete_stored(fault_case *c)
{
	TRY(c, sr_file_delete_stored(c->catalog, &c->host, sr_text_of(STORED)));
	return SR_OK;
}

/* Asks for a stored file, which takes it back where it waits aside, and leaves the record as it
 * was. */
static bool is_taken_back(fault_case *c)
{
	bool taken;

	if (strstr(c->message, HOLDS_ASIDE) == NULL || sr_begin(c->catalog, "torture") != SR_OK)
		return false;
	taken = sr_file_verify(c->catalog, &c->host, sr_text_of(STORED)) == SR_OK;
	return sr_rollback(c->catalog) == SR_OK && taken;
}

/* The record and the file are both there, or neither. */
static void check_stored(fault_case *c)
{
	sr_file *file = NULL;
	sr_status rc = sr_file_find(c->catalog, &c->host, sr_text_of(STORED), &file);
	char path[4300];
	bool there;

	snprintf(path, sizeof(path), "%s/received_files/24-2", c->folder);
	there = access(path, F_OK) == 0;
	if (rc != SR_OK && rc != SR_NOT_FOUND)
		WRONG(c, "it cannot be looked for: %s", sr_error_message());
	if (c->status == SR_OK && (rc == SR_OK || there))
		WRONG(c, "it is deleted and still there");
	if (rc == SR_OK && !there && !is_taken_back(c))
		WRONG(c, "the record has no file; the call said: %s", c->message);
	sr_file_free(file);
}

static sr_status prune(fault_case *c)
{
	sr_prune_options options;
	sr_prune_summary summary;

	sr_prune_options_init(&options);
	options.policies = true;
	options.delete_stored = true;
	TRY(c, sr_prune(c->catalog, &options, &summary));
	c->told = summary.stored_failed > 0;
	return SR_OK;
}

/* ---- SQL of the caller's ---- */

static sr_status run_sql(fault_case *c)
{
	sr_value values[] = {{.type = SR_TEXT, .text = sr_text_of("b")},
			     {.type = SR_BLOB, .text = {"blob", 4}}};
	sr_description *description = NULL;
	sr_table *table = NULL;
	size_t rows;

	TRY(c,
	    sr_describe(c->catalog, "SELECT name FROM users_notes WHERE name = :n", &description));
	sr_description_free(description);
	TRY(c,
	    sr_fetch(c->catalog, "SELECT ID, Name FROM clients ORDER BY Name", NULL, 0, 0, &table));
	rows = table->rows;
	sr_table_free(table);
	if (rows != 3)
		WRONG(c, "%zu rows", rows);
	TRY(c,
	    sr_execute_fetch(c->catalog, "INSERT INTO users_notes VALUES ($1, $2) RETURNING name",
			     values, 2, NULL, &table));
	sr_table_free(table);
	return SR_OK;
}

static sr_status run_script(fault_case *c)
{
	TRY(c, sr_execute_script(c->catalog,
				 "CREATE TABLE users_more (a, b); CREATE INDEX users_index ON "
				 "users_more (a); INSERT INTO users_more SELECT value, 'x' FROM "
				 "(WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 "
				 "FROM n WHERE value < 100) SELECT value FROM n); INSERT INTO "
				 "users_notes VALUES ('c', 'script')"));
	return SR_OK;
}

const fault_scenario fault_scenarios[] = {
	{"create", FAULT_OPENS | FAULT_EMPTY | FAULT_IN_PARTS, NULL, create_it, NULL},
	{"open", FAULT_OPENS, NULL, open_it, NULL},
	{"open without a pool", FAULT_OPENS, NULL, open_direct, NULL},
	{"open to read", FAULT_OPENS, NULL, open_to_read, NULL},
	{"configuration", FAULT_OPENS, NULL, configure, NULL},
	{"save one", 0, NULL, save_one, NULL},
	{"save a change", 0, NULL, save_changed, NULL},
	{"save many", 0, NULL, save_many, NULL},
	{"transaction", 0, NULL, save_in_transaction, NULL},
	{"record", FAULT_IN_PARTS, NULL, record_folder, NULL},
	{"search", 0, NULL, search_pages, NULL},
	{"search and count", 0, NULL, search_count, NULL},
	{"list files", 0, NULL, list_files, NULL},
	{"list clients", 0, NULL, list_clients, NULL},
	{"statistics", 0, NULL, statistics, NULL},
	{"client add", 0, NULL, add_client, NULL},
	{"client update", 0, NULL, update_client, NULL},
	{"client delete", 0, NULL, delete_client, NULL},
	{"quota", 0, NULL, set_quota, NULL},
	{"policy", 0, NULL, set_policy, NULL},
	{"file delete stored", FAULT_ASIDE | FAULT_IN_PARTS, NULL, delete_stored, check_stored},
	{"prune", FAULT_IN_PARTS | FAULT_ASIDE, NULL, prune, NULL},
	{"sql", 0, NULL, run_sql, NULL},
	{"script", 0, NULL, run_script, NULL},
	{NULL, 0, NULL, NULL, NULL},
};
