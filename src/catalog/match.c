#include "match.h"

#include <stdlib.h>
#include <string.h>

#include "../base/glob.h"
#include "../index/notes.h"
#include "file.h"

/* A condition, compiled. */
typedef struct condition {
	sr_match_kind kind;
	bool negated;
	sr_buffer indexed; /* The text; not of a pattern. Of a path behind SR_TEXT_START. */
	sr_text folded;    /* The text in it. */
	sr_glob *glob;     /* A pattern's, else NULL. */
} condition;

/* A text of the row, folded when first somebody asks for it. */
typedef struct folded_text {
	sr_buffer bytes;
	bool done;
} folded_text;

struct sr_matcher {
	condition *conditions;
	size_t count;
	sr_text *required; /* Texts of the conditions, */
	sr_text *indexed;  /* and what the index is asked for. */
	size_t required_count;
	sr_buffer suffix; /* "." and the file type, folded; empty: any. */
	int64_t from;
	int64_t to;
	int64_t min_size;
	int64_t max_size;
	bool dated;
	folded_text name; /* Of the row that is looked at, as are the others. */
	folded_text path;
	folded_text original_path;
	sr_buffer scratch;
	sr_status status; /* Of the first folding that failed. */
};

/* ---- Compiling ---- */

static sr_status check_text(const sr_condition *match)
{
	static const char *const names[] = {"term", "pattern", "name", "path", "hash"};

	if ((unsigned)match->kind > SR_MATCH_HASH)
		return sr_fail(SR_INVALID, "there is no kind %d of conditions", (int)match->kind);
	if (match->text.data == NULL || match->text.length == 0)
		return sr_fail(SR_INVALID, "the %s to search for is empty", names[match->kind]);
	if (match->kind != SR_MATCH_HASH)
		return SR_OK;
	for (size_t i = 0; i < match->text.length; i++)
		if (strchr("0123456789abcdefABCDEF", match->text.data[i]) == NULL ||
		    match->text.data[i] == '\0')
			return sr_fail(SR_INVALID,
				       "a hash begins with hexadecimal digits, and %s is none",
				       sr_quoted(match->text));
	return SR_OK;
}

static sr_status fold_text(const sr_condition *match, condition *made)
{
	const size_t start = match->kind == SR_MATCH_PATH ? sizeof(SR_TEXT_START) - 1 : 0;
	sr_buffer folded = SR_BUFFER_EMPTY;
	sr_status rc;

	sr_buffer_add(&made->indexed, SR_TEXT_START, start);
	if ((rc = sr_text_fold(match->text, &folded)) == SR_OK) {
		sr_buffer_add(&made->indexed, folded.data, folded.length);
		rc = sr_buffer_status(&made->indexed);
	}
	sr_buffer_free(&folded);
	if (rc == SR_OK)
		made->folded = (sr_text){made->indexed.data + start, made->indexed.length - start};
	return rc;
}

static sr_status add_condition(sr_matcher *m, const sr_condition *match)
{
	condition *made = &m->conditions[m->count];

	made->kind = match->kind;
	made->negated = match->negated;
	m->count++;
	if (match->kind == SR_MATCH_GLOB)
		return sr_glob_new(match->text, &made->glob);
	return fold_text(match, made);
}

static sr_status add_conditions(sr_matcher *m, const sr_query *query)
{
	const sr_condition term = {.kind = SR_MATCH_TERM, .text = query->term};
	sr_status rc;

	if ((m->conditions = calloc(query->match_count + 1, sizeof(*m->conditions))) == NULL)
		return sr_fail_memory();
	if (term.text.length > 0 && (rc = add_condition(m, &term)) != SR_OK)
		return rc;
	for (size_t i = 0; i < query->match_count; i++) {
		if ((rc = check_text(&query->matches[i])) != SR_OK ||
		    (rc = add_condition(m, &query->matches[i])) != SR_OK)
			return rc;
	}
	return SR_OK;
}

/* What the condition says must occur: the lists are NULL to only count it. */
static size_t tell_required(const condition *c, sr_text *required, sr_text *indexed)
{
	const sr_text *literals;
	size_t count;

	if (c->negated || c->kind == SR_MATCH_HASH)
		return 0;
	if (c->kind != SR_MATCH_GLOB) {
		if (required != NULL) {
			*required = c->folded;
			*indexed = sr_buffer_text(&c->indexed);
		}
		return 1;
	}
	count = sr_glob_literals(c->glob, &literals);
	for (size_t i = 0; required != NULL && i < count; i++)
		required[i] = indexed[i] = literals[i];
	return count;
}

