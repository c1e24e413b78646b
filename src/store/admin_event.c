#include "store/admin_event.h"

#include "store/statement.h"

enum gate_err gate_store_admin_event_insert(struct gate_ctx *ctx, gate_store_tx *tx,
                                            const struct gate_admin_event *event, int64_t *ret_id) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_ADMIN_EVENT_INSERT);
    gate_bind_number(&statement, event->at);
    gate_bind_number(&statement, event->uid);
    gate_bind_text(&statement, event->os_user);
    gate_bind_text(&statement, event->login_user);
    gate_bind_text(&statement, event->action);
    gate_bind_text(&statement, event->subject);
    gate_bind_id(&statement, event->user_id);
    enum gate_err err = gate_statement_next(&statement);
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

enum gate_err gate_store_admin_event_finish(struct gate_ctx *ctx, gate_store_tx *tx,
                                            const struct gate_admin_event *event) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_ADMIN_EVENT_FINISH);
    gate_bind_number(&statement, event->id);
    gate_bind_text(&statement, event->outcome);
    gate_bind_text(&statement, event->subject);
    gate_bind_id(&statement, event->user_id);
    return gate_statement_run(&statement);
}

static struct gate_admin_event read_event(struct gate_statement *row) {
    struct gate_admin_event event;
    event.id = gate_column_number(row);
    event.at = gate_column_number(row);
    event.uid = gate_column_number(row);
    event.os_user = gate_column_text(row);
    event.login_user = gate_column_text(row);
    event.action = gate_column_text(row);
    event.subject = gate_column_text(row);
    event.user_id = gate_column_number(row);
    event.outcome = gate_column_text(row);
    event.identifier = gate_column_text(row);
    event.token_label = gate_column_text(row);
    return event;
}

enum gate_err gate_store_admin_event_list(struct gate_ctx *ctx, gate_store_tx *tx, size_t max,
                                          struct gate_admin_event **ret_events, size_t *ret_count) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_ADMIN_EVENT_LIST);
    gate_bind_number(&statement, (int64_t)max);
    struct gate_admin_event *events = NULL;
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
