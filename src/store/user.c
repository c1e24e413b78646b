#include "store/user.h"

#include "store/rows.h"
#include "store/statement.h"

struct gate_user gate_user_read(struct gate_statement *row) {
    struct gate_user user;
    user.id = gate_column_number(row);
    user.issuer = gate_column_text(row);
    user.subject = gate_column_text(row);
    user.identifier = gate_column_text(row);
    user.email = gate_column_text(row);
    user.name = gate_column_text(row);
    user.organization = gate_column_text(row);
    user.created_at = gate_column_number(row);
    user.last_seen_at = gate_column_number(row);
    user.accounts_read_at = gate_column_number(row);
    user.suspended_at = gate_column_number(row);
    return user;
}

static enum gate_err read_one(struct gate_statement *statement, struct gate_user *ret_user) {
    enum gate_err err = gate_statement_next(statement);
    if (err != GATE_OK) {
        return err;
    }
    struct gate_user user = gate_user_read(statement);
    err = gate_statement_finish(statement);
    if (err == GATE_OK) {
        *ret_user = user;
    }
    return err;
}

/* user_update, user_adopt and user_insert take the same parameters. */
static enum gate_err try_save(struct gate_ctx *ctx, gate_store_tx *tx, enum gate_sql name,
                              const struct gate_user *user, int64_t now_ms,
                              struct gate_user *ret_user) {
    struct gate_statement statement = gate_statement_open(ctx, tx, name);
    gate_bind_text(&statement, user->issuer);
    gate_bind_text(&statement, user->subject);
    gate_bind_text(&statement, user->identifier);
    gate_bind_text(&statement, user->email);
    gate_bind_text(&statement, user->name);
    gate_bind_text(&statement, user->organization);
    gate_bind_number(&statement, now_ms);
    return read_one(&statement, ret_user);
}

/* Somebody known may come with another identifier than before, even one that a service made a row
 * for. */
static enum gate_err make_way(struct gate_ctx *ctx, gate_store_tx *tx,
                              const struct gate_user *user) {
    static const enum gate_sql steps[] = {
        GATE_SQL_USER_TAKE_TRAIL,
        GATE_SQL_USER_TAKE_SUSPENSION,
        GATE_SQL_USER_RETIRE_NAMED,
        GATE_SQL_USER_DROP_RENAMED_ACCOUNTS,
    };
    enum gate_err err = GATE_OK;
    for (size_t i = 0; err == GATE_OK && i < sizeof steps / sizeof steps[0]; i++) {
        struct gate_statement statement = gate_statement_open(ctx, tx, steps[i]);
        gate_bind_text(&statement, user->issuer);
        gate_bind_text(&statement, user->subject);
        gate_bind_text(&statement, user->identifier);
        err = gate_statement_run(&statement);
    }
    return err;
}

enum gate_err gate_store_user_save(struct gate_ctx *ctx, gate_store_tx *tx,
                                   const struct gate_user *user, int64_t now_ms,
                                   struct gate_user *ret_user) {
    enum gate_err err = make_way(ctx, tx, user);
    if (err == GATE_OK) {
        err = try_save(ctx, tx, GATE_SQL_USER_UPDATE, user, now_ms, ret_user);
    }
    if (err == GATE_ERR_NOT_FOUND) {
        err = try_save(ctx, tx, GATE_SQL_USER_ADOPT, user, now_ms, ret_user);
    }
    if (err == GATE_ERR_NOT_FOUND) {
        err = try_save(ctx, tx, GATE_SQL_USER_INSERT, user, now_ms, ret_user);
    }
    return err;
}

enum gate_err gate_store_user_ensure(struct gate_ctx *ctx, gate_store_tx *tx,
                                     const char *identifier, int64_t now_ms,
                                     struct gate_user *ret_user) {
    enum gate_err err = gate_store_user_find_by_identifier(ctx, tx, identifier, ret_user);
    if (err != GATE_ERR_NOT_FOUND) {
        return err;
    }
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_USER_INSERT_NAMED);
    gate_bind_text(&statement, identifier);
    gate_bind_number(&statement, now_ms);
    return read_one(&statement, ret_user);
}

