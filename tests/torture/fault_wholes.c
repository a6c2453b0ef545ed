/* Scenarios of what works on the catalog as a whole. */
#include "fault.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/archive.h"
#include "holds.h"

#define PHOTO "/home/anna/photos/file-01.jpg"

static const char *in_folder(const fault_case *c, const char *name)
{
	static char paths[2][4400];
	static int next;

	next = !next;
	snprintf(paths[next], sizeof(paths[next]), "%s/%s", c->folder, name);
	return paths[next];
}

/* ---- Versions, categories and the like ---- */

static sr_status activate_version(fault_case *c)
{
	TRY(c, sr_version_activate(c->catalog, &c->host, sr_text_of(PHOTO), 1, NULL));
	return SR_OK;
}

static sr_status pin_version(fault_case *c)
{
	sr_file_version *version = NULL;

	TRY(c, sr_version_pin(c->catalog, &c->host, sr_text_of(PHOTO), 1, true, NULL));
	TRY(c, sr_version_find(c->catalog, &c->host, sr_text_of(PHOTO), 1, &version));
	if (!version->pinned)
		snprintf(c->wrong, sizeof(c->wrong), "the version is not pinned");
	sr_version_free(version);
	return SR_OK;
}

static sr_status verify_file(fault_case *c)
{
	TRY(c, sr_file_verify(c->catalog, &c->host, sr_text_of("/home/anna/letters/file-24.txt")));
	return SR_OK;
}

static sr_status mark_missing(fault_case *c)
{
	sr_text paths[] = {{PHOTO, sizeof(PHOTO) - 1},
			   sr_text_of("/home/anna/letters/file-03.jpg")};
	const sr_file *file = NULL;
	sr_files *cursor = NULL;
	int64_t marked = 0;
	sr_status rc;

	TRY(c, sr_file_mark_missing(c->catalog, &c->host, paths, 2, sr_time_now(), &marked));
	TRY(c, sr_file_list_below(c->catalog, &c->host, sr_text_of("/home/anna"), (sr_text){0}, 5,
				  &cursor));
	rc = fault_note(c, sr_files_next(cursor, &file), "sr_files_next");
	sr_files_close(cursor);
	return rc;
}

static sr_status change_categories(fault_case *c)
{
	sr_category category = {.name = sr_text_of("films"), .color = sr_text_of("#112233")};
	sr_category_rule rule = {.kind = SR_RULE_EXTENSION, .pattern = sr_text_of("xyz9")};

	TRY(c, sr_category_add(c->catalog, &category, &rule, 1));
	TRY(c, sr_category_assign(c->catalog, &c->host, sr_text_of(PHOTO), category.name));
	return SR_OK;
}

static sr_status update_category(fault_case *c)
{
	sr_category category = {.name = sr_text_of("image"), .color = sr_text_of("#445566")};
	sr_category_rule rule = {.kind = SR_RULE_EXTENSION, .pattern = sr_text_of("xyz8")};

	TRY(c, sr_category_update(c->catalog, &category, SR_CATEGORY_COLOR, &rule, 1, NULL, 0));
	return SR_OK;
}

static sr_status classify(fault_case *c)
{
	sr_classify_options options;

	sr_classify_options_init(&options);
	options.from = sr_text_of("document");
	TRY(c, sr_category_classify_files(c->catalog, &options, NULL, NULL));
	return SR_OK;
}

static sr_status delete_category(fault_case *c)
{
	TRY(c, sr_category_delete(c->catalog, sr_text_of("image"), sr_text_of("document"), NULL));
	return SR_OK;
}

static sr_status change_quotas(fault_case *c)
{
	TRY(c, sr_quota_default_set(c->catalog, 1000000, 0.7));
	TRY(c, sr_quota_enforce_set(c->catalog, true));
	TRY(c, sr_quota_clear(c->catalog, &c->host, NULL));
	TRY(c, sr_policy_clear(c->catalog, &c->host, NULL));
	return SR_OK;
}

static sr_status tidy(fault_case *c)
{
	TRY(c, sr_metric_record(c->catalog, sr_text_of("load"), 0.75));
	TRY(c, sr_activity_failed(c->catalog, &c->host, 2, NULL));
	TRY(c, sr_activity_cleanup(c->catalog, sr_time_now(), NULL));
	TRY(c, sr_metric_cleanup(c->catalog, 30, NULL));
	return SR_OK;
}

