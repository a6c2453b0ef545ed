/* What comes between writing and searching: other versions of the schema, other files. */
#include "machine.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../unit/old_database.h"

#define LATEST (-1)

/* ---- Versions ---- */

static bool migrate(machine *m, int to)
{
	sr_migrate_options how;
	sr_migrated done;

	sr_migrate_options_init(&how);
	how.to = to;
	how.accept_loss = true;
	write_log(&m->writing, "migrate to %d", to);
	if (sr_migrate(m->writing.catalog, &how, &done) == SR_OK)
		return true;
	sr_buffer_printf(&m->report, "migrating to %d failed: %s\n", to, sr_error_message());
	return false;
}

/* Searches and plain sessions on the version that is there, then up to the latest. */
static void use_old_version(machine *m)
{
	int sessions = (int)chance(4);

	machine_ask(m, NULL, 1 + chance(8));
	while (sessions-- > 0 && !machine_failed(m)) {
		write_by_sql(&m->writing);
		m->figures->writes++;
	}
	if (!machine_failed(m))
		machine_ask(m, NULL, 1 + chance(8));
	if (!machine_failed(m) && migrate(m, LATEST))
		m->figures->upgrades++;
}

static void go_down_and_up(machine *m)
{
	int version;

	if (sr_catalog_version(m->writing.catalog, &version) != SR_OK)
		abort();
	/* The last steps more often: what they remove is what searches use. */
	version = one_in(2) ? (int)chance((unsigned)version) : version - 1 - (int)chance(2);
	if (migrate(m, version))
		use_old_version(m);
}

void machine_begin_old(machine *m)
{
	static const old_stage stages[] = {OLD_CORE,        OLD_CORE,         OLD_CORE,
					   OLD_WITHOUT_KEY, OLD_ID_IS_CLIENT, OLD_WITH_SIZE,
					   OLD_WITH_DATE,   OLD_WITH_CRC,     OLD_WITH_OWN_ID};
	old_options old = {.files = 20 + (int)chance(m->writing.rows)};

	old.stage = PICK(stages);
	old.version = old.stage == OLD_CORE ? (int)chance(6) : 0;
	old.extra_indexes = one_in(2);
	old_database_make(m->path, &old);
	write_log(&m->writing, "an old database of version %d, stage %d, %d files", old.version,
		  (int)old.stage, old.files);
	m->open.migrate = m->open.create = false;
	machine_open(m);
	m->open.migrate = m->open.create = true;
	if (!machine_failed(m))
		use_old_version(m);
}

/* ---- Files ---- */

static void vacuum(machine *m)
{
	sqlite3 *db = open_plain(m->path);

	write_log(&m->writing, "VACUUM");
	run_sql(&m->writing, db, "VACUUM");
	sqlite3_close(db);
	m->figures->vacuums++;
}

/* Row numbers, pages, and what else is not in SQL, are lost by it. */
static void reload(machine *m)
{
	char command[512];

	write_log(&m->writing, "dumped and loaded");
	machine_close(m);
	snprintf(command, sizeof(command),
		 "sqlite3 %s .dump | sqlite3 %s.new && mv %s.new %s && rm -f %s-wal %s-shm",
		 m->path, m->path, m->path, m->path, m->path, m->path);
	if (system(command) != 0)
		sr_buffer_printf(&m->report, "failed: %s\n", command);
	machine_open(m);
	m->figures->reloads++;
}

static void open_anew(machine *m)
{
	m->open.direct = one_in(3);
	m->open.pool_size = 1 + (int)chance(3);
	write_log(&m->writing, "opened anew%s", m->open.direct ? " without a pool" : "");
	machine_close(m);
	machine_open(m);
	m->figures->reopened++;
}

void machine_upset(machine *m)
{
	switch (chance(8)) {
	case 0:
	case 1:
		vacuum(m);
		break;
	case 2:
		reload(m);
		break;
	case 3:
	case 4:
		go_down_and_up(m);
		break;
	default:
		open_anew(m);
	}
}
