#include "portal/health.h"

#include "core/metrics.h"
#include "portal/notices.h"
#include "portal/state.h"
#include "portal/webhook.h"
#include "store/notice.h"

enum gate_err gate_portal_ready_check(struct gate_ctx *ctx, gate_portal *portal) {
    struct gate_store_health health;
    return gate_store_check(portal->parts.store, &ctx->error, &health);
}

const char *const *gate_portal_paused_list(gate_arena *arena, gate_portal *portal) {
    const char **names =
        gate_arena_alloc_array(arena, GATE_SCALEKIT_WORK_COUNT_ + 1, sizeof *names);
    size_t count = 0;
    for (int kind = 0; kind < GATE_SCALEKIT_WORK_COUNT_; kind++) {
        enum gate_scalekit_work work = (enum gate_scalekit_work)kind;
        if (gate_scalekit_work_state_get(portal->parts.scalekit, work) !=
            GATE_BREAKER_STATE_CLOSED) {
            names[count++] = gate_scalekit_work_name(work);
        }
    }
    names[count] = NULL;
    return names;
}

/* The outbox: what waits in it, and how the targets are. */
struct outbox {
    size_t pending;
    int64_t well;
    int64_t failing;
    int64_t disabled;
};

static struct outbox read_outbox(struct gate_ctx *ctx, gate_portal *portal) {
    struct outbox outbox = {0};
    struct gate_notice_target *targets = NULL;
    size_t count = 0;
    gate_store_tx *tx = gate_store_read_begin(portal->parts.store);
    if (gate_store_notice_target_list(ctx, tx, &targets, &count) != GATE_OK) {
        count = 0; /* gatehouse_store_writable and the log tell of it */
    }
    gate_store_read_end(portal->parts.store, tx);
    for (size_t i = 0; i < count; i++) {
        outbox.pending += (size_t)targets[i].pending;
        outbox.disabled += targets[i].disabled_at != 0;
        outbox.failing += targets[i].disabled_at == 0 && targets[i].failing_since != 0;
        outbox.well += targets[i].disabled_at == 0 && targets[i].failing_since == 0;
    }
    return outbox;
}

static void write_targets(const struct outbox *outbox, struct gate_buffer *buffer) {
    const struct {
        const char *name;
        int64_t count;
    } states[] = {
        {"well", outbox->well}, {"failing", outbox->failing}, {"disabled", outbox->disabled}};
    struct gate_metric_family family =
        gate_metric_family_write(buffer, "gatehouse_notice_targets", GATE_METRIC_GAUGE,
                                 "Services that are told of changes, by how that goes.");
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        const struct gate_metric_label label = {"state", states[i].name};
        gate_metric_value_write(&family, &label, 1, states[i].count);
    }
}

static void write_queues(gate_portal *portal, const struct gate_store_health *health,
                         size_t notices, struct gate_buffer *buffer) {
    const struct {
        const char *name;
        size_t length;
    } queues[] = {
        {"run", gate_runqueue_length(portal->parts.runqueue)},
        {"store_writes", health->writes_queued},
        {"upstream", (size_t)gate_net_in_flight(portal->parts.net)},
        {"refreshes", gate_refresher_length(portal->refresher)},
        {"status_waits", gate_waits_length(portal->waits)},
        {"notices", notices},
    };
    struct gate_metric_family family = gate_metric_family_write(
        buffer, "gatehouse_queue_length", GATE_METRIC_GAUGE, "What waits or is under way now.");
    for (size_t i = 0; i < sizeof queues / sizeof queues[0]; i++) {
        const struct gate_metric_label label = {"queue", queues[i].name};
        gate_metric_value_write(&family, &label, 1, (int64_t)queues[i].length);
    }
}

void gate_portal_metrics_write(struct gate_ctx *ctx, gate_portal *portal,
                               struct gate_buffer *buffer) {
    struct gate_store_health health;
    bool can_write = gate_store_check(portal->parts.store, &ctx->error, &health) == GATE_OK;
    const struct outbox outbox = read_outbox(ctx, portal);
    gate_error_clear(&ctx->error); /* it is told as a number */
    struct gate_metric_family family =
        gate_metric_family_write(buffer, "gatehouse_store_writable", GATE_METRIC_GAUGE,
                                 "1 when the last commit went well, else 0.");
    gate_metric_value_write(&family, NULL, 0, can_write ? 1 : 0);
    write_queues(portal, &health, outbox.pending, buffer);
    write_targets(&outbox, buffer);
    gate_store_metrics_write(portal->parts.store, buffer);
    gate_portal_webhook_metrics_write(portal, buffer);
    gate_portal_notices_metrics_write(ctx, portal, buffer);
    gate_scalekit_metrics_write(portal->parts.scalekit, buffer);
}
