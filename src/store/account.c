#include "store/account.h"

#include "core/text.h"
#include "store/account_news.h"
#include "store/statement.h"
#include "store/user.h"

static const char *const source_names[] = {
    [GATE_ACCOUNT_SOURCE_PAGE] = "page",
    [GATE_ACCOUNT_SOURCE_CALLBACK] = "callback",
    [GATE_ACCOUNT_SOURCE_WEBHOOK] = "webhook",
    [GATE_ACCOUNT_SOURCE_TOOL_CALL] = "tool_call",
    [GATE_ACCOUNT_SOURCE_SWEEP] = "sweep",
    [GATE_ACCOUNT_SOURCE_CONNECT] = "connect",
    [GATE_ACCOUNT_SOURCE_DISCONNECT] = "disconnect",
    [GATE_ACCOUNT_SOURCE_CATALOGUE] = "catalogue",
};
_Static_assert(sizeof source_names / sizeof source_names[0] == GATE_ACCOUNT_SOURCE_COUNT_,
               "name every source");

const char *gate_account_source_name(enum gate_account_source source) {
    return source_names[source];
}

/* The column holds nothing but our own names. */
static enum gate_account_source parse_source(const char *name) {
    for (unsigned i = 0; i < GATE_ACCOUNT_SOURCE_COUNT_; i++) {
        if (gate_text_equal(source_names[i], name)) {
            return (enum gate_account_source)i;
        }
    }
    return GATE_ACCOUNT_SOURCE_PAGE;
}

static struct gate_account read_account(struct gate_statement *row) {
    struct gate_account account;
    account.id = gate_column_number(row);
    account.user_id = gate_column_number(row);
    account.connection_name = gate_column_text(row);
    account.scalekit_id = gate_column_text(row);
    account.authorization_type = gate_column_text(row);
    account.status = gate_account_status_parse(gate_column_text(row));
    account.token_expires_at = gate_column_number(row);
    account.updated_at = gate_column_number(row);
    account.event_at = gate_column_number(row);
    account.learned_at = gate_column_number(row);
    account.learned_from = parse_source(gate_column_text(row));
    account.refused_at = gate_column_number(row);
    account.refused_status = (int)gate_column_number(row);
    account.refused_tool = gate_column_text(row);
    account.asked_at = 0;
    return account;
}

enum gate_err gate_store_account_find(struct gate_ctx *ctx, gate_store_tx *tx, int64_t user_id,
                                      const char *connection_name,
                                      struct gate_account *ret_account) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_ACCOUNT_FIND);
    gate_bind_number(&statement, user_id);
    gate_bind_text(&statement, connection_name);
    enum gate_err err = gate_statement_next(&statement);
    if (err != GATE_OK) {
        return err;
    }
    struct gate_account account = read_account(&statement);
    err = gate_statement_finish(&statement);
    if (err == GATE_OK) {
        *ret_account = account;
    }
    return err;
}

enum gate_err gate_store_account_list(struct gate_ctx *ctx, gate_store_tx *tx, int64_t user_id,
                                      struct gate_account **ret_accounts, size_t *ret_count) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_ACCOUNT_LIST);
    gate_bind_number(&statement, user_id);
    gate_bind_number(&statement, GATE_CONNECTIONS_MAX);
    struct gate_account *accounts = NULL;
    size_t count = 0;
    enum gate_err err;
    while ((err = gate_statement_next(&statement)) == GATE_OK) {
        accounts = gate_rows_grow(ctx->arena, accounts, count, sizeof *accounts);
        accounts[count++] = read_account(&statement);
    }
    if (err != GATE_ERR_NOT_FOUND) {
        return err;
    }
    *ret_accounts = accounts;
    *ret_count = count;
    return GATE_OK;
}

/* One row for account_event; a status of NULL is "no account". */
struct change {
    int64_t user_id;
    const char *connection_name;
    const char *scalekit_id;
    const char *old_status;
    const char *new_status;
    enum gate_account_source source;
    int64_t at;
};

static enum gate_err append_event(struct gate_ctx *ctx, gate_store_tx *tx,
                                  const struct change *change) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_ACCOUNT_EVENT_INSERT);
    gate_bind_number(&statement, change->user_id);
    gate_bind_text(&statement, change->connection_name);
    gate_bind_text(&statement, change->scalekit_id);
    gate_bind_text(&statement, change->old_status);
    gate_bind_text(&statement, change->new_status);
    gate_bind_text(&statement, gate_account_source_name(change->source));
    gate_bind_number(&statement, change->at);
    return gate_statement_run(&statement);
}

