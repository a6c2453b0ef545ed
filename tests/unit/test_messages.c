/* Every public call: a message after failure, none after success, and in a child of the process
 * that opened the catalog a clear error instead of harm. */
#include "catalog_fixture.h"
#include "statements.h"

#include <sys/wait.h>

/* What the calls need that must exist before them. */
typedef struct handles {
	sr_clients *clients;
	sr_files *files;
	sr_folder *folder;
	sr_versions *versions;
	sr_categories *categories;
	sr_quotas *quotas;
	sr_rows *rows;
	sr_repair *repair;
	sr_activities *activities;
	sr_transfer_days *transfer_days;
	sr_client_usages *client_usages;
	sr_totals *totals;
	sr_metrics *metrics;
} handles;

static handles open_handles; /* Filled before the child is made. */

static void ignore_setting(void *arg, const sr_setting *setting)
{
	(void)arg;
	(void)setting;
}

/* An earlier failure's words. */
static void leave_words(void)
{
	sr_id id;

	assert_int_equal(sr_id_parse("not hexadecimal", &id), SR_INVALID);
}

/* ---- Calls that need the catalog; each succeeds where it was opened ---- */

#define CALL(name) static sr_status name(catalog_fixture *f)

CALL(catalog_version)
{
	int version;

	return sr_catalog_version(f->catalog, &version);
}

CALL(client_save)
{
	sr_client client = {.name = sr_text_of("other"), .id = {{7}}};

	return sr_client_save(f->catalog, &client, 1, NULL);
}

CALL(client_by_id)
{
	sr_client *client = NULL;
	sr_status rc = sr_client_by_id(f->catalog, &f->client, &client);

	sr_client_free(client);
	return rc;
}

CALL(client_by_name)
{
	sr_client *client = NULL;
	sr_status rc = sr_client_by_name(f->catalog, sr_text_of("host"), &client);

	sr_client_free(client);
	return rc;
}

CALL(client_update)
{
	sr_client client = {.id = f->client, .last_seen = sr_text_of("2026-01-31")};

	return sr_client_update(f->catalog, &client, SR_CLIENT_LAST_SEEN);
}

CALL(client_delete)
{
	const sr_id other = {{7}};

	return sr_client_delete(f->catalog, &other, NULL);
}

CALL(client_count)
{
	int64_t count;

	return sr_client_count(f->catalog, &count);
}

CALL(client_list)
{
	sr_clients *cursor = NULL;
	sr_status rc = sr_client_list(f->catalog, true, &cursor);

	sr_clients_close(cursor);
	return rc;
}

CALL(client_find)
{
	sr_client *client = NULL;
	sr_status rc =
		sr_client_find(f->catalog, &f->client, sr_text_of(NULL), SR_CLIENT_NAME, &client);

	sr_client_free(client);
	return rc;
}

CALL(client_list_fields)
{
	sr_clients *cursor = NULL;
	sr_status rc = sr_client_list_fields(f->catalog, false, SR_CLIENT_NAME, &cursor);

	sr_clients_close(cursor);
	return rc;
}

CALL(keys_status_get)
{
	sr_keys_status *status = NULL;
	sr_status rc = sr_keys_status_get(f->catalog, &status);

	sr_keys_status_free(status);
	return rc;
}

/* The cursors that are open would be waited for. */
static bool leave_copies(void *arg, const char *step, int64_t done, int64_t total)
{
	(void)arg;
	(void)done;
	(void)total;
	return strcmp(step, "wrapping") != 0;
}

CALL(keys_init)
{
	sr_keys_options options;
	sr_keys_done done;

	sr_keys_options_init(&options);
	options.progress = leave_copies;
	return sr_keys_init(f->catalog, &options, &done);
}

CALL(keys_check)
{
	int64_t faults;

	return sr_keys_check(f->catalog, NULL, NULL, NULL, &faults);
}

static void ignore_backup(void *arg, const sr_known_backup *backup)
{
	(void)arg;
	(void)backup;
}

CALL(keys_backups)
{
	return sr_keys_backups(f->catalog, NULL, 0, ignore_backup, NULL);
}

CALL(keys_rotate)
{
	sr_keys_rotated done;

	return sr_keys_rotate(f->catalog, NULL, &done);
}

/* Nothing is destroyed that other calls need. */
static bool stop_at_once(void *arg, const char *step, int64_t done, int64_t total)
{
	(void)arg;
	(void)step;
	(void)done;
	(void)total;
	return true;
}

CALL(client_shred)
{
	sr_shred_options options;
	sr_shredded done;
	int64_t clients;
	sr_status rc;

	sr_shred_options_init(&options);
	options.progress = stop_at_once;
	options.even_known = true;
	if ((rc = sr_client_shred(f->catalog, &f->client, &options, &done)) == SR_INTERRUPTED)
		rc = sr_client_count(f->catalog, &clients);
	return rc;
}

