/* The scenarios of torture-fault: what is done while something fails. */
#ifndef FAULT_H
#define FAULT_H

#include "strongroom.h"

#include <stdbool.h>
#include <stddef.h>

/* One run of a scenario in a folder of its own. */
typedef struct fault_case {
	const char *folder;
	char database[4200];
	sr_options options;
	sr_catalog *catalog; /* Open, unless the scenario opens it itself. */
	sr_id host, spare;   /* Clients of the template. */
	sr_status status;    /* Of the first call that failed, */
	char call[120];      /* that call, */
	char message[2100];  /* and its words. */
	char wrong[400];     /* What a call answered wrongly; "" for nothing. */
	bool told;           /* A call that succeeded told of a stored file that stays. */
	const char *seed;    /* The folder that holds what all cases only read. */
} fault_case;

enum {
	FAULT_OPENS = 1,      /* It opens the catalog itself. */
	FAULT_EMPTY = 2,      /* There is no catalog before it. */
	FAULT_IN_PARTS = 4,   /* A failure, or a success with failures told, may leave a part. */
	FAULT_OLDER = 8,      /* It leaves a catalog of an older version. */
	FAULT_ASIDE = 16,     /* A stored file that resists may stay aside, where that is told. */
	FAULT_STEPS = 32,     /* It goes from version to version. */
	FAULT_NO_FILE = 64,   /* A failure leaves no file behind. */
	FAULT_REPLACES = 128, /* All rows are replaced, those of before among them. */
	FAULT_UNWELL = 256,   /* Until it is done the catalog is unhealthy. */
	FAULT_DAMAGED = 512,  /* Before it there is no catalog that opens; `check` mends that. */
};

typedef struct fault_scenario {
	const char *name;
	unsigned flags;
	/* Prepares the catalog, once for all cases; may be NULL. */
	sr_status (*prepare)(fault_case *c);
	/* What is tried. The first failure ends it. */
	sr_status (*act)(fault_case *c);
	/* What must hold afterwards, when nothing fails any more; may be NULL. */
	void (*check)(fault_case *c);
} fault_scenario;

/* The last has no name. */
extern const fault_scenario fault_scenarios[], fault_wholes[];

/* Fills an empty folder with the catalog that all but the first scenarios begin with, and another
 * one with what they read. */
void fault_template(const char *folder, const char *seed);

/* The template's client, by its place. */
sr_id fault_client(int number);

/* Notes how a call ended. */
sr_status fault_note(fault_case *c, sr_status rc, const char *call);

/* Ends the caller where the call fails. */
#define TRY(c, call)                                                                               \
	do {                                                                                       \
		sr_status rc_ = fault_note(c, call, #call);                                        \
		if (rc_ != SR_OK)                                                                  \
			return rc_;                                                                \
	} while (0)

#endif
