#include "store/tool_call.h"

#include "store/statement.h"

enum gate_err gate_store_tool_call_insert(struct gate_ctx *ctx, gate_store_tx *tx,
                                          const struct gate_tool_call *call, int64_t *ret_id) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_TOOL_CALL_INSERT);
    gate_bind_id(&statement, call->user_id);
    gate_bind_id(&statement, call->token_id);
    gate_bind_text(&statement, call->connection_name);
    gate_bind_text(&statement, call->tool_name);
    gate_bind_text(&statement, call->outcome);
    gate_bind_text(&statement, call->error_source);
    gate_bind_text(&statement, call->error_code);
    gate_bind_text(&statement, call->execution_id);
    gate_bind_text(&statement, call->agent_run_id);
    gate_bind_text(&statement, call->request_id);
    gate_bind_number(&statement, call->at);
    gate_bind_number(&statement, call->duration_ms);
    enum gate_err err = gate_statement_next(&statement);
    if (err != GATE_OK) {
        return err;
    }
    int64_t id = gate_column_number(&statement);
    err = gate_statement_finish(&statement);
    if (err == GATE_OK && ret_id != NULL) {
        *ret_id = id;
    }
    return err;
}

static struct gate_tool_call read_call(struct gate_statement *row) {
    struct gate_tool_call call;
    call.id = gate_column_number(row);
    call.user_id = gate_column_number(row);
    call.token_id = gate_column_number(row);
    call.token_label = gate_column_text(row);
    call.connection_name = gate_column_text(row);
    call.tool_name = gate_column_text(row);
    call.outcome = gate_column_text(row);
    call.error_source = gate_column_text(row);
    call.error_code = gate_column_text(row);
    call.execution_id = gate_column_text(row);
    call.agent_run_id = gate_column_text(row);
    call.request_id = gate_column_text(row);
    call.at = gate_column_number(row);
    call.duration_ms = gate_column_number(row);
    return call;
}

enum gate_err gate_store_tool_call_list(struct gate_ctx *ctx, gate_store_tx *tx,
                                        const struct gate_tool_call_filter *filter,
                                        struct gate_tool_call **ret_calls, size_t *ret_count) {
    bool all = filter->connection_name == NULL;
    struct gate_statement statement = gate_statement_open(
        ctx, tx, all ? GATE_SQL_TOOL_CALL_LIST : GATE_SQL_TOOL_CALL_LIST_BY_CONNECTION);
    gate_bind_number(&statement, filter->user_id);
    gate_bind_number(&statement, filter->before_id > 0 ? filter->before_id : INT64_MAX);
    gate_bind_number(&statement, (int64_t)filter->max);
    if (!all) {
        gate_bind_text(&statement, filter->connection_name);
    }
    struct gate_tool_call *calls = NULL;
    size_t count = 0;
    enum gate_err err;
    while ((err = gate_statement_next(&statement)) == GATE_OK) {
        calls = gate_rows_grow(ctx->arena, calls, count, sizeof *calls);
        calls[count++] = read_call(&statement);
    }
    if (err != GATE_ERR_NOT_FOUND) {
        return err;
    }
    *ret_calls = calls;
    *ret_count = count;
    return GATE_OK;
}

enum gate_err gate_store_tool_call_last_list(struct gate_ctx *ctx, gate_store_tx *tx,
                                             int64_t user_id,
                                             struct gate_tool_call_last **ret_calls,
                                             size_t *ret_count) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_TOOL_CALL_LAST_LIST);
    gate_bind_number(&statement, user_id);
    gate_bind_number(&statement, GATE_CONNECTIONS_MAX);
    struct gate_tool_call_last *calls = NULL;
    size_t count = 0;
    enum gate_err err;
    while ((err = gate_statement_next(&statement)) == GATE_OK) {
        calls = gate_rows_grow(ctx->arena, calls, count, sizeof *calls);
        struct gate_tool_call_last *call = &calls[count++];
        call->connection_name = gate_column_text(&statement);
        call->token_label = gate_column_text(&statement);
        call->outcome = gate_column_text(&statement);
        call->at = gate_column_number(&statement);
    }
    if (err != GATE_ERR_NOT_FOUND) {
        return err;
    }
    *ret_calls = calls;
    *ret_count = count;
    return GATE_OK;
}

enum gate_err gate_store_tool_call_delete_older(struct gate_ctx *ctx, gate_store_tx *tx,
                                                int64_t before_ms, size_t max,
                                                size_t *ret_deleted) {
    return gate_statement_sweep(ctx, tx, GATE_SQL_TOOL_CALL_DELETE_OLDER, before_ms, max,
                                ret_deleted);
}
