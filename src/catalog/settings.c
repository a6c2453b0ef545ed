#include "settings.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "../base/buffer.h"
#include "../base/error.h"
#include "../base/parse.h"
#include "../base/path.h"
#include "../base/text.h"
#include "config_file.h"

#define POOL_SIZE_MAX 1000
#define TIMEOUT_MAX   1e6 /* Seconds; what a timespec and arithmetic on it bear easily. */
#define MEGABYTES_MAX 1e9

enum name {
	DATABASE_NAME,
	STRONGROOM_DB,
	FILE_STORAGE_DIR,
	CONNECTION_POOL_SIZE,
	CONNECTION_TIMEOUT,
	DURABILITY,
	MIGRATION_BACKUP_ENABLED,
	MIGRATION_VALIDATION_ENABLED,
	DANGEROUS_OPERATIONS_BLOCKED,
	TRUST_FOREIGN_TRIGGERS,
	SIZE_WARNING_MB,
	SIZE_CRITICAL_MB,
	STRONGROOM_MASTER_KEY_FILE,
	STRONGROOM_MASTER_KEY_COMMAND,
	STRONGROOM_AES_KEYS,
	NAMES,
};

/* A setting's parsed form; which member counts is its kind's business. */
typedef union parsed {
	int64_t integer;
	double real;
	bool flag;
	sr_durability durability;
} parsed;

typedef sr_status (*parse_fn)(const char *name, const char *text, parsed *value);

static sr_status parse_path(const char *name, const char *text, parsed *value)
{
	(void)value;
	if (text[0] == '\0')
		return sr_fail(SR_INVALID, "%s is empty", name);
	return SR_OK;
}

static sr_status parse_size(const char *name, const char *text, parsed *value)
{
	return sr_number_parse(name, text, 1, POOL_SIZE_MAX, &value->integer);
}

static sr_status parse_timeout(const char *name, const char *text, parsed *value)
{
	sr_status rc = sr_real_parse(name, text, 0, TIMEOUT_MAX, &value->real);

	if (rc == SR_OK && !(value->real > 0))
		return sr_fail(SR_INVALID, "%s must be more than 0 seconds, not %s", name,
			       sr_quoted(sr_text_of(text)));
	return rc;
}

static sr_status parse_megabytes(const char *name, const char *text, parsed *value)
{
	return sr_real_parse(name, text, 0, MEGABYTES_MAX, &value->real);
}

static sr_status parse_durability(const char *name, const char *text, parsed *value)
{
	if (strcasecmp(text, "full") == 0)
		value->durability = SR_DURABILITY_FULL;
	else if (strcasecmp(text, "normal") == 0)
		value->durability = SR_DURABILITY_NORMAL;
	else
		return sr_fail(SR_INVALID, "%s is full or normal, not %s", name,
			       sr_quoted(sr_text_of(text)));
	return SR_OK;
}

static sr_status parse_keys(const char *name, const char *text, parsed *value)
{
	value->flag = strcasecmp(text, "plain") == 0;
	if (!value->flag && strcasecmp(text, "wrapped") != 0)
		return sr_fail(SR_INVALID, "%s is wrapped or plain, not %s", name,
			       sr_quoted(sr_text_of(text)));
	return SR_OK;
}

static sr_status parse_flag(const char *name, const char *text, parsed *value)
{
	return sr_bool_parse(name, text, &value->flag);
}

/* In the order of enum name, which is also the order in which they are shown. */
static const struct known {
	const char *name;
	parse_fn parse;
	const char *fallback; /* NULL: none of its own. */
} known[NAMES] = {
	[DATABASE_NAME] = {"DATABASE_NAME", parse_path, "defensive.db"},
	[STRONGROOM_DB] = {"STRONGROOM_DB", parse_path, NULL},
	[FILE_STORAGE_DIR] = {"FILE_STORAGE_DIR", parse_path, "received_files"},
	[CONNECTION_POOL_SIZE] = {"CONNECTION_POOL_SIZE", parse_size, "5"},
	[CONNECTION_TIMEOUT] = {"CONNECTION_TIMEOUT", parse_timeout, "30.0"},
	[DURABILITY] = {"DURABILITY", parse_durability, "full"},
	[MIGRATION_BACKUP_ENABLED] = {"MIGRATION_BACKUP_ENABLED", parse_flag, "true"},
	[MIGRATION_VALIDATION_ENABLED] = {"MIGRATION_VALIDATION_ENABLED", parse_flag, "true"},
	[DANGEROUS_OPERATIONS_BLOCKED] = {"DANGEROUS_OPERATIONS_BLOCKED", parse_flag, "true"},
	[TRUST_FOREIGN_TRIGGERS] = {"TRUST_FOREIGN_TRIGGERS", parse_flag, "false"},
	[SIZE_WARNING_MB] = {"SIZE_WARNING_MB", parse_megabytes, "500"},
	[SIZE_CRITICAL_MB] = {"SIZE_CRITICAL_MB", parse_megabytes, "1000"},
	[STRONGROOM_MASTER_KEY_FILE] = {"STRONGROOM_MASTER_KEY_FILE", parse_path, NULL},
	[STRONGROOM_MASTER_KEY_COMMAND] = {"STRONGROOM_MASTER_KEY_COMMAND", parse_path, NULL},
	[STRONGROOM_AES_KEYS] = {"STRONGROOM_AES_KEYS", parse_keys, "wrapped"},
};