static sr_status borrow(fault_case *c)
{
	const sr_value *values = NULL;
	sr_rows *rows = NULL;
	sr_lease *lease = NULL;
	int count = 0;
	sr_status rc;

	TRY(c, sr_lease_open(c->catalog, "torture", false, &lease));
	rc = fault_note(c, sr_lease_query_open(lease, "SELECT Name FROM clients", NULL, 0, &rows),
			"sr_lease_query_open");
	while (rc == SR_OK &&
	       (rc = fault_note(c, sr_rows_next(rows, &values), "sr_rows_next")) == SR_OK &&
	       values != NULL)
		count++;
	sr_rows_close(rows);
	sr_lease_close(lease);
	if (rc == SR_OK && count != 3)
		snprintf(c->wrong, sizeof(c->wrong), "%d rows", count);
	return rc;
}

/* ---- Migrations ---- */

static sr_status migrate_to(fault_case *c, int version)
{
	sr_migrate_options options;
	sr_migrated migrated;

	sr_migrate_options_init(&options);
	options.to = version;
	options.accept_loss = true;
	return fault_note(c, sr_migrate(c->catalog, &options, &migrated), "sr_migrate");
}

static sr_status migrate_down(fault_case *c)
{
	return migrate_to(c, 12);
}

static sr_status migrate_up(fault_case *c)
{
	return migrate_to(c, -1);
}

static sr_status migrate_far_down(fault_case *c)
{
	return migrate_to(c, 3);
}

static sr_status look_at_migrations(fault_case *c)
{
	sr_migration_status *status = NULL;
	int64_t differences = 0;

	TRY(c, sr_migration_status_get(&c->options, &status));
	sr_migration_status_free(status);
	TRY(c, sr_migrate_verify(c->catalog, NULL, NULL, &differences));
	if (differences != 0)
		snprintf(c->wrong, sizeof(c->wrong), "%lld differences", (long long)differences);
	return SR_OK;
}

static const sr_own_migration own = {
	.version = 7,
	.description = "a table",
	.up_sql = "CREATE TABLE users_own (a INTEGER); INSERT INTO users_own VALUES (1)",
	.down_sql = "DROP TABLE users_own",
};

static sr_status migrate_own(fault_case *c)
{
	TRY(c, sr_migrate_own(c->catalog, &own, NULL));
	return SR_OK;
}

static sr_status migrate_own_down(fault_case *c)
{
	TRY(c, sr_migrate_own_down(c->catalog, own.version, NULL));
	return SR_OK;
}

static sr_status rehearse(fault_case *c)
{
	sr_rehearse_options options;
	sr_rehearsal *report = NULL;

	sr_rehearse_options_init(&options);
	options.to = 16;
	TRY(c, sr_migrate_rehearse(c->catalog, &options, &report));
	sr_rehearsal_free(report);
	return SR_OK;
}

/* ---- Keys ---- */

static sr_status wrap_keys(fault_case *c)
{
	sr_client *client = NULL;
	sr_keys_done done;

	TRY(c, sr_keys_init(c->catalog, NULL, &done));
	TRY(c, sr_client_by_id(c->catalog, &c->host, &client));
	if (client->aes_key.length != 32)
		snprintf(c->wrong, sizeof(c->wrong), "a key of %zu bytes", client->aes_key.length);
	sr_client_free(client);
	return SR_OK;
}

static sr_status unwrap_keys(fault_case *c)
{
	sr_keys_done done;

	TRY(c, sr_keys_unwrap(c->catalog, &done));
	return SR_OK;
}

static sr_status rotate_keys(fault_case *c)
{
	sr_keys_rotate_options options;
	sr_keys_rotated done;

	sr_keys_rotate_options_init(&options);
	options.forget_old = true;
	TRY(c, sr_keys_rotate(c->catalog, &options, &done));
	if (done.unreadable > 0 || done.forgotten == 0)
		snprintf(c->wrong, sizeof(c->wrong), "%lld are unreadable, %lld forgotten",
			 (long long)done.unreadable, (long long)done.forgotten);
	return SR_OK;
}

/* Whatever has failed, the ring opens each key that the catalog has. */
static void check_keys(fault_case *c)
{
	int64_t checked = 0, faults = 0;

	if (sr_keys_check(c->catalog, NULL, NULL, &checked, &faults) != SR_OK)
		snprintf(c->wrong, sizeof(c->wrong), "the keys cannot be checked: %.300s",
			 sr_error_message());
	else if (faults > 0 || checked < 3)
		snprintf(c->wrong, sizeof(c->wrong), "%lld keys are there, %lld cannot be opened",
			 (long long)checked, (long long)faults);
}

/* ---- Backups ---- */

sr_status __real_sr_archive_pack(const char *from, const char *to,
				 const sr_archive_options *options, sr_archive_content *content);
