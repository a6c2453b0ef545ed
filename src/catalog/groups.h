/*
 * Files and bytes counted by some text: a client, a type, a month.
 *
 * The groups are in a tree, so that nobody can make it slow by the texts that he chooses; and
 * bounded: once they take too much memory, what comes under further texts is counted together, as
 * the rest.
 */
#ifndef SR_GROUPS_H
#define SR_GROUPS_H

#include "../base/text.h"

typedef struct sr_group {
	sr_text key; /* Null is one of its own. Ended by a NUL. */
	int64_t files;
	int64_t bytes;
} sr_group;

typedef struct sr_groups {
	void *tree;      /* Of the groups. */
	sr_group **list; /* In the order of coming, later as sorted. */
	size_t count;
	size_t capacity;
	size_t memory;  /* Bytes that they take. */
	sr_group *last; /* What was counted last: neighbours are often alike. */
	sr_group rest;  /* What found no room. */
} sr_groups;

/* All zeros is an empty one. */
sr_status sr_groups_add(sr_groups *groups, sr_text key, int64_t files, int64_t bytes);

/* The sum of two counts, INT64_MAX where it is more. */
int64_t sr_groups_sum(int64_t a, int64_t b);

typedef enum sr_groups_order {
	SR_GROUPS_LARGEST,    /* Most files first, then by the key. */
	SR_GROUPS_ASCENDING,  /* By the key's bytes. */
	SR_GROUPS_DESCENDING, /* The null is last in each. */
} sr_groups_order;

void sr_groups_sort(sr_groups *groups, sr_groups_order order);

void sr_groups_free(sr_groups *groups);

#endif