/* How strong a source is. */
enum rank {
	DEFAULT,
	FILE_LINE,
	ENVIRONMENT,
	OPTION,
};

typedef struct resolved {
	char *text; /* NULL: not set at all. */
	char *source;
	enum rank rank;
	parsed value;
} resolved;

static void free_all(resolved all[NAMES])
{
	for (size_t i = 0; i < NAMES; i++) {
		free(all[i].text);
		free(all[i].source);
	}
}

/* Sets one, in place of what a weaker source said. */
static sr_status set(resolved *one, const char *text, const char *source, enum rank rank)
{
	char *new_text = strdup(text);
	char *new_source = strdup(source);

	if (new_text == NULL || new_source == NULL) {
		free(new_text);
		free(new_source);
		return sr_fail_memory();
	}
	free(one->text);
	free(one->source);
	one->text = new_text;
	one->source = new_source;
	one->rank = rank;
	return SR_OK;
}

static sr_status take_line(void *arg, const sr_config_line *line)
{
	resolved *all = arg;
	sr_status rc;

	for (size_t i = 0; i < NAMES; i++) {
		if (strcmp(known[i].name, line->key) != 0)
			continue;
		if ((rc = known[i].parse(line->key, line->value, &all[i].value)) == SR_OK)
			return set(&all[i], line->value, line->file, FILE_LINE);
		return sr_fail_within(rc, "%s line %d", sr_quoted(sr_text_of(line->file)),
				      line->number);
	}
	return sr_fail(SR_INVALID, "%s line %d: there is no setting %s (its value is %s)",
		       sr_quoted(sr_text_of(line->file)), line->number,
		       sr_quoted(sr_text_of(line->key)), sr_quoted(sr_text_of(line->value)));
}

static sr_status take_environment(resolved all[NAMES])
{
	sr_status rc;

	for (size_t i = 0; i < NAMES; i++) {
		const char *text = getenv(known[i].name);

		if (text == NULL)
			continue;
		if ((rc = known[i].parse(known[i].name, text, &all[i].value)) != SR_OK)
			return sr_fail_within(rc, "environment");
		if ((rc = set(&all[i], text, "environment", ENVIRONMENT)) != SR_OK)
			return rc;
	}
	return SR_OK;
}

static sr_status take_option(resolved *all, enum name name, const char *text)
{
	sr_status rc = known[name].parse(known[name].name, text, &all[name].value);

	if (rc != SR_OK)
		return sr_fail_within(rc, "option");
	return set(&all[name], text, "option", OPTION);
}