CALL(keys_unwrap)
{
	sr_keys_done done;

	return sr_keys_unwrap(f->catalog, &done);
}

CALL(clients_next)
{
	const sr_client *client;

	(void)f;
	return sr_clients_next(open_handles.clients, &client);
}

CALL(file_save)
{
	sr_file file = file_at(f, "/a/b");

	return sr_file_save(f->catalog, &file, 1, NULL, NULL, NULL);
}

CALL(file_save_run)
{
	sr_file file = file_at(f, "/a/b");

	return sr_file_save_run(f->catalog, &file, 1, NULL, NULL, NULL, NULL);
}

CALL(file_find)
{
	sr_file *file = NULL;
	sr_status rc = sr_file_find(f->catalog, &f->client, sr_text_of("/a/b"), &file);

	sr_file_free(file);
	return rc;
}

CALL(file_by_id)
{
	static sr_id id; /* Asked where the catalog is open. */
	sr_file *file = NULL;
	sr_status rc;

	if (sr_file_find(f->catalog, &f->client, sr_text_of("/a/b"), &file) == SR_OK)
		id = file->id;
	sr_file_free(file);
	file = NULL;
	rc = sr_file_by_id(f->catalog, &id, &file);
	sr_file_free(file);
	return rc;
}

CALL(file_set_verified)
{
	return sr_file_set_verified(f->catalog, &f->client, sr_text_of("/a/b"), true, 5);
}

CALL(file_verify)
{
	return sr_file_verify(f->catalog, &f->client, sr_text_of("stored"));
}

CALL(file_delete)
{
	return sr_file_delete(f->catalog, &f->client, sr_text_of("gone"));
}

CALL(file_delete_stored)
{
	return sr_file_delete_stored(f->catalog, &f->client, sr_text_of("stored"));
}

CALL(file_list)
{
	sr_files *cursor = NULL;
	sr_status rc = sr_file_list(f->catalog, NULL, &cursor);

	sr_files_close(cursor);
	return rc;
}

CALL(files_next)
{
	const sr_file *file;

	(void)f;
	return sr_files_next(open_handles.files, &file);
}

CALL(file_list_below)
{
	sr_files *cursor = NULL;
	sr_status rc = sr_file_list_below(f->catalog, &f->client, sr_text_of("/"), sr_text_of(NULL),
					  1, &cursor);

	sr_files_close(cursor);
	return rc;
}

CALL(file_mark_missing)
{
	sr_text path = sr_text_of("/a/b");

	return sr_file_mark_missing(f->catalog, &f->client, &path, 1, sr_time_now(), NULL);
}

CALL(folder_open)
{
	sr_folder *cursor = NULL;
	sr_status rc = sr_folder_open(f->catalog, &f->client, sr_text_of(""), false, &cursor);

	sr_folder_close(cursor);
	return rc;
}

CALL(folder_next)
{
	const sr_entry *entry;
	sr_status rc;

	(void)f;
	/* The first row was read when it was opened. */
	rc = sr_folder_next(open_handles.folder, &entry);
	return rc == SR_OK ? sr_folder_next(open_handles.folder, &entry) : rc;
}

CALL(category_add)
{
	const sr_category category = {.name = sr_text_of("mine")};

	return sr_category_add(f->catalog, &category, NULL, 0);
}

CALL(category_update)
{
	const sr_category category = {.name = sr_text_of("mine"), .path = sr_text_of("p")};

	return sr_category_update(f->catalog, &category, SR_CATEGORY_PATH, NULL, 0, NULL, 0);
}

CALL(category_list)
{
	sr_categories *cursor = NULL;
	sr_status rc = sr_category_list(f->catalog, true, &cursor);

	sr_categories_close(cursor);
	return rc;
}

CALL(categories_next)
{
	const sr_category *category;

	(void)f;
	return sr_categories_next(open_handles.categories, &category);
}

CALL(category_rules_load)
{
	sr_category_rules *rules = NULL;
	sr_status rc = sr_category_rules_load(f->catalog, &rules);

	sr_category_rules_free(rules);
	return rc;
}

CALL(category_assign)
{
	return sr_category_assign(f->catalog, &f->client, sr_text_of("/a/b"), sr_text_of("mine"));
}

CALL(category_classify_files)
{
	sr_classify_options options;

	sr_classify_options_init(&options);
	return sr_category_classify_files(f->catalog, &options, NULL, NULL);
}

CALL(category_delete)
{
	return sr_category_delete(f->catalog, sr_text_of("mine"), sr_text_of("code"), NULL);
}

