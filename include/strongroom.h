/*
 * Strongroom: the catalog of an encrypted backup server.
 *
 * It knows which clients exist, which files they backed up and every version of each. Link
 * with `pkg-config --cflags --libs strongroom`.
 *
 * Conventions, which hold for every call unless its comment says otherwise:
 *
 * - A call that can fail returns an sr_status; SR_OK is 0. The words for a person are in
 *   sr_error_message(), kept per thread until that thread's next call: one line that names
 *   the thing and the value that was wrong. After SR_OK it is empty.
 * - A failed call changed nothing, and wrote nothing to its out-parameters but NULL.
 * - In a child of the process that opened a catalog, every call on it and on its cursors is
 *   SR_FORKED and harms nothing; closing them frees the child's copy.
 * - An sr_catalog is opened once and shared by all threads. Every other handle (cursor, lease,
 *   row) belongs to one thread at a time.
 * - Text is bytes with a length (sr_text). What a cursor hands out is borrowed until its next
 *   step or its close. What a call returns through a `T **` is owned by the caller and freed
 *   whole with its own free function; nobody frees a field. Free functions take NULL.
 * - Sizes are bytes, durations are seconds as double unless named otherwise, CRCs are the
 *   values of POSIX cksum, hashes are SHA-256 in lower-case hex, times are ISO 8601 in UTC.
 * - An integer that the database holds as null reads as SR_NULL_INTEGER.
 */
#ifndef STRONGROOM_H
#define STRONGROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SR_API               __attribute__((visibility("default")))
#define SR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define SR_MUST_CHECK        __attribute__((warn_unused_result))
#else
#define SR_API
#define SR_PRINTF(fmt, args)
#define SR_MUST_CHECK
#endif

#define SR_VERSION "0.1.0"

/* ------------------------------------------------------------------ Status */

typedef enum sr_status {
	SR_OK = 0,
	SR_NOT_FOUND,   /* No such client, file, version, database. */
	SR_EXISTS,      /* The name or key is taken. */
	SR_INVALID,     /* An argument or a setting does not make sense. */
	SR_QUOTA,       /* The write would exceed the client's quota. */
	SR_BUSY,        /* Waited for the whole timeout; the message names who holds what. */
	SR_TOO_NEW,     /* The database was made by a newer program. */
	SR_TOO_OLD,     /* The database must be migrated before this call works. */
	SR_CORRUPT,     /* The database or a stored file is damaged, or is no database. */
	SR_IO,          /* The operating system failed a read or a write. */
	SR_NO_SPACE,    /* The disk is full. */
	SR_NO_MEMORY,   /* An allocation failed. */
	SR_PERMISSION,  /* Not allowed by the file system. */
	SR_READ_ONLY,   /* A write to a catalog, medium or statement that only reads. */
	SR_REFUSED,     /* A potentially dangerous operation, blocked. */
	SR_WRONG_KEY,   /* The file is encrypted, or the passphrase is wrong; or a key is wrapped
			   under a master key that is not there. */
	SR_INTERRUPTED, /* Cancelled by the caller. */
	SR_CLOSED,      /* The catalog was closed meanwhile. */
	SR_FORKED,      /* The handle was opened by this process's parent. */
	SR_CONSTRAINT,  /* A rule of the schema forbids it (unique, foreign key, not null, check,
			   a trigger, the type of a row's number). */
	SR_SQL,         /* The statement given does not compile or run. */
	SR_OUTCOME_UNKNOWN, /* The commit failed in its last step and may or may not be there. */
} sr_status;

/* This thread's last error in words, "" after success. Valid until the thread's next call. */
SR_API const char *sr_error_message(void);

/* A short name for a status, "not found" for SR_NOT_FOUND. Static; never NULL. */
SR_API const char *sr_status_name(sr_status status);

/* The library's version, SR_VERSION of the header it was built with. Static. */
SR_API const char *sr_version(void);

/* The engine that runs in this process and its version, "SQLite 3.40.1". The
 * calling thread's, as long as it lives. */
SR_API const char *sr_engine_version(void);

/* ----------------------------------------------------------------- Logging */

typedef enum sr_log_level {
	SR_LOG_ERROR,
	SR_LOG_WARNING,
	SR_LOG_INFO,
	SR_LOG_DEBUG,
} sr_log_level;

/* module is a short static name: pool, migrate, search, engine, catalog, record. message is
 * one line without a newline. Called from any thread, one call at a time; it must not call
 * the library. */
typedef void (*sr_log_fn)(void *arg, sr_log_level level, const char *module, const char *message);

/* Sends what is logged to fn from now on; NULL, the default, drops it. Process-wide. */
SR_API void sr_log_set(sr_log_fn fn, void *arg);

/* Which levels are sent: "warning" for all modules, "pool:debug,info" for debug from the
 * pool and info from the rest. Without a call it is $STRONGROOM_LOG, else "warning".
 * SR_INVALID names a word that is neither a level nor module:level, and changes nothing. */
SR_API SR_MUST_CHECK sr_status sr_log_levels(const char *spec);

/* ------------------------------------------------------------ Text and ids */

/* Bytes of somebody else's, with a length; data is NULL for a null. What the library hands
 * out also ends in a NUL that length does not count. Names of files need not be UTF-8. */
typedef struct sr_text {
	const char *data;
	size_t length;
} sr_text;

/* A NUL-terminated string as sr_text; NULL gives a null. */
SR_API sr_text sr_text_of(const char *string);

#define SR_NULL_INTEGER INT64_MIN

/* Clients and files are known by 16 bytes. New ones are UUIDv7 (RFC 9562): time-ordered. */
typedef struct sr_id {
	uint8_t bytes[16];
} sr_id;

#define SR_ID_TEXT_SIZE 33 /* 32 hex digits and a NUL. */

/* A new time-ordered id; ids made by one process never repeat and never go backwards. */
SR_API void sr_id_new(sr_id *id);

/* 32 hex digits, either case, with or without a UUID's hyphens. SR_INVALID else. */
SR_API SR_MUST_CHECK sr_status sr_id_parse(const char *text, sr_id *id);
SR_API void sr_id_format(const sr_id *id, char text[SR_ID_TEXT_SIZE]);

/* A size: bytes, or with a suffix K M G T P, each 1024 times the one before, optionally
 * followed by B or iB; "1.5G" is allowed. SR_INVALID for negative, overflow and words. */
SR_API SR_MUST_CHECK sr_status sr_size_parse(const char *text, int64_t *bytes);

/* A whole number within [min, max]. what names it in the error. */
SR_API SR_MUST_CHECK sr_status sr_number_parse(const char *what, const char *text, int64_t min,
					       int64_t max, int64_t *number);

/* Instants are microseconds since 1970-01-01T00:00:00Z. */

/* An ISO 8601 date or date and time: 2026-01-31, 2026-01-31T09:30Z, with seconds, fractions,
 * a space for the T, an offset +01:00, and what old databases hold ("+00:00Z"). Without a
 * zone it is UTC. *is_day (may be NULL) tells that no time of day was given. SR_INVALID for
 * anything else, 31 February among it. */
SR_API SR_MUST_CHECK sr_status sr_time_parse(const char *text, int64_t *instant, bool *is_day);

/* As sr_time_parse, and also a span before now: 90s, 15m, 12h, 7d, 4w. */
SR_API SR_MUST_CHECK sr_status sr_when_parse(const char *text, int64_t *instant, bool *is_day);

/* A part of a whole as "80%" or 0.8, from 0 to 1. what names it in the error. */
SR_API SR_MUST_CHECK sr_status sr_part_parse(const char *what, const char *text, double *part);

/* A span alone, in seconds: 90s, 15m, 12h, 7d, 4w, 1y (365 days). */
SR_API SR_MUST_CHECK sr_status sr_span_parse(const char *text, int64_t *seconds);

#define SR_TIME_TEXT_SIZE 40

/* "2026-01-31T09:30:00Z", with as many digits of a fraction as are not zero. */
SR_API void sr_time_format(int64_t instant, char text[SR_TIME_TEXT_SIZE]);

/* Now, from the system's clock. */
SR_API int64_t sr_time_now(void);

/* text for a terminal or a log: control characters, those that turn the direction of writing, and
 * bytes that are not UTF-8 as \n, \t or \xNN, a backslash as two. Owned; free with sr_free. *out
 * is NULL without memory. */
SR_API SR_MUST_CHECK sr_status sr_text_escape(sr_text text, char **out);

/* Whether the bytes are well-formed UTF-8. */
SR_API bool sr_text_is_utf8(sr_text text);

/* Frees what sr_text_escape returned. */
SR_API void sr_free(void *memory);

/* The checksum and hash of a file's bytes in one pass. */
typedef struct sr_digest sr_digest;
#define SR_HASH_TEXT_SIZE 65 /* 64 hex digits and a NUL. */

SR_API SR_MUST_CHECK sr_status sr_digest_new(sr_digest **digest);
SR_API SR_MUST_CHECK sr_status sr_digest_add(sr_digest *digest, const void *bytes, size_t length);
/* The POSIX cksum value and SHA-256 of all that was added; then it starts again, empty. */
SR_API SR_MUST_CHECK sr_status sr_digest_end(sr_digest *digest, uint32_t *crc,
					     char hash[SR_HASH_TEXT_SIZE]);
SR_API void sr_digest_free(sr_digest *digest);

/* The public key that a file or a text holds, PEM or DER and of any kind that OpenSSL accepts, as
 * X.509 DER (SubjectPublicKeyInfo): what is kept as a client's. Owned; free with sr_free.
 * SR_INVALID where there is none, or one of more than SR_KEY_MAX bytes. */
SR_API SR_MUST_CHECK sr_status sr_public_key_read(sr_text bytes, char **key, size_t *length);

/* ------------------------------------------------------ Settings and opening */

typedef enum sr_durability {
	SR_DURABILITY_DEFAULT, /* full */
	SR_DURABILITY_FULL,    /* SR_OK means: survives a power cut. */
	SR_DURABILITY_NORMAL,  /* Survives a crash of the program; a power cut may lose the last
				  commits, never consistency. */
} sr_durability;

#define SR_OPTIONS_VERSION 3

/* How to open a catalog. A field left as sr_options_init set it is taken from the
 * environment, else the configuration file, else the default. Strings are copied. Options of
 * version 1, without the fields from `base_dir` on, and 2, without those from `master_key_file` on,
 * are understood as well. */
typedef struct sr_options {
	unsigned version;         /* SR_OPTIONS_VERSION, set by sr_options_init. */
	const char *path;         /* The database; else STRONGROOM_DB, DATABASE_NAME. */
	const char *config_file;  /* strongroom.conf to read instead of searching one; "/dev/null":
				     none. Any that is read is a regular file of this user's or
				     root's that not everybody may write, or it is refused. */
	const char *storage_dir;  /* Where stored files live; else FILE_STORAGE_DIR. Relative
				     to base_dir. */
	int pool_size;            /* Readers, 1 to 1000; 0: CONNECTION_POOL_SIZE. */
	double timeout;           /* Seconds to wait, > 0; 0: CONNECTION_TIMEOUT. */
	sr_durability durability; /* See above. */
	bool read_only;           /* Never write; not even to create a log beside it. */
	bool create;              /* Make the database where it is missing. */
	bool migrate;             /* Upgrade an older one; without, it opens as it is, and
				     writes return SR_TOO_OLD. */
	bool direct;              /* No pool: a connection per call, same results. */
	int backup;               /* MIGRATION_BACKUP_ENABLED: 1, 0; -1: the setting. */
	int validate;             /* MIGRATION_VALIDATION_ENABLED, likewise. */
	int block_dangerous;      /* DANGEROUS_OPERATIONS_BLOCKED, likewise. */
	bool hide_keys;           /* For doors that need no AES keys of clients: they read as
				     null everywhere, in callers' SQL too, no master key is
				     needed for it, and saving a client leaves its key. */
	const char *base_dir;     /* What a relative storage_dir and the relative paths of stored
				     files start at; NULL: the database's folder. A relative one
				     starts at the working folder at the time of opening. */
	const char *master_key_file; /* The key ring that AES keys are wrapped under; else
					STRONGROOM_MASTER_KEY_FILE. See "Keys at rest". */
} sr_options;

SR_API void sr_options_init(sr_options *options);

/* One setting as it resolves: source is "option", "environment", the configuration file's
 * path, or "default". Valid during the callback. */
typedef struct sr_setting {
	const char *name;
	const char *value;
	const char *source;
} sr_setting;

typedef void (*sr_setting_fn)(void *arg, const sr_setting *setting);

/* Calls fn for each setting in a fixed order, without opening anything. A value that does
 * not parse is SR_INVALID and names the setting, the value and where it stands. */
SR_API SR_MUST_CHECK sr_status sr_settings_each(const sr_options *options, sr_setting_fn fn,
						void *arg);

typedef struct sr_catalog sr_catalog;

/* Opens a catalog; options NULL means all defaults. Without `create` a missing database is
 * SR_NOT_FOUND. New files have mode 0600. One whose file has other names, hard links, is SR_REFUSED
 * unless it is opened read-only: each name would have a log of its own. Where such a name is made
 * while it is open, writes are SR_REFUSED until that is gone. */
SR_API SR_MUST_CHECK sr_status sr_open(sr_catalog **catalog, const sr_options *options);

/* Closes it. Calls that wait in other threads return SR_CLOSED; the call returns when every
 * connection is back, or after the timeout with SR_BUSY naming who still holds one (and the
 * catalog is then closed to new calls, its memory kept until the last holder lets go). The
 * last close brings the log into the database and removes it. NULL is SR_OK. */
SR_API sr_status sr_close(sr_catalog *catalog);

/* The database's absolute path, its schema version, and whether it only reads. */
SR_API const char *sr_catalog_path(const sr_catalog *catalog);
SR_API SR_MUST_CHECK sr_status sr_catalog_version(sr_catalog *catalog, int *version);

/* Called now and then during long work; returning true cancels it (SR_INTERRUPTED). total
 * is 0 where it is not known. */
typedef bool (*sr_progress_fn)(void *arg, int64_t done, int64_t total);

/* The same for work in several steps: step is a static word such as "copying". */
typedef bool (*sr_stage_fn)(void *arg, const char *step, int64_t done, int64_t total);

/*
 * Whether the calling thread's call is to end, true for yes. Asked by the library in that thread
 * alone, ten to twenty times a second while its call waits for a connection, for its turn to write
 * or for another process's lock, or reads for long; with none of the library's locks held. It must
 * not call the library.
 */
typedef bool (*sr_cancel_fn)(void *arg);

/*
 * From now on fn is asked in the calls of this thread, until it is set anew; NULL, the default,
 * asks nobody. A call that is ended so returns SR_INTERRUPTED, has changed nothing (of work that is
 * done in portions, those that were done stay), and leaves the catalog, its cursors and the
 * thread's transaction usable. What cannot be undone any more is not asked about, nor are writes
 * that are being carried out, but for those of sr_execute and its like outside of a transaction,
 * which are undone whole. So a call may also succeed after fn has said yes; fn is asked again by
 * whatever the thread waits for next. Of a cursor whose step was interrupted nothing more is to be
 * had: close it.
 */
SR_API void sr_cancel_set(sr_cancel_fn fn, void *arg);

/* ----------------------------------------------------------------- Clients */

#define SR_NAME_MAX 255  /* Bytes of a client's name. */
#define SR_KEY_MAX  4096 /* Bytes of a public or AES key. */

