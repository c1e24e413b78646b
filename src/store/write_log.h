/* Keeping SQLite's write-ahead log small: copying it into the database, and refusing to let it grow
 * without end. For the files of store/ only.
 *
 * A log begins anew once all of it is in the database and nobody reads an older state. Readers of
 * ours are short, so normally that is at a thousand pages. Under load there is always some reader;
 * then the log is cut, for which new readers wait a moment. What remains is a reader that stays
 * (somebody's shell, a backup): beyond a limit nothing more is written until it is gone.
 *
 * Owner: part of a connection. Threads: confined to the writer. Errors: GATE_ERR_STORE. Logs:
 * never.
 */
#ifndef GATE_STORE_WRITE_LOG_H
#define GATE_STORE_WRITE_LOG_H

#include "store/database.h"

struct gate_write_log {
    gate_store_tx *tx;
    const struct gate_clock *clock;
    int64_t max_pages; /* of the log */
    int pages; /* in it after the last commit or checkpoint, as far as this connection knows */
    int64_t cut_at_ms; /* monotonic: when it was last tried to cut it; 0: never */
};

/* Watch over the log of a connection that writes. `max_bytes`: how long it may become. The struct
 * must stay where it is as long as the connection lives. */
void gate_write_log_init(struct gate_write_log *log, gate_store_tx *tx,
                         const struct gate_clock *clock, int64_t max_bytes);

/* Copy all of the log into the database and cut it to nothing, unless somebody still reads an older
 * state after a moment. */
void gate_write_log_cut(struct gate_write_log *log);

/* Before a transaction: may the log grow? Tries to cut it when not, now and then. */
enum gate_err gate_write_log_check(struct gate_write_log *log,
                                   struct gate_error *error) GATE_MUST_CHECK;

/* After a commit: copy the log into the database, or cut it, when it has become long. What fails
 * here leaves the log as it is, and is tried again. */
void gate_write_log_tend(struct gate_write_log *log);

#endif