enum gate_err gate_account_forgotten_find(struct gate_ctx *ctx, gate_store_tx *tx, int64_t user_id,
                                          const char *connection_name,
                                          struct gate_account_forgotten *ret_forgotten) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_ACCOUNT_FIND_FORGOTTEN);
    gate_bind_number(&statement, user_id);
    gate_bind_text(&statement, connection_name);
    enum gate_err err = gate_statement_next(&statement);
    if (err != GATE_OK) {
        return err;
    }
    struct gate_account_forgotten forgotten;
    forgotten.scalekit_id = gate_column_text(&statement);
    forgotten.gone_at = gate_column_number(&statement);
    forgotten.learned_at = gate_column_number(&statement);
    err = gate_statement_finish(&statement);
    if (err == GATE_OK) {
        *ret_forgotten = forgotten;
    }
    return err;
}

enum gate_err gate_account_forgotten_save(struct gate_ctx *ctx, gate_store_tx *tx, int64_t user_id,
                                          const char *connection_name,
                                          const struct gate_account_forgotten *forgotten) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_ACCOUNT_MARK_FORGOTTEN);
    gate_bind_number(&statement, user_id);
    gate_bind_text(&statement, connection_name);
    gate_bind_text(&statement, forgotten->scalekit_id);
    gate_bind_number(&statement, forgotten->gone_at);
    gate_bind_number(&statement, forgotten->learned_at);
    return gate_statement_run(&statement);
}

/* Was a complete list that did not have the account asked for after this answer was? */
static enum gate_err check_absent(struct gate_ctx *ctx, gate_store_tx *tx,
                                  const struct gate_account *account, int64_t now_ms,
                                  bool *ret_absent) {
    struct gate_user user;
    enum gate_err err = gate_store_user_find(ctx, tx, account->user_id, &user);
    if (err == GATE_OK) {
        *ret_absent = account->asked_at != 0 && account->asked_at < user.accounts_read_at &&
                      user.accounts_read_at <= now_ms;
    }
    return err == GATE_ERR_NOT_FOUND ? GATE_OK : err;
}

/* Was something learned after that was asked? What was learned at a time that is yet to come was
 * learned before the clock was set back. */
static bool is_learned_since(int64_t learned_at, int64_t asked_at, int64_t now_ms) {
    return learned_at >= asked_at && learned_at <= now_ms;
}

/* An answer to what was asked before the account was forgotten is late; when nobody asked, news of
 * that very account are. */
static enum gate_err check_forgotten(struct gate_ctx *ctx, gate_store_tx *tx,
                                     const struct gate_account *account, int64_t now_ms,
                                     bool *ret_forgotten) {
    struct gate_account_forgotten forgotten;
    enum gate_err err = gate_account_forgotten_find(ctx, tx, account->user_id,
                                                    account->connection_name, &forgotten);
    if (err == GATE_ERR_NOT_FOUND) {
        return check_absent(ctx, tx, account, now_ms, ret_forgotten);
    }
    if (err != GATE_OK) {
        return err;
    }
    if (account->asked_at == 0) {
        *ret_forgotten = gate_text_equal(forgotten.scalekit_id, account->scalekit_id);
        return GATE_OK;
    }
    *ret_forgotten = is_learned_since(forgotten.learned_at, account->asked_at, now_ms);
    return *ret_forgotten ? GATE_OK : check_absent(ctx, tx, account, now_ms, ret_forgotten);
}

static enum gate_err write_account(struct gate_ctx *ctx, gate_store_tx *tx,
                                   const struct gate_account *account, int64_t now_ms) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_ACCOUNT_SAVE);
    gate_bind_number(&statement, account->user_id);
    gate_bind_text(&statement, account->connection_name);
    gate_bind_text(&statement, account->scalekit_id);
    gate_bind_text(&statement, account->authorization_type);
    gate_bind_text(&statement, gate_account_status_name(account->status));
    gate_bind_time(&statement, account->token_expires_at);
    gate_bind_time(&statement, account->updated_at);
    gate_bind_time(&statement, account->event_at);
    gate_bind_number(&statement, now_ms);
    gate_bind_text(&statement, gate_account_source_name(account->learned_from));
    return gate_statement_run(&statement);
}

static bool is_older(const struct gate_account *account, const struct gate_account *recorded,
                     int64_t now_ms) {
    bool knew_the_event = account->asked_at != 0 &&
                          !is_learned_since(recorded->learned_at, account->asked_at, now_ms);
    return account->updated_at < recorded->updated_at ||
           (account->updated_at < recorded->event_at && !knew_the_event);
}