enum gate_err gate_store_user_find(struct gate_ctx *ctx, gate_store_tx *tx, int64_t id,
                                   struct gate_user *ret_user) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_USER_FIND);
    gate_bind_number(&statement, id);
    return read_one(&statement, ret_user);
}

enum gate_err gate_store_user_find_by_identifier(struct gate_ctx *ctx, gate_store_tx *tx,
                                                 const char *identifier,
                                                 struct gate_user *ret_user) {
    struct gate_statement statement =
        gate_statement_open(ctx, tx, GATE_SQL_USER_FIND_BY_IDENTIFIER);
    gate_bind_text(&statement, identifier);
    return read_one(&statement, ret_user);
}

static enum gate_err read_all(struct gate_statement *statement, struct gate_user **ret_users,
                              size_t *ret_count) {
    struct gate_user *users = NULL;
    size_t count = 0;
    enum gate_err err;
    while ((err = gate_statement_next(statement)) == GATE_OK) {
        users = gate_rows_grow(statement->ctx->arena, users, count, sizeof *users);
        users[count++] = gate_user_read(statement);
    }
    if (err != GATE_ERR_NOT_FOUND) {
        return err;
    }
    *ret_users = users;
    *ret_count = count;
    return GATE_OK;
}

enum gate_err gate_store_user_list(struct gate_ctx *ctx, gate_store_tx *tx, int64_t after_id,
                                   size_t max, struct gate_user **ret_users, size_t *ret_count) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_USER_LIST);
    gate_bind_number(&statement, after_id);
    gate_bind_number(&statement, (int64_t)max);
    return read_all(&statement, ret_users, ret_count);
}

enum gate_err gate_store_user_stale_list(struct gate_ctx *ctx, gate_store_tx *tx,
                                         int64_t after_read_at_ms, int64_t after_id,
                                         int64_t read_until_ms, size_t max,
                                         struct gate_user **ret_users, size_t *ret_count) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_USER_LIST_STALE);
    gate_bind_number(&statement, after_read_at_ms);
    gate_bind_number(&statement, after_id);
    gate_bind_number(&statement, read_until_ms);
    gate_bind_number(&statement, (int64_t)max);
    return read_all(&statement, ret_users, ret_count);
}

enum gate_err gate_store_user_recheck_list(struct gate_ctx *ctx, gate_store_tx *tx,
                                           int64_t after_id, size_t max,
                                           struct gate_user **ret_users, size_t *ret_count) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_USER_LIST_RECHECK);
    gate_bind_number(&statement, after_id);
    gate_bind_number(&statement, (int64_t)max);
    return read_all(&statement, ret_users, ret_count);
}

static enum gate_err set_time(struct gate_ctx *ctx, gate_store_tx *tx, enum gate_sql name,
                              int64_t id, int64_t at_ms) {
    struct gate_statement statement = gate_statement_open(ctx, tx, name);
    gate_bind_number(&statement, id);
    gate_bind_time(&statement, at_ms);
    return gate_statement_run(&statement);
}

enum gate_err gate_store_user_touch(struct gate_ctx *ctx, gate_store_tx *tx, int64_t id,
                                    int64_t now_ms) {
    return set_time(ctx, tx, GATE_SQL_USER_TOUCH, id, now_ms);
}

enum gate_err gate_store_user_save_accounts_read_at(struct gate_ctx *ctx, gate_store_tx *tx,
                                                    int64_t id, int64_t at_ms) {
    return set_time(ctx, tx, GATE_SQL_USER_SET_ACCOUNTS_READ_AT, id, at_ms);
}

