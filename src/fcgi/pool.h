/* The open connections: parked in epoll while idle, held by a worker or by a waiting request
 * otherwise.
 *
 * Owner: gate_fcgi_pool_new's caller. Threads: locked (own mutex, for the list and the counts
 * only); a connection itself is confined to whoever holds it. Logs: requests refused before web/
 * sees them. A connection is in exactly one place: in epoll (armed once), with the worker that
 * epoll gave it to, or with the request that web/ answers later.
 */
#ifndef GATE_FCGI_POOL_H
#define GATE_FCGI_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "web/web.h"

typedef struct gate_fcgi_pool gate_fcgi_pool;
typedef struct gate_fcgi_connection gate_fcgi_connection;

struct gate_fcgi_pool_options {
    gate_web *web;
    int epoll_fd;        /* borrowed; a parked connection's data.ptr is its gate_fcgi_connection */
    int in_flight_max;   /* requests being answered; beyond it 503 at once */
    int connections_max; /* see gate_fcgi_pool_is_full */
    int peer_timeout_ms; /* how long a read or write may stand still while a worker is in it */
    bool keep_connections; /* false: one request per connection */
};

gate_fcgi_pool *gate_fcgi_pool_new(const struct gate_fcgi_pool_options *options);

/* Close what is parked and free. Nothing may be in flight and no worker may be serving. NULL is
 * fine. */
void gate_fcgi_pool_free(gate_fcgi_pool *pool);

/* True when no further connection should be accepted for now. */
bool gate_fcgi_pool_is_full(gate_fcgi_pool *pool);

/* Park a freshly accepted, blocking connection; it belongs to the pool from here on. */
void gate_fcgi_pool_add(gate_fcgi_pool *pool, int fd);

/* Read one request from a connection epoll found readable, and have it answered, now or later. The
 * caller must not touch the connection afterwards. */
void gate_fcgi_pool_serve(gate_fcgi_pool *pool, gate_fcgi_connection *connection);

/* Tells the events of connections whose reader is watched from those of parked ones: their data.u64
 * is such a tag instead of a pointer, so that one that comes too late names nothing. */
bool gate_fcgi_pool_is_watch_tag(uint64_t tag);

/* The reader of a watched request has left, or of one that was. */
void gate_fcgi_pool_reader_left(gate_fcgi_pool *pool, uint64_t tag);

/* From now on every connection ends with the request it is answering. */
void gate_fcgi_pool_stop_keeping(gate_fcgi_pool *pool);

int gate_fcgi_pool_in_flight(gate_fcgi_pool *pool);

/* Wait until no connection is open, or until nothing is in flight; false when the time
 * (CLOCK_MONOTONIC milliseconds) came first. Workers must be serving meanwhile. */
bool gate_fcgi_pool_wait_empty(gate_fcgi_pool *pool, int64_t until_ms);
bool gate_fcgi_pool_wait_idle(gate_fcgi_pool *pool, int64_t until_ms);

#endif