enum gate_err gate_store_account_save(struct gate_ctx *ctx, gate_store_tx *tx,
                                      const struct gate_account *account,
                                      enum gate_account_save_rule rule, int64_t now_ms,
                                      bool *ret_changed) {
    struct gate_account recorded = {0};
    bool stale = false;
    enum gate_err err =
        gate_store_account_find(ctx, tx, account->user_id, account->connection_name, &recorded);
    bool is_new = err == GATE_ERR_NOT_FOUND;
    if (err != GATE_OK && !is_new) {
        return err;
    }
    if (is_new && rule == GATE_ACCOUNT_SAVE_NEWER) {
        err = check_forgotten(ctx, tx, account, now_ms, &stale);
    } else {
        err = GATE_OK;
        stale = rule == GATE_ACCOUNT_SAVE_NEWER && is_older(account, &recorded, now_ms);
    }
    bool changed = is_new || recorded.status != account->status;
    if (err == GATE_OK && !stale) {
        err = write_account(ctx, tx, account, now_ms);
    }
    if (err == GATE_OK && !stale && changed) {
        err = append_event(
            ctx, tx,
            &(struct change){.user_id = account->user_id,
                             .connection_name = account->connection_name,
                             .scalekit_id = account->scalekit_id,
                             .old_status =
                                 is_new ? NULL : gate_account_status_name(recorded.status),
                             .new_status = gate_account_status_name(account->status),
                             .source = account->learned_from,
                             .at = now_ms});
    }
    if (err == GATE_OK && ret_changed != NULL) {
        *ret_changed = changed && !stale;
    }
    return err;
}

static enum gate_err forget_recorded(struct gate_ctx *ctx, gate_store_tx *tx,
                                     const struct gate_account *account,
                                     enum gate_account_source source, int64_t now_ms) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_ACCOUNT_DELETE);
    gate_bind_number(&statement, account->user_id);
    gate_bind_text(&statement, account->connection_name);
    enum gate_err err = gate_statement_run(&statement);
    if (err == GATE_OK) {
        const struct gate_account_forgotten forgotten = {account->scalekit_id,
                                                         gate_account_told_at(account), now_ms};
        err = gate_account_forgotten_save(ctx, tx, account->user_id, account->connection_name,
                                          &forgotten);
    }
    if (err != GATE_OK) {
        return err;
    }
    return append_event(ctx, tx,
                        &(struct change){.user_id = account->user_id,
                                         .connection_name = account->connection_name,
                                         .scalekit_id = account->scalekit_id,
                                         .old_status = gate_account_status_name(account->status),
                                         .source = source,
                                         .at = now_ms});
}

enum gate_err gate_store_account_forget(struct gate_ctx *ctx, gate_store_tx *tx, int64_t user_id,
                                        const char *connection_name,
                                        enum gate_account_source source, int64_t now_ms,
                                        bool *ret_changed) {
    struct gate_account recorded;
    enum gate_err err = gate_store_account_find(ctx, tx, user_id, connection_name, &recorded);
    bool is_there = err == GATE_OK;
    if (is_there) {
        err = forget_recorded(ctx, tx, &recorded, source, now_ms);
    }
    if (err != GATE_OK && err != GATE_ERR_NOT_FOUND) {
        return err;
    }
    if (ret_changed != NULL) {
        *ret_changed = is_there;
    }
    return GATE_OK;
}

static bool reading_has(const struct gate_account_reading *reading, const char *connection_name) {
    for (size_t i = 0; i < reading->count; i++) {
        if (gate_text_equal(reading->accounts[i].connection_name, connection_name)) {
            return true;
        }
    }
    return false;
}

/* Forget what the list does not have. What was learned after the list was asked for is newer than
 * it. */
static enum gate_err forget_absent(struct gate_ctx *ctx, gate_store_tx *tx, int64_t user_id,
                                   const struct gate_account_reading *reading, int64_t now_ms,
                                   size_t *changes) {
    struct gate_account *recorded = NULL;
    size_t count = 0;
    enum gate_err err = gate_store_account_list(ctx, tx, user_id, &recorded, &count);
    for (size_t i = 0; i < count && err == GATE_OK; i++) {
        if (is_learned_since(recorded[i].learned_at, reading->asked_at, now_ms) ||
            reading_has(reading, recorded[i].connection_name)) {
            continue;
        }
        err = forget_recorded(ctx, tx, &recorded[i], reading->learned_from, now_ms);
        (*changes)++;
    }
    return err;
}

