/* How a connector looks and what its state means, in words for people: the same on every page.
 *
 * Threads: immutable. Errors: none. Results live in the arena, or are static.
 */
#ifndef GATE_WEB_PAGES_CONNECTOR_WORDS_H
#define GATE_WEB_PAGES_CONNECTOR_WORDS_H

#include "portal/connectors.h"

/* The tile in front of a connector's name. */
struct gate_connector_tile {
    const char *initials;
    int tint; /* 0 to 7, the same for a connection at all times */
};

struct gate_connector_tile gate_connector_tile_make(gate_arena *arena,
                                                    const struct gate_connector *connector);

struct gate_connector_words {
    const char *status_class; /* "connected", "attention", "waiting" or "available" */
    const char *status_word;
    const char *hint;         /* for a card; NULL: the word says it all */
    const char *sentence;     /* for the connector's own page */
    const char *action_label; /* of what to do next; NULL: nothing to do */
    const char *action_class;
    bool acts_at_once; /* the person has seen before what they allow: no page in between */
};

const struct gate_connector_words *gate_connector_words_get(enum gate_connector_state state);

/* Addresses of ours about one connection, percent-encoded. */
const char *gate_connector_page_path(gate_arena *arena, const char *connection_name);
const char *gate_connector_connect_path(gate_arena *arena, const char *connection_name);
const char *gate_connector_deep_link_path(gate_arena *arena, const char *connection_name,
                                          const char *return_to);
/* `action` is "disconnect" or "remove", or NULL for where the form goes. */
const char *gate_connector_disconnect_path(gate_arena *arena, const char *connection_name,
                                           const char *action);

#endif
