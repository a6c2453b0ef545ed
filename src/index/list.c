#include "list.h"

/* Of so many blocks, one in a list that has rows. */
#define RARE 16

bool sr_list_has_rows(int64_t blocks, int64_t all)
{
	return blocks <= all / RARE;
}

/* ---- Writing ---- */

void sr_list_start(sr_list_writer *writer, bool rows)
{
	sr_buffer_clear(&writer->bytes);
	writer->rows = rows;
	writer->next = 0;
	writer->run = (sr_list_run){0};
	writer->blocks = 0;
}

static void write_run(sr_list_writer *writer)
{
	const sr_list_run *run = &writer->run;
	const uint64_t gap = run->first - writer->next;
	const bool longer = run->length > 1;

	if (run->length == 0)
		return;
	if (run->row != SR_ANY_ROW)
		sr_put_varint(&writer->bytes, (gap << 4 | run->row) << 2 | 1);
	else
		sr_put_varint(&writer->bytes,
			      writer->rows ? gap << 2 | (uint64_t)longer << 1 : gap << 1 | longer);
	if (longer)
		sr_put_varint(&writer->bytes, run->length - 2);
	writer->next = run->first + run->length;
	writer->blocks += (int64_t)run->length;
	writer->run.length = 0;
}

void sr_list_add(sr_list_writer *writer, uint64_t first, uint64_t length, unsigned row)
{
	sr_list_run *last = &writer->run;

	if (!writer->rows)
		row = SR_ANY_ROW;
	if (last->length > 0 && last->row == SR_ANY_ROW && row == SR_ANY_ROW &&
	    first == last->first + last->length) {
		last->length += length;
		return;
	}
	write_run(writer);
	last->first = first;
	last->length = length;
	last->row = row;
}

void sr_list_end(sr_list_writer *writer)
{
	write_run(writer);
}

/* ---- Reading ---- */

bool sr_list_next(sr_list_reader *reader, sr_list_run *run)
{
	sr_bytes *bytes = &reader->bytes;
	uint64_t value;
	bool longer;

	if (bytes->at == bytes->end || bytes->bad)
		return false;
	value = sr_bytes_varint(bytes);
	run->row = SR_ANY_ROW;
	if (!reader->rows) {
		longer = value & 1;
		value >>= 1;
	} else if (value & 1) {
		longer = false;
		run->row = value >> 2 & 15;
		value >>= 6;
	} else {
		longer = value & 2;
		value >>= 2;
	}
	run->first = reader->next + value;
	run->length = longer ? sr_bytes_varint(bytes) + 2 : 1;
	reader->next = run->first + run->length;
	return !bytes->bad;
}