typedef struct sr_client {
	sr_id id;
	sr_text name;
	sr_text public_key; /* Bytes as they were given, or null. */
	sr_text aes_key;    /* Bytes, unwrapped; or null. Never log or print it. Zeroed when
			       its memory goes back. */
	sr_text last_seen;  /* As stored; old databases hold several forms. */
	int64_t files;      /* Filled by sr_client_list with counts; else SR_NULL_INTEGER. */
	int64_t bytes;
	sr_text last_recorded; /* When the newest of its files was saved, to the second, where
				  known; with counts. */
} sr_client;

/* Fields of sr_client for sr_client_update. */
enum {
	SR_CLIENT_NAME = 1,
	SR_CLIENT_PUBLIC_KEY = 2,
	SR_CLIENT_AES_KEY = 4,
	SR_CLIENT_LAST_SEEN = 8,
};

typedef enum sr_outcome {
	SR_ADDED,
	SR_CHANGED,
	SR_UNCHANGED,
	SR_OVER_QUOTA, /* Not written: the client's quota has no room for it. */
} sr_outcome;

/* How many of a batch were what. */
typedef struct sr_saved {
	int64_t added;
	int64_t changed;
	int64_t unchanged;
	int64_t refused; /* Over the client's quota. */
} sr_saved;

/* Adds or replaces clients by id, all or none: an upsert that never touches their files. A
 * null last_seen means now; a null key clears. A name is 1 to 255 bytes of UTF-8 without
 * control characters; one that another id owns is SR_EXISTS. A wrapped AES key whose master key is
 * not at hand is neither cleared nor replaced: SR_WRONG_KEY, or why the ring cannot be read. saved
 * may be NULL. */
SR_API SR_MUST_CHECK sr_status sr_client_save(sr_catalog *catalog, const sr_client *clients,
					      size_t count, sr_saved *saved);

/* One client, owned: sr_client_free. SR_NOT_FOUND names the id or name. SR_WRONG_KEY when its AES
 * key is wrapped under a master key that is not there, SR_CORRUPT when what is wrapped was damaged:
 * who needs no AES key asks with sr_client_find for the other fields. */
SR_API SR_MUST_CHECK sr_status sr_client_by_id(sr_catalog *catalog, const sr_id *id,
					       sr_client **client);
SR_API SR_MUST_CHECK sr_status sr_client_by_name(sr_catalog *catalog, sr_text name,
						 sr_client **client);
SR_API void sr_client_free(sr_client *client);

/* The client with that id, or where id is NULL of that name, and of it these fields (SR_CLIENT_*);
 * the others are null, but for the name. */
SR_API SR_MUST_CHECK sr_status sr_client_find(sr_catalog *catalog, const sr_id *id, sr_text name,
					      unsigned fields, sr_client **client);

/* Changes the named fields (SR_CLIENT_*) of the client with changes->id. */
SR_API SR_MUST_CHECK sr_status sr_client_update(sr_catalog *catalog, const sr_client *changes,
						unsigned fields);

/* Deletes the client, its files' records and their versions. Stored files stay on the disk.
 * files (may be NULL) says how many records went. */
SR_API SR_MUST_CHECK sr_status sr_client_delete(sr_catalog *catalog, const sr_id *id,
						int64_t *files);

SR_API SR_MUST_CHECK sr_status sr_client_count(sr_catalog *catalog, int64_t *count);

typedef struct sr_clients sr_clients;

/* Every client by name. counts also fills files, bytes and last_recorded: from version 17 on from
 * counters, before by reading every file. */
SR_API SR_MUST_CHECK sr_status sr_client_list(sr_catalog *catalog, bool counts,
					      sr_clients **cursor);
/* The same with these fields alone, as sr_client_find has them. */
SR_API SR_MUST_CHECK sr_status sr_client_list_fields(sr_catalog *catalog, bool counts,
						     unsigned fields, sr_clients **cursor);
/* *client is NULL after the last one. A client whose AES key cannot be read fails as
 * sr_client_by_id does, and the next call goes on behind it. */
SR_API SR_MUST_CHECK sr_status sr_clients_next(sr_clients *cursor, const sr_client **client);
SR_API void sr_clients_close(sr_clients *cursor);

/* ------------------------------------------------------------ Keys at rest */

/*
 * Clients' AES keys can be kept wrapped: encrypted with AES-256-GCM under a master key that is kept
 * outside of the database, in a key ring. A ring is a file of mode 0600 that this user owns
 * (STRONGROOM_MASTER_KEY_FILE), or what a command prints (STRONGROOM_MASTER_KEY_COMMAND, run by the
 * shell). sr_keys_init begins it; from then on every key that is saved is wrapped, and every key
 * that is read is unwrapped, by whoever has the ring. Keys that other programs write plain are
 * wrapped at this library's next write, in its transaction; those that callers' own SQL writes,
 * before that is committed, but for what goes through a lease. With STRONGROOM_AES_KEYS=plain
 * nothing is wrapped, and what is wrapped is still read.
 *
 * A key that is wrapped under a master key that the ring does not have, or for which there is no
 * ring, is SR_WRONG_KEY: the message names the ring and the id of the master key that is wanted.
 * A ring that others can read is SR_PERMISSION, one that cannot be made out SR_INVALID, and a
 * wrapped key that was changed, cut short, or moved from another client, SR_CORRUPT: also where its
 * first bytes do not say any more that it is one. Such a one is never wrapped again or taken for
 * the key, and while it is there no master key is forgotten. No message has any bytes of a key.
 */

#define SR_MASTER_ID_SIZE 17 /* 16 hex digits and a NUL. */

/* A master key that this catalog has used or uses. */
typedef struct sr_master_key {
	char id[SR_MASTER_ID_SIZE]; /* Derived from the key; it tells nothing of it. */
	sr_text since;              /* When this catalog began to use it; null: it never said so. */
	bool current;               /* New keys are wrapped under it. */
	bool in_ring;
	int64_t clients; /* Whose keys are wrapped under it now. */
} sr_master_key;

/* How the clients' AES keys are kept. */
typedef struct sr_keys_status {
	bool wrapping;     /* sr_keys_init was done: new keys are wrapped, */
	bool keep_plain;   /* but for STRONGROOM_AES_KEYS=plain. */
	int64_t wrapped;   /* Clients whose key is wrapped, readable or not, */
	int64_t plain;     /* plain, */
	int64_t without;   /* or who have none. */
	sr_text ring;      /* The file or the command; null: none is set. */
	bool ring_read;    /* It could be read, */
	sr_text ring_says; /* or this is why not. */
	sr_text cleaned;   /* When no plain copy was left in the database and its log: the last time
			      that this was seen to; null: never. */
	const sr_master_key *masters;
	size_t master_count;
} sr_keys_status;

/* Owned: sr_keys_status_free. Works without the ring, and on every version. */
SR_API SR_MUST_CHECK sr_status sr_keys_status_get(sr_catalog *catalog, sr_keys_status **status);
SR_API void sr_keys_status_free(sr_keys_status *status);

#define SR_KEYS_OPTIONS_VERSION 1

typedef struct sr_keys_options {
	unsigned version;     /* SR_KEYS_OPTIONS_VERSION, set by sr_keys_options_init. */
	sr_stage_fn progress; /* May be NULL. Cancelling is heeded as long as nothing is done, and
				 while plain copies are removed. */
	void *progress_arg;
} sr_keys_options;

SR_API void sr_keys_options_init(sr_keys_options *options);

/* What sr_keys_init and sr_keys_unwrap did. */
typedef struct sr_keys_done {
	char id[SR_MASTER_ID_SIZE]; /* Of the current master key; "" after unwrapping. */
	bool ring_made;             /* The file is new, */
	bool begun;                 /* and so is that keys are wrapped here. */
	int64_t changed;            /* Keys that were wrapped, or made plain. */
	bool cleaned;               /* No plain copy is left in the database, its free pages and
				       its log; */
	char why[512];              /* or this kept them there. */
} sr_keys_done;

/*
 * Begins to wrap: makes the key ring where its file is missing, else takes its newest key; wraps
 * every client's AES key in one transaction; then removes what plain copies are left, by making the
 * database compact (as sr_optimize does, with the same room on the disk) and emptying its log.
 * Where this was done before it wraps what is plain since, and removes copies again. Backups made
 * earlier keep their plain keys.
 *
 * Once keys are wrapped the call succeeds, also where copies could not be removed, since a reader
 * holds them or the disk is full: cleaned says so, and another call does it. SR_INVALID without a
 * key ring, inside a transaction, and with STRONGROOM_AES_KEYS=plain. options may be NULL.
 */
SR_API SR_MUST_CHECK sr_status sr_keys_init(sr_catalog *catalog, const sr_keys_options *options,
					    sr_keys_done *done);

/* The way back: makes every key plain, in one transaction, and wraps no more. All or none: a key
 * that cannot be unwrapped fails it. */
SR_API SR_MUST_CHECK sr_status sr_keys_unwrap(sr_catalog *catalog, sr_keys_done *done);

/* A client whose key cannot be read. Valid during the call. */
typedef struct sr_key_fault {
	sr_id client;
	sr_text name;
	sr_status status;
	const char *message;
	const char *reason; /* The message without whose key it is, for where that is said. */
} sr_key_fault;

typedef void (*sr_key_fault_fn)(void *arg, const sr_key_fault *fault);

/* Unwraps every key and calls fn (may be NULL) for each that cannot be; checked (may be NULL) says
 * how many wrapped ones there are, faults how many of them are not readable. */
SR_API SR_MUST_CHECK sr_status sr_keys_check(sr_catalog *catalog, sr_key_fault_fn fn, void *arg,
					     int64_t *checked, int64_t *faults);

/* A backup that the catalog knows of: one of its activities names it, as made or as restored, also
 * of a catalog that another was restored over; or it is called like a backup of the database in the
 * folder of such a one, or beside the database. So are databases that a restore has set aside, and
 * copies of rehearsals that were kept. What was moved elsewhere nobody knows of, nor what
 * activities named that were cleaned up. Valid during the call. */
typedef struct sr_known_backup {
	const char *path;
	int64_t bytes;
	int64_t written; /* When the file was, microseconds since 1970. */
	bool wrapped;    /* It has wrapped keys, which the master keys of its time open. Of a packed
			    one that is assumed. */
} sr_known_backup;

typedef void (*sr_known_backup_fn)(void *arg, const sr_known_backup *backup);

/* Calls fn for each, but for those in the `count` folders `but`. Plain ones are looked into. */
SR_API SR_MUST_CHECK sr_status sr_keys_backups(sr_catalog *catalog, const char *const *but,
					       size_t count, sr_known_backup_fn fn, void *arg);

#define SR_KEYS_ROTATE_OPTIONS_VERSION 1

typedef struct sr_keys_rotate_options {
	unsigned version; /* SR_KEYS_ROTATE_OPTIONS_VERSION, set by sr_keys_rotate_options_init. */
	bool forget_old;  /* Remove every other master key from the ring at the end. */
	bool even_needed; /* Though backups that are known (sr_keys_backups) need them. */
	sr_stage_fn progress; /* May be NULL. Cancelling is heeded between the steps. */
	void *progress_arg;
} sr_keys_rotate_options;

SR_API void sr_keys_rotate_options_init(sr_keys_rotate_options *options);

typedef struct sr_keys_rotated {
	char id[SR_MASTER_ID_SIZE]; /* Of the new master key; "": keys are as they were. */
	int64_t changed;            /* Keys that are wrapped under it now. */
	int64_t unreadable; /* Wrapped ones that could not be opened, and stay as they are. */
	int64_t forgotten;  /* Master keys that the ring had, and has no more. */
} sr_keys_rotated;

/*
 * Makes a new master key and appends it to the ring, on the disk; then wraps every key under it, in
 * one transaction: 10,000 in a fraction of a second. Whatever ends it in between, the ring opens
 * every key. Other processes read the ring again when it was changed. Old master keys stay in the
 * ring, for backups that were made before, until they are forgotten: then no AES key in those can
 * be read again, and no key of another catalog that uses the same ring.
 *
 * With a key ring from a command the newest key that this prints is taken, SR_INVALID where that is
 * the current one; and none is forgotten. SR_INVALID where keys are not wrapped, inside a
 * transaction, and with STRONGROOM_AES_KEYS=plain. SR_REFUSED, with nothing changed, to forget what
 * known backups need. Rotating, shredding and beginning wait for each other, as long as for a lock
 * of the database, and are SR_BUSY after that; SR_BUSY at once to forget any while a backup of this
 * database is being made. SR_CORRUPT for not having forgotten any because some keys cannot be
 * opened, and SR_INTERRUPTED between the steps: *done says what was done. options may be NULL.
 */
SR_API SR_MUST_CHECK sr_status sr_keys_rotate(sr_catalog *catalog,
					      const sr_keys_rotate_options *options,
					      sr_keys_rotated *done);

#define SR_SHRED_OPTIONS_VERSION 1

typedef void (*sr_shred_fn)(void *arg, const char *path);
typedef void (*sr_namesake_fn)(void *arg, const sr_id *id);

typedef struct sr_shred_options {
	unsigned version;           /* SR_SHRED_OPTIONS_VERSION, set by sr_shred_options_init. */
	const char *const *folders; /* Of backups: each backup in them is written anew. */
	size_t folder_count;
	const void *key; /* The passphrase of those that are encrypted; NULL: none. */
	size_t key_length;
	bool even_known;       /* Though backups are known (sr_keys_backups) that are elsewhere. */
	sr_shred_fn rewritten; /* Told each backup that was written anew. May be NULL. */
	void *rewritten_arg;
	sr_shred_fn passed_over; /* Told, once each, what is in the folders and was not looked
				    into, though it may have a key: folders, links, and files
				    that are in no form of a backup, such as one that another
				    program has packed, or have no catalog in it. May be NULL. */
	void *passed_over_arg;
	sr_namesake_fn namesake; /* Told, once each, other clients that backups in the folders have
				    under the client's name, with an AES key, and the catalog does
				    not have: their keys stay until they are shredded themselves.
				    May be NULL. */
	void *namesake_arg;
	sr_stage_fn progress; /* May be NULL. Cancelling ends it between two steps. */
	void *progress_arg;
} sr_shred_options;

SR_API void sr_shred_options_init(sr_shred_options *options);

typedef struct sr_shredded {
	char id[SR_MASTER_ID_SIZE]; /* Of the new master key; "": nothing was changed. */
	int64_t rewrapped;          /* Other clients' keys, wrapped under it now. */
	int64_t backups;            /* Written anew. */
	int64_t forgotten;          /* Master keys that are destroyed. */
	int64_t left;               /* Known backups elsewhere, no key in which can be read now. */
	int64_t files;              /* Records of files that went with the client. */
} sr_shredded;

