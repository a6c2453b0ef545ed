/* Random searches, and whether what the library answers is what the oracle says. */
#ifndef ASKING_H
#define ASKING_H

#include "oracle.h"
#include "words.h"

/* A query whose texts it owns. */
typedef struct question {
	sr_query query;
	sr_buffer texts[4];
	sr_condition matches[3];
	sr_buffer words[3];
} question;

/* Its terms are cut from names of the oracle's rows, more often than not. */
void question_make(question *q, const oracle *all);
void question_free(question *q);

/* As a command line that asks the same, without what no command line can hold. */
void question_describe(const question *q, sr_buffer *out);

/* What the library answered, owned. */
typedef struct answer {
	struct hit *hits;
	size_t count;
	bool more; /* The last page gave a token. */
} answer;

/* Asks; all pages of the limit, or only the first. False with words where a call failed. */
bool answer_get(answer *a, sr_catalog *catalog, const question *q, bool all_pages,
		sr_buffer *words);
void answer_free(answer *a);

/* Whether the library counts what the oracle finds, in all and by each facet. */
bool count_equals(sr_catalog *catalog, oracle *all, const question *q, sr_buffer *words);

/* Whether the oracle says the same; else words say where they part. */
bool answer_equals(const answer *a, oracle *all, const question *q, bool all_pages,
		   sr_buffer *words);

#endif
