#include "core/number.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum gate_err gate_number_parse(const char *text, int64_t min, int64_t max, int64_t *ret_number) {
    const char *digits = *text == '-' ? text + 1 : text;
    if (*digits == '\0' || strspn(digits, "0123456789") != strlen(digits)) {
        return GATE_ERR_INPUT;
    }
    errno = 0;
    long long number = strtoll(text, NULL, 10);
    if (errno != 0 || number < min || number > max) {
        return GATE_ERR_INPUT;
    }
    *ret_number = number;
    return GATE_OK;
}