enum gate_err gate_store_account_note_refusal(struct gate_ctx *ctx, gate_store_tx *tx,
                                              int64_t user_id, const char *connection_name,
                                              int status, const char *tool_name, int64_t now_ms) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_ACCOUNT_NOTE_REFUSAL);
    gate_bind_number(&statement, user_id);
    gate_bind_text(&statement, connection_name);
    gate_bind_number(&statement, now_ms);
    gate_bind_number(&statement, status);
    gate_bind_text(&statement, tool_name);
    return gate_statement_run(&statement);
}

enum gate_err gate_store_account_note_success(struct gate_ctx *ctx, gate_store_tx *tx,
                                              int64_t user_id, const char *connection_name,
                                              const char *tool_name) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_ACCOUNT_NOTE_SUCCESS);
    gate_bind_number(&statement, user_id);
    gate_bind_text(&statement, connection_name);
    gate_bind_text(&statement, tool_name);
    return gate_statement_run(&statement);
}

enum gate_err gate_store_account_end_refusal(struct gate_ctx *ctx, gate_store_tx *tx,
                                             int64_t user_id, const char *connection_name) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_ACCOUNT_END_REFUSAL);
    gate_bind_number(&statement, user_id);
    gate_bind_text(&statement, connection_name);
    return gate_statement_run(&statement);
}

enum gate_err gate_store_account_want_recheck(struct gate_ctx *ctx, gate_store_tx *tx,
                                              int64_t user_id, int64_t now_ms) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_ACCOUNT_WANT_RECHECK);
    gate_bind_number(&statement, user_id);
    gate_bind_number(&statement, now_ms);
    return gate_statement_run(&statement);
}

static enum gate_err end_recheck(struct gate_ctx *ctx, gate_store_tx *tx, int64_t user_id,
                                 int64_t asked_at, int64_t now_ms) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_ACCOUNT_END_RECHECK);
    gate_bind_number(&statement, user_id);
    gate_bind_number(&statement, asked_at);
    gate_bind_number(&statement, now_ms);
    return gate_statement_run(&statement);
}

enum gate_err gate_store_account_reconcile(struct gate_ctx *ctx, gate_store_tx *tx, int64_t user_id,
                                           const struct gate_account_reading *reading,
                                           int64_t now_ms, size_t *ret_changed) {
    size_t changes = 0;
    enum gate_err err = forget_absent(ctx, tx, user_id, reading, now_ms, &changes);
    for (size_t i = 0; i < reading->count && err == GATE_OK; i++) {
        struct gate_account account = reading->accounts[i];
        account.user_id = user_id;
        account.learned_from = reading->learned_from;
        account.asked_at = reading->asked_at;
        bool changed = false;
        err = gate_store_account_save(ctx, tx, &account, GATE_ACCOUNT_SAVE_NEWER, now_ms, &changed);
        changes += changed;
    }
    if (err == GATE_OK) {
        err = gate_store_user_move_accounts_read_at(ctx, tx, user_id, reading->asked_at, now_ms);
    }
    if (err == GATE_OK) {
        err = end_recheck(ctx, tx, user_id, reading->asked_at, now_ms);
    }
    if (err == GATE_OK && ret_changed != NULL) {
        *ret_changed = changes;
    }
    return err;
}

static struct gate_account_event read_event(struct gate_statement *row) {
    struct gate_account_event event;
    event.connection_name = gate_column_text(row);
    event.old_status = gate_column_text(row);
    event.new_status = gate_column_text(row);
    event.source = parse_source(gate_column_text(row));
    event.at = gate_column_number(row);
    return event;
}

enum gate_err gate_store_account_event_list(struct gate_ctx *ctx, gate_store_tx *tx,
                                            int64_t user_id, const char *connection_name,
                                            size_t max, struct gate_account_event **ret_events,
                                            size_t *ret_count) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_ACCOUNT_EVENT_LIST);
    gate_bind_number(&statement, user_id);
    gate_bind_text(&statement, connection_name);
    gate_bind_number(&statement, (int64_t)max);
    struct gate_account_event *events = NULL;
    size_t count = 0;
    enum gate_err err;
    while ((err = gate_statement_next(&statement)) == GATE_OK) {
        events = gate_rows_grow(ctx->arena, events, count, sizeof *events);
        events[count++] = read_event(&statement);
    }
    if (err != GATE_ERR_NOT_FOUND) {
        return err;
    }
    *ret_events = events;
    *ret_count = count;
    return GATE_OK;
}

enum gate_err gate_store_account_event_delete_older(struct gate_ctx *ctx, gate_store_tx *tx,
                                                    int64_t before_ms, size_t max,
                                                    size_t *ret_deleted) {
    return gate_statement_sweep(ctx, tx, GATE_SQL_ACCOUNT_EVENT_DELETE_OLDER, before_ms, max,
                                ret_deleted);
}
