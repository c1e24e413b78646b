#include "store/webhook_delivery.h"

#include "store/statement.h"

enum gate_err gate_store_webhook_delivery_find(struct gate_ctx *ctx, gate_store_tx *tx,
                                               const char *webhook_id,
                                               struct gate_webhook_delivery *ret_delivery) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_WEBHOOK_DELIVERY_FIND);
    gate_bind_text(&statement, webhook_id);
    enum gate_err err = gate_statement_next(&statement);
    if (err != GATE_OK) {
        return err;
    }
    struct gate_webhook_delivery delivery = {.webhook_id = webhook_id};
    delivery.type = gate_column_text(&statement);
    delivery.result = gate_column_text(&statement);
    delivery.received_at = gate_column_number(&statement);
    err = gate_statement_finish(&statement);
    if (err == GATE_OK) {
        *ret_delivery = delivery;
    }
    return err;
}

static enum gate_err delete_beyond(struct gate_ctx *ctx, gate_store_tx *tx) {
    struct gate_statement statement =
        gate_statement_open(ctx, tx, GATE_SQL_WEBHOOK_DELIVERY_DELETE_BEYOND);
    gate_bind_number(&statement, GATE_WEBHOOK_DELIVERIES_MAX);
    return gate_statement_run(&statement);
}

enum gate_err gate_store_webhook_delivery_insert(struct gate_ctx *ctx, gate_store_tx *tx,
                                                 const struct gate_webhook_delivery *delivery) {
    struct gate_statement statement =
        gate_statement_open(ctx, tx, GATE_SQL_WEBHOOK_DELIVERY_INSERT);
    gate_bind_text(&statement, delivery->webhook_id);
    gate_bind_text(&statement, delivery->type);
    gate_bind_text(&statement, delivery->result);
    gate_bind_number(&statement, delivery->received_at);
    enum gate_err err = gate_statement_run(&statement);
    return err != GATE_OK ? err : delete_beyond(ctx, tx);
}

enum gate_err gate_store_webhook_delivery_delete_older(struct gate_ctx *ctx, gate_store_tx *tx,
                                                       int64_t before_ms, size_t max,
                                                       size_t *ret_deleted) {
    return gate_statement_sweep(ctx, tx, GATE_SQL_WEBHOOK_DELIVERY_DELETE_OLD, before_ms, max,
                                ret_deleted);
}
