/* A rehearsal's report while it grows. */
#include "rehearsal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

sr_report *sr_report_new(void)
{
	return calloc(1, sizeof(sr_report));
}

const char *sr_report_keep(sr_report *report, const char *text)
{
	if (text == NULL)
		return NULL;
	if (sr_names_add(&report->texts, text) != SR_OK) {
		report->failed = true;
		return NULL;
	}
	return report->texts.names[report->texts.count - 1];
}

void *sr_grown_add(sr_report *report, sr_grown *grown, size_t size)
{
	char *place;

	if (grown->count == grown->capacity) {
		size_t capacity = grown->capacity * 2 + 8;
		void *larger = realloc(grown->list, capacity * size);

		if (larger == NULL) {
			report->failed = true;
			return NULL;
		}
		grown->list = larger;
		grown->capacity = capacity;
	}
	place = (char *)grown->list + grown->count++ * size;
	memset(place, 0, size);
	return place;
}

void sr_report_reason(sr_report *report, bool serious, const char *fmt, ...)
{
	sr_rehearsal_reason *reason = sr_grown_add(report, &report->reasons, sizeof(*reason));
	char text[SR_MESSAGE_SIZE];
	va_list ap;

	if (reason == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	reason->serious = serious;
	reason->text = sr_report_keep(report, text);
}

sr_rehearsal_step *sr_report_step(sr_report *report, size_t index)
{
	return (sr_rehearsal_step *)report->steps.list + index;
}

sr_status sr_report_finish(sr_report *report)
{
	sr_rehearsal *r = &report->rehearsal;

	r->steps = report->steps.list;
	r->step_count = report->steps.count;
	r->queries = report->queries.list;
	r->query_count = report->queries.count;
	r->reasons = report->reasons.list;
	r->reason_count = report->reasons.count;
	return report->failed ? sr_fail_memory() : SR_OK;
}

void sr_rehearsal_free(sr_rehearsal *rehearsal)
{
	sr_report *report = (sr_report *)rehearsal;

	if (report == NULL)
		return;
	for (size_t i = 0; i < report->steps.count; i++)
		free((void *)(uintptr_t)sr_report_step(report, i)->tables);
	free(report->steps.list);
	free(report->queries.list);
	free(report->reasons.list);
	sr_names_free(&report->texts);
	free(report);
}
