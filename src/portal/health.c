#include "portal/health.h"

#include "portal/state.h"

enum gate_err gate_portal_ready_check(struct gate_ctx *ctx, gate_portal *portal) {
    struct gate_store_health health;
    return gate_store_check(portal->parts.store, &ctx->error, &health);
}
