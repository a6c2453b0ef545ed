/* Settings as they resolve: option, environment, strongroom.conf, default. */
#ifndef SR_SETTINGS_H
#define SR_SETTINGS_H

#include "strongroom.h"

typedef struct sr_settings {
	char *path;        /* Absolute. */
	char *base_dir;    /* Absolute: what relative paths of stored files start at. */
	char *storage_dir; /* Absolute: a relative one is below base_dir. */
	int pool_size;
	double timeout; /* Seconds. */
	sr_durability durability;
	bool read_only;
	bool direct;
	bool hide_keys;           /* AES keys of clients read as null. */
	char *master_key_file;    /* Absolute; NULL: none. */
	char *master_key_command; /* Likewise NULL; it counts where no file is set. */
	bool plain_keys;          /* They are not wrapped. */
	bool backup;              /* Before migrations. */
	bool validate;            /* Around migrations. */
	bool block_dangerous;
	bool trust_foreign_triggers; /* Open for writing in spite of triggers not ours. */
	double size_warning_mb;      /* Sizes of the database that health tells of. */
	double size_critical_mb;
} sr_settings;

/* What its version has of the options, as the latest; all defaults for NULL. SR_INVALID for a
 * version that there is not. */
sr_status sr_options_take(sr_options *own, const sr_options *options);

/* options may be NULL. Whatever it returns, sr_settings_free may follow. */
sr_status sr_settings_resolve(const sr_options *options, sr_settings *settings);
void sr_settings_free(sr_settings *settings);

#endif
