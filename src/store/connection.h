/* The catalogue of connections as last read from Scalekit.
 *
 * Owner: strings of results live in ctx->arena. Threads: as the transaction. Errors:
 * GATE_ERR_NOT_FOUND records nothing.
 */
#ifndef GATE_STORE_CONNECTION_H
#define GATE_STORE_CONNECTION_H

#include "store/store.h"

struct gate_connection {
    const char *name; /* what every call takes; unique */
    const char *provider;
    const char *type;
    const char *display_name;
    bool enabled;
    int position;    /* in the list people see; ties go by name */
    int64_t read_at; /* when Scalekit last listed it */
};

/* Replace the catalogue by a complete reading of it. Connections that are missing from it are kept
 * for the sake of history, but no longer listed or found. Where that, or the switch `enabled`,
 * changes whether a connection is offered, an event is appended for each account on it. `read_at`
 * of the elements is not read. */
enum gate_err gate_store_connection_catalogue_replace(struct gate_ctx *ctx, gate_store_tx *tx,
                                                      const struct gate_connection *connections,
                                                      size_t count, int64_t now_ms) GATE_MUST_CHECK;

/* When the catalogue was last replaced; 0 for never. */
enum gate_err gate_store_connection_catalogue_read_at(struct gate_ctx *ctx, gate_store_tx *tx,
                                                      int64_t *ret_at) GATE_MUST_CHECK;

/* List the enabled connections in the order of position and name; at most GATE_CONNECTIONS_MAX. */
enum gate_err gate_store_connection_list(struct gate_ctx *ctx, gate_store_tx *tx,
                                         struct gate_connection **ret_connections,
                                         size_t *ret_count) GATE_MUST_CHECK;

/* Find a connection that the catalogue has, enabled or not (look at `enabled`). */
enum gate_err gate_store_connection_find(struct gate_ctx *ctx, gate_store_tx *tx, const char *name,
                                         struct gate_connection *ret_connection) GATE_MUST_CHECK;

/* The same, also when the catalogue does not have it any more; it is not enabled then. */
enum gate_err
gate_store_connection_find_former(struct gate_ctx *ctx, gate_store_tx *tx, const char *name,
                                  struct gate_connection *ret_connection) GATE_MUST_CHECK;

#endif
