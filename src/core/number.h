/* Strict decimal numbers. Threads: immutable. Errors: GATE_ERR_INPUT, nothing recorded. */
#ifndef GATE_CORE_NUMBER_H
#define GATE_CORE_NUMBER_H

#include <stdint.h>

#include "core/error.h"

/* Parse the whole of `text`: an optional '-', then digits; no spaces, no '+', within [min, max]. */
enum gate_err gate_number_parse(const char *text, int64_t min, int64_t max,
                                int64_t *ret_number) GATE_MUST_CHECK;

#endif