/*
 * Deletes a client such that its AES key cannot be had back, neither from the database with its log
 * and free pages, nor from the backups in the folders. Makes a new master key; takes the client's
 * key away and wraps the others under that, in one transaction; does the same in each backup,
 * plain, compressed or encrypted, and puts the verified result in its place; makes the database
 * compact and empties its log; destroys all master keys before, so that wrapped copies that were
 * kept elsewhere open for nobody; and deletes the client. No other client's key is lost, but in
 * backups that are in none of the folders: in those no key, of any client, can be read afterwards
 * (plain keys, of backups from before sr_keys_init, stay what they are). Another catalog that uses
 * the same ring loses its keys: rotate that first, to a ring of its own.
 *
 * A client goes by its id, in the backups as well: one that was deleted and added again is another
 * there. One that the catalog does not have, but a backup in the folders, is shredded there;
 * SR_NOT_FOUND, with nothing changed, where none has it.
 *
 * The folders must have nothing in them that is in use as a database. Whatever ends it in between,
 * the same call again finishes it; a failure after "nothing was changed" says so, and *done has how
 * far it came. SR_REFUSED where backups are known elsewhere; SR_BUSY where somebody writes a
 * backup, holds the log, or gives the client a key again; SR_WRONG_KEY for a passphrase that does
 * not open a backup; SR_INVALID as sr_keys_rotate, and with a key ring from a command.
 */
SR_API SR_MUST_CHECK sr_status sr_client_shred(sr_catalog *catalog, const sr_id *id,
					       const sr_shred_options *options, sr_shredded *done);

/* ------------------------------------------------------------------- Files */

/* A file of the catalog. For sr_file_save only the fields up to `stored` are read. */
typedef struct sr_file {
	sr_id client_id;
	sr_text name;          /* FileName; when saving, null means original_path's last part. */
	sr_text path;          /* PathName: where its bytes are; null means name, and of
				  a known file that path and stored stay. */
	sr_text original_path; /* Where it was on the client; null: known by name alone. */
	int64_t size;          /* Bytes, or SR_NULL_INTEGER. */
	sr_text date;          /* ModificationDate as given, or null. */
	int64_t crc;           /* POSIX cksum, or SR_NULL_INTEGER. */
	sr_text hash;          /* SHA-256 in hex, or null. */
	bool verified;
	sr_text category;
	sr_text mime_type;
	sr_text extension;         /* Without the dot, lower case, at most 10 bytes. */
	int64_t transfer_duration; /* Milliseconds, or SR_NULL_INTEGER. */
	int64_t transfer_speed;    /* Bytes a second, or SR_NULL_INTEGER. */
	double compression_ratio;  /* Stored/original, or NAN. */
	int64_t modified_ns; /* Nanoseconds since 1970, as stat() gave it, or SR_NULL_INTEGER. */
	int64_t inode;       /* Or SR_NULL_INTEGER. */
	bool stored;         /* Its bytes are kept at path; else it is only catalogued. */

	/* From here on only read. */
	sr_id id;
	bool has_id;             /* Old databases hold files without an id of their own. */
	sr_text client_name;     /* Null for an orphan. */
	int64_t versions;        /* TotalVersions, at least 1. */
	int64_t current_version; /* CurrentVersionID, or SR_NULL_INTEGER. */
	sr_text missing_since;   /* When record found it gone; null while it is there. */
	sr_text recorded_at;     /* When this state was recorded, where known. */
	int64_t version;         /* Of an earlier state, which a search with all_versions finds: its
				    number. SR_NULL_INTEGER: this is how the file is now. */
} sr_file;

/* Fills a file with nulls; set what is known and save it. stored starts true. */
SR_API void sr_file_init(sr_file *file);

/*
 * Saves files, all or none. A file is known by client and original path, or client and name
 * where only that is given. Unknown: added. Known with other content (another hash where
 * both sides have one, else another CRC, else another size or date): changed, a version is
 * appended. The same content with another date, path, verified flag or classification: the
 * row is updated in place, and counts as unchanged. outcomes (may be NULL) has room for
 * count; ids (may be NULL) receive the ids of the rows; saved may be NULL. An unknown client
 * is SR_NOT_FOUND.
 *
 * Files are taken in their order. One that would bring its client over its quota (see Quotas) is
 * not written, its outcome is SR_OVER_QUOTA, and its id that of the row there is, else zeros. The
 * others are saved, and the call returns SR_QUOTA with everything filled in: the one failure that
 * keeps something. The words
 * name the first such file, client, quota, what is used and what was needed. Of a refused file
 * only the failed transfer is written down (see Activity); files that are added or changed count
 * as transferred, unchanged ones do not.
 */
SR_API SR_MUST_CHECK sr_status sr_file_save(sr_catalog *catalog, const sr_file *files, size_t count,
					    sr_outcome *outcomes, sr_id *ids, sr_saved *saved);

/* What several calls for one client have in common, so that its activities count runs and not
 * calls: each adds to the row that the first one wrote (see Activity), in its own transaction. On a
 * new day (UTC) a new row begins. Zeroed before the first call, and again after a rollback of the
 * caller's own transaction. One call at a time. */
typedef struct sr_activity_run {
	int64_t saved;  /* Its activity "save", */
	int64_t failed; /* and "save_failed"; 0: none yet. */
} sr_activity_run;

/* sr_file_save as a part of a run, which may be NULL. */
SR_API SR_MUST_CHECK sr_status sr_file_save_run(sr_catalog *catalog, const sr_file *files,
						size_t count, sr_outcome *outcomes, sr_id *ids,
						sr_saved *saved, sr_activity_run *run);

/*
 * In the calls below `key` means the file that was saved under exactly that original path
 * or, without one, that name; else the newest (most recently added) file of that name. Each
 * changes exactly one file. SR_NOT_FOUND names client and key.
 */

/* One file, owned: sr_file_free. */
SR_API SR_MUST_CHECK sr_status sr_file_find(sr_catalog *catalog, const sr_id *client, sr_text key,
					    sr_file **file);
SR_API SR_MUST_CHECK sr_status sr_file_by_id(sr_catalog *catalog, const sr_id *id, sr_file **file);
SR_API void sr_file_free(sr_file *file);

/* Sets Verified, and CRC unless it is SR_NULL_INTEGER. */
SR_API SR_MUST_CHECK sr_status sr_file_set_verified(sr_catalog *catalog, const sr_id *client,
						    sr_text key, bool verified, int64_t crc);

/* Reads what is stored and compares it with what is recorded. Equal: sets Verified (and a CRC
 * or hash that was missing). Different or absent: clears Verified and returns SR_CORRUPT or
 * SR_NOT_FOUND. A file that is only catalogued is SR_INVALID: nothing is stored. One outside
 * FILE_STORAGE_DIR, symbolic links and ".." included, is not read: SR_REFUSED, and nothing changes.
 */
SR_API SR_MUST_CHECK sr_status sr_file_verify(sr_catalog *catalog, const sr_id *client,
					      sr_text key);

/* Deletes the record and its versions; the stored bytes stay. */
SR_API SR_MUST_CHECK sr_status sr_file_delete(sr_catalog *catalog, const sr_id *client,
					      sr_text key);

/* Deletes the stored file and the record. Never outside FILE_STORAGE_DIR, symbolic links and
 * ".." included: that is SR_REFUSED and nothing changes. Whatever fails in between, record
 * and file agree afterwards: the file is moved aside as .strongroom-deleted-… in its folder
 * until the record is gone. A crash before that is made good by the next deletion or
 * verification of the file; a crash right after it leaves the bytes under that name, where no
 * record refers to them: the next deletion of a file stored there removes them, and so may
 * anybody. Should the bytes resist in the very last step, the error names what
 * remains, and the record is deleted. Bytes that another record refers to stay for that one.
 * For a file that is only catalogued it deletes the record. Inside the thread's transaction it
 * is SR_INVALID: a rollback could not bring the bytes back. */
SR_API SR_MUST_CHECK sr_status sr_file_delete_stored(sr_catalog *catalog, const sr_id *client,
						     sr_text key);

typedef struct sr_files sr_files;

/* All files, or with a client its own, in the order they were recorded. */
SR_API SR_MUST_CHECK sr_status sr_file_list(sr_catalog *catalog, const sr_id *client,
					    sr_files **cursor);
/* *file is NULL after the last one. */
SR_API SR_MUST_CHECK sr_status sr_files_next(sr_files *cursor, const sr_file **file);
SR_API void sr_files_close(sr_files *cursor);

/* A client's files saved with an original path below `folder` ("/" too), in the byte order of
 * those paths: at most `limit` of them (0: all), and only those that sort after `after` (null:
 * from the start). So a long walk goes in chunks and keeps no connection between them. */
SR_API SR_MUST_CHECK sr_status sr_file_list_below(sr_catalog *catalog, const sr_id *client,
						  sr_text folder, sr_text after, size_t limit,
						  sr_files **cursor);

/* Marks the client's files with these original paths as missing since `when` (an instant), all
 * or none. Those marked before keep their mark, and paths that nothing is known under are
 * left out; marked (may be NULL) counts the rest. sr_file_save takes a mark away. */
SR_API SR_MUST_CHECK sr_status sr_file_mark_missing(sr_catalog *catalog, const sr_id *client,
						    const sr_text *paths, size_t count,
						    int64_t when, int64_t *marked);

/* One line of a folder: a file of it, or a folder below it with all that it holds. */
typedef struct sr_entry {
	sr_text name; /* Below the folder asked for: one part, or recursive several. */
	bool is_folder;
	int64_t files;       /* Files in it, at any depth; 1 for a file. */
	int64_t bytes;       /* Their sizes. */
	sr_text newest;      /* Of a folder the newest date below it; of a file its date. */
	const sr_file *file; /* NULL for a folder. */
} sr_entry;

typedef struct sr_folder sr_folder;

/* A client's files like a folder tree: one level of `folder` ("" or "/" is the root), or
 * recursive every file below it. Slashes at the folder's ends do not matter, and files known by
 * name alone stand beside those with a path. Sorted by the bytes of the path, so that a folder
 * stands where its name with a slash would. SR_NOT_FOUND where nothing is below it, except
 * that the root of a client that exists may be empty. */
SR_API SR_MUST_CHECK sr_status sr_folder_open(sr_catalog *catalog, const sr_id *client,
					      sr_text folder, bool recursive, sr_folder **cursor);
SR_API SR_MUST_CHECK sr_status sr_folder_next(sr_folder *cursor, const sr_entry **entry);
SR_API void sr_folder_close(sr_folder *cursor);

/* ---------------------------------------------------------------- Versions */

typedef struct sr_file_version {
	int64_t id;     /* SR_NULL_INTEGER for a file that never changed. */
	int64_t number; /* From 1. */
	sr_text path;
	int64_t size;
	sr_text date; /* ModificationDate of that state. */
	int64_t crc;
	sr_text hash;
	sr_text created; /* When the state was recorded. */
	bool active;
	int64_t parent; /* The id of the version it came from, or SR_NULL_INTEGER. */
	bool pinned;    /* Never pruned. */
} sr_file_version;

typedef struct sr_versions sr_versions;

/* Every version of a file, oldest first. A file that never changed has one, its own state. */
SR_API SR_MUST_CHECK sr_status sr_version_list(sr_catalog *catalog, const sr_id *client,
					       sr_text key, sr_versions **cursor);
SR_API SR_MUST_CHECK sr_status sr_versions_next(sr_versions *cursor,
						const sr_file_version **version);
SR_API void sr_versions_close(sr_versions *cursor);

/* One version, owned: sr_version_free. SR_NOT_FOUND names file and number. */
SR_API SR_MUST_CHECK sr_status sr_version_find(sr_catalog *catalog, const sr_id *client,
					       sr_text key, int64_t number,
					       sr_file_version **version);
SR_API void sr_version_free(sr_file_version *version);

/* In what two versions differ; bits. */
enum {
	SR_VERSION_PATH = 1,
	SR_VERSION_SIZE = 2,
	SR_VERSION_DATE = 4, /* Two spellings of one instant are the same. */
	SR_VERSION_CRC = 8,
	SR_VERSION_HASH = 16,
	SR_VERSION_CREATED = 32,
	SR_VERSION_PINNED = 64,
};
SR_API unsigned sr_version_diff(const sr_file_version *a, const sr_file_version *b);

/*
 * Makes what the file was in version `number` its present state. Nothing is overwritten: it is
 * appended as a new version, whose parent is the one it was taken from, and the state that the
 * file had stays as its own. Path, size, date, CRC and hash come back; the rest is cleared, since
 * it is not known of that state: Verified, the figures of the transfer, and by what record tells
 * that a file did not change, so that it looks again. Stored bytes are not touched.
 *
 * activated (may be NULL) receives the new version's number. SR_INVALID: it is the current state
 * already. SR_QUOTA: the client's quota has no room for it. SR_NOT_FOUND names file and number.
 */
SR_API SR_MUST_CHECK sr_status sr_version_activate(sr_catalog *catalog, const sr_id *client,
						   sr_text key, int64_t number, int64_t *activated);

/* Pins a version, or takes the pin away: pinned ones are never pruned. number SR_NULL_INTEGER means
 * the current one. pinned (may be NULL) receives the number of the version. */
SR_API SR_MUST_CHECK sr_status sr_version_pin(sr_catalog *catalog, const sr_id *client, sr_text key,
					      int64_t number, bool pin, int64_t *pinned);

/* --------------------------------------------------------------- Retention */

#define SR_KEEP_VERSION   1
#define SR_KEEP_UNLIMITED (-1)

/*
 * Which of a list of dated things, the versions of a file or a folder of backups, are kept.
 *
 * Each rule goes through the list from the newest to the oldest. last keeps the newest N. daily
 * keeps the newest of each day, for the N newest days that have any; weekly, monthly and yearly
 * likewise. within keeps what is at most that many seconds older than the newest of the list. What
 * any rule keeps is kept. A day is one of the local time zone of the process ($TZ), 23 or 25 hours
 * long where clocks are changed; a week is one of ISO 8601, Monday to Sunday. What has no readable
 * date is always kept, and uses up no rule.
 */
typedef struct sr_keep {
	unsigned version; /* SR_KEEP_VERSION, set by sr_keep_init. */
	int64_t last;     /* How many each rule keeps; 0: the rule is not set, */
	int64_t daily;    /* SR_KEEP_UNLIMITED: as many as there are. */
	int64_t weekly;
	int64_t monthly;
	int64_t yearly;
	int64_t within; /* Seconds; 0: not set, SR_KEEP_UNLIMITED: everything. */
} sr_keep;

/* No rule is set. */
SR_API void sr_keep_init(sr_keep *keep);

/* How long within reaches back, in seconds: one or more of a whole number and its unit, which add
 * up, as in 2y5m7d3h. Units are y, m, w, d and h: m is months, and nothing is shorter than an hour.
 * A month counts 31 days and a year 366: rather more is kept than less. SR_INVALID for anything
 * else, and for more than 1000 years. */
SR_API SR_MUST_CHECK sr_status sr_keep_within_parse(const char *text, int64_t *seconds);

/* Sets the rule "last", "daily", "weekly", "monthly" or "yearly" to a whole number up to 1,000,000,
 * "within" to what sr_keep_within_parse reads, any of them to "unlimited". SR_INVALID names rule
 * and value. */
SR_API SR_MUST_CHECK sr_status sr_keep_set(sr_keep *keep, const char *rule, const char *value);

/* Whether any rule is set. */
SR_API bool sr_keep_any(const sr_keep *keep);

/* Why something is kept; bits. */
enum {
	SR_KEPT_LAST = 1,
	SR_KEPT_DAILY = 2,
	SR_KEPT_WEEKLY = 4,
	SR_KEPT_MONTHLY = 8,
	SR_KEPT_YEARLY = 16,
	SR_KEPT_WITHIN = 32,
	SR_KEPT_UNREADABLE = 64, /* No date that can be read. */
	SR_KEPT_PINNED = 128,
	SR_KEPT_ACTIVE = 256, /* The current version. */
};