CALL(version_list)
{
	sr_versions *cursor = NULL;
	sr_status rc = sr_version_list(f->catalog, &f->client, sr_text_of("/a/b"), &cursor);

	sr_versions_close(cursor);
	return rc;
}

CALL(version_find)
{
	sr_file_version *version = NULL;
	sr_status rc = sr_version_find(f->catalog, &f->client, sr_text_of("/a/b"), 1, &version);

	sr_version_free(version);
	return rc;
}

CALL(version_pin)
{
	return sr_version_pin(f->catalog, &f->client, sr_text_of("/a/b"), 1, true, NULL);
}

CALL(version_activate)
{
	sr_file file = file_at(f, "/a/b");
	sr_status rc;

	file.size = 4711;
	if ((rc = sr_file_save(f->catalog, &file, 1, NULL, NULL, NULL)) != SR_OK)
		return rc;
	return sr_version_activate(f->catalog, &f->client, sr_text_of("/a/b"), 1, NULL);
}

CALL(prune)
{
	sr_prune_options options;
	sr_keep keep;

	sr_keep_init(&keep);
	keep.last = 1;
	sr_prune_options_init(&options);
	options.keep = &keep;
	return sr_prune(f->catalog, &options, NULL);
}

CALL(policy_set)
{
	sr_keep keep;

	sr_keep_init(&keep);
	keep.last = 1;
	return sr_policy_set(f->catalog, &f->client, &keep);
}

CALL(policy_get)
{
	sr_policy *policy = NULL;
	sr_status rc = sr_policy_get(f->catalog, &f->client, &policy);

	sr_policy_free(policy);
	return rc;
}

CALL(policy_list)
{
	sr_policies *cursor = NULL;
	sr_status rc = sr_policy_list(f->catalog, &cursor);

	sr_policies_close(cursor);
	return rc;
}

CALL(policy_clear)
{
	return sr_policy_clear(f->catalog, &f->client, NULL);
}

CALL(versions_next)
{
	const sr_file_version *version;

	(void)f;
	return sr_versions_next(open_handles.versions, &version);
}

CALL(quota_set)
{
	sr_quota *quota = NULL;
	sr_status rc = sr_quota_set(f->catalog, &f->client, 1 << 20, 0.5, &quota);

	sr_quota_free(quota);
	return rc;
}

CALL(quota_get)
{
	sr_quota *quota = NULL;
	sr_status rc = sr_quota_get(f->catalog, &f->client, &quota);

	sr_quota_free(quota);
	return rc;
}

CALL(quota_clear)
{
	return sr_quota_clear(f->catalog, &f->client, NULL);
}

CALL(quota_list)
{
	sr_quotas *cursor = NULL;
	sr_status rc = sr_quota_list(f->catalog, &cursor);

	sr_quotas_close(cursor);
	return rc;
}

CALL(quotas_next)
{
	const sr_quota *quota;

	(void)f;
	return sr_quotas_next(open_handles.quotas, &quota);
}

CALL(quota_default_set)
{
	return sr_quota_default_set(f->catalog, SR_NULL_INTEGER, 0.5);
}

CALL(quota_default_get)
{
	int64_t bytes;
	double warning;

	return sr_quota_default_get(f->catalog, &bytes, &warning);
}

CALL(quota_enforce_set)
{
	return sr_quota_enforce_set(f->catalog, false);
}

CALL(quota_enforce_get)
{
	bool enforce;

	return sr_quota_enforce_get(f->catalog, &enforce);
}

CALL(activity_failed)
{
	return sr_activity_failed(f->catalog, &f->client, 1, NULL);
}

CALL(search)
{
	sr_files *cursor = NULL;
	sr_query query;
	sr_status rc;

	sr_query_init(&query);
	rc = sr_search(f->catalog, &query, &cursor);
	sr_files_close(cursor);
	return rc;
}

CALL(search_count)
{
	sr_found found;
	sr_query query;

	sr_query_init(&query);
	return sr_search_count(f->catalog, &query, &found);
}

static bool see_value(void *arg, const sr_facet_value *value)
{
	(void)arg;
	return value->files < 0;
}

CALL(search_facets)
{
	sr_query query;

	sr_query_init(&query);
	return sr_search_facets(f->catalog, &query, SR_FACET_CLIENT, see_value, NULL, NULL);
}

CALL(file_sums_get)
{
	sr_file_sums sums;

	return sr_file_sums_get(f->catalog, &sums);
}

CALL(statistics_get)
{
	sr_statistics *statistics = NULL;
	sr_status rc = sr_statistics_get(f->catalog, &statistics);

	sr_statistics_free(statistics);
	return rc;
}

