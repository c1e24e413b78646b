/* Running one named statement: open, bind in order, step, read columns in order. For the files of
 * store/ only.
 *
 * Owner: on the stack of one function. Threads: confined. Errors: kept inside and returned by the
 * next step, so binding needs no checks. A statement is closed by itself once it is at its end or
 * failed; whoever stops earlier calls gate_statement_close.
 */
#ifndef GATE_STORE_STATEMENT_H
#define GATE_STORE_STATEMENT_H

#include "crypto/digest.h"
#include "store/database.h"

struct gate_statement {
    struct gate_ctx *ctx;
    gate_store_tx *tx;
    const char *name;
    sqlite3_stmt *raw; /* NULL: could not be prepared, or closed */
    int parameter;     /* the one bound last, from 1 */
    int column;        /* the next one to read, from 0 */
    enum gate_err err;
};

struct gate_statement gate_statement_open(struct gate_ctx *ctx, gate_store_tx *tx,
                                          enum gate_sql name);

/* Bind the next parameter. NULL texts bind NULL, and so does a time or an id of 0. Texts and
 * digests are borrowed until the statement is closed. */
void gate_bind_number(struct gate_statement *statement, int64_t number);
void gate_bind_time(struct gate_statement *statement, int64_t at_ms);
void gate_bind_id(struct gate_statement *statement, int64_t id);
void gate_bind_text(struct gate_statement *statement, const char *text);
void gate_bind_digest(struct gate_statement *statement, const struct gate_digest *digest);

/* Step to the next row: GATE_OK, or GATE_ERR_NOT_FOUND behind the last one. */
enum gate_err gate_statement_next(struct gate_statement *statement) GATE_MUST_CHECK;

/* Run a statement without rows. */
enum gate_err gate_statement_run(struct gate_statement *statement) GATE_MUST_CHECK;

/* The same, and say how many rows it changed. */
enum gate_err gate_statement_run_counted(struct gate_statement *statement,
                                         size_t *ret_changed) GATE_MUST_CHECK;

/* Run a statement that deletes up to `max` (?2) rows which have expired at `now_ms` (?1), and say
 * how many there were (NULL: nobody asks). */
enum gate_err gate_statement_sweep(struct gate_ctx *ctx, gate_store_tx *tx, enum gate_sql name,
                                   int64_t now_ms, size_t max, size_t *ret_deleted) GATE_MUST_CHECK;

/* Finish a statement of which one row was read: runs it to its end, then closes. */
enum gate_err gate_statement_finish(struct gate_statement *statement) GATE_MUST_CHECK;

void gate_statement_close(struct gate_statement *statement);

/* Read the next column of the row. Texts are copied into ctx->arena; NULL is 0, NULL or all zero
 * bytes. */
int64_t gate_column_number(struct gate_statement *statement);
const char *gate_column_text(struct gate_statement *statement);
struct gate_digest gate_column_digest(struct gate_statement *statement);

/* Make room for one more element behind the `count` there are; returns the array, perhaps moved. */
void *gate_rows_grow(gate_arena *arena, void *rows, size_t count, size_t element_bytes);

#endif
