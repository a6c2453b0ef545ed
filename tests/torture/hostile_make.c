/*
 * Kinds of hostile files. Whatever is planted writes, if it ever runs, into the table `canary`, or
 * names files outside the catalog's folder.
 */
#include "hostile.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "torture.h"

static char words[4096]; /* What was done last. */

static void also(const char *what)
{
	const size_t length = strlen(words);

	snprintf(words + length, sizeof(words) - length, "%s%s", length > 0 ? " + " : "", what);
}

/* ---- A sound one ---- */

static bool plain(const hostile_place *place, const char *sql)
{
	sqlite3 *db = NULL;
	bool done = sqlite3_open(place->database, &db) == SQLITE_OK;

	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
	done = done && sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
	sqlite3_close(db);
	return done;
}

static bool put(const char *path, const void *bytes, size_t length)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
	const bool done = fd >= 0 && write(fd, bytes, length) == (ssize_t)length;

	if (fd >= 0)
		close(fd);
	return done;
}

static bool save(sr_catalog *catalog, const hostile_place *place)
{
	sr_client client = {.name = sr_text_of("host")}, other = {.name = sr_text_of("other")};
	sr_id_new(&client.id);
	sr_id_new(&other.id);
	if (sr_client_save(catalog, &client, 1, NULL) != SR_OK ||
	    sr_client_save(catalog, &other, 1, NULL) != SR_OK)
		return false;
	for (int i = 0; i < 36; i++) {
		char name[64], path[4200], hash[SR_HASH_TEXT_SIZE];
		sr_file file;

		snprintf(name, sizeof(name), "/home/a%d/file%d.txt", i % 4, i % 30);
		snprintf(path, sizeof(path), "%s/f%d", place->storage, i);
		memset(hash, "0123456789abcdef"[i % 16], 64);
		hash[64] = '\0';
		sr_file_init(&file);
		file.client_id = i % 3 ? client.id : other.id;
		file.original_path = sr_text_of(name);
		file.path = sr_text_of(path);
		file.size = 5;
		file.hash = sr_text_of(hash);
		file.date = sr_text_of("2026-01-31T09:30:00Z");
		if (!put(path, "bytes", 5) ||
		    sr_file_save(catalog, &file, 1, NULL, NULL, NULL) != SR_OK)
			return false;
	}
	return sr_search_index_build(catalog, true, NULL, NULL, NULL) == SR_OK;
}

bool hostile_sound(const hostile_place *place)
{
	sr_catalog *catalog;
	sr_options options;
	bool done;

	sr_options_init(&options);
	options.path = place->database;
	options.create = options.migrate = true;
	if (sr_open(&catalog, &options) != SR_OK)
		return false;
	done = save(catalog, place);
	if (sr_close(catalog) != SR_OK || !done)
		return false;
	return plain(place, "CREATE TABLE canary (song); INSERT INTO canary VALUES ('alive')");
}

/* ---- Schemas ---- */

#define SCHEMA "PRAGMA writable_schema = ON;"
#define SING   "UPDATE canary SET song = 'dead'; "