CALL(size_limits_get)
{
	sr_size_limits *limits = NULL;
	sr_status rc = sr_size_limits_get(f->catalog, &limits);

	sr_size_limits_free(limits);
	return rc;
}

CALL(pool_statistics_get)
{
	sr_pool_statistics figures;

	return sr_pool_statistics_get(f->catalog, &figures);
}

CALL(begin)
{
	return sr_begin(f->catalog, "test");
}

CALL(commit)
{
	return sr_commit(f->catalog);
}

CALL(rollback)
{
	if (sr_begin(f->catalog, "test") != SR_OK)
		leave_words();
	return sr_rollback(f->catalog);
}

CALL(execute)
{
	return sr_execute(f->catalog, "DELETE FROM transfer_stats", NULL, 0, NULL);
}

CALL(execute_fetch)
{
	sr_table *table = NULL;
	sr_status rc = sr_execute_fetch(
		f->catalog, "DELETE FROM transfer_stats WHERE Date = 'x' RETURNING Date", NULL, 0,
		NULL, &table);

	sr_table_free(table);
	return rc;
}

CALL(describe)
{
	sr_description *found = NULL;
	sr_status rc = sr_describe(f->catalog, "SELECT 1", &found);

	sr_description_free(found);
	return rc;
}

CALL(execute_many)
{
	return sr_execute_many(f->catalog, "DELETE FROM transfer_stats", NULL, 2, 0, NULL);
}

CALL(execute_more)
{
	sr_status rc = sr_begin(f->catalog, NULL);

	if (rc == SR_OK)
		rc = sr_execute_more(f->catalog, "DELETE FROM transfer_stats", NULL, 2, 0, NULL);
	return rc == SR_OK ? sr_commit(f->catalog) : rc;
}

CALL(transaction_take)
{
	sr_status rc = sr_begin(f->catalog, NULL);

	if (rc == SR_OK)
		rc = sr_transaction_take(f->catalog, gettid(), 0);
	return rc == SR_OK ? sr_commit(f->catalog) : rc;
}

CALL(lease_query_open)
{
	sr_rows *rows = NULL;
	sr_lease *one = NULL;
	sr_status rc = sr_lease_open(f->catalog, "test", false, &one);

	if (rc == SR_OK)
		rc = sr_lease_query_open(one, "SELECT 1", NULL, 0, &rows);
	sr_rows_close(rows);
	sr_lease_close(one);
	return rc;
}

CALL(execute_script)
{
	return sr_execute_script(f->catalog, "DELETE FROM transfer_stats;");
}

CALL(query_open)
{
	sr_rows *rows = NULL;
	sr_status rc = sr_query_open(f->catalog, "SELECT 1", NULL, 0, &rows);

	sr_rows_close(rows);
	return rc;
}

CALL(rows_next)
{
	const sr_value *values;

	(void)f;
	return sr_rows_next(open_handles.rows, &values);
}

CALL(fetch)
{
	sr_table *table = NULL;
	sr_status rc = sr_fetch(f->catalog, "SELECT 1", NULL, 0, 0, &table);

	sr_table_free(table);
	return rc;
}

static sr_status lease(catalog_fixture *f, bool writer)
{
	sr_lease *one = NULL;
	sr_status rc = sr_lease_open(f->catalog, "test", writer, &one);

	sr_lease_close(one);
	return rc;
}

CALL(lease_reader)
{
	return lease(f, false);
}

CALL(lease_writer)
{
	return lease(f, true);
}

CALL(migrate)
{
	return sr_migrate(f->catalog, NULL, NULL);
}

CALL(migrate_verify)
{
	return sr_migrate_verify(f->catalog, NULL, NULL, NULL);
}

CALL(optimize_needs_get)
{
	sr_optimize_needs needs;

	return sr_optimize_needs_get(f->catalog, &needs);
}

CALL(search_index_build)
{
	return sr_search_index_build(f->catalog, false, NULL, NULL, NULL);
}

CALL(optimize)
{
	sr_optimize_options options;
	sr_optimized done;

	sr_optimize_options_init(&options);
	/* The open cursors would hold the file long. */
	options.analyze_only = true;
	return sr_optimize(f->catalog, &options, &done);
}

CALL(migrate_own)
{
	const sr_own_migration own = {
		.version = 7, .description = "x", .up_sql = "SELECT 1", .down_sql = "SELECT 1"};

	return sr_migrate_own(f->catalog, &own, NULL);
}

CALL(migrate_own_down)
{
	return sr_migrate_own_down(f->catalog, 7, NULL);
}

CALL(migrate_rehearse)
{
	sr_rehearsal *report;
	sr_status rc = sr_migrate_rehearse(f->catalog, NULL, &report);

	sr_rehearsal_free(report);
	return rc;
}