#define SR_KEPT_TEXT_SIZE 128

/* These bits in words, "last, daily, within 30d"; "" for none. keep says what within is: in days,
 * else in hours, which sr_keep_within_parse reads as the same, else in seconds, which it refuses.
 */
SR_API void sr_kept_format(unsigned kept, const sr_keep *keep, char text[SR_KEPT_TEXT_SIZE]);

/* One version that was looked at; valid during the call. */
typedef struct sr_prune_version {
	sr_text client_name;
	sr_text file; /* Its original path, or its name. */
	const sr_file_version *version;
	unsigned kept;       /* SR_KEPT_*; 0: it goes. */
	const sr_keep *keep; /* The rules. */
} sr_prune_version;

/* Returning true stops (SR_INTERRUPTED). */
typedef bool (*sr_prune_fn)(void *arg, const sr_prune_version *version);

#define SR_PRUNE_OPTIONS_VERSION 1

typedef struct sr_prune_options {
	unsigned version;     /* SR_PRUNE_OPTIONS_VERSION, set by sr_prune_options_init. */
	const sr_keep *keep;  /* The rules, */
	bool policies;        /* or each client's own; exactly one of the two. Where nobody has one
				 it is SR_NOT_FOUND. */
	const sr_id *clients; /* Whose versions; count 0: those of all, or of all with a policy. */
	size_t client_count;
	sr_text file;            /* Only this one of the one client, by its key; null: all. */
	bool dry_run;            /* Only say what would go. */
	bool delete_stored;      /* Also delete stored bytes that nothing refers to any more. */
	sr_prune_fn each;        /* May be NULL. In a real run it tells what has been done. */
	sr_progress_fn progress; /* Files looked at so far; the total is not known. May be NULL. */
	void *arg;               /* For both. */
} sr_prune_options;

SR_API void sr_prune_options_init(sr_prune_options *options);

typedef struct sr_prune_summary {
	int64_t clients;       /* Looked at. */
	int64_t files;         /* With more than one version. */
	int64_t kept;          /* Versions of those that stay, */
	int64_t pruned;        /* and that went or would go, */
	int64_t bytes;         /* and the sizes of these. */
	int64_t stored_files;  /* Stored files that were deleted, */
	int64_t stored_bytes;  /* and what they took. */
	int64_t stored_failed; /* That could not be deleted; each is logged as a warning. */
} sr_prune_summary;

/*
 * Deletes the versions that no rule keeps. When a version was recorded (created) is its time; one
 * whose time cannot be read stays, as do pinned ones and the one that is current. All of them
 * count for the rules. Children of a version that goes get its nearest ancestor that stays as their
 * parent, and TotalVersions is counted anew. A file with one version is not looked at.
 *
 * It goes in transactions of some hundred files, each of which is decided on in the one that
 * changes it, so that others may save meanwhile. Whatever stops it, the files so far are done and
 * the others as they were, and summary (may be NULL) tells of those. A call leaves
 * one activity "prune" a client, to which each transaction adds: it tells what is done so far.
 *
 * delete_stored deletes the bytes of pruned versions of stored files where no file and no version
 * refers to them any more, and they lie below FILE_STORAGE_DIR; never anything else. That comes
 * after the commit: a crash in between leaves files that health finds. Inside the thread's
 * transaction it is SR_INVALID: a rollback could not bring the bytes back.
 *
 * SR_INVALID without any rule: what is not to be kept must be said. SR_NOT_FOUND names a client, a
 * file or a policy that is not there. A dry run works on databases of every version.
 */
SR_API SR_MUST_CHECK sr_status sr_prune(sr_catalog *catalog, const sr_prune_options *options,
					sr_prune_summary *summary);

/* A client's own rules, for prune with policies. */
typedef struct sr_policy {
	sr_id client_id;
	sr_text client_name;
	sr_keep keep;
	sr_text updated; /* When it was set. */
} sr_policy;

/* Sets the client's policy in place of the one it has. SR_INVALID without any rule. */
SR_API SR_MUST_CHECK sr_status sr_policy_set(sr_catalog *catalog, const sr_id *client,
					     const sr_keep *keep);

/* Takes it away. cleared (may be NULL) is false where there was none. */
SR_API SR_MUST_CHECK sr_status sr_policy_clear(sr_catalog *catalog, const sr_id *client,
					       bool *cleared);

/* One client's, owned: sr_policy_free. SR_NOT_FOUND where it has none. */
SR_API SR_MUST_CHECK sr_status sr_policy_get(sr_catalog *catalog, const sr_id *client,
					     sr_policy **policy);
SR_API void sr_policy_free(sr_policy *policy);

typedef struct sr_policies sr_policies;

/* Every policy by the client's name. Databases of older versions have none. */
SR_API SR_MUST_CHECK sr_status sr_policy_list(sr_catalog *catalog, sr_policies **cursor);
/* *policy is NULL after the last one. */
SR_API SR_MUST_CHECK sr_status sr_policies_next(sr_policies *cursor, const sr_policy **policy);
SR_API void sr_policies_close(sr_policies *cursor);

/* -------------------------------------------------------------- Categories */

#define SR_CATEGORY_NAME_MAX 50 /* Bytes of a category's name. */

/* What files are sorted into. Every catalog has "document", which a file saved without a category
 * gets, and "other", which classifying gives where no rule fits. */
typedef struct sr_category {
	sr_text name;        /* 1 to 50 bytes of UTF-8 without control characters. */
	sr_text description; /* May be null. */
	sr_text path;        /* DefaultPath: a hint for where such files are stored, or null. */
	sr_text color;       /* "#rrggbb"; null when adding means the default, #007acc. */
	bool known;          /* False for a name that files have and no category. */
	int64_t rules;       /* How many rules lead to it. */
	int64_t files;       /* Its files and their bytes, when listed with counts; else */
	int64_t bytes;       /* SR_NULL_INTEGER. */
} sr_category;

/* Fields of sr_category for sr_category_update. */
enum {
	SR_CATEGORY_DESCRIPTION = 1,
	SR_CATEGORY_PATH = 2,
	SR_CATEGORY_COLOR = 4,
};

typedef enum sr_rule_kind {
	SR_RULE_MIME,      /* A type, or the beginning of one: "video/". The longest that fits. */
	SR_RULE_EXTENSION, /* Without the dot. Where no type is known or none fits. */
} sr_rule_kind;

/* A rule: what files have and the category that they get by it. Case does not matter. */
typedef struct sr_category_rule {
	sr_text category;
	sr_rule_kind kind;
	sr_text pattern;
} sr_category_rule;

/* Adds a category, and rules that lead to it (their own `category` is not read), all or none.
 * SR_EXISTS where there is one of that name, or where a pattern leads to another one. */
SR_API SR_MUST_CHECK sr_status sr_category_add(sr_catalog *catalog, const sr_category *category,
					       const sr_category_rule *rules, size_t count);

/* Changes the named fields (SR_CATEGORY_*, 0 for none) of the category with changes->name, takes
 * away `removed` rules, which must be its own, and adds `added` ones, all or none. */
SR_API SR_MUST_CHECK sr_status sr_category_update(sr_catalog *catalog, const sr_category *changes,
						  unsigned fields, const sr_category_rule *added,
						  size_t added_count,
						  const sr_category_rule *removed,
						  size_t removed_count);

/*
 * Deletes a category. Where files have it, move_to says which other one they get; its rules lead
 * there from then on. With a null move_to its rules go with it, and a category that files have is
 * SR_REFUSED with their number. "document" and "other" are SR_REFUSED. Files move in many short
 * transactions, the category goes in the last of them: a failure in between leaves it, and those
 * files that have moved. moved (may be NULL) counts them.
 */
SR_API SR_MUST_CHECK sr_status sr_category_delete(sr_catalog *catalog, sr_text name,
						  sr_text move_to, int64_t *moved);

typedef struct sr_categories sr_categories;

/* Every category by name; with counts also the names that only files have, for which all files are
 * read once. Works on databases of every version. */
SR_API SR_MUST_CHECK sr_status sr_category_list(sr_catalog *catalog, bool counts,
						sr_categories **cursor);
/* *category is NULL after the last one. */
SR_API SR_MUST_CHECK sr_status sr_categories_next(sr_categories *cursor,
						  const sr_category **category);
SR_API void sr_categories_close(sr_categories *cursor);

/* All rules, as they were when they were loaded; owned, and then read by any thread. A database
 * from before there were rules has none. */
typedef struct sr_category_rules sr_category_rules;

SR_API SR_MUST_CHECK sr_status sr_category_rules_load(sr_catalog *catalog,
						      sr_category_rules **rules);
SR_API size_t sr_category_rules_count(const sr_category_rules *rules);
/* They are sorted by category, types before extensions. The rules' own. */
SR_API const sr_category_rule *sr_category_rules_at(const sr_category_rules *rules, size_t index);
/* The category of a file of this MIME type and extension, each of which may be null. The rules'
 * own, or static; never null. */
SR_API sr_text sr_category_classify(const sr_category_rules *rules, sr_text mime_type,
				    sr_text extension);
SR_API void sr_category_rules_free(sr_category_rules *rules);

/* Gives one file this category, which must exist; `key` as for sr_file_find. */
SR_API SR_MUST_CHECK sr_status sr_category_assign(sr_catalog *catalog, const sr_id *client,
						  sr_text key, sr_text category);

/* Files that go from one category to another, null for none. */
typedef void (*sr_category_move_fn)(void *arg, sr_text from, sr_text to, int64_t files,
				    int64_t bytes);

#define SR_CLASSIFY_OPTIONS_VERSION 1

typedef struct sr_classify_options {
	unsigned version;          /* SR_CLASSIFY_OPTIONS_VERSION */
	const sr_id *client;       /* Only its files; NULL: all. */
	sr_text from;              /* Only files of this category; null: of any. */
	bool dry_run;              /* Count, change nothing. */
	sr_category_move_fn moved; /* Called at the end for each pair. May be NULL. */
	sr_progress_fn progress;   /* Files looked at, of those there are. May be NULL. */
	void *arg;                 /* For both. */
} sr_classify_options;

SR_API void sr_classify_options_init(sr_classify_options *options);

/* Applies the rules to the files that are there, in many short transactions: each is whole, and
 * SR_INTERRUPTED or a failure keeps those before it. looked and changed (may be NULL) count, and
 * `moved` is called, in every case. */
SR_API SR_MUST_CHECK sr_status sr_category_classify_files(sr_catalog *catalog,
							  const sr_classify_options *options,
							  int64_t *looked, int64_t *changed);

/* ------------------------------------------------------------------ Quotas */

/*
 * How many bytes a client may use. What it uses is the sizes of its files as the catalog holds
 * them, those marked missing among them. Retained versions do not count: a version is a row about
 * a state that was, while the catalogued file is what the client has. A size counts as an integer
 * from 0 to 2^53; one that is not known counts as 0.
 *
 * sr_file_save keeps to quotas to the byte, whoever else writes at the same time, and so does
 * sr_version_activate; sr_file_verify leaves a size that was not known as it is where it does not
 * fit. A file that shrinks or keeps its size is always let through, also over the quota. What other
 * programs write is counted just as exactly, but not refused unless sr_quota_enforce_set says so.
 * No client has more than 2^63 - 1 bytes in all, with a quota or without.
 *
 * The call that brings a client to its warning threshold logs one warning, inside the thread's
 * transaction when that commits. The activity "quota_warning" is written whoever it was.
 */
typedef enum sr_quota_state {
	SR_QUOTA_UNLIMITED, /* No quota. */
	SR_QUOTA_FINE,      /* Below the warning threshold. */
	SR_QUOTA_WARNING,   /* At it or above: warned once, and again after falling below. */
	SR_QUOTA_EXCEEDED,  /* More is used than allowed, because the quota was lowered, or by
			       another program. */
} sr_quota_state;

/* "unlimited", "ok", "warning", "exceeded". Static. */
SR_API const char *sr_quota_state_name(sr_quota_state state);

typedef struct sr_quota {
	sr_id client_id;
	sr_text client_name;
	int64_t quota_bytes;      /* SR_NULL_INTEGER: unlimited, as the next and two more. */
	int64_t available_bytes;  /* What still fits; never negative. */
	double used_percent;      /* NAN: unlimited. 100 for a quota of 0. */
	double warning_threshold; /* A part of the quota, 0.8 for 80 %. NAN: unlimited. */
	int64_t used_bytes;       /* Always known. */
	sr_quota_state state;
} sr_quota;

/* Sets the client's quota: bytes from 0, and the threshold above 0 and at most 1; NAN keeps the one
 * that it has, else is the default's, else 0.8. A quota below what is used is allowed: then
 * nothing is lost and nothing more fits, and the state is SR_QUOTA_EXCEEDED. quota (may be NULL)
 * receives how it is now, owned: sr_quota_free. */
SR_API SR_MUST_CHECK sr_status sr_quota_set(sr_catalog *catalog, const sr_id *client, int64_t bytes,
					    double warning_threshold, sr_quota **quota);

/* Takes the quota away. cleared (may be NULL) is false where there was none. */
SR_API SR_MUST_CHECK sr_status sr_quota_clear(sr_catalog *catalog, const sr_id *client,
					      bool *cleared);

/* One client's, owned: sr_quota_free. Works on databases of every version, as the list does. */
SR_API SR_MUST_CHECK sr_status sr_quota_get(sr_catalog *catalog, const sr_id *client,
					    sr_quota **quota);
SR_API void sr_quota_free(sr_quota *quota);

typedef struct sr_quotas sr_quotas;

/* Every client by name, those without a quota too. */
SR_API SR_MUST_CHECK sr_status sr_quota_list(sr_catalog *catalog, sr_quotas **cursor);
/* *quota is NULL after the last one. */
SR_API SR_MUST_CHECK sr_status sr_quotas_next(sr_quotas *cursor, const sr_quota **quota);
SR_API void sr_quotas_close(sr_quotas *cursor);

/* What clients get that are added from now on, by whatever program; bytes SR_NULL_INTEGER, as it is
 * unless set: no quota. The threshold as in sr_quota_set. */
SR_API SR_MUST_CHECK sr_status sr_quota_default_set(sr_catalog *catalog, int64_t bytes,
						    double warning_threshold);
SR_API SR_MUST_CHECK sr_status sr_quota_default_get(sr_catalog *catalog, int64_t *bytes,
						    double *warning_threshold);

/* Whether statements of other programs, and those of sr_execute, that bring a client over its
 * quota fail. Off unless set, so that old programs go on. */
SR_API SR_MUST_CHECK sr_status sr_quota_enforce_set(sr_catalog *catalog, bool enforce);
SR_API SR_MUST_CHECK sr_status sr_quota_enforce_get(sr_catalog *catalog, bool *enforce);

/* ------------------------------------------------------------------ Search */

typedef enum sr_sort {
	SR_SORT_DATE, /* Default: newest first. Unreadable dates last, in both directions. */
	SR_SORT_NAME, /* By bytes. */
	SR_SORT_PATH,
	SR_SORT_SIZE, /* Largest first. Null sizes last, in both directions. */
} sr_sort;

/*
 * What a condition compares. Texts are compared folded: neither the case of letters nor how they
 * are composed matters, a sharp s is as ss, and bytes that are not UTF-8 stand for themselves. A
 * file's paths are its PathName and its OriginalPath; of an earlier state, that state's own path
 * in the place of PathName.
 */
