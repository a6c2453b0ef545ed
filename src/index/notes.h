/*
 * Notes of which trigrams occur in which blocks of a segment, each once a block, and in which row
 * of it if it is one: what its lists are made of, and held against.
 */
#ifndef SR_INDEX_NOTES_H
#define SR_INDEX_NOTES_H

#include "../base/buffer.h"

/* Ends each text of a row, so that its last characters make trigrams of their own: terms of one
 * and two characters are found as what begins a trigram. */
#define SR_TEXT_END "\0\0"

/* Stands before each text, after the end of another too: so its beginning is found as such. */
#define SR_TEXT_START "\0"

/* For how many a segment has room, as long as no chunk alone brings more. */
#define SR_NOTES ((size_t)11 << 17)

typedef struct sr_notes {
	uint64_t *list; /* trigram << 32 | block << 5 | row, or SR_ANY_ROW */
	uint64_t *spare;
	size_t count;
	size_t room;     /* Of both. */
	size_t block;    /* The first note of the block at hand. */
	uint64_t *known; /* Of that, two bits a trigram: it occurs; it does more than once. */
} sr_notes;

static inline uint64_t sr_note_trigram(uint64_t note)
{
	return note >> 32;
}

static inline uint64_t sr_note_block(uint64_t note)
{
	return (note & UINT32_MAX) >> 5;
}

static inline unsigned sr_note_row(uint64_t note)
{
	return note & 31;
}

sr_status sr_notes_new(sr_notes *notes);
void sr_notes_free(sr_notes *notes); /* Harmless on a zeroed one. */

/* Room for so many in all. */
sr_status sr_notes_room(sr_notes *notes, size_t most);

/* The trigrams of a row's folded texts with their ends, from a byte of them on. There must be room
 * for as many as there are bytes. */
void sr_notes_add(sr_notes *notes, const char *texts, size_t length, size_t from, uint64_t block,
		  unsigned row);

/* Trigrams of another row of the block that were noted with an earlier one: those that begin in the
 * first bytes of the texts, from one of them on. */
void sr_notes_repeat(sr_notes *notes, const char *texts, size_t from, size_t end);

/* The texts that come are of another block. */
void sr_notes_next_block(sr_notes *notes);

/* By trigram; those of a trigram stay in their order. */
void sr_notes_sort(sr_notes *notes);

/* Forgets them all, and keeps the room. */
void sr_notes_clear(sr_notes *notes);

#endif