CALL(backup)
{
	return sr_backup(f->catalog, NULL, NULL);
}

CALL(health_check)
{
	sr_health *health = NULL;
	sr_status rc = sr_health_check(f->catalog, NULL, &health);

	sr_health_free(health);
	return rc;
}

CALL(repair_plan)
{
	sr_repair *repair = NULL;
	sr_status rc = sr_repair_plan(f->catalog, NULL, &repair);

	sr_repair_free(repair);
	return rc;
}

CALL(repair_apply)
{
	return sr_repair_apply(f->catalog, open_handles.repair, NULL);
}

CALL(activity_list)
{
	sr_activities *cursor = NULL;
	sr_status rc = sr_activity_list(f->catalog, NULL, &cursor);

	sr_activities_close(cursor);
	return rc;
}

CALL(activities_next)
{
	const sr_activity *row;

	(void)f;
	return sr_activities_next(open_handles.activities, &row);
}

CALL(activity_cleanup)
{
	return sr_activity_cleanup(f->catalog, 0, NULL);
}

CALL(transfer_day_list)
{
	sr_transfer_days *cursor = NULL;
	sr_status rc = sr_transfer_day_list(f->catalog, 7, &cursor);

	sr_transfer_days_close(cursor);
	return rc;
}

CALL(transfer_days_next)
{
	const sr_transfer_day *row;

	(void)f;
	return sr_transfer_days_next(open_handles.transfer_days, &row);
}

CALL(client_usage_list)
{
	sr_client_usages *cursor = NULL;
	sr_status rc = sr_client_usage_list(f->catalog, 30, &cursor);

	sr_client_usages_close(cursor);
	return rc;
}

CALL(client_usages_next)
{
	const sr_client_usage *row;

	(void)f;
	return sr_client_usages_next(open_handles.client_usages, &row);
}

CALL(total_list)
{
	sr_totals *cursor = NULL;
	sr_status rc = sr_total_list(f->catalog, SR_TOTAL_BY_DAY, &cursor);

	sr_totals_close(cursor);
	return rc;
}

CALL(totals_next)
{
	const sr_total *row;

	(void)f;
	return sr_totals_next(open_handles.totals, &row);
}

CALL(metric_record)
{
	return sr_metric_record(f->catalog, sr_text_of("load"), 0.5);
}

CALL(metric_list)
{
	sr_metrics *cursor = NULL;
	sr_status rc = sr_metric_list(f->catalog, sr_text_of("load"), 24, &cursor);

	sr_metrics_close(cursor);
	return rc;
}

CALL(metrics_next)
{
	const sr_metric *row;

	(void)f;
	return sr_metrics_next(open_handles.metrics, &row);
}

CALL(metric_cleanup)
{
	return sr_metric_cleanup(f->catalog, 7, NULL);
}

CALL(record)
{
	const char *folder = scratch_path("tree");
	sr_record_summary summary;

	return sr_record(f->catalog, &f->client, &folder, 1, NULL, &summary);
}

