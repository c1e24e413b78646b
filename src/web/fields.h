/* Taking apart queries, forms (WHATWG application/x-www-form-urlencoded) and Cookie headers (RFC
 * 6265 5.4).
 *
 * Owner: arena. Threads: confined. Errors: GATE_ERR_INPUT with a sentence; more than
 * GATE_REQUEST_FIELDS_MAX fields, broken percent-encoding, NUL bytes and text that is not UTF-8 are
 * refused.
 */
#ifndef GATE_WEB_FIELDS_H
#define GATE_WEB_FIELDS_H

#include "web/request.h"
#include "web/route.h"

enum gate_err gate_fields_parse(struct gate_ctx *ctx, const char *text, size_t length,
                                struct gate_fields *ret_fields) GATE_MUST_CHECK;

/* Cookies are never refused as a whole: pairs that make no sense, and those beyond the limit, are
 * passed over. */
void gate_fields_parse_cookies(gate_arena *arena, const char *header,
                               struct gate_fields *ret_fields);

const char *gate_fields_find(const struct gate_fields *fields, const char *name);

/* All values of a repeated field, NULL-terminated; NULL when there are none. */
const char *const *gate_fields_collect(gate_arena *arena, const struct gate_fields *fields,
                                       const char *name);

/* Hold fields against their declaration (NULL: none are known). The name of the CSRF field is
 * always known. */
enum gate_err gate_fields_check(struct gate_ctx *ctx, const struct gate_fields *fields,
                                const struct gate_field_spec *specs) GATE_MUST_CHECK;

#define GATE_CSRF_FIELD "csrf"

#endif