/* Triggers where ours are written, and what leads to one. */
static const char *const triggers[] = {
	"CREATE TRIGGER e AFTER INSERT ON files BEGIN " SING "END",
	"CREATE TRIGGER e BEFORE DELETE ON files BEGIN " SING "END",
	"CREATE TRIGGER e AFTER UPDATE ON files BEGIN " SING "END",
	"CREATE TRIGGER e AFTER INSERT ON clients BEGIN " SING "END",
	"CREATE TRIGGER e AFTER DELETE ON clients BEGIN " SING "END",
	"CREATE TRIGGER e AFTER INSERT ON file_versions BEGIN " SING "END",
	"CREATE TRIGGER e AFTER INSERT ON client_activity BEGIN " SING "END",
	"CREATE TRIGGER e AFTER INSERT ON catalog_activity BEGIN " SING "END",
	"CREATE TRIGGER e AFTER UPDATE ON client_totals BEGIN " SING "END",
	"CREATE TRIGGER e AFTER INSERT ON search_changes BEGIN " SING "END",
	"CREATE TRIGGER e AFTER UPDATE ON search_state BEGIN " SING "END",
	"CREATE TRIGGER e AFTER INSERT ON database_migrations BEGIN " SING "END",
	/* A trigger of ours by its name, with other words. */
	SCHEMA "UPDATE sqlite_schema SET sql = replace(sql, 'BEGIN', 'BEGIN " SING
	       "') WHERE type = 'trigger'",
	SCHEMA "UPDATE sqlite_schema SET sql = replace(sql, 'BEGIN', 'BEGIN /* */ " SING
	       "') WHERE name = 'trg_files_search_insert'",
	/* Through a foreign key's action. */
	"CREATE TABLE child (f REFERENCES files (ID) ON DELETE CASCADE, c REFERENCES clients (ID)"
	" ON DELETE SET NULL); INSERT INTO child SELECT ID, ClientID FROM files;"
	"CREATE TRIGGER e AFTER DELETE ON child BEGIN " SING
	"END; CREATE TRIGGER e2 AFTER UPDATE ON child BEGIN " SING "END",
};

