/*
 * All that goes to standard error: errors, what the library logs, notes and the progress line,
 * one at a time, from any thread. With --json each line there is an object.
 */
#ifndef CLI_MESSAGE_H
#define CLI_MESSAGE_H

#include "strongroom.h"

/* Whether lines are objects from now on. */
void message_json(bool json);

/* "strongroom: TEXT", or {"error": {"status": …, "message": …}}. */
void message_error(const char *status, const char *text);

/* "strongroom: TEXT", or {"note": {"message": …}}. */
void message_note(const char *text);

/* A file that a command could not do: "strongroom: PATH: WHY", or {"failed": {…}}. */
void message_failed(sr_text path, const char *why);

/* An sr_log_fn: "strongroom: warning: [pool] TEXT". */
void message_log(void *arg, sr_log_level level, const char *module, const char *text);

/* Draws text over the progress line before; "" wipes it. Other messages wipe it first. */
void message_progress(const char *text);

#endif
