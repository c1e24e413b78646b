/* The page tokens of lists that are sorted by name: each says behind which name its page begins, so
 * that what comes or goes in the meantime makes nobody skip or see others twice.
 *
 * Owner: results live in the arena. Threads: confined. Errors: GATE_ERR_INPUT with a sentence.
 */
#ifndef GATE_PORTAL_PAGE_TOKEN_H
#define GATE_PORTAL_PAGE_TOKEN_H

#include "core/context.h"

const char *gate_page_token_make(gate_arena *arena, const char *after);

/* `ret_after` is NULL for NULL and "", which mean the beginning. */
enum gate_err gate_page_token_parse(struct gate_ctx *ctx, const char *token,
                                    const char **ret_after) GATE_MUST_CHECK;

#endif
