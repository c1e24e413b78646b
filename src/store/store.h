/* The recorded state: one SQLite file, many readers, one writer thread with group commit.
 *
 * Owner: gate_store_open's caller; close after everything that uses it. Threads: locked (the
 * store's own mutex); a gate_store_tx is confined to the thread that runs it. Errors:
 * GATE_ERR_STORE when the database cannot do it now (full, read-only, locked by another process),
 * GATE_ERR_CONFIG when the file is not one this program can use. Logs: failures of writes that
 * nobody waits for.
 *
 * Every function of the aggregates (store/user.h, store/session.h, …) takes the request's context
 * and a transaction. Reading: gate_store_read_begin … gate_store_read_end around any number of
 * calls, which all see one snapshot. Writing: a work function handed to gate_store_write. What
 * returned GATE_ERR_NOT_FOUND recorded nothing in ctx->error. Strings returned live in ctx->arena.
 * Times are wall-clock milliseconds, 0 for none.
 */
#ifndef GATE_STORE_STORE_H
#define GATE_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"
#include "core/context.h"

/* Largest state that gate_store_write_later copies. */
#define GATE_STORE_LATER_MAX_BYTES 256

typedef struct gate_store gate_store;

/* A read snapshot, or the write transaction in which a work function runs. */
typedef struct gate_store_tx gate_store_tx;

struct gate_store_options {
    const char *path;               /* of the database file; created with mode 0600 when absent */
    unsigned readers_max;           /* reader connections; one per worker is enough; 0: four */
    const struct gate_clock *clock; /* NULL: the system's */
    bool read_only;                 /* never migrate, never write; the file must be there already */
    int64_t lock_wait_ms; /* how long to wait for other processes' locks; 0: five seconds */
    int64_t
        log_max_bytes;  /* how long the write-ahead log may become; 0: GATE_STORE_LOG_MAX_BYTES */
    bool check_content; /* also look for damage inside, unless the file is large */
};

/* What gate_store_check found. */
struct gate_store_health {
    int schema_version;
    bool can_write;       /* the last commit, or the last attempt at one, went well */
    size_t writes_queued; /* waiting for the writer thread now */
    uint64_t writes_done; /* since the store was opened */
    uint64_t commits;
};

/* A step of writing. Runs on the writer thread, in its own savepoint, and owns `ctx` meanwhile; an
 * error undoes this step alone. Must not wait for anything, nor call gate_store_write_now. What it
 * put into `state` or `ctx` counts only once the outcome is known to be GATE_OK. */
typedef enum gate_err gate_store_work_fn(struct gate_ctx *ctx, gate_store_tx *tx, void *state);

/* Open the database, migrate it to this program's schema, and start the writer thread.
 * GATE_ERR_CONFIG: missing directory, not a Gatehouse database, written by a newer version, not
 * writable. GATE_ERR_STORE: locked by another process, damaged, disk full. `error` gets one
 * sentence. */
enum gate_err gate_store_open(const struct gate_store_options *options, struct gate_error *error,
                              gate_store **ret_store) GATE_MUST_CHECK;

/* Wait for all queued writes to be committed, then close. Nobody may use the store any more. NULL
 * is fine. */
void gate_store_close(gate_store *store);

/* Take a reader connection from the pool and start a snapshot; never NULL. Waits while all are
 * taken, so hold at most one at a time, and never while waiting for anything. */
gate_store_tx *gate_store_read_begin(gate_store *store) __attribute__((returns_nonnull));

/* Give the reader back. */
void gate_store_read_end(gate_store *store, gate_store_tx *tx);

/* Queue `work` for the writer thread; `then` is called on a worker once the outcome is durable on
 * disk. With GATE_STORE_WRITE_QUEUE_MAX writes waiting, `then` is called at once with
 * GATE_ERR_BUSY. When the commit fails, all steps of that commit get GATE_ERR_STORE. */
void gate_store_write(struct gate_ctx *ctx, gate_store *store, gate_store_work_fn *work,
                      void *work_state, gate_then_fn *then, void *then_state);

/* The same, blocking the calling thread until the outcome is durable. Not for workers: for start,
 * the command line and tests. */
enum gate_err gate_store_write_now(struct gate_ctx *ctx, gate_store *store,
                                   gate_store_work_fn *work, void *state) GATE_MUST_CHECK;

/* Queue `work` with a copy of `bytes` of `state` (at most GATE_STORE_LATER_MAX_BYTES) and a context
 * of its own, and wait for nothing. Dropped when the queue is full; a failure is logged. */
void gate_store_write_later(gate_store *store, gate_store_work_fn *work, const void *state,
                            size_t bytes);

/* Look through the whole database for damage; reads all of it. GATE_ERR_STORE with a sentence. For
 * the command line. */
enum gate_err gate_store_look_through(gate_store *store, struct gate_error *error) GATE_MUST_CHECK;

/* Tell whether the store works, from what the writer last met; never blocks. While it does not
 * work, or has been idle, each call also queues a probe write, so a later call sees that it works
 * again. GATE_OK or GATE_ERR_STORE with a sentence in `error`; `ret_health` is set in either case.
 */
enum gate_err gate_store_check(gate_store *store, struct gate_error *error,
                               struct gate_store_health *ret_health) GATE_MUST_CHECK;

/* Append the store's counts and latencies (core/metrics.h). */
void gate_store_metrics_write(gate_store *store, struct gate_buffer *buffer);

#endif