/* Everything else. */
static const char *const plants[] = {
	/* Views in the place of tables, with triggers of their own. */
	"ALTER TABLE files RENAME TO filez; CREATE VIEW files AS SELECT * FROM filez;"
	"CREATE TRIGGER e INSTEAD OF INSERT ON files BEGIN " SING "END",
	"DROP TABLE catalog_activity; CREATE VIEW catalog_activity AS SELECT 1 AS ID;"
	"CREATE TRIGGER e INSTEAD OF INSERT ON catalog_activity BEGIN " SING "END",
	"DROP TABLE client_totals; CREATE VIEW client_totals AS SELECT * FROM clients",
	"CREATE VIEW endless AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
	" SELECT i FROM n; ALTER TABLE search_changes RENAME TO x;"
	"CREATE VIEW search_changes AS SELECT i AS RowKey FROM endless",
	"CREATE VIEW a AS SELECT * FROM b; CREATE VIEW b AS SELECT * FROM a",
	"CREATE VIEW bomb AS WITH RECURSIVE n(s) AS (SELECT zeroblob(1000000) UNION ALL SELECT"
	" s || s FROM n LIMIT 40) SELECT s FROM n",
	/* Computed columns, indexes, defaults, checks. */
	"ALTER TABLE files ADD COLUMN g AS (randomblob(900000000))",
	"ALTER TABLE files ADD COLUMN g AS (FileName || load_extension('x'))",
	"CREATE INDEX e ON files (FileSize / 0)",
	"CREATE INDEX e ON files (lower(FileName)) WHERE upper(PathName) > 'a'",
	SCHEMA "CREATE INDEX e ON files (lower(FileName)); UPDATE sqlite_schema SET sql ="
	       " replace(sql, 'lower', 'load_extension') WHERE name = 'e'",
	SCHEMA "CREATE INDEX e ON files (lower(FileName)); UPDATE sqlite_schema SET sql ="
	       " replace(sql, 'lower', 'fts3_tokenizer') WHERE name = 'e'",
	SCHEMA "UPDATE sqlite_schema SET sql = replace(sql, 'PathName VARCHAR(255)', 'PathName"
	       " VARCHAR(255) DEFAULT (writefile(''x'', ''y''))') WHERE name = 'files'",
	SCHEMA "UPDATE sqlite_schema SET sql = replace(sql, 'PathName VARCHAR(255)', 'PathName"
	       " VARCHAR(255) CHECK (randomblob(900000000))') WHERE name = 'files'",
	SCHEMA "UPDATE sqlite_schema SET sql = replace(sql, 'VARCHAR(255)', 'VARCHAR(255) COLLATE"
	       " nosuch') WHERE name = 'clients'",
	SCHEMA "UPDATE sqlite_schema SET sql = replace(sql, 'FileName', 'FileName /*x*/ COLLATE"
	       " NOCASE') WHERE name = 'files'",
	/* Virtual tables. */
	"CREATE VIRTUAL TABLE v USING fts3(x); INSERT INTO v VALUES ('a')",
	"CREATE VIRTUAL TABLE v USING fts4(x, tokenize=porter); INSERT INTO v VALUES ('a');"
	"UPDATE v_segments SET block = x'ffffffffffffffffff'; UPDATE v_segdir SET root = x'ff'",
	"CREATE VIRTUAL TABLE v USING fts5(x); INSERT INTO v VALUES ('a'); UPDATE v_data SET block "
	"="
	" x'00000000000000000000ff'",
	"CREATE VIRTUAL TABLE v USING rtree(i, a, b); UPDATE v_node SET data = x'ffff'",
	"CREATE VIRTUAL TABLE v USING dbstat",
	"DROP TABLE client_activity; CREATE VIRTUAL TABLE client_activity USING fts3(a, b)",
	"DROP TABLE quotas; CREATE VIRTUAL TABLE quotas USING dbstat",
	SCHEMA "INSERT INTO sqlite_schema VALUES ('table', 'client_activity2', 'client_activity2',"
	       " 0, 'CREATE VIRTUAL TABLE client_activity2 USING nosuch(''../outside/secret'')')",
	SCHEMA "INSERT INTO sqlite_schema VALUES ('table', 'c', 'c', 0, 'CREATE VIRTUAL TABLE c"
	       " USING csv(filename=''../outside/secret'')')",
	/* Code that would write files. */
	SCHEMA
	"INSERT INTO sqlite_schema VALUES ('trigger', 'e', 'files', 0, 'CREATE TRIGGER e AFTER"
	" INSERT ON files BEGIN SELECT writefile(''../outside/new'', ''x''); END')",
	SCHEMA
	"INSERT INTO sqlite_schema VALUES ('trigger', 'e', 'files', 0, 'CREATE TRIGGER e AFTER"
	" INSERT ON files BEGIN SELECT load_extension(''../outside/secret''); END')",
	SCHEMA "INSERT INTO sqlite_schema VALUES ('table', 'sqlite_evil', 'sqlite_evil', 3, 'CREATE"
	       " TABLE sqlite_evil (a)')",
	SCHEMA
	"INSERT INTO sqlite_schema VALUES ('table', 'a', 'a', 0, 'ATTACH ''../outside/new'' AS"
	" x')",
	SCHEMA "INSERT INTO sqlite_schema VALUES ('table', 'a', 'a', 0, 'VACUUM INTO"
	       " ''../outside/new''')",
	SCHEMA "INSERT INTO sqlite_schema VALUES ('table', 'a', 'a', 2, 'CREATE TABLE a AS SELECT"
	       " load_extension(''x'')')",
	SCHEMA "UPDATE sqlite_schema SET rootpage = 1 WHERE name = 'files'",
	SCHEMA
	"UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name ="
	" 'clients') WHERE name = 'file_versions'",
	SCHEMA "UPDATE sqlite_schema SET rootpage = 99999999 WHERE name = 'files'",
	SCHEMA "UPDATE sqlite_schema SET rootpage = 0 WHERE type = 'index'",
	SCHEMA "UPDATE sqlite_schema SET sql = CAST(sql AS BLOB)",
	SCHEMA "UPDATE sqlite_schema SET sql = NULL WHERE name = 'files'",
	SCHEMA "UPDATE sqlite_schema SET name = name || char(27) || '[2J' WHERE name = 'quotas'",
	SCHEMA "UPDATE sqlite_schema SET tbl_name = 'clients' WHERE name = 'files'",
	SCHEMA "DELETE FROM sqlite_schema WHERE name = 'sqlite_sequence'",
	/* Our version with other tables. */
	"DROP TABLE file_versions; CREATE TABLE file_versions (x)",
	"DROP TABLE search_chunks; CREATE TABLE search_chunks (Chunk TEXT, Slots BLOB)",
	"DROP TABLE search_segments; CREATE TABLE search_segments (Segment, FirstChunk, Chunks);"
	"INSERT INTO search_segments VALUES (1, 0, 2147483647), (1, 0, 2147483647)",
	"ALTER TABLE clients DROP COLUMN PublicKey",
	"ALTER TABLE clients RENAME COLUMN LastSeen TO Seen",
	"ALTER TABLE file_versions RENAME COLUMN FileID TO F",
	"DROP TABLE database_migrations; CREATE TABLE database_migrations (version TEXT, "
	"description)"
	"; INSERT INTO database_migrations VALUES ('18', x'ff'), ('18; DROP TABLE files', 1)",
	"DELETE FROM database_migrations WHERE version > 3",
	"DELETE FROM database_migrations",
	"INSERT OR REPLACE INTO database_migrations VALUES (-9223372036854775808, x'1b5b324a', "
	"NULL,"
	" 'DROP TABLE files', 'x') ON CONFLICT DO NOTHING",
	"UPDATE database_migrations SET rollback_sql = 'ATTACH ''../outside/new'' AS x; UPDATE "
	"canary"
	" SET song = ''dead'''",
	"CREATE TABLE own_migrations (version, description); INSERT INTO own_migrations VALUES"
	" ('words', 'x')",
	/* Triggers, views and tables that bear our names, or what a migration will make. */
	"CREATE TABLE orphaned_rows (x); CREATE TRIGGER e AFTER INSERT ON orphaned_rows BEGIN " SING
	"END",
	"CREATE TABLE sqlite_stat1x (x); ANALYZE; UPDATE sqlite_stat1 SET stat = '1 "
	"99999999999999'",
	"PRAGMA application_id = 252006674; PRAGMA user_version = -1",
	"PRAGMA auto_vacuum = 2; VACUUM",
	"PRAGMA encoding = 'UTF-16le'; VACUUM",
	"PRAGMA page_size = 512; VACUUM",
	"PRAGMA page_size = 65536; VACUUM",
};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static void run_plant(const hostile_place *place, const char *sql)
{
	if (plain(place, sql))
		also(sql);
}