static const struct {
	const char *name;
	sr_status (*call)(catalog_fixture *f);
} calls[] = {
	{"sr_catalog_version", catalog_version},
	{"sr_client_save", client_save},
	{"sr_client_by_id", client_by_id},
	{"sr_client_by_name", client_by_name},
	{"sr_client_update", client_update},
	{"sr_client_delete", client_delete},
	{"sr_client_count", client_count},
	{"sr_client_list", client_list},
	{"sr_clients_next", clients_next},
	{"sr_client_find", client_find},
	{"sr_client_list_fields", client_list_fields},
	{"sr_keys_status_get", keys_status_get},
	{"sr_keys_init", keys_init},
	{"sr_keys_check", keys_check},
	{"sr_keys_backups", keys_backups},
	{"sr_keys_rotate", keys_rotate},
	{"sr_client_shred", client_shred},
	{"sr_keys_unwrap", keys_unwrap},
	{"sr_file_save", file_save},
	{"sr_file_save_run", file_save_run},
	{"sr_file_find", file_find},
	{"sr_file_by_id", file_by_id},
	{"sr_file_set_verified", file_set_verified},
	{"sr_file_verify", file_verify},
	{"sr_file_delete", file_delete},
	{"sr_file_delete_stored", file_delete_stored},
	{"sr_file_list", file_list},
	{"sr_files_next", files_next},
	{"sr_file_list_below", file_list_below},
	{"sr_file_mark_missing", file_mark_missing},
	{"sr_folder_open", folder_open},
	{"sr_folder_next", folder_next},
	{"sr_category_add", category_add},
	{"sr_category_update", category_update},
	{"sr_category_list", category_list},
	{"sr_categories_next", categories_next},
	{"sr_category_rules_load", category_rules_load},
	{"sr_category_assign", category_assign},
	{"sr_category_classify_files", category_classify_files},
	{"sr_category_delete", category_delete},
	{"sr_version_list", version_list},
	{"sr_versions_next", versions_next},
	{"sr_quota_set", quota_set},
	{"sr_quota_get", quota_get},
	{"sr_quota_clear", quota_clear},
	{"sr_quota_list", quota_list},
	{"sr_quotas_next", quotas_next},
	{"sr_quota_default_set", quota_default_set},
	{"sr_quota_default_get", quota_default_get},
	{"sr_quota_enforce_set", quota_enforce_set},
	{"sr_quota_enforce_get", quota_enforce_get},
	{"sr_activity_failed", activity_failed},
	{"sr_version_find", version_find},
	{"sr_version_pin", version_pin},
	{"sr_version_activate", version_activate},
	{"sr_prune", prune},
	{"sr_policy_set", policy_set},
	{"sr_policy_get", policy_get},
	{"sr_policy_list", policy_list},
	{"sr_policy_clear", policy_clear},
	{"sr_search", search},
	{"sr_search_count", search_count},
	{"sr_search_facets", search_facets},
	{"sr_file_sums_get", file_sums_get},
	{"sr_statistics_get", statistics_get},
	{"sr_size_limits_get", size_limits_get},
	{"sr_pool_statistics_get", pool_statistics_get},
	{"sr_begin", begin},
	{"sr_commit", commit},
	{"sr_rollback", rollback},
	{"sr_execute", execute},
	{"sr_execute_fetch", execute_fetch},
	{"sr_describe", describe},
	{"sr_execute_many", execute_many},
	{"sr_execute_more", execute_more},
	{"sr_transaction_take", transaction_take},
	{"sr_execute_script", execute_script},
	{"sr_query_open", query_open},
	{"sr_rows_next", rows_next},
	{"sr_fetch", fetch},
	{"sr_lease_open reader", lease_reader},
	{"sr_lease_open writer", lease_writer},
	{"sr_lease_query_open", lease_query_open},
	{"sr_migrate", migrate},
	{"sr_migrate_verify", migrate_verify},
	{"sr_optimize_needs_get", optimize_needs_get},
	{"sr_search_index_build", search_index_build},
	{"sr_optimize", optimize},
	{"sr_migrate_own", migrate_own},
	{"sr_migrate_own_down", migrate_own_down},
	{"sr_migrate_rehearse", migrate_rehearse},
	{"sr_backup", backup},
	{"sr_health_check", health_check},
	{"sr_repair_plan", repair_plan},
	{"sr_repair_apply", repair_apply},
	{"sr_activity_list", activity_list},
	{"sr_activities_next", activities_next},
	{"sr_activity_cleanup", activity_cleanup},
	{"sr_transfer_day_list", transfer_day_list},
	{"sr_transfer_days_next", transfer_days_next},
	{"sr_client_usage_list", client_usage_list},
	{"sr_client_usages_next", client_usages_next},
	{"sr_total_list", total_list},
	{"sr_totals_next", totals_next},
	{"sr_metric_record", metric_record},
	{"sr_metric_list", metric_list},
	{"sr_metrics_next", metrics_next},
	{"sr_metric_cleanup", metric_cleanup},
	{"sr_record", record},
};

#define CALLS (sizeof(calls) / sizeof(calls[0]))

static int setup(void **state)
{
	catalog_fixture *f;
	sr_file file;
	FILE *bytes;

	catalog_setup(state);
	f = *state;
	f->options.master_key_file = scratch_path("ring");
	f->options.pool_size = 16; /* Every cursor and a call. */
	catalog_open(f);
	f->client = add_client(f, "host");
	file = file_at(f, "/a/b");
	for (file.size = 1; file.size <= 2; file.size++)
		(void)save(f, &file);
	file = file_named(f, "gone");
	(void)save(f, &file);
	file = file_named(f, "stored");
	file.path = sr_text_of("received_files/stored");
	(void)save(f, &file);
	assert_int_equal(mkdir(scratch_path("received_files"), 0700), 0);
	assert_int_equal(mkdir(scratch_path("tree"), 0700), 0);
	assert_non_null(bytes = fopen(scratch_path("received_files/stored"), "w"));
	assert_int_equal(fclose(bytes), 0);
	return 0;
}

