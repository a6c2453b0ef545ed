/* Numbers with their names in the errors; sizes, times and ids are in strongroom.h. */
#ifndef SR_PARSE_H
#define SR_PARSE_H

#include "strongroom.h"

/* A decimal number of at least min; what names it in the error. */
sr_status sr_real_parse(const char *what, const char *text, double min, double max, double *number);

/* true/false, yes/no, on/off, 1/0 in any case. */
sr_status sr_bool_parse(const char *what, const char *text, bool *value);

#endif
