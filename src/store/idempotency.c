#include "store/idempotency.h"

#include <string.h>

#include "core/text.h"
#include "store/statement.h"

/* How many old answers make room at a time, at first and at last. */
#define ROOM_STEP_MIN 16
#define ROOM_STEP_MAX 1024
#define ROOM_STEP_FACTOR 8

#define EVERYBODY 0

static const char *const state_names[] = {
    [GATE_IDEMPOTENCY_STARTED] = "started",
    [GATE_IDEMPOTENCY_ANSWERED] = "answered",
    [GATE_IDEMPOTENCY_UNKNOWN] = "unknown",
    [GATE_IDEMPOTENCY_NOT_KEPT] = "not_kept",
};

/* The schema lets no other word in; should one appear all the same, nothing is run again. */
static enum gate_idempotency_state parse_state(const char *name) {
    for (size_t i = 0; i < sizeof state_names / sizeof state_names[0]; i++) {
        if (gate_text_equal(state_names[i], name)) {
            return (enum gate_idempotency_state)i;
        }
    }
    return GATE_IDEMPOTENCY_UNKNOWN;
}

static struct gate_idempotency read_row(struct gate_statement *statement) {
    struct gate_idempotency row;
    row.id = gate_column_number(statement);
    row.user_id = gate_column_number(statement);
    row.owner = gate_column_number(statement);
    row.key_hash = gate_column_digest(statement);
    row.request_hash = gate_column_digest(statement);
    row.instance = gate_column_digest(statement);
    row.state = parse_state(gate_column_text(statement));
    row.started_at = gate_column_number(statement);
    row.runs_until = gate_column_number(statement);
    row.expires_at = gate_column_number(statement);
    row.status = (int)gate_column_number(statement);
    row.content_type = gate_column_text(statement);
    row.sealed_answer = gate_column_text(statement);
    return row;
}

enum gate_err gate_store_idempotency_find(struct gate_ctx *ctx, gate_store_tx *tx, int64_t user_id,
                                          int64_t owner, const struct gate_digest *key_hash,
                                          struct gate_idempotency *ret_row) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_IDEMPOTENCY_FIND);
    gate_bind_number(&statement, user_id);
    gate_bind_number(&statement, owner);
    gate_bind_digest(&statement, key_hash);
    enum gate_err err = gate_statement_next(&statement);
    if (err != GATE_OK) {
        return err;
    }
    struct gate_idempotency row = read_row(&statement);
    err = gate_statement_finish(&statement);
    if (err == GATE_OK) {
        *ret_row = row;
    }
    return err;
}

enum gate_err gate_store_idempotency_usage(struct gate_ctx *ctx, gate_store_tx *tx, int64_t owner,
                                           struct gate_idempotency_usage *ret_usage) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_IDEMPOTENCY_USAGE);
    gate_bind_number(&statement, owner);
    struct gate_idempotency_usage usage = {0};
    enum gate_err err = gate_statement_next(&statement);
    if (err == GATE_OK) {
        usage.keys = gate_column_number(&statement);
        usage.bytes = gate_column_number(&statement);
        err = gate_statement_finish(&statement);
    } else if (err == GATE_ERR_NOT_FOUND) {
        err = GATE_OK;
    }
    if (err == GATE_OK) {
        *ret_usage = usage;
    }
    return err;
}

enum gate_err gate_store_idempotency_has_room(struct gate_ctx *ctx, gate_store_tx *tx,
                                              int64_t owner, bool *ret_has_room) {
    struct gate_idempotency_usage own, all;
    enum gate_err err = gate_store_idempotency_usage(ctx, tx, owner, &own);
    if (err == GATE_OK) {
        err = gate_store_idempotency_usage(ctx, tx, EVERYBODY, &all);
    }
    if (err == GATE_OK) {
        *ret_has_room =
            own.keys < GATE_IDEMPOTENCY_KEYS_PER_CALLER_MAX && all.keys < GATE_IDEMPOTENCY_KEYS_MAX;
    }
    return err;
}

enum gate_err gate_store_idempotency_insert(struct gate_ctx *ctx, gate_store_tx *tx,
                                            const struct gate_idempotency *row, int64_t *ret_id) {
    bool has_room = false;
    enum gate_err err = gate_store_idempotency_has_room(ctx, tx, row->owner, &has_room);
    if (err != GATE_OK || !has_room) {
        return err != GATE_OK ? err : GATE_ERR_BUSY;
    }
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_IDEMPOTENCY_INSERT);
    gate_bind_number(&statement, row->user_id);
    gate_bind_number(&statement, row->owner);
    gate_bind_digest(&statement, &row->key_hash);
    gate_bind_digest(&statement, &row->request_hash);
    gate_bind_digest(&statement, &row->instance);
    gate_bind_number(&statement, row->started_at);
    gate_bind_number(&statement, row->runs_until);
    gate_bind_number(&statement, row->expires_at);
    err = gate_statement_next(&statement);
    if (err != GATE_OK) {
        return err;
    }
    int64_t id = gate_column_number(&statement);
    err = gate_statement_finish(&statement);
    if (err == GATE_OK) {
        *ret_id = id;
    }
    return err;
}