typedef enum sr_match_kind {
	SR_MATCH_TERM, /* The text occurs in the name or in a path. No character is special. */
	SR_MATCH_GLOB, /* The name matches the pattern; where that holds a slash, a path or the name
			  does. */
	SR_MATCH_NAME, /* The name is the text. */
	SR_MATCH_PATH, /* A path begins with the text: "/home/anna/" is what lies below. */
	SR_MATCH_HASH, /* The hash begins with these hex digits. */
} sr_match_kind;

/*
 * In a pattern ? is any one character but a slash, and a star any number of them. [a-z] is one
 * character of a class, [!a-z] or [^a-z] one that is not in it; a ] belongs to a class where it
 * stands first or behind a backslash, a slash never does, and a [ without its ] is itself. Two
 * stars are any number of characters, slashes among them; where they are a whole part of a path,
 * with a slash behind, they are any number of parts, none too. A backslash makes the next
 * character ordinary. Everything else is itself. A character is one of the folded text, or one
 * byte that is not UTF-8.
 *
 * A pattern matches from the beginning of any part of the path to the path's end: photos/img_*.jpg
 * means /home/anna/Photos/IMG_1.jpg too. One that begins with a slash matches from the path's
 * beginning on, and one that ends in a slash means all that is below.
 */

/* One condition of a search. */
typedef struct sr_condition {
	sr_match_kind kind;
	bool negated; /* It must not hold. */
	sr_text text; /* Not empty. */
} sr_condition;

#define SR_QUERY_VERSION 3

/* What to search for. All filters that are set must match. Queries of version 1, without the
 * fields from `matches` on, and of version 2, without `client_part`, are understood as well. */
typedef struct sr_query {
	unsigned version;    /* SR_QUERY_VERSION, set by sr_query_init. */
	sr_text term;        /* Substring of name or path; case and composition of letters do
				not matter, % and _ are ordinary. Null: any. */
	sr_text file_type;   /* Extension, with or without the dot, any case. */
	sr_text client_name; /* Exact. An unknown client matches nothing. */
	int64_t from;        /* Instants, inclusive; SR_NULL_INTEGER: open. A `to` that is a */
	int64_t to;          /* whole day is that day's last microsecond: sr_day_end(). */
	int64_t min_size;    /* Bytes, inclusive; SR_NULL_INTEGER: open. */
	int64_t max_size;
	bool verified_only;
	bool present_only; /* Leave out files marked missing. */
	bool all_versions; /* Find earlier states too: each matches by its own path, size and date,
			      and by its file's names and extension. None is verified. */
	sr_sort sort;
	bool reverse;
	int64_t limit;     /* Rows at most; 0: all. sr_query_init sets 1000. */
	const char *after; /* A token of sr_search_token for the next rows, or NULL. The values
			      of from and to are then the token's: the window of the first
			      page, also where "7 days ago" has moved on since. */
	const sr_condition *matches; /* Further conditions; all must hold. Read during the call. */
	size_t match_count;
	sr_text client_part; /* Files of the clients whose name holds this, compared as terms are.
				Null or empty: any. */
} sr_query;

SR_API void sr_query_init(sr_query *query);

/* The last microsecond of the day that begins at instant. */
SR_API int64_t sr_day_end(int64_t instant);

/* Rows of a search; read with sr_files_next. Works on databases of every version. A token
 * that does not belong to this query is SR_INVALID. */
SR_API SR_MUST_CHECK sr_status sr_search(sr_catalog *catalog, const sr_query *query,
					 sr_files **cursor);

/* After the last row of a search: where to go on, or NULL when there is no more. The cursor's
 * own. No row comes twice, none is missed that was there throughout. */
SR_API const char *sr_search_token(const sr_files *cursor);

/* How a search went about it, and what that took: of all pages read so far, one at least. */
typedef struct sr_explanation {
	const char *choice; /* What the rows were narrowed by: "scan" by nothing, "client index",
			       and so on. Static. */
	int64_t estimated;  /* Rows that the choice was expected to leave; SR_NULL_INTEGER where
			       there was nothing to choose from. */
	int64_t candidates; /* Rows that it left, as far as the search went, */
	int64_t rechecked;  /* rows that were read and compared: of those, and new ones, */
	int64_t hits;       /* and those that matched. Where rows come in the order asked for, the
			       search stops as soon as its page is settled. All three are of the
			       pass that answered, where one was given up for a scan; each page
			       is a pass of its own, and adds to them. */
	double planning;    /* Seconds until the first row could be read, */
	double matching;    /* then until the page was known, */
	double fetching;    /* and for its rows, those handed out so far. */
} sr_explanation;

/* SR_INVALID for a cursor that is not of sr_search. */
SR_API SR_MUST_CHECK sr_status sr_search_explain(const sr_files *cursor,
						 sr_explanation *explanation);

/* How much there is. Sizes that are not known count as 0, and one counts as 2^53 bytes at most. */
typedef struct sr_found {
	int64_t files;
	int64_t bytes;
} sr_found;

/* Counts what a search would find, all of it, without reading the rows whole. The query's sort,
 * reverse, limit and after do not matter. */
SR_API SR_MUST_CHECK sr_status sr_search_count(sr_catalog *catalog, const sr_query *query,
					       sr_found *found);

/* What to count by, and in which order: */
typedef enum sr_facet {
	SR_FACET_CLIENT = 1,   /* The client's name; most files first, */
	SR_FACET_TYPE = 2,     /* what the name ends in, else the extension recorded, folded, */
	SR_FACET_CATEGORY = 4, /* both likewise. */
	SR_FACET_MONTH = 8,    /* "2026-01", of the date in UTC; newest first. */
	SR_FACET_SIZE = 16,    /* A class of sizes, smallest first: "empty", "below 1 KiB",
				  "1 KiB to 16 KiB" and so on to "1 GiB and more", the names of
				  SR_TOTAL_BY_SIZE. */
} sr_facet;

/* The count of one value. */
typedef struct sr_facet_value {
	sr_facet facet;
	sr_text value; /* Null, and last: no client is known, there is no type, the date cannot be
			  read, and so on. */
	bool rest;     /* So many values that their texts would take more than 16 MiB: what found
			  no room, together. Then value is null, too. */
	int64_t files;
	int64_t bytes;
} sr_facet_value;

/* Called for each value that something was found under, facet by facet. The value's text is good
 * during the call. True ends the counting: SR_INTERRUPTED. It holds nothing of the catalog. */
typedef bool (*sr_facet_fn)(void *arg, const sr_facet_value *value);

/* Counts as sr_search_count and by each of the facets (SR_FACET_*, or-ed) as well, in one pass.
 * found may be NULL. */
SR_API SR_MUST_CHECK sr_status sr_search_facets(sr_catalog *catalog, const sr_query *query,
						unsigned facets, sr_facet_fn fn, void *arg,
						sr_found *found);

/* ---------------------------------------------------------------- Activity */

/*
 * Who did what. Every call that changes what clients have appends one row with its counts summed,
 * in the transaction of the change itself, so that a call that fails or is rolled back leaves
 * none. The types of clients' rows: save, save_failed, delete (of files, or of the client
 * with all that it had), verify, verify_failed, quota_set, quota_clear, quota_warning, activate,
 * prune. Of the whole catalog: backup, restore, repair, optimize. Other programs may write others.
 * What a deleted client did is kept under the name that it had.
 */
typedef struct sr_activity {
	sr_text type;
	sr_text timestamp; /* As stored; this library writes whole seconds. */
	bool has_client;   /* False: it concerns the whole catalog, and files is a null. */
	bool deleted;      /* The client is not there any more. */
	sr_id client_id;   /* All zeros without a client. */
	sr_text client_name;
	int64_t files;  /* Of a save_failed those that failed. */
	int64_t bytes;  /* Sizes of those files; of quota_set and quota_clear the quota. */
	sr_text detail; /* Of the whole catalog's: what it is about, for people. Else null. */
} sr_activity;

#define SR_ACTIVITY_QUERY_VERSION 1

/* Which to list. All filters that are set must match. */
typedef struct sr_activity_query {
	unsigned version;    /* SR_ACTIVITY_QUERY_VERSION, set by sr_activity_query_init. */
	const sr_id *client; /* Of this client, or of a deleted one with this id; NULL: any. */
	sr_text client_name; /* Likewise by name, exactly; null: any. */
	sr_text type;        /* Exactly; null: any. */
	int64_t since;       /* An instant, inclusive; SR_NULL_INTEGER: open. A timestamp that
				cannot be read is not known to be so young. */
	int64_t limit;       /* Rows at most; 0: all. sr_activity_query_init sets 100. */
} sr_activity_query;

SR_API void sr_activity_query_init(sr_activity_query *query);

typedef struct sr_activities sr_activities;

/* Newest first, by the texts of their timestamps; those of one second in the order of writing,
 * the last one first. A client that neither is nor was there is SR_NOT_FOUND. Works on databases
 * of every version; those that keep no activity have none. NULL for query lists all. */
SR_API SR_MUST_CHECK sr_status sr_activity_list(sr_catalog *catalog, const sr_activity_query *query,
						sr_activities **cursor);
/* *activity is NULL after the last one. */
SR_API SR_MUST_CHECK sr_status sr_activities_next(sr_activities *cursor,
						  const sr_activity **activity);
SR_API void sr_activities_close(sr_activities *cursor);

/* Reports transfers of the client that failed before a file could be saved, so that they are
 * counted: one activity "save_failed" (of the run, unless that is NULL), and as many failed
 * transfers of this day. 0 does nothing. */
SR_API SR_MUST_CHECK sr_status sr_activity_failed(sr_catalog *catalog, const sr_id *client,
						  int64_t count, sr_activity_run *run);

/* Removes activity of the days (UTC) that had ended before the instant, deleted clients' and the
 * whole catalog's too. So a day's is kept whole or not at all, and the sums of sr_transfer_day
 * stay. Rows whose timestamp cannot be read stay. It goes in portions, other writers between
 * them; after a failure those done are done. removed (may be NULL) is set in every case. What
 * clients used on days that are both so old and more than 400 days ago goes too, but for each one's
 * last. */
SR_API SR_MUST_CHECK sr_status sr_activity_cleanup(sr_catalog *catalog, int64_t before,
						   int64_t *removed);

/* --------------------------------------------------------------- Transfers */

/* What was transferred on one day (UTC) by sr_file_save and sr_record: files that were added or
 * changed, and those that were refused or failed. For a day whose activity is kept it is the sum of
 * the activities save and save_failed. */
typedef struct sr_transfer_day {
	sr_text date;        /* 2026-01-31 */
	int64_t total_files; /* Successful and failed ones. */
	int64_t total_bytes; /* Sizes of the successful ones, */
	int64_t successful_transfers;
	int64_t failed_transfers;
	int64_t average_file_size;   /* and what they have on average. */
	int64_t peak_transfer_speed; /* Bytes a second; 0 where none was told. */
} sr_transfer_day;

typedef struct sr_transfer_days sr_transfer_days;

#define SR_TRANSFER_DAYS_MAX 36600

/* The last `days` days, today the last of them, each of them: zeros where nothing was
 * transferred. 0: every day that something is known of, and no other. Oldest first. Works on
 * databases of every version. */
SR_API SR_MUST_CHECK sr_status sr_transfer_day_list(sr_catalog *catalog, int days,
						    sr_transfer_days **cursor);
/* *day is NULL after the last one. */
SR_API SR_MUST_CHECK sr_status sr_transfer_days_next(sr_transfer_days *cursor,
						     const sr_transfer_day **day);
SR_API void sr_transfer_days_close(sr_transfer_days *cursor);

/* -------------------------------------------------------------- Statistics */

typedef struct sr_statistics {
	/* database_info */
	sr_text file_path;
	double file_size_mb; /* 1 MB is 1048576 bytes here and below. */
	bool connection_pool_enabled;
	int pool_size;
	/* storage_info: zeros where the folder does not exist. */
	sr_text directory;
	int64_t stored_files;
	double stored_size_mb;
	/* client_stats */
	int64_t total_clients;
	int64_t clients_with_keys;      /* With a public key. */
	double average_days_since_seen; /* NAN without a readable one. */
	/* file_stats */
	int64_t total_files;
	int64_t verified_files;
	double verification_rate; /* Percent, 0 to 100. */
	double average_file_size_mb;
	double total_size_gb;
	double min_file_size_kb;
	double max_file_size_mb;
	/* performance_info */
	int64_t indexes_count;
	const sr_text *indexes; /* indexes_count names, sorted. */
} sr_statistics;

/* All of it, owned: sr_statistics_free. Works on databases of every version; from version 17 on it
 * reads counters, however many files there are: a negative size, which makes no sense, then counts
 * as 0 in sums, and one above 2^53 as that. */
SR_API SR_MUST_CHECK sr_status sr_statistics_get(sr_catalog *catalog, sr_statistics **statistics);
SR_API void sr_statistics_free(sr_statistics *statistics);

/* What files are counted by. */
typedef enum sr_total_by {
	SR_TOTAL_BY_CATEGORY,
	SR_TOTAL_BY_SIZE,     /* Classes of sizes, sixteenfold from one to the next. */
	SR_TOTAL_BY_DAY,      /* Of ModificationDate, in the zone that it is written in, */
	SR_TOTAL_BY_MONTH,    /* or its month. */
	SR_TOTAL_BY_RECORDED, /* The day (UTC) on which the catalog took their present content. */
} sr_total_by;

typedef struct sr_total {
	sr_text name;       /* A category; a day, "2026-01-31"; a month; a size class in words. Null
			       for files of no category, or of no such time. */
	int64_t size_from;  /* Of a size class: bytes of its files, from here */
	int64_t size_below; /* to below this; SR_NULL_INTEGER where there is no end, both where the
			       size is not known, and for everything else. */
	int64_t files;
	int64_t bytes;
	int64_t verified_files; /* SR_NULL_INTEGER by day, month and recorded. */
} sr_total;

typedef struct sr_totals sr_totals;

/* Files and bytes by one of these, in its order; those without a name first. From version 17 on
 * from counters that triggers keep; older databases are counted, which reads every file. */
SR_API SR_MUST_CHECK sr_status sr_total_list(sr_catalog *catalog, sr_total_by by,
					     sr_totals **cursor);
/* *total is NULL after the last one. */
SR_API SR_MUST_CHECK sr_status sr_totals_next(sr_totals *cursor, const sr_total **total);
SR_API void sr_totals_close(sr_totals *cursor);

/* All files and those that are verified: how many there are, how many of them have a size that is
 * known, and the bytes of these. */
typedef struct sr_file_sums {
	int64_t files;
	int64_t sized_files;
	int64_t bytes;
	int64_t verified_files;
	int64_t verified_sized_files;
	int64_t verified_bytes;
} sr_file_sums;

/* From the same counters as sr_total_list. Works on databases of every version. */
SR_API SR_MUST_CHECK sr_status sr_file_sums_get(sr_catalog *catalog, sr_file_sums *sums);

/* What a client uses, and how that grew. */
typedef struct sr_client_usage {
	sr_id id;
	sr_text name;
	sr_text last_seen; /* As stored. */
	int64_t files;
	int64_t bytes;
	double share_percent;  /* Of the bytes of all files; NAN where there are none. */
	sr_text last_activity; /* When it last did anything that is kept, or null. */
	int64_t growth_bytes;  /* Bytes more (less: negative) than at the end of growth_since, or
				  SR_NULL_INTEGER where nothing is known of the past. */
	sr_text growth_since;  /* The last day not younger than asked for of which it is known, else
				  the first one, for a new client the day before it came; or
				  null. */
} sr_client_usage;

