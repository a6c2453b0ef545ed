#include "notes.h"

#include <stdlib.h>

#include "../base/error.h"
#include "pack.h"

/* What is known of a trigram, in the word that has it. */
#define OCCURS                   UINT64_C(1)
#define MORE                     UINT64_C(2)
#define A_WORD                   32
#define KNOWN_OF(notes, trigram) (&(notes)->known[(trigram) / A_WORD])
#define SHIFT_OF(trigram)        ((trigram) % A_WORD * 2)

sr_status sr_notes_new(sr_notes *notes)
{
	*notes = (sr_notes){.known = calloc(SR_TRIGRAMS / A_WORD, sizeof(uint64_t))};
	return notes->known ? SR_OK : sr_fail_memory();
}

void sr_notes_free(sr_notes *notes)
{
	free(notes->list);
	free(notes->spare);
	free(notes->known);
	*notes = (sr_notes){0};
}

sr_status sr_notes_room(sr_notes *notes, size_t most)
{
	uint64_t *more;

	if (most <= notes->room)
		return SR_OK;
	if ((more = realloc(notes->list, most * sizeof(*more))) == NULL)
		return sr_fail_memory();
	notes->list = more;
	free(notes->spare);
	if ((notes->spare = malloc(most * sizeof(*more))) == NULL) {
		notes->room = 0;
		return sr_fail_memory();
	}
	notes->room = most;
	return SR_OK;
}

static uint32_t trigram_at(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	return (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
}

/* A trigram that a row has twice counts as that of several: telling them apart is not worth it. */
void sr_notes_add(sr_notes *notes, const char *texts, size_t length, size_t from, uint64_t block,
		  unsigned row)
{
	for (size_t i = from; i + 2 < length; i++) {
		const uint32_t trigram = trigram_at(texts + i);
		uint64_t *known = KNOWN_OF(notes, trigram);
		const unsigned shift = SHIFT_OF(trigram);

		if (*known >> shift & OCCURS) {
			*known |= MORE << shift;
			continue;
		}
		*known |= OCCURS << shift;
		notes->list[notes->count++] = (uint64_t)trigram << 32 | block << 5 | row;
	}
}

void sr_notes_repeat(sr_notes *notes, const char *texts, size_t from, size_t end)
{
	for (size_t i = from; i < end; i++) {
		const uint32_t trigram = trigram_at(texts + i);

		*KNOWN_OF(notes, trigram) |= MORE << SHIFT_OF(trigram);
	}
}

void sr_notes_next_block(sr_notes *notes)
{
	for (size_t i = notes->block; i < notes->count; i++) {
		const uint64_t trigram = sr_note_trigram(notes->list[i]);

		if (*KNOWN_OF(notes, trigram) >> SHIFT_OF(trigram) & MORE)
			notes->list[i] = (notes->list[i] & ~UINT64_C(31)) | SR_ANY_ROW;
	}
	for (; notes->block < notes->count; notes->block++)
		*KNOWN_OF(notes, sr_note_trigram(notes->list[notes->block])) = 0;
}

/* Two rounds of twelve bits. */
void sr_notes_sort(sr_notes *notes)
{
	sr_notes_next_block(notes);
	for (unsigned shift = 32; shift < 56; shift += 12) {
		size_t starts[4097] = {0};
		uint64_t *swapped;

		for (size_t i = 0; i < notes->count; i++)
			starts[(notes->list[i] >> shift & 4095) + 1]++;
		for (size_t i = 1; i < 4097; i++)
			starts[i] += starts[i - 1];
		for (size_t i = 0; i < notes->count; i++)
			notes->spare[starts[notes->list[i] >> shift & 4095]++] = notes->list[i];
		swapped = notes->list;
		notes->list = notes->spare;
		notes->spare = swapped;
	}
}

void sr_notes_clear(sr_notes *notes)
{
	sr_notes_next_block(notes);
	notes->count = notes->block = 0;
}