enum gate_err gate_store_user_suspend(struct gate_ctx *ctx, gate_store_tx *tx, int64_t id,
                                      int64_t at_ms, size_t *ret_sessions, bool *ret_changed) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_USER_SUSPEND);
    gate_bind_number(&statement, id);
    gate_bind_time(&statement, at_ms);
    size_t changed = 0;
    size_t sessions = 0;
    enum gate_err err = gate_statement_run_counted(&statement, &changed);
    if (err == GATE_OK && at_ms != 0) {
        statement = gate_statement_open(ctx, tx, GATE_SQL_USER_DELETE_SESSIONS);
        gate_bind_number(&statement, id);
        err = gate_statement_run_counted(&statement, &sessions);
    }
    if (err == GATE_OK) {
        *ret_sessions = sessions;
        *ret_changed = changed > 0;
    }
    return err;
}

enum gate_err gate_store_user_count_holdings(struct gate_ctx *ctx, gate_store_tx *tx, int64_t id,
                                             int64_t now_ms,
                                             struct gate_user_holdings *ret_holdings) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_USER_HOLDINGS);
    gate_bind_number(&statement, id);
    gate_bind_number(&statement, now_ms);
    enum gate_err err = gate_statement_next(&statement);
    if (err != GATE_OK) {
        return err;
    }
    struct gate_user_holdings holdings;
    holdings.sessions = gate_column_number(&statement);
    holdings.tokens = gate_column_number(&statement);
    holdings.accounts = gate_column_number(&statement);
    holdings.calls = gate_column_number(&statement);
    holdings.events = gate_column_number(&statement);
    err = gate_statement_finish(&statement);
    if (err == GATE_OK) {
        *ret_holdings = holdings;
    }
    return err;
}

static enum gate_err unname_rows(struct gate_ctx *ctx, gate_store_tx *tx, enum gate_sql name,
                                 int64_t id, size_t max, size_t *count) {
    struct gate_statement statement = gate_statement_open(ctx, tx, name);
    gate_bind_number(&statement, id);
    gate_bind_number(&statement, (int64_t)max);
    size_t changed = 0;
    enum gate_err err = gate_statement_run_counted(&statement, &changed);
    *count += changed;
    return err;
}

enum gate_err gate_store_user_unname_trail(struct gate_ctx *ctx, gate_store_tx *tx, int64_t id,
                                           size_t max, int64_t now_ms, size_t *ret_count) {
    size_t count = 0;
    enum gate_err err = gate_database_run_text(
        tx, &gate_sql_statements[GATE_SQL_DATABASE_ERASE_DELETED], &ctx->error);
    tx->erases = true;
    if (err == GATE_OK) {
        struct gate_statement statement =
            gate_statement_open(ctx, tx, GATE_SQL_USER_ENSURE_NAMELESS);
        gate_bind_number(&statement, now_ms);
        err = gate_statement_run(&statement);
    }
    if (err == GATE_OK) {
        err = unname_rows(ctx, tx, GATE_SQL_USER_UNNAME_CALLS, id, max, &count);
    }
    if (err == GATE_OK) {
        err = unname_rows(ctx, tx, GATE_SQL_USER_UNNAME_EVENTS, id, max, &count);
    }
    if (err == GATE_OK) {
        *ret_count = count;
    }
    return err;
}

enum gate_err gate_store_user_delete(struct gate_ctx *ctx, gate_store_tx *tx, int64_t id,
                                     int64_t now_ms) {
    size_t count = 0;
    enum gate_err err = gate_store_user_unname_trail(ctx, tx, id, SIZE_MAX / 2, now_ms, &count);
    if (err != GATE_OK) {
        return err;
    }
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_USER_DELETE);
    gate_bind_number(&statement, id);
    return gate_statement_run(&statement);
}

enum gate_err gate_store_user_move_accounts_read_at(struct gate_ctx *ctx, gate_store_tx *tx,
                                                    int64_t id, int64_t at_ms, int64_t now_ms) {
    struct gate_statement statement =
        gate_statement_open(ctx, tx, GATE_SQL_USER_MOVE_ACCOUNTS_READ_AT);
    gate_bind_number(&statement, id);
    gate_bind_number(&statement, at_ms);
    gate_bind_number(&statement, now_ms);
    return gate_statement_run(&statement);
}