sr_status __wrap_sr_archive_pack(const char *from, const char *to,
				 const sr_archive_options *options, sr_archive_content *content);

/* In the place of the library's: its key is made in a moment, here and when it is read, so that a
 * case does not take a second for a passphrase that nobody guesses. */
sr_status __wrap_sr_archive_pack(const char *from, const char *to,
				 const sr_archive_options *options, sr_archive_content *content)
{
	sr_archive_options cheap = *options;

	cheap.cost = 1;
	return __real_sr_archive_pack(from, to, &cheap, content);
}

static sr_status backup_to(fault_case *c, const char *name, bool pack)
{
	sr_backup_options options;
	sr_backed_up result;

	sr_backup_options_init(&options);
	options.path = in_folder(c, name);
	options.compress = pack;
	options.key = pack ? "a passphrase" : NULL;
	options.key_length = pack ? 12 : 0;
	return fault_note(c, sr_backup(c->catalog, &options, &result), "sr_backup");
}

static sr_status backup(fault_case *c)
{
	return backup_to(c, "fresh.db", false);
}

static sr_status backup_packed(fault_case *c)
{
	return backup_to(c, "fresh.sealed", true);
}

static sr_status prepare_backups(fault_case *c)
{
	TRY(c, backup_to(c, "whole.db", false));
	return backup_to(c, "whole.sealed", true);
}

/* A client to be gone, wrapped keys, and a backup that has them. */
static sr_status prepare_shredding(fault_case *c)
{
	static const sr_id id = {{9, 9, 9}};
	sr_client client = {.id = id, .name = sr_text_of("gone")};

	client.aes_key = (sr_text){"fedcba9876543210fedcba9876543210", 32};
	TRY(c, sr_client_save(c->catalog, &client, 1, NULL));
	TRY(c, wrap_keys(c));
	if (mkdir(in_folder(c, "backups"), 0700) != 0)
		return SR_IO;
	return backup_to(c, "backups/one.db", false);
}

static sr_status shred(fault_case *c)
{
	const char *const folders[] = {in_folder(c, "backups")};
	static const sr_id id = {{9, 9, 9}};
	sr_shred_options options;
	sr_shredded done;

	sr_shred_options_init(&options);
	options.folders = folders;
	options.folder_count = 1;
	TRY(c, sr_client_shred(c->catalog, &id, &options, &done));
	if (done.backups != 1)
		snprintf(c->wrong, sizeof(c->wrong), "%lld backups were rewritten",
			 (long long)done.backups);
	return SR_OK;
}

/* The backup too is whole, whatever has failed. */
static void check_shredded(fault_case *c)
{
	check_keys(c);
	if (c->wrong[0] == '\0' &&
	    sr_backup_verify(&c->options, in_folder(c, "backups/one.db"), NULL, NULL) != SR_OK)
		snprintf(c->wrong, sizeof(c->wrong), "the backup is not whole: %.300s",
			 sr_error_message());
}

static sr_status verify_backup(fault_case *c)
{
	sr_backup_read_options how;
	sr_backup_report report;

	sr_backup_read_options_init(&how);
	how.key = "a passphrase";
	how.key_length = 12;
	TRY(c, sr_backup_verify(&c->options, in_folder(c, "whole.sealed"), &how, &report));
	return SR_OK;
}

static sr_status restore_from(fault_case *c, const char *name)
{
	sr_backup_read_options how;
	sr_restored result;

	sr_backup_read_options_init(&how);
	how.key = "a passphrase";
	how.key_length = 12;
	TRY(c, sr_restore(&c->options, in_folder(c, name), &how, &result));
	return SR_OK;
}

static sr_status restore(fault_case *c)
{
	return restore_from(c, "whole.db");
}

static sr_status restore_packed(fault_case *c)
{
	return restore_from(c, "whole.sealed");
}

/* A backup with pages of another size, which restoring has to make anew. */
static sr_status prepare_pages(fault_case *c)
{
	sqlite3 *db = NULL;
	int code;

	TRY(c, backup_to(c, "whole.db", false));
	code = sqlite3_open(in_folder(c, "whole.db"), &db);
	if (code == SQLITE_OK)
		code = sqlite3_exec(db,
				    "PRAGMA journal_mode = DELETE; PRAGMA page_size = 8192; VACUUM",
				    NULL, NULL, NULL);
	sqlite3_close(db);
	return code == SQLITE_OK ? SR_OK : SR_IO;
}

#define DAMAGE "no database begins like this"