static sr_status collect_required(sr_matcher *m)
{
	size_t count = 0;

	for (size_t i = 0; i < m->count; i++)
		count += tell_required(&m->conditions[i], NULL, NULL);
	m->required = calloc(count + 1, sizeof(*m->required));
	m->indexed = calloc(count + 1, sizeof(*m->indexed));
	if (m->required == NULL || m->indexed == NULL)
		return sr_fail_memory();
	for (size_t i = 0; i < m->count; i++)
		m->required_count +=
			tell_required(&m->conditions[i], m->required + m->required_count,
				      m->indexed + m->required_count);
	return SR_OK;
}

static sr_status fold_type(sr_matcher *m, sr_text type)
{
	sr_buffer dotted = SR_BUFFER_EMPTY;
	sr_status rc;

	if (type.length > 0 && type.data[0] == '.')
		type = (sr_text){type.data + 1, type.length - 1};
	if (type.length == 0)
		return SR_OK;
	sr_buffer_add_string(&dotted, ".");
	sr_buffer_add_text(&dotted, type);
	if ((rc = sr_buffer_status(&dotted)) == SR_OK)
		rc = sr_text_fold(sr_buffer_text(&dotted), &m->suffix);
	sr_buffer_free(&dotted);
	return rc;
}

sr_status sr_matcher_new(const sr_query *query, bool dated, sr_matcher **matcher)
{
	sr_matcher *m;
	sr_status rc;

	*matcher = NULL;
	if ((m = calloc(1, sizeof(*m))) == NULL)
		return sr_fail_memory();
	m->from = query->from;
	m->to = query->to;
	m->min_size = query->min_size;
	m->max_size = query->max_size;
	m->dated = dated || m->from != SR_NULL_INTEGER || m->to != SR_NULL_INTEGER;
	if ((rc = add_conditions(m, query)) != SR_OK || (rc = collect_required(m)) != SR_OK ||
	    (rc = fold_type(m, query->file_type)) != SR_OK) {
		sr_matcher_free(m);
		return rc;
	}
	*matcher = m;
	return SR_OK;
}

size_t sr_matcher_required(const sr_matcher *matcher, const sr_text **required,
			   const sr_text **indexed)
{
	*required = matcher->required;
	*indexed = matcher->indexed;
	return matcher->required_count;
}

unsigned sr_matcher_columns(const sr_matcher *matcher)
{
	unsigned columns = matcher->suffix.length > 0 ? SR_CANDIDATE_TEXTS : 0;

	for (size_t i = 0; i < matcher->count; i++)
		columns |= matcher->conditions[i].kind == SR_MATCH_HASH ? SR_CANDIDATE_HASH
									: SR_CANDIDATE_TEXTS;
	return columns;
}

void sr_matcher_free(sr_matcher *matcher)
{
	if (matcher == NULL)
		return;
	for (size_t i = 0; i < matcher->count; i++) {
		sr_buffer_free(&matcher->conditions[i].indexed);
		sr_glob_free(matcher->conditions[i].glob);
	}
	free(matcher->conditions);
	free(matcher->required);
	free(matcher->indexed);
	sr_buffer_free(&matcher->suffix);
	sr_buffer_free(&matcher->name.bytes);
	sr_buffer_free(&matcher->path.bytes);
	sr_buffer_free(&matcher->original_path.bytes);
	sr_buffer_free(&matcher->scratch);
	free(matcher);
}

/* ---- Texts ---- */

/* The text folded; null where it is. A failure is kept, and says no more than "does not match". */
static sr_text folded(sr_matcher *m, folded_text *kept, sr_text text)
{
	sr_status rc;

	if (text.data == NULL)
		return sr_text_of(NULL);
	if (!kept->done && (rc = sr_text_fold(text, &kept->bytes)) != SR_OK) {
		if (m->status == SR_OK)
			m->status = rc;
		return sr_text_of(NULL);
	}
	kept->done = true;
	return sr_buffer_text(&kept->bytes);
}

static bool contains(sr_text text, sr_text part)
{
	return text.length >= part.length && text.data != NULL &&
	       memmem(text.data, text.length, part.data, part.length) != NULL;
}

static bool begins_with(sr_text text, sr_text part)
{
	return text.length >= part.length && text.data != NULL &&
	       memcmp(text.data, part.data, part.length) == 0;
}

static bool ends_with(sr_text text, sr_text part)
{
	return text.length >= part.length && text.data != NULL && part.data != NULL &&
	       memcmp(text.data + text.length - part.length, part.data, part.length) == 0;
}

/* ---- Conditions ---- */