static void open_all(const catalog_fixture *f)
{
	assert_ok(sr_client_list(f->catalog, false, &open_handles.clients));
	assert_ok(sr_file_list(f->catalog, NULL, &open_handles.files));
	assert_ok(sr_folder_open(f->catalog, &f->client, sr_text_of(""), false,
				 &open_handles.folder));
	assert_ok(sr_version_list(f->catalog, &f->client, sr_text_of("/a/b"),
				  &open_handles.versions));
	assert_ok(sr_category_list(f->catalog, false, &open_handles.categories));
	assert_ok(sr_quota_list(f->catalog, &open_handles.quotas));
	assert_ok(sr_query_open(f->catalog, "SELECT 1", NULL, 0, &open_handles.rows));
	assert_ok(sr_repair_plan(f->catalog, NULL, &open_handles.repair));
	assert_ok(sr_activity_list(f->catalog, NULL, &open_handles.activities));
	assert_ok(sr_transfer_day_list(f->catalog, 7, &open_handles.transfer_days));
	assert_ok(sr_client_usage_list(f->catalog, 30, &open_handles.client_usages));
	assert_ok(sr_total_list(f->catalog, SR_TOTAL_BY_SIZE, &open_handles.totals));
	assert_ok(sr_metric_list(f->catalog, sr_text_of("load"), 24, &open_handles.metrics));
}

static void close_all(void)
{
	sr_clients_close(open_handles.clients);
	sr_files_close(open_handles.files);
	sr_folder_close(open_handles.folder);
	sr_versions_close(open_handles.versions);
	sr_categories_close(open_handles.categories);
	sr_quotas_close(open_handles.quotas);
	sr_rows_close(open_handles.rows);
	sr_repair_free(open_handles.repair);
	sr_activities_close(open_handles.activities);
	sr_transfer_days_close(open_handles.transfer_days);
	sr_client_usages_close(open_handles.client_usages);
	sr_totals_close(open_handles.totals);
	sr_metrics_close(open_handles.metrics);
}

static void test_success_leaves_no_words(void **state)
{
	catalog_fixture *f = *state;

	open_all(f);
	for (size_t i = 0; i < CALLS; i++) {
		sr_status rc;

		leave_words();
		if ((rc = calls[i].call(f)) != SR_OK)
			fail_msg("%s: %s: %s", calls[i].name, sr_status_name(rc),
				 sr_error_message());
		if (sr_error_message()[0] != '\0')
			fail_msg("%s left: %s", calls[i].name, sr_error_message());
	}
	close_all();
}

/* How many calls did not say that the catalog is the parent's. */
static int count_wrong(catalog_fixture *f)
{
	int wrong = 0;

	for (size_t i = 0; i < CALLS; i++) {
		sr_status rc = calls[i].call(f);

		if (rc == SR_FORKED && strchr(sr_error_message(), '\n') == NULL &&
		    strstr(sr_error_message(), "process") != NULL)
			continue;
		wrong++;
		fprintf(stderr, "%s: %s: %s\n", calls[i].name, sr_status_name(rc),
			sr_error_message());
	}
	close_all();
	return wrong + (sr_close(f->catalog) != SR_OK);
}