/* Backups, and a database that they are needed for. */
static sr_status prepare_damage(fault_case *c)
{
	int fd;
	bool done;

	TRY(c, prepare_backups(c));
	TRY(c, sr_close(c->catalog));
	c->catalog = NULL;
	fd = open(c->database, O_WRONLY | O_CLOEXEC);
	done = fd >= 0 && pwrite(fd, DAMAGE, sizeof(DAMAGE), 0) == (ssize_t)sizeof(DAMAGE);
	close(fd);
	return done ? SR_OK : SR_IO;
}

/* A restore that failed has left the damaged database, where it was or where its message says; the
 * next one makes it good. */
static void check_damaged(fault_case *c)
{
	char begins[sizeof(DAMAGE)] = "";
	sr_restored again;
	int fd;

	if (c->status == SR_OK)
		return;
	fd = open(c->database, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, begins, sizeof(begins)) != (ssize_t)sizeof(begins))
		begins[0] = '\0';
	close(fd);
	if (memcmp(begins, DAMAGE, sizeof(DAMAGE)) != 0 && strstr(c->message, "_damaged_") == NULL)
		snprintf(c->wrong, sizeof(c->wrong),
			 "the damaged database is not there; the call said: %.300s", c->message);
	else if (sr_restore(&c->options, in_folder(c, "whole.db"), NULL, &again) != SR_OK)
		snprintf(c->wrong, sizeof(c->wrong), "the next restore fails: %.300s",
			 sr_error_message());
	else
		c->status = SR_OK;
	/* Of the restored database, where that could not be taken back. */
	if (c->status == SR_OK && again.kept[0] && strstr(c->message, "; it stays as") != NULL)
		(void)unlink(again.kept);
}

static sr_status prepare_rotation(fault_case *c)
{
	for (int i = 0; i < 2; i++) {
		sr_backup_options options;
		sr_backed_up result;

		sr_backup_options_init(&options);
		options.path = c->folder;
		TRY(c, sr_backup(c->catalog, &options, &result));
	}
	return SR_OK;
}

static sr_status rotate(fault_case *c)
{
	sr_keep keep;

	sr_keep_init(&keep);
	keep.last = 1;
	TRY(c, sr_backup_rotate(&c->options, NULL, &keep, false, NULL, NULL, NULL));
	return SR_OK;
}

/* ---- Upkeep ---- */

static sr_status optimize(fault_case *c)
{
	sr_optimized optimized;

	TRY(c, sr_optimize(c->catalog, NULL, &optimized));
	return SR_OK;
}

static sr_status build_index(fault_case *c)
{
	int64_t rows = 0;

	TRY(c, sr_search_index_build(c->catalog, true, NULL, NULL, &rows));
	return SR_OK;
}

static sr_status break_it(fault_case *c)
{
	sqlite3 *db = NULL;
	int code = sqlite3_open(c->database, &db);

	if (code == SQLITE_OK)
		code = sqlite3_exec(
			db,
			"DROP INDEX idx_files_size; DROP TRIGGER trg_files_count_delete;"
			"UPDATE client_usage SET Files = Files + 1;"
			"DELETE FROM search_postings",
			NULL, NULL, NULL);
	sqlite3_close(db);
	return code == SQLITE_OK ? SR_OK : SR_IO;
}

static sr_status repair(fault_case *c)
{
	sr_repair *plan = NULL;
	sr_status rc;

	TRY(c, sr_repair_plan(c->catalog, NULL, &plan));
	rc = fault_note(c, sr_repair_apply(c->catalog, plan, NULL), "sr_repair_apply");
	sr_repair_free(plan);
	return rc;
}

static sr_status salvage(fault_case *c)
{
	sr_salvaged *salvaged = NULL;

	TRY(c, sr_salvage(c->database, in_folder(c, "salvaged.db"), NULL, &salvaged));
	if (salvaged->lost > 0)
		snprintf(c->wrong, sizeof(c->wrong), "%lld rows are lost",
			 (long long)salvaged->lost);
	sr_salvaged_free(salvaged);
	return SR_OK;
}

/* A copy that nobody finishes, beside the files without a record that the template has. */
static sr_status prepare_health(fault_case *c)
{
	int fd = open(in_folder(c, "catalog.db.1999999999.part"), O_CREAT | O_WRONLY | O_CLOEXEC,
		      0600);

	return fd >= 0 && close(fd) == 0 ? SR_OK : SR_IO;
}

/* How much of a kind it finds; 0: nothing. */
static int64_t found(const sr_finding *findings, size_t count, const char *code)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(findings[i].code, code) == 0)
			return findings[i].count;
	return 0;
}

