/* Deliveries of webhooks that were taken, so that one that comes again changes nothing.
 *
 * Owner: strings of results live in ctx->arena. Threads: as the transaction. Errors:
 * GATE_ERR_NOT_FOUND records nothing; GATE_ERR_CONFLICT: the delivery is there already.
 */
#ifndef GATE_STORE_WEBHOOK_DELIVERY_H
#define GATE_STORE_WEBHOOK_DELIVERY_H

#include "store/store.h"

struct gate_webhook_delivery {
    const char *webhook_id;
    const char *type;
    const char *result;
    int64_t received_at;
};

enum gate_err
gate_store_webhook_delivery_find(struct gate_ctx *ctx, gate_store_tx *tx, const char *webhook_id,
                                 struct gate_webhook_delivery *ret_delivery) GATE_MUST_CHECK;

/* Record one, and drop all but the newest GATE_WEBHOOK_DELIVERIES_MAX. */
enum gate_err
gate_store_webhook_delivery_insert(struct gate_ctx *ctx, gate_store_tx *tx,
                                   const struct gate_webhook_delivery *delivery) GATE_MUST_CHECK;

/* Delete up to `max` that came in at `before_ms` or before. */
enum gate_err gate_store_webhook_delivery_delete_older(struct gate_ctx *ctx, gate_store_tx *tx,
                                                       int64_t before_ms, size_t max,
                                                       size_t *ret_deleted) GATE_MUST_CHECK;

#endif