typedef struct sr_client_usages sr_client_usages;

#define SR_GROWTH_DAYS_MAX 36600

/* Every client by name, with its growth over the last `days` days, 1 or more. From version 9 on it
 * reads counters and no file; works on databases of every version. */
SR_API SR_MUST_CHECK sr_status sr_client_usage_list(sr_catalog *catalog, int days,
						    sr_client_usages **cursor);
/* *usage is NULL after the last one. */
SR_API SR_MUST_CHECK sr_status sr_client_usages_next(sr_client_usages *cursor,
						     const sr_client_usage **usage);
SR_API void sr_client_usages_close(sr_client_usages *cursor);

/* ----------------------------------------------------------------- Metrics */

#define SR_METRIC_NAME_MAX  100 /* Bytes of a metric's name. */
#define SR_METRIC_HOURS_MAX 876000

/* A value that a program measured about itself, at a moment. */
typedef struct sr_metric {
	char timestamp[SR_TIME_TEXT_SIZE]; /* ISO 8601 in UTC, however it is stored. */
	double value;
} sr_metric;

/* Keeps a value under the name, now. A name is 1 to 100 bytes of UTF-8 without control characters;
 * a value is a finite number. */
SR_API SR_MUST_CHECK sr_status sr_metric_record(sr_catalog *catalog, sr_text name, double value);

typedef struct sr_metrics sr_metrics;

/* Those of the name since that many hours ago, 1 or more, oldest first. Old programs' timestamps
 * are read in all their forms, without a zone as UTC; those that cannot be read are left out. A
 * name that nothing is kept under has none. Works on databases of every version. */
SR_API SR_MUST_CHECK sr_status sr_metric_list(sr_catalog *catalog, sr_text name, int64_t hours,
					      sr_metrics **cursor);
/* *metric is NULL after the last one. */
SR_API SR_MUST_CHECK sr_status sr_metrics_next(sr_metrics *cursor, const sr_metric **metric);
SR_API void sr_metrics_close(sr_metrics *cursor);

/* Removes what is older than that many days, 0 or more, of all names. Portions, failures and
 * removed are as for sr_activity_cleanup. */
SR_API SR_MUST_CHECK sr_status sr_metric_cleanup(sr_catalog *catalog, int64_t days,
						 int64_t *removed);

/* -------------------------------------------------------------------- Pool */

/* Exact figures of one moment. */
typedef struct sr_pool_statistics {
	bool enabled;
	int size;        /* Connections it may have: readers and the writer. */
	int active;      /* Out with a caller. */
	int available;   /* Could be had without waiting. */
	int waiting;     /* Callers waiting now. */
	int peak;        /* Most that were ever out at once. */
	int64_t created; /* Connections opened and closed so far. */
	int64_t closed;
	int64_t recycled; /* Of those closed: for their age or a failed validation. */
	int64_t acquired; /* Leases handed out. */
	int64_t waits;    /* Of those, after waiting. */
	int64_t timeouts; /* Exhaustion events: callers that gave up. */
	int64_t leaks;    /* Leases held longer than the leak threshold, each counted once. */
	double oldest;    /* Seconds since the oldest open connection was made. */
	double wait_p50;  /* Seconds waited by leases that waited. */
	double wait_p95;
	double wait_p99;
	double wait_max;
	int64_t commits;    /* Durable commits, */
	int64_t operations; /* and the writes that they carried. */
	int64_t checkpoints;
	int64_t log_bytes; /* Size of the write-ahead log. */
} sr_pool_statistics;

SR_API SR_MUST_CHECK sr_status sr_pool_statistics_get(sr_catalog *catalog,
						      sr_pool_statistics *statistics);

/* ------------------------------------------------------------- Transactions */

/*
 * A transaction belongs to the thread that begins it. Every library call of that thread joins
 * it, each in a savepoint of its own; a begin inside it nests. `owner` (may be NULL) is named
 * in the SR_BUSY of those who wait. Keep it short: it holds the only writer.
 */
SR_API SR_MUST_CHECK sr_status sr_begin(sr_catalog *catalog, const char *owner);
SR_API SR_MUST_CHECK sr_status sr_commit(sr_catalog *catalog);   /* SR_INVALID without one. */
SR_API SR_MUST_CHECK sr_status sr_rollback(sr_catalog *catalog); /* The innermost one. */

/* Whether the calling thread is inside one. */
SR_API bool sr_in_transaction(sr_catalog *catalog);

/* Makes the transaction that another thread has left open the caller's, who can then end it.
 * `thread` is that thread's number of the system's (gettid), which need not run any more; `cursors`
 * is how many cursors were opened in the transaction and not closed. Until the other thread hears
 * of it, its calls are outside any transaction. SR_BUSY while a call of that thread is running
 * there, SR_INVALID where it has no transaction. */
SR_API SR_MUST_CHECK sr_status sr_transaction_take(sr_catalog *catalog, int64_t thread,
						   size_t cursors);

/* -------------------------------------------------------------- SQL for callers */

typedef enum sr_type { SR_NULL, SR_INTEGER, SR_REAL, SR_TEXT, SR_BLOB } sr_type;

typedef struct sr_value {
	sr_type type;
	int64_t integer; /* SR_INTEGER */
	double real;     /* SR_REAL */
	sr_text text;    /* SR_TEXT and SR_BLOB: borrowed bytes. */
} sr_value;

/* Rows in memory, owned: sr_table_free. */
typedef struct sr_table {
	size_t columns;
	size_t rows;
	const char *const *names; /* columns of them. */
	const sr_value *values;   /* rows × columns, row by row. */
} sr_table;

SR_API void sr_table_free(sr_table *table);

/* What a statement is, by what the engine is asked to do for it and not by its words. */
typedef enum sr_statement_kind {
	SR_STATEMENT_NONE,       /* The text is empty, or has only comments. */
	SR_STATEMENT_READS,      /* For sr_query_open and sr_fetch. EXPLAIN and pragmas that only
				    tell are among them. */
	SR_STATEMENT_WRITES,     /* Inserts, updates or deletes rows; for sr_execute. */
	SR_STATEMENT_DEFINES,    /* Changes the schema or the file: CREATE, DROP, ALTER, REINDEX,
				    ANALYZE, VACUUM, ATTACH. */
	SR_STATEMENT_PRAGMA,     /* A pragma that sets or does something; subject names it. */
	SR_STATEMENT_BEGINS,     /* For sr_begin, */
	SR_STATEMENT_COMMITS,    /* sr_commit, */
	SR_STATEMENT_ROLLS_BACK, /* sr_rollback; */
	SR_STATEMENT_SAVEPOINT,  /* and within: subject is the savepoint's name. */
	SR_STATEMENT_RELEASES,
	SR_STATEMENT_ROLLS_BACK_TO,
} sr_statement_kind;

typedef struct sr_description {
	sr_statement_kind kind;
	const char *subject;          /* As said there; else NULL. */
	bool inserts;                 /* It puts rows into a table: sr_executed.last_row_id. */
	size_t parameters;            /* Values that it takes, */
	const char *const *parameter; /* and the name of each as written, ":name", "$1", "?5": NULL
					 for a plain "?" and for a number that is not used. A
					 name that stands there twice is one value. */
	size_t columns;               /* Of its rows; 0 where it has none, */
	const char *const *column;    /* and their names. */
} sr_description;

/*
 * What a statement is and takes, without running it. Inside the thread's transaction it knows the
 * tables that were made there. Owned: sr_description_free.
 *
 * SR_SQL for what does not compile (a syntax error, a table or column that is not there) and for
 * more than one statement. What sr_execute and sr_query_open would refuse is only refused there.
 * Works on databases of every version.
 */
SR_API SR_MUST_CHECK sr_status sr_describe(sr_catalog *catalog, const char *sql,
					   sr_description **description);
SR_API void sr_description_free(sr_description *description);

typedef struct sr_executed {
	int64_t changes;     /* Rows inserted, updated or deleted. */
	int64_t last_row_id; /* The number of the last row that it inserted; 0: none. */
} sr_executed;

/* Runs one statement that writes, in its transaction or the one that the thread has open.
 * Parameters ($1… or ?) are bound in order. Potentially dangerous operations (dropping or
 * emptying a core table, ATTACH, …) are SR_REFUSED while DANGEROUS_OPERATIONS_BLOCKED.
 * executed may be NULL. */
SR_API SR_MUST_CHECK sr_status sr_execute(sr_catalog *catalog, const char *sql,
					  const sr_value *values, size_t count,
					  sr_executed *executed);

/* The same, and gives the rows that the statement returns (INSERT … RETURNING), in memory: owned,
 * sr_table_free. A statement without rows gives a table without columns. Where keys are hidden,
 * a statement that reads them is SR_REFUSED. */
SR_API SR_MUST_CHECK sr_status sr_execute_fetch(sr_catalog *catalog, const char *sql,
						const sr_value *values, size_t count,
						sr_executed *executed, sr_table **table);

/* Runs it once for each of `rows` rows of `columns` values, all or none. */
SR_API SR_MUST_CHECK sr_status sr_execute_many(sr_catalog *catalog, const char *sql,
					       const sr_value *values, size_t rows, size_t columns,
					       sr_executed *executed);

/* The same inside the thread's transaction, for one call of a long run of them: without a
 * savepoint, in which the time of mass writes grows with the square of their rows. Rows before one
 * that fails stay written; what was refused only after it ran rolls the whole transaction back.
 * SR_INVALID outside a transaction. */
SR_API SR_MUST_CHECK sr_status sr_execute_more(sr_catalog *catalog, const char *sql,
					       const sr_value *values, size_t rows, size_t columns,
					       sr_executed *executed);

/* Runs several statements, all or none. */
SR_API SR_MUST_CHECK sr_status sr_execute_script(sr_catalog *catalog, const char *sql);

typedef struct sr_rows sr_rows;

/* A statement's rows, as they come. It only reads, by the engine's own word; anything else is
 * SR_READ_ONLY or SR_REFUSED. Inside the thread's transaction it sees what that has written. */
SR_API SR_MUST_CHECK sr_status sr_query_open(sr_catalog *catalog, const char *sql,
					     const sr_value *values, size_t count, sr_rows **rows);
SR_API size_t sr_rows_columns(const sr_rows *rows);
SR_API const char *sr_rows_name(const sr_rows *rows, size_t column);
/* *values has sr_rows_columns() of them, and is NULL after the last row. */
SR_API SR_MUST_CHECK sr_status sr_rows_next(sr_rows *rows, const sr_value **values);
SR_API void sr_rows_close(sr_rows *rows);

/* All rows of a statement at once, or with limit 1 the first, owned: sr_table_free. */
SR_API SR_MUST_CHECK sr_status sr_fetch(sr_catalog *catalog, const char *sql,
					const sr_value *values, size_t count, size_t limit,
					sr_table **table);

/* A raw connection for what the library has no call for. */
typedef struct sr_lease sr_lease;

/* Borrows a reader, or the writer. `owner` is named in others' SR_BUSY. */
SR_API SR_MUST_CHECK sr_status sr_lease_open(sr_catalog *catalog, const char *owner, bool writer,
					     sr_lease **lease);
/* The engine's own handle: a sqlite3 *. */
SR_API void *sr_lease_handle(const sr_lease *lease);

/* sr_query_open and sr_describe for who has a lease: they need no other reader, so that holders of
 * all of them never wait for each other. They see what is committed, whatever transaction the
 * thread has open. Any number at a time, in any thread; the lease outlives the rows. */
SR_API SR_MUST_CHECK sr_status sr_lease_query_open(sr_lease *lease, const char *sql,
						   const sr_value *values, size_t count,
						   sr_rows **rows);
SR_API SR_MUST_CHECK sr_status sr_lease_describe(sr_lease *lease, const char *sql,
						 sr_description **description);
/* Gives it back; a transaction left open is rolled back. */
SR_API void sr_lease_close(sr_lease *lease);

/* -------------------------------------------------------------- Migrations */

typedef struct sr_migration {
	int version;
	const char *description;
	const char *applied_at; /* NULL while it is pending. */
	const char *up_sql;     /* What the program runs to reach it, and to leave it. A line */
	const char *down_sql;   /* "-- Hook: NAME" stands for what no SQL can say. Static. */
} sr_migration;

/* A migration of a user's own: SQL that brings tables and rows of theirs, or fills and adds columns
 * of this program's. Its number says which one it is, and nothing of the schema's version. */
typedef struct sr_own_migration {
	int64_t version;         /* From 1 to 10^15. */
	const char *description; /* Not null. */
	const char *up_sql;      /* Any number of statements; NULL of one that is listed. */
	const char *down_sql;    /* Takes it back; NULL or "": nothing does. */
	const char *applied_at;  /* Only read: as the ledger has it. */
} sr_own_migration;

typedef struct sr_migration_status {
	int current_version;
	int latest_version;
	int pending_migrations;
	int total_migrations;
	const char *database_file;
	bool database_exists;
	const sr_migration *migrations; /* total_migrations of them. */
	size_t own_count;
	const sr_own_migration *own; /* Users' own that are applied, by their numbers. */
} sr_migration_status;

/* Owned: sr_migration_status_free. The database may be missing, and of any version; options
 * say which, as for sr_open. Nothing is written. */
SR_API SR_MUST_CHECK sr_status sr_migration_status_get(const sr_options *options,
						       sr_migration_status **status);
SR_API void sr_migration_status_free(sr_migration_status *status);

#define SR_MIGRATE_OPTIONS_VERSION 2

/* Options of version 1, without the fields from `up_only` on, are understood as well. */
typedef struct sr_migrate_options {
	unsigned version; /* SR_MIGRATE_OPTIONS_VERSION, set by sr_migrate_options_init. */
	int to;           /* The version to reach; -1: the latest. Lower goes down. */
	bool accept_loss; /* A step down that drops values may do so. */
	bool full_check;  /* The whole integrity check before and after, not the quick one. */
	sr_progress_fn progress; /* Migrations done of those to do. May be NULL. */
	void *progress_arg;
	bool up_only; /* A database above `to`, which another process may have brought there
			 meanwhile, is left as it is. */
} sr_migrate_options;

SR_API void sr_migrate_options_init(sr_migrate_options *options);

typedef struct sr_migrated {
	int from;
	int to;
	char backup[4096]; /* The backup's path, "" without one. */
} sr_migrated;

/* Brings the catalog's schema to options->to, version by version. Each step is one transaction,
 * done whole or not at all: a failure leaves the database where the last whole step has brought it,
 * and says at which version that is, which migration, which statement, why, and where the backup
 * is. A step down that would drop values without accept_loss is SR_REFUSED before the first, and
 * says which table, columns and rows. */
SR_API SR_MUST_CHECK sr_status sr_migrate(sr_catalog *catalog, const sr_migrate_options *options,
					  sr_migrated *migrated);

/* ---- Users' own migrations */

typedef struct sr_own_migrated {
	char backup[4096]; /* The backup's path, "" without one. */
} sr_own_migrated;

