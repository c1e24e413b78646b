/* Scalekit's last answers about tools, for a few seconds: agents list tools before every step. For
 * the files of portal/ only.
 *
 * What an answer depends on is part of its key: the user, the status of each of their accounts, and
 * the query. So a changed status makes every older answer unreachable at once. Rules of tokens are
 * applied after the cache, never before. Owner: gate_portal. Threads: locked (own mutex). Errors:
 * none; what does not fit is not kept.
 */
#ifndef GATE_PORTAL_TOOL_CACHE_H
#define GATE_PORTAL_TOOL_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"
#include "crypto/digest.h"

#define GATE_TOOL_CACHE_LIFE_MS 10000

struct gate_tool_cache;

struct gate_tool_cache *gate_tool_cache_new(void);
void gate_tool_cache_free(struct gate_tool_cache *cache);

/* Find an answer that is young enough; copied into the arena. Times are monotonic. */
bool gate_tool_cache_find(struct gate_tool_cache *cache, gate_arena *arena,
                          const struct gate_digest *key, int64_t now_ms, const char **ret_body,
                          size_t *ret_length);

/* Keep an answer, at the expense of the oldest ones where there is no room. */
void gate_tool_cache_save(struct gate_tool_cache *cache, const struct gate_digest *key,
                          const char *body, size_t length, int64_t now_ms);

#endif
