/* The one thread that writes: takes all that is queued, runs it in one transaction, commits,
 * answers. For the files of store/ only.
 *
 * Owner: gate_writer_new's caller. Threads: locked (own mutex); the connection is the thread's
 * alone. Errors: as store/store.h. Logs: failures of writes that nobody waits for.
 */
#ifndef GATE_STORE_WRITER_H
#define GATE_STORE_WRITER_H

#include "store/database.h"

struct gate_writer;

/* Start the thread. Takes over `tx`, which must be prepared for writing. `log_max_bytes`: how long
 * the write-ahead log may become. */
enum gate_err gate_writer_new(gate_store_tx *tx, const struct gate_clock *clock,
                              int64_t log_max_bytes, struct gate_error *error,
                              struct gate_writer **ret_writer) GATE_MUST_CHECK;

/* Write what is queued, end the thread, close the connection. NULL is fine. */
void gate_writer_free(struct gate_writer *writer);

/* The contracts of gate_store_write, _write_now, _write_later and _check. */
void gate_writer_queue(struct gate_writer *writer, struct gate_ctx *ctx, gate_store_work_fn *work,
                       void *work_state, gate_then_fn *then, void *then_state);
enum gate_err gate_writer_run(struct gate_writer *writer, struct gate_ctx *ctx,
                              gate_store_work_fn *work, void *state) GATE_MUST_CHECK;
void gate_writer_queue_later(struct gate_writer *writer, gate_store_work_fn *work,
                             const void *state, size_t bytes);
enum gate_err gate_writer_check(struct gate_writer *writer, struct gate_error *error,
                                struct gate_store_health *ret_health) GATE_MUST_CHECK;
void gate_writer_metrics_write(struct gate_writer *writer, struct gate_buffer *buffer);

#endif