/* Each by turns, so that a short run sees as many as it has cases; sometimes with another. */
static const char *make_triggers(const hostile_place *place, uint64_t *state)
{
	static uint64_t turn;

	turn = turn == 0 ? torture_chance(state, COUNT(triggers)) : turn;
	run_plant(place, triggers[turn++ % COUNT(triggers)]);
	if (torture_chance(state, 3) == 0)
		run_plant(place, plants[torture_chance(state, COUNT(plants))]);
	return words;
}

static const char *make_schema(const hostile_place *place, uint64_t *state)
{
	static uint64_t turn;
	const uint64_t more = torture_chance(state, 3);

	turn = turn == 0 ? torture_chance(state, COUNT(plants)) : turn;
	run_plant(place, plants[turn++ % COUNT(plants)]);
	for (uint64_t i = 0; i < more; i++)
		run_plant(place, plants[torture_chance(state, COUNT(plants))]);
	return words;
}

/* ---- Rows ---- */

static const char *const values[] = {
	"NULL",
	"-9223372036854775808",
	"9223372036854775807",
	"1e308",
	"-1e-308",
	"9e999",
	"''",
	"x''",
	"x'ff00ff'",
	"char(0)",
	"char(27) || '[2J'",
	"char(155)",
	"char(8238) || 'gpj'",
	"'a' || char(10) || 'strongroom: error: forged'",
	"'=cmd|''/C calc''!A0'",
	"'%s%s%n%n'",
	"'../../../../../../etc/passwd'",
	"'/etc/passwd'",
	"'2026-02-31T99:99:99Z'",
	"zeroblob(3000000)",
	"hex(zeroblob(600000))",
	"replace(hex(zeroblob(2000)), '00', '/..')",
	"replace(hex(zeroblob(20000)), '00', '[a-')",
	"randomblob(16)",
	"randomblob(17)",
	"CAST(x'c3' AS TEXT)",
	"CAST(x'edb080' AS TEXT)",
	"CAST(x'610062' AS TEXT)",
	"(SELECT ID FROM clients LIMIT 1)",
	"rowid",
	"-rowid",
	"'0'",
	"x'00112233445566778899aabbccddeeff'",
};