static sr_status take_options(resolved all[NAMES], const sr_options *options)
{
	const struct {
		enum name name;
		int given; /* 1, 0; -1: not. */
	} flags[] = {
		{MIGRATION_BACKUP_ENABLED, options->backup},
		{MIGRATION_VALIDATION_ENABLED, options->validate},
		{DANGEROUS_OPERATIONS_BLOCKED, options->block_dangerous},
	};
	char text[64];
	sr_status rc = SR_OK;

	if (options->path != NULL)
		rc = take_option(all, DATABASE_NAME, options->path);
	if (rc == SR_OK && options->storage_dir != NULL)
		rc = take_option(all, FILE_STORAGE_DIR, options->storage_dir);
	if (rc == SR_OK && options->master_key_file != NULL)
		rc = take_option(all, STRONGROOM_MASTER_KEY_FILE, options->master_key_file);
	if (rc == SR_OK && options->pool_size != 0) {
		snprintf(text, sizeof(text), "%d", options->pool_size);
		rc = take_option(all, CONNECTION_POOL_SIZE, text);
	}
	/* Not a number counts as given, and is refused. */
	if (rc == SR_OK && (isnan(options->timeout) || fpclassify(options->timeout) != FP_ZERO)) {
		snprintf(text, sizeof(text), "%.10g", options->timeout);
		rc = take_option(all, CONNECTION_TIMEOUT, text);
	}
	if (rc == SR_OK && options->durability != SR_DURABILITY_DEFAULT) {
		const char *const words[] = {"default", "full", "normal"};
		unsigned i = (unsigned)options->durability;

		rc = take_option(all, DURABILITY, i < 3 ? words[i] : "unknown");
	}
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]) && rc == SR_OK; i++) {
		if (flags[i].given != -1)
			rc = take_option(all, flags[i].name, flags[i].given ? "true" : "false");
	}
	return rc;
}

/* The database has two names; the one that counts ends up as DATABASE_NAME. */
static sr_status settle_path(resolved all[NAMES])
{
	const resolved *other = &all[STRONGROOM_DB];

	if (other->text == NULL || all[DATABASE_NAME].rank > other->rank)
		return SR_OK;
	return set(&all[DATABASE_NAME], other->text, other->source, other->rank);
}

static sr_status resolve(const sr_options *options, resolved all[NAMES])
{
	sr_status rc = SR_OK;

	memset(all, 0, NAMES * sizeof(all[0]));
	for (size_t i = 0; i < NAMES && rc == SR_OK; i++) {
		if (known[i].fallback == NULL)
			continue;
		rc = known[i].parse(known[i].name, known[i].fallback, &all[i].value);
		if (rc == SR_OK)
			rc = set(&all[i], known[i].fallback, "default", DEFAULT);
	}
	if (rc == SR_OK)
		rc = sr_config_read(options->config_file, take_line, all);
	if (rc == SR_OK)
		rc = take_environment(all);
	if (rc == SR_OK)
		rc = take_options(all, options);
	if (rc == SR_OK)
		rc = settle_path(all);
	if (rc != SR_OK) {
		free_all(all);
		memset(all, 0, NAMES * sizeof(all[0]));
	}
	return rc;
}

/* What relative paths start at. */
static sr_status find_base(const char *given, const sr_buffer *path, sr_buffer *folder)
{
	if (given != NULL && given[0] == '\0')
		return sr_fail(SR_INVALID, "option: base_dir is empty");
	if (given != NULL)
		return sr_path_absolute(NULL, sr_text_of(given), folder);
	sr_buffer_add_text(folder, sr_path_folder(sr_buffer_text(path)));
	return sr_buffer_status(folder);
}

/* Where a link leads, the database lies, and beside it its log: all that looks for one must look
 * there. What a link to nothing means, or to an empty file, is said where it is opened. */
static sr_status follow_link(sr_buffer *path)
{
	struct stat st;
	char *real;

	if (lstat(path->data, &st) != 0 || !S_ISLNK(st.st_mode) || stat(path->data, &st) != 0 ||
	    st.st_size == 0 || (real = realpath(path->data, NULL)) == NULL)
		return SR_OK;
	sr_buffer_clear(path);
	sr_buffer_add_string(path, real);
	free(real);
	return sr_buffer_status(path);
}

/* Paths are made absolute once, so that a later chdir() moves nothing. */
static sr_status absolute_paths(const resolved all[NAMES], const char *base_dir,
				sr_settings *settings)
{
	sr_buffer path = SR_BUFFER_EMPTY;
	sr_buffer folder = SR_BUFFER_EMPTY;
	sr_buffer storage = SR_BUFFER_EMPTY;
	sr_status rc;

	if ((rc = sr_path_absolute(NULL, sr_text_of(all[DATABASE_NAME].text), &path)) != SR_OK ||
	    (rc = find_base(base_dir, &path, &folder)) != SR_OK)
		goto err0;
	if ((rc = sr_path_absolute(folder.data, sr_text_of(all[FILE_STORAGE_DIR].text),
				   &storage)) != SR_OK ||
	    (rc = follow_link(&path)) != SR_OK)
		goto err0;
	settings->path = sr_buffer_take(&path);
	settings->base_dir = sr_buffer_take(&folder);
	settings->storage_dir = sr_buffer_take(&storage);
	if (settings->path == NULL || settings->base_dir == NULL || settings->storage_dir == NULL)
		rc = sr_fail_memory();

err0:
	sr_buffer_free(&path);
	sr_buffer_free(&folder);
	sr_buffer_free(&storage);
	return rc;
}

