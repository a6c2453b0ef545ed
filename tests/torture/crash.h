/*
 * Every crash point: a scenario works on a catalog while the recorder watches; then the power goes
 * after each operation, and every content that the disk may have then is opened, held against the
 * oracle, and worked on with.
 *
 * The oracle. What a killed process leaves without a power cut is known for each operation: the
 * states through which the catalog went, one after the other, as a digest of every row. A power cut
 * must leave one of them whole: not one of before the last thing that somebody was told was done,
 * and none of after the cut. So what was acknowledged is there, what was not is there whole or not
 * at all, and nothing else has changed. What a scenario tells somebody it also says in SQL that
 * must hold from then on, so that the oracle believes nobody that it is done.
 */
#ifndef CRASH_H
#define CRASH_H

#include <strongroom.h>

#include "disk.h"
#include "torture.h"

enum { CRASH_TRUTHS = 512 };

/* What somebody was told, as a mark in the record with its number. */
typedef struct crash_truth {
	char sql[300]; /* One integer, 1; "": what was told before need not hold any more. */
} crash_truth;

/* Where a scenario works. */
typedef struct stage {
	char folder[4096];  /* The whole of what is recorded. */
	char path[4112];    /* Of the database in it, */
	char ring[4112];    /* of the ring of master keys, where the scenario has one, */
	sr_options options; /* and how it is opened. */
	sr_catalog *catalog;
	sr_id client;
	crash_truth truths[CRASH_TRUTHS];
	int truth_count;
	uint64_t chance; /* Of this scenario. */
	bool beside;     /* What comes beside it has come. */
	bool failed;
} stage;

/* A crashed folder that is looked at. */
typedef struct crash_look {
	const struct crash_scenario *scenario;
	const stage *stage;
	const char *folder;
	char path[4112];                  /* Of the database in it, */
	char ring[4112];                  /* and of the ring. */
	unsigned char told[CRASH_TRUTHS]; /* Which truths hold by what somebody was told. */
	sr_catalog *catalog;              /* Open as it is; NULL: there is none. */
	uint64_t digest;                  /* Of its rows; 0: it is not whole. */
	int64_t files;                    /* How many it has. */
	char words[512];                  /* What is wrong with it, "" at first. */
} crash_look;

typedef struct crash_scenario {
	const char *name;
	void (*prepare)(stage *s); /* Not recorded. */
	void (*run)(stage *s);
	/* What there is beside the rows, before going on; NULL: nothing. */
	void (*look)(crash_look *look);
	bool damaged;     /* The database may be unreadable, as it was when it began. */
	bool again;       /* Each run is another, as its seed is. */
	bool ring;        /* A ring of master keys is in the folder. */
	bool without_log; /* The file system has no memory that is shared. */
} crash_scenario;

/* Of single writes, of whole databases, of keys, after a crash. The last of each has no name. */
extern const crash_scenario crash_writes[];
extern const crash_scenario crash_wholes[];
extern const crash_scenario crash_keys[];
extern const crash_scenario crash_recoveries[];
extern const crash_scenario crash_random[];

/* ---- For scenarios ---- */

/* That a call succeeded; else the scenario is a failure of its own. */
void stage_good(stage *s, sr_status rc, const char *what);

void stage_create(stage *s); /* Opens a new catalog and gives it the client "host". */
void stage_open(stage *s);
void stage_close(stage *s);

/* The file of that number, with content that has the CRC; path is room for its own. */
sr_file stage_file(const stage *s, char path[64], int number, int64_t content);
sr_status stage_save(stage *s, int number, int64_t content);
void stage_save_many(stage *s, int first, int count, int64_t content); /* In one call. */

/* A file that a scenario itself needs. */
void stage_write(const char *folder, const char *name, const char *text);

/* A number for what is about to be done, and what holds when it is: SQL that gives 1, or
 * "file:NAME" for a file of the folder that is there, or "gone:NAME". */
__attribute__((format(printf, 2, 3))) int stage_promise(stage *s, const char *sql, ...);

/* It is done, and somebody is told so. */
void stage_tell(stage *s, int promise);

/* What was told so far need not hold from now on. */
void stage_forget(stage *s);

/* The next commit of a thread tells of its promise before it is there: a bug. */
void stage_plant_early(bool planted);

#define STAGE_IS_THERE                                                                             \
	"SELECT count(*) FROM files WHERE OriginalPath = '/home/host/papers/%03d report.txt' "     \
	"AND CRC = %d"

/* Whatever bears the name of a backup in the folder is whole. */
void crash_look_backups(crash_look *look);

/* ---- The oracle ---- */

/* Digests of what has no rows. */
enum { ORACLE_ABSENT = 1, ORACLE_EMPTY, ORACLE_DAMAGED };

/* A digest of everything that a database holds; 0: it is not whole, and words say why. */
uint64_t oracle_digest(const char *path, char words[512]);

/* Opens it with the library as it is, takes its digest, and sees whether all that was told holds.
 */
void oracle_open(crash_look *look);

/* Whether it is at this program's version, and need not be brought there first. */
bool oracle_is_latest(const crash_look *look);

/* Saves one more file, finds it, closes and checks. */
void oracle_go_on(crash_look *look);

/* Closes it, whatever was wrong. */
void oracle_close(crash_look *look);

#endif