/* A column of a table by chance: "table" "column". */
static bool some_column(const hostile_place *place, uint64_t *state, char table[256],
			char column[256])
{
	static const char sql[] =
		"SELECT m.name, x.name FROM sqlite_schema m, pragma_table_info(m.name) x WHERE "
		"m.type"
		" = 'table' AND m.name NOT LIKE 'sqlite%' AND m.name <> 'canary'"
		" ORDER BY m.name IN ('files', 'clients', 'file_versions'), m.name, x.name LIMIT 1"
		" OFFSET ?1 % (SELECT count(*) FROM sqlite_schema m, pragma_table_info(m.name) x "
		"WHERE"
		" m.type = 'table' AND m.name NOT LIKE 'sqlite%' AND m.name <> 'canary')";
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	bool found = sqlite3_open(place->database, &db) == SQLITE_OK &&
		     sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK;

	if (found) {
		sqlite3_bind_int64(stmt, 1, (sqlite3_int64)torture_chance(state, 100000));
		found = sqlite3_step(stmt) == SQLITE_ROW;
	}
	if (found) {
		snprintf(table, 256, "%s", sqlite3_column_text(stmt, 0));
		snprintf(column, 256, "%s", sqlite3_column_text(stmt, 1));
	}
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return found;
}

static const char *make_rows(const hostile_place *place, uint64_t *state)
{
	for (uint64_t i = 1 + torture_chance(state, 6); i > 0; i--) {
		char table[256], column[256], sql[1024];

		if (!some_column(place, state, table, column))
			continue;
		snprintf(sql, sizeof(sql),
			 "PRAGMA ignore_check_constraints = ON; UPDATE OR IGNORE \"%s\" SET \"%s\" "
			 "= %s"
			 " WHERE rowid %% %d = 0",
			 table, column, values[torture_chance(state, COUNT(values))],
			 (int)torture_chance(state, 3) + 1);
		if (plain(place, sql))
			also(sql + strlen("PRAGMA ignore_check_constraints = ON; "));
	}
	return words;
}

/* ---- Paths ---- */

static const char *const paths[] = {
	"../outside/secret",
	"received_files/../../outside/secret",
	"received_files/up/secret",
	"received_files/link",
	"received_files/folder/link",
	"received_files/pipe",
	"received_files/zero",
	"received_files/hard",
	"received_files/folder",
	"received_files",
	"received_files/",
	"received_files/.",
	"received_files/..",
	"catalog.db",
	"catalog.db-wal",
	"/etc/passwd",
	"/proc/self/mem",
	"/dev/zero",
	"//../outside/secret",
	"received_files//up//secret",
	"received_files/./folder/../up/secret",
	"../outside",
	"~/secret",
	"$(touch ../outside/new)",
	"received_files/a\n/../../outside/secret",
};

/* What could not be planted is one trap less. */
static void plant(bool done)
{
	if (!done)
		also("(less one)");
}

/* Links, a pipe, a device, and perhaps a hard link to the database, in the storage folder. */
static void set_traps(const hostile_place *place, uint64_t *state)
{
	static const struct {
		const char *name, *target;
	} links[] = {
		{"up", "../../outside"},
		{"link", "../../outside/secret"},
		{"folder/link", "../../../outside/secret"},
	};
	char path[4400];

	snprintf(path, sizeof(path), "%s/folder", place->storage);
	(void)mkdir(path, 0700);
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", place->storage, links[i].name);
		plant(symlink(links[i].target, path) == 0);
	}
	snprintf(path, sizeof(path), "%s/pipe", place->storage);
	(void)mkfifo(path, 0600);
	snprintf(path, sizeof(path), "%s/zero", place->storage);
	(void)mknod(path, S_IFCHR | 0600, makedev(1, 5));
	/* A database with two names takes no writes, which would spare it all else. */
	snprintf(path, sizeof(path), "%s/hard", place->storage);
	if (torture_chance(state, 8) == 0)
		plant(link(place->database, path) == 0);
}