static void test_child_is_told(void **state)
{
	catalog_fixture *f = *state;
	pid_t child;
	int status;

	open_all(f);
	if ((child = fork()) == 0) {
		alarm(60);
		_exit(count_wrong(f));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	/* And the parent never noticed. */
	for (size_t i = 0; i < CALLS; i++)
		assert_int_equal(calls[i].call(f), SR_OK);
	close_all();
}

/* ---- Calls without a catalog ---- */

static sr_status parse(int which, bool good)
{
	sr_options options;
	int64_t number;
	sr_keep keep;
	double part;
	sr_id id;

	sr_options_init(&options);
	options.config_file = "/dev/null";
	options.pool_size = good ? 1 : -1;
	switch (which) {
	case 0:
		return sr_id_parse(good ? "00112233445566778899aabbccddeeff" : "x", &id);
	case 1:
		return sr_size_parse(good ? "1.5G" : "-1", &number);
	case 2:
		return sr_number_parse("a number", good ? "5" : "7", 1, 6, &number);
	case 3:
		return sr_time_parse(good ? "2026-01-31" : "2026-02-31", &number, NULL);
	case 4:
		return sr_when_parse(good ? "7d" : "d7", &number, NULL);
	case 5:
		return sr_span_parse(good ? "4w" : "", &number);
	case 6:
		return sr_log_levels(good ? "warning" : "loud");
	case 7:
		return sr_part_parse("a part", good ? "80%" : "101%", &part);
	case 9:
		return sr_settings_each(&options, ignore_setting, NULL);
	case 8:
		sr_keep_init(&keep);
		return sr_keep_set(&keep, "daily", good ? "7" : "seven");
	case 10:
		return sr_keep_within_parse(good ? "6m" : "90s", &number);
	default:
		return SR_CLOSED;
	}
}

static void test_parsing(void **state)
{
	(void)state;
	for (int i = 0; parse(i, true) != SR_CLOSED; i++) {
		assert_fails(parse(i, false), SR_INVALID, "");
		assert_null(strchr(sr_error_message(), '\n'));
		assert_ok(parse(i, true));
	}
}

static void test_public_key(void **state)
{
	size_t length;
	char *key;

	(void)state;
	assert_fails(sr_public_key_read(sr_text_of("x"), &key, &length), SR_INVALID, "");
	assert_null(strchr(sr_error_message(), '\n'));
}

static void test_digest(void **state)
{
	char hash[SR_HASH_TEXT_SIZE];
	sr_digest *digest;
	char *escaped;
	uint32_t crc;

	(void)state;
	leave_words();
	assert_ok(sr_digest_new(&digest));
	leave_words();
	assert_ok(sr_digest_add(digest, "abc", 3));
	leave_words();
	assert_ok(sr_digest_end(digest, &crc, hash));
	sr_digest_free(digest);
	leave_words();
	assert_ok(sr_text_escape(sr_text_of("\n"), &escaped));
	assert_string_equal(escaped, "\\n");
	sr_free(escaped);
}

/* ---- At the edges ---- */

static void test_statuses_have_names(void **state)
{
	(void)state;
	for (int i = 0; i <= SR_OUTCOME_UNKNOWN; i++) {
		const char *name = sr_status_name((sr_status)i);

		assert_string_not_equal(name, "unknown status");
		for (int j = 0; j < i; j++)
			assert_string_not_equal(name, sr_status_name((sr_status)j));
	}
	assert_string_equal(sr_status_name((sr_status)(SR_OUTCOME_UNKNOWN + 1)), "unknown status");
}

/* What failed to open is closed all the same, in many a program. */
static void test_nothing_is_closed(void **state)
{
	(void)state;
	sr_activities_close(NULL);
	sr_categories_close(NULL);
	sr_category_rules_free(NULL);
	sr_client_free(NULL);
	sr_client_usages_close(NULL);
	sr_clients_close(NULL);
	sr_description_free(NULL);
	sr_digest_free(NULL);
	sr_file_free(NULL);
	sr_files_close(NULL);
	sr_folder_close(NULL);
	sr_health_free(NULL);
	sr_keys_status_free(NULL);
	sr_lease_close(NULL);
	sr_metrics_close(NULL);
	sr_migration_status_free(NULL);
	sr_policies_close(NULL);
	sr_policy_free(NULL);
	sr_quota_free(NULL);
	sr_quotas_close(NULL);
	sr_rehearsal_free(NULL);
	sr_repair_free(NULL);
	sr_rows_close(NULL);
	sr_salvaged_free(NULL);
	sr_size_limits_free(NULL);
	sr_statistics_free(NULL);
	sr_table_free(NULL);
	sr_totals_close(NULL);
	sr_transfer_days_close(NULL);
	sr_version_free(NULL);
	sr_versions_close(NULL);
	assert_ok(sr_close(NULL));
}

/* A list that is at its end stays there. */
static void test_end_stays_the_end(void **state)
{
	catalog_fixture *f = *state;
	const sr_client_usage *usage = NULL;
	const sr_client *client = NULL;
	const sr_policy *policy = NULL;
	sr_policies *policies;
	int clients = 0;

	open_all(f);
	while (sr_clients_next(open_handles.clients, &client) == SR_OK && client != NULL)
		clients++;
	assert_true(clients > 0);
	assert_ok(sr_clients_next(open_handles.clients, &client));
	assert_null(client);
	while (sr_client_usages_next(open_handles.client_usages, &usage) == SR_OK && usage != NULL)
		clients--;
	assert_int_equal(clients, 0);
	assert_ok(sr_client_usages_next(open_handles.client_usages, &usage));
	assert_null(usage);
	close_all();
	assert_ok(sr_policy_list(f->catalog, &policies));
	while (sr_policies_next(policies, &policy) == SR_OK && policy != NULL)
		;
	assert_null(policy);
	assert_ok(sr_policies_next(policies, &policy));
	assert_null(policy);
	sr_policies_close(policies);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_success_leaves_no_words, setup,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_child_is_told, setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_parsing, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_public_key, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_digest, scratch_setup, scratch_teardown),
		cmocka_unit_test(test_statuses_have_names),
		cmocka_unit_test(test_nothing_is_closed),
		cmocka_unit_test_setup_teardown(test_end_stays_the_end, setup, catalog_teardown),
	};
	int failed;

	statements_from_environment();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	statements_to_environment();
	return failed;
}