static bool meets_term(sr_matcher *m, const sr_candidate *row, sr_text term)
{
	if (contains(folded(m, &m->path, row->path), term))
		return true;
	if (!sr_text_equal(row->path, row->original_path) &&
	    contains(folded(m, &m->original_path, row->original_path), term))
		return true;
	return !sr_file_ends_in_name(row->path, row->name) &&
	       contains(folded(m, &m->name, row->name), term);
}

/* Looking for the literals first is much faster than matching. */
static bool meets_glob(sr_glob *glob, sr_text text)
{
	const sr_text *literals;
	const size_t count = sr_glob_literals(glob, &literals);

	for (size_t i = 0; i < count; i++)
		if (!contains(text, literals[i]))
			return false;
	return sr_glob_matches(glob, text);
}

static bool meets_pattern(sr_matcher *m, const sr_candidate *row, sr_glob *glob)
{
	if (meets_glob(glob, folded(m, &m->name, row->name)))
		return true;
	if (!sr_glob_is_path(glob))
		return false;
	return meets_glob(glob, folded(m, &m->path, row->path)) ||
	       (!sr_text_equal(row->path, row->original_path) &&
		meets_glob(glob, folded(m, &m->original_path, row->original_path)));
}

/* digits are in lower case. */
static bool meets_hash(sr_text hash, sr_text digits)
{
	if (hash.data == NULL || hash.length < digits.length)
		return false;
	for (size_t i = 0; i < digits.length; i++) {
		const char c = hash.data[i];

		if ((c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) != digits.data[i])
			return false;
	}
	return true;
}

static bool meets(sr_matcher *m, const sr_candidate *row, const condition *c)
{
	const sr_text text = c->folded;

	switch (c->kind) {
	case SR_MATCH_TERM:
		return meets_term(m, row, text);
	case SR_MATCH_GLOB:
		return meets_pattern(m, row, c->glob);
	case SR_MATCH_NAME:
		return sr_text_equal(folded(m, &m->name, row->name), text);
	case SR_MATCH_PATH:
		return begins_with(folded(m, &m->path, row->path), text) ||
		       begins_with(folded(m, &m->original_path, row->original_path), text);
	case SR_MATCH_HASH:
		return meets_hash(row->hash, text);
	}
	return false;
}

/* By the name's own ending, or by the extension that was recorded. */
static bool meets_type(sr_matcher *m, const sr_candidate *row)
{
	const sr_text suffix = sr_buffer_text(&m->suffix);
	sr_text extension = row->extension;
	sr_text name;
	sr_status rc;

	if (suffix.length == 0)
		return true;
	name = folded(m, &m->name, row->name);
	/* A name that begins with its only dot has no extension. */
	if (name.length > suffix.length && ends_with(name, suffix))
		return true;
	if (extension.data == NULL)
		return false;
	if (extension.length > 0 && extension.data[0] == '.')
		extension = (sr_text){extension.data + 1, extension.length - 1};
	if ((rc = sr_text_fold(extension, &m->scratch)) != SR_OK && m->status == SR_OK)
		m->status = rc;
	return sr_text_equal(sr_buffer_text(&m->scratch),
			     (sr_text){suffix.data + 1, suffix.length - 1});
}

static bool meets_size(const sr_matcher *m, int64_t size)
{
	if (m->min_size != SR_NULL_INTEGER && (size == SR_NULL_INTEGER || size < m->min_size))
		return false;
	return m->max_size == SR_NULL_INTEGER || (size != SR_NULL_INTEGER && size <= m->max_size);
}

static bool meets_date(const sr_matcher *m, const sr_verdict *verdict)
{
	if (m->from == SR_NULL_INTEGER && m->to == SR_NULL_INTEGER)
		return true;
	return verdict->dated && (m->from == SR_NULL_INTEGER || verdict->instant >= m->from) &&
	       (m->to == SR_NULL_INTEGER || verdict->instant <= m->to);
}

sr_status sr_matcher_decide(sr_matcher *matcher, const sr_candidate *row, sr_verdict *verdict)
{
	*verdict = (sr_verdict){0};
	matcher->name.done = matcher->path.done = matcher->original_path.done = false;
	if (!meets_size(matcher, row->size))
		return SR_OK;
	for (size_t i = 0; i < matcher->count; i++) {
		const condition *c = &matcher->conditions[i];

		if (meets(matcher, row, c) == c->negated)
			return matcher->status;
	}
	if (!meets_type(matcher, row))
		return matcher->status;
	verdict->dated = matcher->dated && sr_file_instant(row->date, &verdict->instant);
	verdict->matches = meets_date(matcher, verdict);
	return matcher->status;
}