static const char *make_paths(const hostile_place *place, uint64_t *state)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	const char *const tables[] = {
		"UPDATE files SET PathName = ?1, IsStored = 1 WHERE rowid % 36 = ?2",
		"UPDATE file_versions SET PathName = ?1 WHERE rowid % 36 = ?2",
		"UPDATE files SET OriginalPath = ?1 WHERE rowid % 36 = ?2",
	};

	set_traps(place, state);
	if (sqlite3_open(place->database, &db) != SQLITE_OK)
		abort();
	for (int i = 0; i < 36; i++) {
		char absolute[4400];
		const char *path = paths[torture_chance(state, COUNT(paths))];
		const uint64_t kind = torture_chance(state, 8);

		if (kind == 0) {
			snprintf(absolute, sizeof(absolute), "%s/secret", place->outside);
			path = absolute;
		}
		if (sqlite3_prepare_v2(db, tables[kind == 1 ? 2 : kind % 2], -1, &stmt, NULL) !=
		    SQLITE_OK)
			continue;
		sqlite3_bind_text(stmt, 1, path, -1, SQLITE_TRANSIENT);
		sqlite3_bind_int(stmt, 2, i);
		(void)sqlite3_step(stmt);
		sqlite3_finalize(stmt);
	}
	sqlite3_close(db);
	also("paths that lead out of the storage folder, and traps in it");
	return words;
}

/* ---- Pages ---- */

static size_t read_file(const char *path, unsigned char **bytes)
{
	FILE *file = fopen(path, "rb");
	struct stat st;
	size_t length;

	if (file == NULL || fstat(fileno(file), &st) != 0 ||
	    (*bytes = malloc((size_t)st.st_size + 1)) == NULL)
		abort();
	length = fread(*bytes, 1, (size_t)st.st_size, file);
	fclose(file);
	return length;
}

static const char *make_pages(const hostile_place *place, uint64_t *state)
{
	static const unsigned char favourites[] = {0, 1, 2, 5, 10, 13, 0x7f, 0x80, 0xff};
	unsigned char *bytes;
	size_t length = read_file(place->database, &bytes);
	const uint64_t changes = 1 + torture_chance(state, 12);

	for (uint64_t i = 0; i < changes && length > 200; i++) {
		/* Headers of the file and of pages are worth more than their middles. */
		const uint64_t page = torture_chance(state, length / 4096);
		const uint64_t where = torture_chance(state, 4);
		size_t at = page * 4096 + torture_chance(state, where == 0 ? 4096 : 24);

		if (where == 1)
			at = torture_chance(state, 112);
		bytes[at % length] = favourites[torture_chance(state, sizeof(favourites))];
	}
	if (torture_chance(state, 6) == 0)
		length = torture_chance(state, length) + 1;
	if (torture_chance(state, 8) == 0 && length > 8192)
		memcpy(bytes + 4096 * (1 + torture_chance(state, length / 4096 - 1)), bytes,
		       4096 < length - 4096 ? 1000 : 0);
	if (!put(place->database, bytes, length))
		abort();
	free(bytes);
	also("pages changed");
	return words;
}

/* ---- What lies beside ---- */

static void put_number(unsigned char *at, uint32_t number)
{
	for (int i = 3; i >= 0; i--, number >>= 8)
		at[i] = (unsigned char)number;
}

/* A journal that is hot: the pages as they are now, and then the name of another file, which SQLite
 * reads, and deletes in the end where it is no list of this journal's. */