/*
 * Applies a user's own migration with the safety that this program's have: a backup before, as the
 * settings say; one transaction with its row in a ledger of its own, the table own_migrations,
 * which the first one makes; integrity and foreign keys compared before and after, and every table
 * that it does not write; and nothing that would harm this program's tables, SR_REFUSED with
 * "Migration N contains potentially dangerous operations": dropping, emptying or altering what they
 * are, fewer rows of clients or files, triggers that would make the catalog only read, pragmas,
 * ATTACH, transactions. Adding columns and changing rows is allowed.
 *
 * Those that the Python module of old has written into this program's ledger count as applied. The
 * next migration up moves them to theirs; one down to version 5 or below writes those with numbers
 * above 5 where that module looks.
 *
 * A failure leaves the database as it was. SR_EXISTS: that number is applied already, perhaps by
 * another process meanwhile. The catalog must be at the latest version: SR_TOO_OLD. Not inside the
 * thread's transaction: SR_INVALID. migrated may be NULL.
 */
SR_API SR_MUST_CHECK sr_status sr_migrate_own(sr_catalog *catalog,
					      const sr_own_migration *migration,
					      sr_own_migrated *migrated);

/* Takes one back by the SQL that it was applied with, just as safely. SR_NOT_FOUND: it is not
 * applied. SR_INVALID: it came without such SQL. */
SR_API SR_MUST_CHECK sr_status sr_migrate_own_down(sr_catalog *catalog, int64_t version,
						   sr_own_migrated *migrated);

typedef void (*sr_drift_fn)(void *arg, const char *kind, const char *object, const char *expected,
			    const char *found);

/* Compares the ledger's checksums and the schema with what this program would have made. Calls
 * fn for each difference (expected or found may be NULL) and counts them. */
SR_API SR_MUST_CHECK sr_status sr_migrate_verify(sr_catalog *catalog, sr_drift_fn fn, void *arg,
						 int64_t *differences);

/* ---- Rehearsing a migration */

#define SR_REHEARSE_OPTIONS_VERSION 1

typedef struct sr_rehearse_options {
	unsigned version;        /* SR_REHEARSE_OPTIONS_VERSION, set by sr_rehearse_options_init. */
	int to;                  /* As in sr_migrate_options. */
	const char *folder;      /* For the snapshot; NULL: the database's. */
	bool keep;               /* Leave the snapshot, as the rehearsal left it. */
	bool full_check;         /* As in sr_migrate_options. */
	sr_progress_fn progress; /* Parts done of those to do, the copy among them; asked
				    within them too. May be NULL. */
	void *progress_arg;
} sr_rehearse_options;

SR_API void sr_rehearse_options_init(sr_rehearse_options *options);

/* A table around one step. A digest is of all rows in any order, over the columns that are there
 * before and after, so that equal ones mean: no value changed. */
typedef struct sr_rehearsal_table {
	const char *name;
	bool declared;             /* The migration says that it changes the table. */
	int64_t rows_before;       /* SR_NULL_INTEGER: there was no such table; */
	int64_t rows_after;        /* there is none any more. */
	const char *digest_before; /* 32 hex digits. NULL where there is no table, and of `files` */
	const char *digest_after;  /* in a step to version 0. */
	int64_t broken_before; /* Rows that break a foreign key; SR_NULL_INTEGER: no table, or a */
	int64_t broken_after;  /* key that cannot be checked. */
} sr_rehearsal_table;

/* One step, in the order in which they were taken: all there, then all back again. */
typedef struct sr_rehearsal_step {
	int version; /* Of the migration; 0: old core tables brought to their present shape. */
	const char *description;
	bool up;
	bool done;            /* False: it failed, and was the last. */
	double seconds;       /* Each step holds the write lock for all of it. */
	int64_t log_bytes;    /* Written to the log. */
	int64_t bytes_before; /* The database's size. */
	int64_t bytes_after;
	const sr_rehearsal_table *tables; /* None of a step that failed. */
	size_t table_count;
} sr_rehearsal_step;

/* One of the catalog's own queries, and how the engine runs it: a line a step of its plan. */
typedef struct sr_rehearsal_query {
	const char *name;
	const char *before; /* NULL: it cannot run on that version. */
	const char *after;
	bool worse; /* More rows read without an index, an index lost or of less use, a sort. */
} sr_rehearsal_query;

typedef enum sr_rehearsal_verdict {
	SR_REHEARSAL_SAFE,
	SR_REHEARSAL_REMARKS, /* Safe, and there is something to know before. */
	SR_REHEARSAL_DO_NOT_RUN,
} sr_rehearsal_verdict;

typedef struct sr_rehearsal_reason {
	bool serious; /* It alone makes the verdict SR_REHEARSAL_DO_NOT_RUN. */
	const char *text;
} sr_rehearsal_reason;

typedef struct sr_rehearsal {
	const char *database_file;
	const char *snapshot; /* Where it was kept, or NULL. */
	int from;
	int to; /* The same as from: nothing was pending, and nothing was rehearsed. */
	sr_rehearsal_verdict verdict;
	const sr_rehearsal_reason *reasons;
	size_t reason_count;
	const sr_rehearsal_step *steps;
	size_t step_count;
	const sr_rehearsal_query *queries; /* Before and after the way there. */
	size_t query_count;

	/* The forecast for sr_migrate on the database itself. */
	double copy_seconds;    /* The snapshot took this long. */
	double seconds;         /* All of it, with the backup where one will be made. */
	double lock_seconds;    /* The longest step: writers wait for that. */
	bool readers_wait;      /* They do, for each step; false where there is a log. */
	int64_t database_bytes; /* The snapshot's size, */
	int64_t final_bytes;    /* and after the way there. */
	int64_t peak_bytes;     /* More disk at worst than now: growth, log and backup. */
	int64_t needed_bytes;   /* Free disk that it asks for before it begins. */
	int64_t free_bytes;     /* What there is in the database's folder. */
} sr_rehearsal;

/*
 * Runs the migration on a snapshot, then goes back to the version where it began: pending ones up
 * and down again, or with a lower `to` down and up again. The database is only read, and may be
 * read-only and in use. The snapshot is a whole copy, of mode 0600 and removed in the end, however
 * that comes; what a killed process left is removed by the next rehearsal in that folder.
 *
 * SR_OK says that the rehearsal was held: a migration that fails in it is in the report. A failure
 * is what kept it from being held: no space for the copy, cancelled, no such version. The report
 * is owned: sr_rehearsal_free.
 */
SR_API SR_MUST_CHECK sr_status sr_migrate_rehearse(sr_catalog *catalog,
						   const sr_rehearse_options *options,
						   sr_rehearsal **report);
SR_API void sr_rehearsal_free(sr_rehearsal *report);

/* ------------------------------------------------------------------ Health */

typedef enum sr_severity {
	SR_SEVERITY_NOTE,    /* Good to know. */
	SR_SEVERITY_WARNING, /* Will need somebody. */
	SR_SEVERITY_ERROR,   /* Something is wrong: the catalog is unhealthy. */
} sr_severity;

/* "note", "warning", "error". Static. */
SR_API const char *sr_severity_name(sr_severity severity);

/* One thing that a check-up found. The texts are one line each and fit for a terminal. */
typedef struct sr_finding {
	const char *code; /* What kind it is: "usage_wrong"; strongroom-health(1) lists them. */
	sr_severity severity;
	const char *subject; /* The table, index, trigger or file that it is about, or NULL. */
	int64_t count;       /* How many there are of it; 1 for a single thing. */
	const char *meaning; /* What is wrong, in a sentence. */
	const char *cure;    /* The command that mends it, or what to do; NULL: nothing to do. */
} sr_finding;

/* The database's size against SIZE_WARNING_MB and SIZE_CRITICAL_MB; 1 MB is 1048576 bytes. */
typedef struct sr_size_limits {
	double size_mb;
	int64_t size_bytes;
	const char *status; /* "ok", "warning", "critical", or "error": it cannot be told. */
	double threshold_warning_mb;
	double threshold_critical_mb;
	const char *message;
} sr_size_limits;

/* That alone, without a check-up. Owned: sr_size_limits_free. */
SR_API SR_MUST_CHECK sr_status sr_size_limits_get(sr_catalog *catalog, sr_size_limits **limits);
SR_API void sr_size_limits_free(sr_size_limits *limits);

/* The pool of this process as it was during the check-up. */
typedef struct sr_pool_health {
	bool enabled;
	int pool_size;
	int active_connections;
	int available_connections;
	double utilization_percent; /* Active of all. */
	double health_score;        /* 100 is best, below 50 is unhealthy. */
	int64_t exhaustion_events;  /* Callers that waited in vain. */
	int peak_active;
	size_t warning_count;
	const char *const *warnings;
	size_t recommendation_count;
	const char *const *recommendations;
} sr_pool_health;

/* What a check-up says. All texts belong to it. */
typedef struct sr_health {
	bool integrity_check;   /* Nothing is damaged, as far as was looked. */
	bool foreign_key_check; /* No row refers to nothing, likewise. */
	int64_t table_count;    /* Without the engine's own. */
	int64_t index_count;    /* Likewise. */
	bool connection_pool_healthy;
	size_t issue_count; /* Errors and warnings in words, with their cure. */
	const char *const *issues;

	size_t finding_count; /* Errors first, then warnings, then notes. */
	const sr_finding *findings;
	int64_t errors; /* How many findings are what. */
	int64_t warnings;
	int64_t notes;
	size_t unseen_count; /* What a quick check-up did not look at, or not at all of it. */
	const char *const *unseen;

	bool opened; /* False: it could not even be opened; what follows is then empty. */
	bool full;
	int schema_version;
	int latest_version;
	const char *engine;  /* "SQLite 3.40.1" */
	bool engine_at_risk; /* It has a flaw that matters here: see the findings. */
	sr_size_limits size;
	int64_t free_bytes;    /* Of pages that hold nothing. */
	int64_t log_bytes;     /* Of the log's file. */
	double oldest_reader;  /* Seconds that this process has been reading; 0: nobody is. */
	int64_t other_readers; /* Processes besides this one that are reading now; -1: unknown. */
	sr_pool_health pool;
	int64_t stored_files;  /* Stored files whose bytes were read, */
	int64_t stored_failed; /* and how many of them were not as recorded. */
	uint64_t seed;         /* That chose them. */
} sr_health;

#define SR_HEALTH_OPTIONS_VERSION 1

typedef struct sr_health_options {
	unsigned version;  /* SR_HEALTH_OPTIONS_VERSION, set by sr_health_options_init. */
	bool full;         /* Read everything, however long it takes. */
	bool verify_files; /* Read stored files and compare them with their records. */
	double sample;     /* Percent of them, more than 0; 100 by default. */
	uint64_t seed;     /* That chooses the sample; 0: a new one. The same seed chooses the same
			      files again. */
	double seconds;    /* That each part of a quick check-up may take; 2 by default. */
	sr_progress_fn progress; /* Parts done of all; with verify_files, files. May be NULL. */
	void *progress_arg;
} sr_health_options;

SR_API void sr_health_options_init(sr_health_options *options);

/*
 * Looks for everything that is wrong with the catalog; changes nothing. *health is owned:
 * sr_health_free. What is wrong is a finding and not a failure: SR_OK then, even where tables
 * cannot be read. Works on databases of every version. Quick unless options->full: each part
 * stops after options->seconds, and what was not seen is told. SR_INTERRUPTED when progress
 * cancels. options may be NULL.
 */
SR_API SR_MUST_CHECK sr_status sr_health_check(sr_catalog *catalog,
					       const sr_health_options *options,
					       sr_health **health);

/* The same of a catalog that is not open: opens it for reading alone, as `where` says, and
 * closes it. One that cannot be opened gives a finding that says why. SR_NOT_FOUND where there
 * is none. */
SR_API SR_MUST_CHECK sr_status sr_health_look(const sr_options *where,
					      const sr_health_options *options, sr_health **health);
SR_API void sr_health_free(sr_health *health);

/* One thing that a repair would do, or did. */
typedef struct sr_repair_step {
	const char *code;    /* The finding that it mends. */
	const char *subject; /* Its table, index or trigger. */
	int64_t count;       /* Rows, or 1. */
	const char *what;    /* In words: "move rows of client_activity aside, …" */
	int64_t done;        /* How many of them were mended; less than count where others changed
				them meanwhile. 0 before. */
	const char *failure; /* Why it could not be done, or NULL. Nothing of it was done then. */
} sr_repair_step;

/* What a repair would do. All texts belong to it. */
typedef struct sr_repair {
	size_t step_count;
	const sr_repair_step *steps; /* In the order in which they are done. */
	const char *damage; /* Pages are damaged, which no repair mends, in words; or NULL. */
	const char *backup; /* The backup that was made first, or NULL. */
} sr_repair;

#define SR_REPAIR_OPTIONS_VERSION 1

typedef struct sr_repair_options {
	unsigned version;        /* SR_REPAIR_OPTIONS_VERSION, set by sr_repair_options_init. */
	bool backup;             /* Before anything is changed; on by default. */
	sr_progress_fn progress; /* Parts done of all. May be NULL. */
	void *progress_arg;
} sr_repair_options;

SR_API void sr_repair_options_init(sr_repair_options *options);

/*
 * Finds what can be mended, and changes nothing: tables that are missing (but clients and files),
 * indexes and triggers that are missing or not as they should be, indexes that do not agree with
 * their tables, rows that refer to nothing, counters, quotas, and versions that contradict their
 * file. Reads everything. *repair is owned: sr_repair_free. The latest version only. options may be
 * NULL.
 */
SR_API SR_MUST_CHECK sr_status sr_repair_plan(sr_catalog *catalog, const sr_repair_options *options,
					      sr_repair **repair);

/*
 * Does what the plan says, in one transaction: what has come since stays as it is, what is no
 * longer so is left out. What mending brings to light is mended with it, and is then among the
 * steps: the counters of a table that was made anew, content that a version which became current
 * does not have. A step that fails is undone alone, and says why. Rows that refer to nothing are
 * not lost: orphaned_rows has the statement that puts each back. A file that was changed without
 * its history gets a version of what it is now. Not inside the thread's transaction: SR_INVALID. A
 * plan is applied once. A search index that was emptied is built anew afterwards, in transactions
 * of its own: a progress callback that cancels then leaves the rest of it to later writes, and the
 * repair is done all the same.
 */
SR_API SR_MUST_CHECK sr_status sr_repair_apply(sr_catalog *catalog, sr_repair *repair,
					       const sr_repair_options *options);
SR_API void sr_repair_free(sr_repair *repair);

/* ---------------------------------------------------------------- Optimize */

#define SR_OPTIMIZE_OPTIONS_VERSION 1

typedef struct sr_optimize_options {
	unsigned version;        /* SR_OPTIMIZE_OPTIONS_VERSION, set by sr_optimize_options_init. */
	bool analyze_only;       /* Leave the file as it is: no VACUUM. Takes moments. */
	sr_progress_fn progress; /* Pages done of those to do. May be NULL. */
	void *progress_arg;
} sr_optimize_options;

SR_API void sr_optimize_options_init(sr_optimize_options *options);

/* What it will take, in bytes. */
typedef struct sr_optimize_needs {
	int64_t size;      /* Of the database now, */
	int64_t compact;   /* and afterwards, at most about. */
	int64_t needed;    /* Free space that it takes meanwhile in the database's folder, and */
	int64_t available; /* what is free there. */
} sr_optimize_needs;

SR_API SR_MUST_CHECK sr_status sr_optimize_needs_get(sr_catalog *catalog, sr_optimize_needs *needs);

