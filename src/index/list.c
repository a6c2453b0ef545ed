#include "list.h"

void sr_list_start(sr_list_writer *writer)
{
	sr_buffer_clear(&writer->bytes);
	writer->next = writer->first = writer->length = 0;
	writer->blocks = 0;
}

static void write_run(sr_list_writer *writer)
{
	bool longer = writer->length > 1;

	if (writer->length == 0)
		return;
	sr_put_varint(&writer->bytes, (writer->first - writer->next) << 1 | longer);
	if (longer)
		sr_put_varint(&writer->bytes, writer->length - 2);
	writer->next = writer->first + writer->length;
	writer->blocks += (int64_t)writer->length;
	writer->length = 0;
}

void sr_list_add(sr_list_writer *writer, uint64_t first, uint64_t length)
{
	uint64_t end = writer->first + writer->length;

	if (writer->length > 0 && first <= end) {
		if (first + length > end)
			writer->length = first + length - writer->first;
		return;
	}
	write_run(writer);
	writer->first = first;
	writer->length = length;
}

void sr_list_end(sr_list_writer *writer)
{
	write_run(writer);
}

bool sr_list_next(sr_bytes *list, uint64_t *next, uint64_t *first, uint64_t *length)
{
	uint64_t gap;

	if (list->at == list->end || list->bad)
		return false;
	gap = sr_bytes_varint(list);
	*first = *next + (gap >> 1);
	*length = gap & 1 ? sr_bytes_varint(list) + 2 : 1;
	*next = *first + *length;
	return !list->bad;
}