static void make_journal(const hostile_place *place, const char *super)
{
	static const unsigned char magic[8] = {0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7};
	unsigned char *database, *bytes;
	const size_t length = read_file(place->database, &database);
	const size_t name = strlen(super);
	char path[4200];
	uint32_t sum = 0;
	size_t at = 512;

	if ((bytes = calloc(1, 512 + 8 + 4096 + 4 + name + 64)) == NULL)
		abort();
	/* No log belongs to it, or the journal would not be looked at. */
	database[18] = database[19] = 1;
	if (!put(place->database, database, length))
		abort();
	memcpy(bytes, magic, 8);
	put_number(bytes + 8, 1); /* Pages that it holds, */
	put_number(bytes + 16, (uint32_t)(length / 4096));
	put_number(bytes + 20, 512);
	put_number(bytes + 24, 4096);
	put_number(bytes + at, 1); /* of which the first is the first. */
	memcpy(bytes + at + 4, database, 4096);
	for (int i = 4096 - 200; i > 0; i -= 200)
		sum += database[i];
	put_number(bytes + at + 4 + 4096, sum);
	at += 4 + 4096 + 4;
	put_number(bytes + at, 1024 * 1024 * 1024 / 4096 + 1); /* As SQLite writes it. */
	at += 4;
	memcpy(bytes + at, super, name);
	at += name;
	sum = 0;
	for (size_t i = 0; i < name; i++)
		sum += (unsigned char)super[i];
	put_number(bytes + at, (uint32_t)name);
	put_number(bytes + at + 4, sum);
	memcpy(bytes + at + 8, magic, 8);
	at += 16;
	snprintf(path, sizeof(path), "%s-journal", place->database);
	if (!put(path, bytes, at))
		abort();
	free(bytes);
	free(database);
}

static const char *make_beside(const hostile_place *place, uint64_t *state)
{
	static const char *const sides[] = {"-wal", "-shm", "-journal"};
	const char *side = sides[torture_chance(state, 3)];
	char path[4400], target[4400];
	unsigned char noise[2048];

	snprintf(path, sizeof(path), "%s%s", place->database, side);
	snprintf(target, sizeof(target), "%s/secret", place->outside);
	switch (torture_chance(state, 6)) {
	case 0:
		plant(symlink(target, path) == 0);
		also("a symbolic link beside it");
		break;
	case 1:
		(void)mkdir(path, 0700);
		also("a folder beside it");
		break;
	case 2:
		(void)mkfifo(path, 0600);
		also("a pipe beside it");
		break;
	case 3:
		for (size_t i = 0; i < sizeof(noise); i++)
			noise[i] = (unsigned char)torture_chance(state, 256);
		memcpy(noise, "\x37\x7f\x06\x82\x00\x2d\xe2\x18\x00\x00\x10\x00", 12);
		if (!put(path, noise, sizeof(noise)))
			abort();
		also("noise beside it");
		break;
	case 4:
		make_journal(place, target);
		also("a hot journal that names a file outside");
		break;
	default:
		snprintf(path, sizeof(path), "%s.moved", place->database);
		if (rename(place->database, path) != 0 || symlink(path, place->database) != 0)
			abort();
		also("it is a symbolic link");
		break;
	}
	return words;
}

/* ---- Everything at once ---- */

static const char *make_mixed(const hostile_place *place, uint64_t *state)
{
	static const char *(*const makes[])(const hostile_place *, uint64_t *) = {
		make_schema,
		make_rows,
		make_paths,
	};

	for (size_t i = 0; i < COUNT(makes); i++)
		if (torture_chance(state, 2))
			(void)makes[i](place, state);
	if (torture_chance(state, 3) == 0)
		(void)make_pages(place, state);
	if (torture_chance(state, 3) == 0)
		(void)make_beside(place, state);
	return words;
}

#define KIND(name)                                                                                 \
	static const char *begin_##name(const hostile_place *place, uint64_t *state)               \
	{                                                                                          \
		words[0] = '\0';                                                                   \
		return make_##name(place, state);                                                  \
	}

KIND(triggers)
KIND(schema)
KIND(rows)
KIND(paths)
KIND(pages)
KIND(beside)
KIND(mixed)

const hostile_kind hostile_kinds[] = {
	{"triggers", begin_triggers}, {"schema", begin_schema},
	{"rows", begin_rows},         {"paths", begin_paths},
	{"pages", begin_pages},       {"beside", begin_beside},
	{"mixed", begin_mixed},       {NULL, NULL},
};