#define SR_OPTIMIZE_STEPS 4

/* 1 MB is 1048576 bytes. Sizes are of the database's file, the log brought in. */
typedef struct sr_optimized {
	bool search_index_built; /* Up to the last file, in one piece. */
	bool vacuum_performed;
	bool analyze_performed;
	double size_before_mb;
	double size_after_mb;
	double space_saved_mb;
	int64_t size_before; /* The same in bytes. */
	int64_t size_after;
	size_t error_count;
	char errors[SR_OPTIMIZE_STEPS][1024]; /* The steps that failed, and why. */
} sr_optimized;

/*
 * Makes one piece of the search index (sr_search_index_build), gives free pages back, fills the
 * others, and renews what the engine knows of the values when it chooses indexes. Works on
 * databases of every version and changes no row. Readers go on; writers wait, so give it a quiet
 * hour: about 15 seconds a gigabyte.
 *
 * It refuses to begin without the free space that it needs: SR_NO_SPACE. SR_INTERRUPTED when
 * progress cancels, SR_BUSY when another process has written at the wrong moment: then, and after
 * any other failure of a step, the database is whole and holds what it held; errors says which
 * steps failed, and *optimized is filled in every case. A reader that began before keeps the
 * file long until it ends; when that takes more than a few seconds it is one of the errors, of
 * status SR_BUSY. options may be NULL.
 */
SR_API SR_MUST_CHECK sr_status sr_optimize(sr_catalog *catalog, const sr_optimize_options *options,
					   sr_optimized *optimized);

/* ---- The search index */

/*
 * Searches use an index of the names, which writes keep up by themselves: it is behind by a few
 * thousand files at the most, and those are read. This brings it up to the last file in large
 * steps, each in a transaction of its own, and makes one piece of it: after a catalog was filled by
 * another program, or upgraded. With `anew` it is made from nothing. Progress counts files; what
 * was done stays when it is cancelled. *rows is how many files were indexed; it may be NULL.
 */
SR_API SR_MUST_CHECK sr_status sr_search_index_build(sr_catalog *catalog, bool anew,
						     sr_progress_fn progress, void *arg,
						     int64_t *rows);

/* ----------------------------------------------------------------- Backups */

/*
 * A backup is a file that holds a whole catalog: the database as it is; that compressed with
 * zstd; or either encrypted with a key made of a passphrase. docs/BACKUP.md has the formats. Keys
 * are bytes of the caller's, and nothing of them is kept when a call returns.
 */
#define SR_BACKUP_OPTIONS_VERSION 1

typedef struct sr_backup_options {
	unsigned version; /* SR_BACKUP_OPTIONS_VERSION, set by sr_backup_options_init. */
	const char *path; /* The new file, or a folder to put it in under the name that NULL gives
			     it beside the database: NAME_backup_YYYYmmdd_HHMMSS.db (in UTC), with
			     .zst and .sealed behind it for what they say. SR_INVALID for a name
			     that ends in -wal, -shm or -journal: SQLite removes such files. */
	bool compress;    /* With zstd. */
	const void *key;  /* Encrypts with this passphrase; NULL: does not. */
	size_t key_length;
	sr_stage_fn progress; /* "copying", "checking", "comparing", "packing", "reading back". */
	void *progress_arg;   /* May be NULL, both. */
} sr_backup_options;

SR_API void sr_backup_options_init(sr_backup_options *options);

typedef struct sr_backed_up {
	char path[4096];        /* Absolute. */
	int64_t bytes;          /* Of the file, */
	int64_t database_bytes; /* and of the database in it. */
	int64_t tables;         /* Compared with what was copied, row by row. */
	int64_t rows;
	int schema_version;
	bool compressed;
	bool encrypted;
	double seconds;         /* In all, */
	double seconds_copying; /* and of copying alone. */
} sr_backed_up;

/* Backs up a catalog of any version while others read and write it. The copy is written under a
 * name that ends in .part, brought to the disk, read back from there, checked, compared with what
 * was copied, decrypted and decompressed again where it was, and only then gets its name; so what
 * bears it is whole. Nothing is overwritten: SR_EXISTS. A failure, SR_NO_SPACE and SR_INTERRUPTED
 * among them, leaves no file. What was written is also noted as an activity, where the catalog can
 * be written. It waits while keys are rewrapped so that master keys may be forgotten, SR_BUSY after
 * as long as for a lock. Not inside the thread's transaction: SR_INVALID. options NULL means all
 * defaults. */
SR_API SR_MUST_CHECK sr_status sr_backup(sr_catalog *catalog, const sr_backup_options *options,
					 sr_backed_up *result);

#define SR_BACKUP_READ_OPTIONS_VERSION 1

typedef struct sr_backup_read_options {
	unsigned version; /* SR_BACKUP_READ_OPTIONS_VERSION, set by its init. */
	const void *key;  /* The passphrase of an encrypted one. */
	size_t key_length;
	bool full_check;      /* Indexes too, entry by entry: many times as long. */
	sr_stage_fn progress; /* "unpacking", "checking", "reading every row". May be NULL. */
	void *progress_arg;
} sr_backup_read_options;

SR_API void sr_backup_read_options_init(sr_backup_read_options *options);

/* What a backup is found to be. */
typedef struct sr_backup_report {
	int64_t bytes;
	int64_t database_bytes;
	int64_t tables; /* Read to their last row. */
	int64_t rows;
	int schema_version; /* Perhaps one that this program does not know yet. */
	bool compressed;
	bool encrypted;
} sr_backup_report;

/* Checks that a backup is whole and holds a catalog. What is packed is unpacked into a private file
 * beside the catalog's database (sr_options says which), and removed again: its bytes lie nowhere
 * that the catalog's do not. SR_WRONG_KEY for an encrypted one without its key; SR_CORRUPT for what
 * is damaged, cut off or too long; SR_REFUSED for a database that is no catalog. */
SR_API SR_MUST_CHECK sr_status sr_backup_verify(const sr_options *options, const char *path,
						const sr_backup_read_options *how,
						sr_backup_report *report);

/* A backup of the folder, and what becomes of it. The texts are borrowed during the call. */
typedef struct sr_rotation {
	const char *path;
	int64_t instant; /* When it was begun, as its name says. */
	int64_t bytes;
	unsigned kept; /* SR_KEPT_*: the rules that keep it; 0: it goes. */
} sr_rotation;

typedef void (*sr_rotation_fn)(void *arg, const sr_rotation *backup);

typedef struct sr_rotated {
	int64_t kept; /* Backups, */
	int64_t removed;
	int64_t bytes_removed;
} sr_rotated;

/* Removes the backups in `folder` (NULL: the database's) that no keep rule keeps. Only what
 * sr_backup has made and named there by itself is ever removed, and still is a file of such a name;
 * backups before migrations have rules of their own. Days begin as in sr_keep. Calls fn (may be
 * NULL) for each, newest first; with dry_run nothing is removed. SR_INVALID where no rule is set.
 * One that cannot be removed does not stop the others. rotated (may be NULL) is filled in every
 * case. */
SR_API SR_MUST_CHECK sr_status sr_backup_rotate(const sr_options *options, const char *folder,
						const sr_keep *keep, bool dry_run,
						sr_rotation_fn fn, void *arg, sr_rotated *rotated);

typedef struct sr_restored {
	char path[4096];      /* The database, absolute. */
	char kept[4096];      /* The backup of it as it was; "" where there was none to make. */
	char set_aside[4096]; /* Where a damaged database went, its log beside it; "" without. */
	int from_version;     /* The backup's, */
	int version;          /* and what it was brought to. */
	int64_t tables;
	int64_t rows;
	double seconds;
	bool keys_plain;   /* A key ring is set, but the backup's AES keys were not wrapped, and are
			      not now: sr_keys_init does that. A warning in the log says so. */
	int64_t keys_lost; /* How many AES keys are wrapped under master keys that the key ring
			      that is set does not have: a warning in the log says so, too. */
} sr_restored;

/*
 * Puts the catalog that a backup holds in the place of the one that options name.
 *
 * Before anything is touched the backup is unpacked into a private file beside the database,
 * checked whole, and brought to this program's version; a newer one is SR_TOO_NEW. Then the present
 * catalog is backed up beside itself (SR_BUSY where somebody writes for longer than the timeout),
 * after what is plain of its AES keys was wrapped, where it is to be and the ring is at hand,
 * and what it holds is replaced through the engine in one transaction: who has it open goes on, and
 * sees the one or the other whole. Killed at any moment it leaves the one or the other.
 *
 * A database that is damaged is set aside with its log, and like one that is missing it is replaced
 * as a file; SR_BUSY while any process has it open, since that one would go on writing to the old
 * one. Only rows are restored, not stored files.
 *
 * The restored catalog has an activity that names the backup, and the present one's activities of
 * backups and restores, as far as they can be read: they are known to it too (sr_keys_backups). how
 * may be NULL. */
SR_API SR_MUST_CHECK sr_status sr_restore(const sr_options *options, const char *path,
					  const sr_backup_read_options *how, sr_restored *result);

/* ----------------------------------------------------------------- Salvage */

/* A row that could be read and breaks a rule of the schema, so that it is not in the new catalog:
 * its table, its number there, and why. */
typedef void (*sr_salvage_refused_fn)(void *arg, const char *table, int64_t row, const char *why);

#define SR_SALVAGE_OPTIONS_VERSION 1

typedef struct sr_salvage_options {
	unsigned version;        /* SR_SALVAGE_OPTIONS_VERSION, set by sr_salvage_options_init. */
	sr_progress_fn progress; /* Pages looked at of all. May be NULL. */
	void *progress_arg;
	sr_salvage_refused_fn refused; /* May be NULL. */
	void *refused_arg;
} sr_salvage_options;

SR_API void sr_salvage_options_init(sr_salvage_options *options);

/* What became of a table's rows. */
typedef struct sr_salvaged_table {
	const char *name;
	int64_t saved;   /* They are in the new catalog. */
	int64_t adrift;  /* Of those, found on pages that nothing leads to any more. Where no index
			    was whole, some of them may have been deleted before. */
	int64_t refused; /* Readable, and break a rule. */
	int64_t lost;    /* Could not be read: exactly so many, */
	bool exact;      /* or if this is false at least so many. */
	int64_t orphans; /* Of saved: what they refer to is not there. */
} sr_salvaged_table;

typedef struct sr_salvaged {
	const char *path; /* Of the new catalog. */
	int from_version; /* Of the damaged one. */
	int version;      /* Of the new one: the latest. */
	int64_t saved;    /* Of all tables. */
	int64_t refused;
	int64_t lost;
	bool exact; /* Of every table; and none can be missing from the list. */
	size_t table_count;
	const sr_salvaged_table *tables; /* Those with rows, or damage; by name. */
	size_t note_count;
	const char *const *notes; /* What else was wrong, a sentence each. */
} sr_salvaged;

/*
 * Reads what can be read of the damaged database, page by page, into a new catalog at `fresh`,
 * which must not exist. The damaged one is never written, only locked meanwhile: SR_BUSY while any
 * program has it open. What its log holds counts. A database of an older version is upgraded
 * on the way; users' own tables, views and triggers come along. Counters are made anew, and the
 * new catalog is checked whole before it gets its name: a failure leaves no file.
 *
 * SR_CORRUPT where nothing of it looks like a database, or where nothing in it is of a
 * catalog. *salvaged is owned: sr_salvaged_free. options may be NULL.
 */
SR_API SR_MUST_CHECK sr_status sr_salvage(const char *damaged, const char *fresh,
					  const sr_salvage_options *options,
					  sr_salvaged **salvaged);
SR_API void sr_salvaged_free(sr_salvaged *salvaged);

/* ------------------------------------------------------------------ Record */

typedef struct sr_record_summary {
	int64_t scanned; /* Regular files seen. */
	int64_t added;
	int64_t changed;
	int64_t unchanged;
	int64_t missing;    /* Known, below a recorded folder, and gone. */
	int64_t failed;     /* Could not be read, vanished or changed while being read, or is over
			       the client's quota; each is also counted as a failed transfer. */
	int64_t over_quota; /* How many of those did not fit in the quota. */
	int64_t special;    /* Symbolic links, sockets, devices and the like, left alone. */
	int64_t excluded;
	int64_t bytes; /* Sizes of the regular files seen. */
	int64_t read;  /* Bytes read to hash them, so far. */
	double seconds;
	bool interrupted;
} sr_record_summary;

/* What is to come, as far as it can be told. */
typedef struct sr_record_ahead {
	int64_t total_files; /* What `scanned` will be in the end; 0 until it is counted. */
	int64_t total_bytes; /* Likewise `bytes`. */
	double seconds_left; /* Less than 0 until it can be told. */
} sr_record_ahead;

/*
 * Called about ten times a second, by the thread that records; true stops.
 *
 * The totals are counted by a thread of its own, which walks ahead by the same rules and looks at
 * names and sizes only. It begins after the first second. Files that come and go later make them
 * differ from the summary in the end.
 */
typedef bool (*sr_record_progress_fn)(void *arg, const sr_record_summary *so_far,
				      const sr_record_ahead *ahead);
/* A file that failed, and why. Called from one thread at a time. */
typedef void (*sr_record_failure_fn)(void *arg, sr_text path, const char *why);

/*
 * A pattern of what is left out is one of a shell: "*", "?" and "[…]" stand for what is within one
 * name, a first dot included, and a backslash takes their meaning away.
 *
 * - Without a slash it means every file and folder of that name: core, *.o.
 * - With a slash at its beginning it means a whole path: /var/cache.
 * - With a slash only elsewhere it means the end of a path, below any folder: build/out.
 * - Two stars as a whole part between slashes are any number of folders, none included; as the
 *   last part, all that is in the folder before them, which itself is kept.
 * - With a slash at its end it means folders only: cache/.
 *
 * What is below a folder that is left out is left out with it. The paths that are to be recorded
 * are never left out themselves.
 */
#define SR_RECORD_OPTIONS_VERSION 1

typedef struct sr_record_options {
	unsigned version;            /* SR_RECORD_OPTIONS_VERSION */
	const char *const *excludes; /* Patterns of what is left out, see below. */
	size_t exclude_count;
	bool one_file_system;
	bool reread; /* Read also what looks unchanged. */
	int threads; /* That read and hash; 0: one a core, at least 8. */
	sr_record_progress_fn progress;
	sr_record_failure_fn failure;
	void *arg; /* For both. */
} sr_record_options;

SR_API void sr_record_options_init(sr_record_options *options);

/*
 * Records the files below the paths as the client's: walks without following links, reads each
 * file once for CRC and hash, classifies it, saves in batches, in the order of the walk, which is
 * that of the paths' bytes. Reading and saving have threads of their own, which end with the call;
 * inside the calling thread's transaction that thread saves. All of it is one activity "save", and
 * one "save_failed" for what fails.
 *
 * Known files whose size, time and inode did not change are not read. Known files that are gone are
 * marked missing, and unmarked when they return. Files that fail are counted and the rest goes on;
 * the status is SR_OK then. SR_INTERRUPTED keeps what was read whole. The summary is filled in
 * every case.
 */
SR_API SR_MUST_CHECK sr_status sr_record(sr_catalog *catalog, const sr_id *client,
					 const char *const *paths, size_t count,
					 const sr_record_options *options,
					 sr_record_summary *summary);

#ifdef __cplusplus
}
#endif

#endif /* STRONGROOM_H */
