/* Copies of the whole database: making one while the service runs, and putting one back.
 *
 * Threads: startup (the command line; other processes may use the database). Errors:
 * GATE_ERR_INPUT for a file that is not fit, GATE_ERR_CONFLICT when something is in the way,
 * GATE_ERR_CONFIG and GATE_ERR_STORE as store/store.h; `error` gets one sentence. Never logs.
 */
#ifndef GATE_STORE_BACKUP_H
#define GATE_STORE_BACKUP_H

#include "store/store.h"

/* What was copied. */
struct gate_store_copy {
    int schema_version;
    int64_t bytes;
};

/* Copy the database at `path`, as it is at one moment, into the new file `copy_path` (mode 0600),
 * which appears once it is whole, checked and on disk. GATE_ERR_CONFLICT when there is such a file.
 * Writes go on meanwhile, but the write-ahead log cannot be cut. */
enum gate_err gate_store_backup(const char *path, const char *copy_path, struct gate_error *error,
                                struct gate_store_copy *ret_copy) GATE_MUST_CHECK;

/* Put a copy in the database's place. The copy is looked through first: it must be a whole
 * Gatehouse database of this version's schema or an older one. GATE_ERR_CONFLICT while any other
 * process has the database open. All or nothing: whoever is killed meanwhile finds the old state.
 * What is there but is no database any more is moved aside, to "<path>.damaged". */
enum gate_err gate_store_restore(const char *path, const char *copy_path, struct gate_error *error,
                                 struct gate_store_copy *ret_copy) GATE_MUST_CHECK;

#endif