static enum gate_err find_room(struct gate_ctx *ctx, gate_store_tx *tx, int64_t owner,
                               int64_t bytes, bool *ret_fits) {
    struct gate_idempotency_usage own, all;
    enum gate_err err = gate_store_idempotency_usage(ctx, tx, owner, &own);
    if (err == GATE_OK) {
        err = gate_store_idempotency_usage(ctx, tx, EVERYBODY, &all);
    }
    if (err == GATE_OK) {
        *ret_fits = own.bytes + bytes <= GATE_IDEMPOTENCY_BYTES_PER_CALLER_MAX &&
                    all.bytes + bytes <= GATE_IDEMPOTENCY_BYTES_MAX;
    }
    return err;
}

/* Only the owner's own answers make room: nobody can push those of others out. */
static enum gate_err make_room(struct gate_ctx *ctx, gate_store_tx *tx, int64_t owner,
                               int64_t bytes, bool *ret_fits) {
    enum gate_err err = find_room(ctx, tx, owner, bytes, ret_fits);
    for (int64_t step = ROOM_STEP_MIN; err == GATE_OK && !*ret_fits && step <= ROOM_STEP_MAX;
         step *= ROOM_STEP_FACTOR) {
        struct gate_statement statement =
            gate_statement_open(ctx, tx, GATE_SQL_IDEMPOTENCY_DROP_ANSWERS);
        gate_bind_number(&statement, owner);
        gate_bind_number(&statement, step);
        err = gate_statement_run(&statement);
        if (err == GATE_OK) {
            err = find_room(ctx, tx, owner, bytes, ret_fits);
        }
    }
    return err;
}

static enum gate_err give_up(struct gate_ctx *ctx, gate_store_tx *tx,
                             const struct gate_idempotency *row,
                             enum gate_idempotency_state state) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_IDEMPOTENCY_GIVE_UP);
    gate_bind_number(&statement, row->id);
    gate_bind_digest(&statement, &row->instance);
    gate_bind_text(&statement, state_names[state]);
    return gate_statement_run(&statement);
}

enum gate_err gate_store_idempotency_end(struct gate_ctx *ctx, gate_store_tx *tx,
                                         const struct gate_idempotency *row) {
    if (row->state != GATE_IDEMPOTENCY_ANSWERED) {
        return give_up(ctx, tx, row, row->state);
    }
    int64_t bytes = (int64_t)strlen(row->sealed_answer);
    bool fits = false;
    enum gate_err err = make_room(ctx, tx, row->owner, bytes, &fits);
    if (err != GATE_OK) {
        return err;
    }
    if (!fits) {
        return give_up(ctx, tx, row, GATE_IDEMPOTENCY_NOT_KEPT);
    }
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_IDEMPOTENCY_ANSWER);
    gate_bind_number(&statement, row->id);
    gate_bind_digest(&statement, &row->instance);
    gate_bind_number(&statement, row->status);
    gate_bind_text(&statement, row->content_type);
    gate_bind_text(&statement, row->sealed_answer);
    gate_bind_number(&statement, bytes);
    return gate_statement_run(&statement);
}

enum gate_err gate_store_idempotency_release(struct gate_ctx *ctx, gate_store_tx *tx, int64_t id,
                                             const struct gate_digest *instance) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_IDEMPOTENCY_RELEASE);
    gate_bind_number(&statement, id);
    gate_bind_digest(&statement, instance);
    return gate_statement_run(&statement);
}

enum gate_err gate_store_idempotency_delete_expired(struct gate_ctx *ctx, gate_store_tx *tx,
                                                    int64_t now_ms, size_t max,
                                                    size_t *ret_deleted) {
    return gate_statement_sweep(ctx, tx, GATE_SQL_IDEMPOTENCY_DELETE_EXPIRED, now_ms, max,
                                ret_deleted);
}

enum gate_err gate_store_idempotency_delete(struct gate_ctx *ctx, gate_store_tx *tx, int64_t id) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_IDEMPOTENCY_DELETE);
    gate_bind_number(&statement, id);
    return gate_statement_run(&statement);
}
