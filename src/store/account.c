#include "store/account.h"

#include "core/text.h"
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
    account.learned_at = gate_column_number(row);
    account.learned_from = parse_source(gate_column_text(row));
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

/* Was this very account (not a later one on the same connection) forgotten at or after `since_ms`?
 */
static enum gate_err check_forgotten(struct gate_ctx *ctx, gate_store_tx *tx,
                                     const struct gate_account *account, int64_t since_ms,
                                     bool *ret_forgotten) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_ACCOUNT_EVENT_LAST);
    gate_bind_number(&statement, account->user_id);
    gate_bind_text(&statement, account->connection_name);
    enum gate_err err = gate_statement_next(&statement);
    if (err == GATE_ERR_NOT_FOUND) {
        *ret_forgotten = false;
        return GATE_OK;
    }
    if (err != GATE_OK) {
        return err;
    }
    const char *scalekit_id = gate_column_text(&statement);
    const char *new_status = gate_column_text(&statement);
    int64_t at = gate_column_number(&statement);
    err = gate_statement_finish(&statement);
    if (err == GATE_OK) {
        *ret_forgotten = new_status == NULL && at >= since_ms &&
                         gate_text_equal(scalekit_id, account->scalekit_id);
    }
    return err;
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
    gate_bind_number(&statement, now_ms);
    gate_bind_text(&statement, gate_account_source_name(account->learned_from));
    return gate_statement_run(&statement);
}

/* Save by the rule. `forgotten_since_ms` bounds which forgetting still stands against the news. */
static enum gate_err save_by_rule(struct gate_ctx *ctx, gate_store_tx *tx,
                                  const struct gate_account *account,
                                  enum gate_account_save_rule rule, int64_t forgotten_since_ms,
                                  int64_t now_ms, bool *ret_changed) {
    struct gate_account recorded = {0};
    bool stale = false;
    enum gate_err err =
        gate_store_account_find(ctx, tx, account->user_id, account->connection_name, &recorded);
    bool is_new = err == GATE_ERR_NOT_FOUND;
    if (err != GATE_OK && !is_new) {
        return err;
    }
    if (is_new && rule == GATE_ACCOUNT_SAVE_NEWER) {
        err = check_forgotten(ctx, tx, account, forgotten_since_ms, &stale);
    } else {
        err = GATE_OK;
        stale = rule == GATE_ACCOUNT_SAVE_NEWER && account->updated_at < recorded.updated_at;
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

enum gate_err gate_store_account_save(struct gate_ctx *ctx, gate_store_tx *tx,
                                      const struct gate_account *account,
                                      enum gate_account_save_rule rule, int64_t now_ms,
                                      bool *ret_changed) {
    return save_by_rule(ctx, tx, account, rule, 0, now_ms, ret_changed);
}

static enum gate_err forget_recorded(struct gate_ctx *ctx, gate_store_tx *tx,
                                     const struct gate_account *account,
                                     enum gate_account_source source, int64_t now_ms) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_ACCOUNT_DELETE);
    gate_bind_number(&statement, account->user_id);
    gate_bind_text(&statement, account->connection_name);
    enum gate_err err = gate_statement_run(&statement);
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
        if (recorded[i].learned_at >= reading->asked_at ||
            reading_has(reading, recorded[i].connection_name)) {
            continue;
        }
        err = forget_recorded(ctx, tx, &recorded[i], reading->learned_from, now_ms);
        (*changes)++;
    }
    return err;
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
        bool changed = false;
        err = save_by_rule(ctx, tx, &account, GATE_ACCOUNT_SAVE_NEWER, reading->asked_at, now_ms,
                           &changed);
        changes += changed;
    }
    if (err == GATE_OK) {
        err = gate_store_user_save_accounts_read_at(ctx, tx, user_id, now_ms);
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