/* Where the master keys come from: of a file and a command the one that the stronger source names,
 * the file where both do. */
static sr_status settle_ring(const resolved all[NAMES], sr_settings *settings)
{
	const resolved *file = &all[STRONGROOM_MASTER_KEY_FILE];
	const resolved *command = &all[STRONGROOM_MASTER_KEY_COMMAND];
	sr_buffer path = SR_BUFFER_EMPTY;
	sr_status rc;

	if (command->text != NULL && (file->text == NULL || command->rank > file->rank)) {
		settings->master_key_command = strdup(command->text);
		return settings->master_key_command ? SR_OK : sr_fail_memory();
	}
	if (file->text == NULL)
		return SR_OK;
	if ((rc = sr_path_absolute(NULL, sr_text_of(file->text), &path)) == SR_OK)
		settings->master_key_file = sr_buffer_take(&path);
	sr_buffer_free(&path);
	return rc;
}

void sr_options_init(sr_options *options)
{
	*options = (sr_options){
		.version = SR_OPTIONS_VERSION,
		.backup = -1,
		.validate = -1,
		.block_dangerous = -1,
	};
}

sr_status sr_options_take(sr_options *own, const sr_options *options)
{
	static const size_t sizes[] = {
		[1] = offsetof(sr_options, base_dir),
		[2] = offsetof(sr_options, master_key_file),
		[3] = sizeof(sr_options),
	};

	sr_options_init(own);
	if (options == NULL)
		return SR_OK;
	if (options->version < 1 || options->version > SR_OPTIONS_VERSION)
		return sr_fail(SR_INVALID, "sr_options of version %u, not %d: sr_options_init it",
			       options->version, SR_OPTIONS_VERSION);
	memcpy(own, options, sizes[options->version]);
	own->version = SR_OPTIONS_VERSION;
	return SR_OK;
}

sr_status sr_settings_resolve(const sr_options *options, sr_settings *settings)
{
	resolved all[NAMES];
	sr_options own;
	sr_status rc;

	*settings = (sr_settings){0};
	if ((rc = sr_options_take(&own, options)) != SR_OK || (rc = resolve(&own, all)) != SR_OK)
		return rc;
	settings->pool_size = (int)all[CONNECTION_POOL_SIZE].value.integer;
	settings->timeout = all[CONNECTION_TIMEOUT].value.real;
	settings->durability = all[DURABILITY].value.durability;
	settings->backup = all[MIGRATION_BACKUP_ENABLED].value.flag;
	settings->validate = all[MIGRATION_VALIDATION_ENABLED].value.flag;
	settings->block_dangerous = all[DANGEROUS_OPERATIONS_BLOCKED].value.flag;
	settings->trust_foreign_triggers = all[TRUST_FOREIGN_TRIGGERS].value.flag;
	settings->size_warning_mb = all[SIZE_WARNING_MB].value.real;
	settings->size_critical_mb = all[SIZE_CRITICAL_MB].value.real;
	settings->read_only = own.read_only;
	settings->direct = own.direct;
	settings->hide_keys = own.hide_keys;
	settings->plain_keys = all[STRONGROOM_AES_KEYS].value.flag;
	if ((rc = absolute_paths(all, own.base_dir, settings)) == SR_OK)
		rc = settle_ring(all, settings);
	free_all(all);
	return rc;
}

void sr_settings_free(sr_settings *settings)
{
	free(settings->path);
	free(settings->base_dir);
	free(settings->storage_dir);
	free(settings->master_key_file);
	free(settings->master_key_command);
	*settings = (sr_settings){0};
}

sr_status sr_settings_each(const sr_options *options, sr_setting_fn fn, void *arg)
{
	resolved all[NAMES];
	sr_options own;
	sr_status rc;

	if ((rc = sr_options_take(&own, options)) != SR_OK || (rc = resolve(&own, all)) != SR_OK)
		return sr_return(rc);
	for (size_t i = 0; i < NAMES; i++) {
		sr_setting setting = {
			.name = known[i].name,
			.value = all[i].text ? all[i].text : "",
			.source = all[i].source ? all[i].source : "default",
		};
		fn(arg, &setting);
	}
	free_all(all);
	return sr_return(SR_OK);
}
