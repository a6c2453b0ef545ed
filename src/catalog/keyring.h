/* The catalog's key ring, read when it is first needed and again when it was changed; and clients'
 * AES keys wrapped and unwrapped with what is in it. */
#ifndef SR_KEYRING_H
#define SR_KEYRING_H

#include <pthread.h>
#include <sys/stat.h>

#include "../base/error.h"
#include "../base/ring.h"
#include "../engine/engine.h"
#include "settings.h"

/* Which state of the database was looked at for plain keys: others' commits are told by the
 * connection; what callers' own SQL did on ours is counted. */
typedef struct sr_keys_seen {
	uint64_t connection; /* 0: none was looked at. */
	int64_t version;
	uint64_t statements;
} sr_keys_seen;

typedef struct sr_keyring {
	pthread_mutex_t asking; /* Who runs the command has it; before the other. */
	pthread_mutex_t lock;   /* Guards what follows; never held for long. */
	sr_ring *ring;          /* NULL until it is read. */
	struct stat file;       /* As it was then, where it is a file. */
	bool in_vain;           /* The command was asked for `vain`, and did not give it. */
	char vain[SR_MASTER_ID_SIZE];
	sr_status failed; /* How it ended when it was asked last, and the words of it. */
	char why[SR_MESSAGE_SIZE];
	uint64_t asked; /* How often it was. */
} sr_keyring;

void sr_keyring_init(sr_keyring *keyring);
void sr_keyring_free(sr_keyring *keyring);

/* Whether the settings name one; and it in words. */
bool sr_keyring_named(const sr_catalog *catalog);
const char *sr_keyring_words(const sr_catalog *catalog);

/* The ring as it is now, whatever catalog there is: sr_ring_free it. SR_INVALID for a file that is
 * the database itself. */
sr_status sr_keyring_read(const sr_settings *settings, sr_ring **ring);

/* How its file is, all zeros without one; the same for a file that is the database itself. */
sr_status sr_keyring_look(const sr_settings *settings, struct stat *file);

/*
 * Where a command prints the ring, it is never run by a thread that holds the writer: everybody
 * would wait for it. What such a thread needs and is not in memory fails, is remembered as wanted,
 * and can be asked for once the writer is given back; or it is prepared before.
 */

/* Brings what is known of it up to date. SR_WRONG_KEY without words of what it is for where none is
 * named, SR_NOT_FOUND where the file is missing. */
sr_status sr_keyring_load(sr_catalog *catalog);

/* The same, and asks a command again, whose words are kept otherwise; unless the thread holds the
 * writer. */
sr_status sr_keyring_reload(sr_catalog *catalog);

/* A copy of one of its master keys, the newest for NULL: zero it after use. SR_WRONG_KEY where it
 * does not have that. */
sr_status sr_keyring_master(sr_catalog *catalog, const char *id, sr_master *master);

/* How often a command was asked: an operation that notes it when it begins, asks at most once. */
uint64_t sr_keyring_asked(sr_catalog *catalog);

/* Whether it has the key; false where it cannot be read. */
bool sr_keyring_has(sr_catalog *catalog, const char *id);

/* What this thread wanted in vain while it held the writer since it last forgot: false for nothing
 * that a command could give. */
bool sr_keyring_wanted(char id[SR_MASTER_ID_SIZE]);
void sr_keyring_forget_wanted(void);

/* Has a command asked for that key unless it is at hand; nothing is done about a failure, which is
 * remembered. Does nothing for a file, and where the thread holds the writer. */
void sr_keyring_prepare(sr_catalog *catalog, const char *id);

/* Whether asking for that key again would be of no use: it was, or there is no command. */
bool sr_keyring_vain(sr_catalog *catalog, const char *id);

/* ---- Keys of clients ---- */

/* Memory of a key's own, ended by a NUL that length does not count. */
typedef struct sr_key {
	char *bytes;
	size_t length;
} sr_key;

void sr_key_done(sr_key *key); /* Zeroes and frees it; harmless on a zeroed one. */

/* The key itself, of what is stored: NULL bytes where that is plain, and so the key. conn is the
 * connection that has read it, NULL where the schema knows of no master keys; owner is the client's
 * ID as it is stored; the message calls the client by name. A command that was asked more often
 * than `asked` is not asked again; a thread that holds the writer never asks. */
sr_status sr_key_open(sr_catalog *catalog, sr_conn *conn, uint64_t asked, sr_text owner,
		      sr_text name, sr_text stored, sr_key *key);

/* In two steps: opened, with a message that says no more than why not; and whose key it is. */
sr_status sr_key_open_unnamed(sr_catalog *catalog, sr_conn *conn, uint64_t asked, sr_text owner,
			      sr_text stored, sr_key *key);
sr_status sr_key_fail_of(sr_status rc, sr_text name);

/* Before what is stored is replaced by another key, or by none: fails as sr_key_open does where it
 * is wrapped and its master key is not at hand, since who replaces it could not see that it is
 * there. */
sr_status sr_key_may_go(sr_catalog *catalog, sr_text name, sr_text stored);

/* What keys are wrapped under in a write transaction, asked once for many. Zeroed before, and
 * sr_sealer_end after it. */
typedef struct sr_sealer {
	bool asked;
	bool wraps; /* Else they stay plain. */
	sr_master master;
	unsigned char wrapped[SR_KEY_MAX + SR_WRAP_MORE];
} sr_sealer;

void sr_sealer_end(sr_sealer *sealer);

/* What is to be stored for a key of at most SR_KEY_MAX bytes: itself, or what is wrapped, which is
 * the sealer's until the next. */
sr_status sr_key_close(sr_catalog *catalog, sr_conn *conn, sr_sealer *sealer, sr_text owner,
		       sr_text key, sr_text *stored);

#endif
