/* Names folded for matching, written for the oracle from what strongroom.h promises: case and
 * composition do not matter, and what is no UTF-8 counts byte for byte. */
#ifndef FOLD_H
#define FOLD_H

#include "base/buffer.h"

void oracle_fold(sr_text text, sr_buffer *out);

#endif
