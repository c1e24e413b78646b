/* What an access token may do and how long it works, in words for people ("access key").
 *
 * Threads: immutable. Errors: none. Results live in the arena, or are static.
 */
#ifndef GATE_WEB_PAGES_TOKEN_WORDS_H
#define GATE_WEB_PAGES_TOKEN_WORDS_H

#include "portal/access_keys.h"

struct gate_token_words {
    const char *status_class; /* as on connectors' cards */
    const char *status_word;
    const char *may;   /* "Can see and run tools" */
    const char *where; /* "with Gmail and Slack" */
    const char *tools; /* the patterns; NULL: all tools */
    const char *ends;  /* "Works for 89 more days" */
};

struct gate_token_words gate_token_words_make(gate_arena *arena, const struct gate_token *token,
                                              int64_t now_ms);

#endif