/* It finds what it found at first, when nothing failed, or says what it could not look at. */
static void judge_findings(fault_case *c, const sr_health *health)
{
	static sr_finding first[10];
	static size_t count;
	bool told = health->unseen_count > 0;

	if (count == 0 && health->finding_count <= 10)
		while (count < health->finding_count) {
			first[count] = health->findings[count];
			count++;
		}
	for (size_t i = 0; i < health->finding_count; i++) {
		const sr_finding *one = &health->findings[i];

		if (strstr(one->meaning, " cannot be ") != NULL ||
		    strstr(one->meaning, strerror(EIO)) != NULL ||
		    strstr(one->meaning, strerror(EINTR)) != NULL)
			told = true;
		else if (found(first, count, one->code) < one->count)
			snprintf(c->wrong, sizeof(c->wrong), "the check-up finds %s: %.300s",
				 one->code, one->meaning);
	}
	for (size_t i = 0; i < count && !told; i++)
		if (found(health->findings, health->finding_count, first[i].code) != first[i].count)
			snprintf(c->wrong, sizeof(c->wrong), "the check-up does not find all of %s",
				 first[i].code);
}

static sr_status check_health(fault_case *c)
{
	sr_health_options how;
	sr_health *health = NULL;

	sr_health_options_init(&how);
	how.full = how.verify_files = true;
	TRY(c, sr_health_check(c->catalog, &how, &health));
	judge_findings(c, health);
	sr_health_free(health);
	return SR_OK;
}

const fault_scenario fault_wholes[] = {
	{"version activate", 0, NULL, activate_version, NULL},
	{"version pin", FAULT_IN_PARTS, NULL, pin_version, NULL},
	{"file verify", 0, NULL, verify_file, NULL},
	{"mark missing", FAULT_IN_PARTS, NULL, mark_missing, NULL},
	{"categories", FAULT_IN_PARTS, NULL, change_categories, NULL},
	{"category update", 0, NULL, update_category, NULL},
	{"classify", FAULT_IN_PARTS, NULL, classify, NULL},
	{"category delete", FAULT_IN_PARTS, NULL, delete_category, NULL},
	{"quotas", FAULT_IN_PARTS, NULL, change_quotas, NULL},
	{"metrics and activity", FAULT_IN_PARTS, NULL, tidy, NULL},
	{"lease", 0, NULL, borrow, NULL},
	{"migrate down", FAULT_OLDER | FAULT_IN_PARTS | FAULT_STEPS, NULL, migrate_down, NULL},
	{"migrate up", FAULT_OLDER | FAULT_IN_PARTS | FAULT_STEPS | FAULT_UNWELL, migrate_far_down,
	 migrate_up, NULL},
	{"migration status", 0, NULL, look_at_migrations, NULL},
	{"own migration", FAULT_IN_PARTS, NULL, migrate_own, NULL},
	{"own migration down", FAULT_IN_PARTS, migrate_own, migrate_own_down, NULL},
	{"keys init", FAULT_IN_PARTS | FAULT_STEPS, NULL, wrap_keys, NULL},
	{"keys unwrap", FAULT_IN_PARTS | FAULT_STEPS, wrap_keys, unwrap_keys, NULL},
	{"keys rotate", FAULT_IN_PARTS, wrap_keys, rotate_keys, check_keys},
	{"client shred", FAULT_IN_PARTS, prepare_shredding, shred, check_shredded},
	{"rehearse", FAULT_NO_FILE, NULL, rehearse, NULL},
	{"backup", FAULT_NO_FILE, NULL, backup, NULL},
	{"backup packed", FAULT_NO_FILE, NULL, backup_packed, NULL},
	{"backup verify", FAULT_NO_FILE, prepare_backups, verify_backup, NULL},
	{"restore", FAULT_REPLACES, prepare_backups, restore, NULL},
	{"restore packed", FAULT_REPLACES, prepare_backups, restore_packed, NULL},
	{"restore other pages", FAULT_REPLACES, prepare_pages, restore, NULL},
	{"restore damaged", FAULT_OPENS | FAULT_DAMAGED, prepare_damage, restore, check_damaged},
	{"backup rotate", FAULT_OPENS, prepare_rotation, rotate, NULL},
	{"optimize", FAULT_IN_PARTS | FAULT_NO_FILE, NULL, optimize, NULL},
	{"search index", 0, NULL, build_index, NULL},
	{"repair", FAULT_IN_PARTS | FAULT_UNWELL, break_it, repair, NULL},
	{"salvage", FAULT_OPENS | FAULT_NO_FILE, NULL, salvage, NULL},
	{"health", 0, prepare_health, check_health, NULL},
	{NULL, 0, NULL, NULL, NULL},
};
