#include "core/text.h"
#include "scalekit/client.h"
#include "scalekit/wire.h"

#define PAGE_SIZE 30

struct connections_fetch {
    struct gate_scalekit_listing listing;
    struct gate_scalekit_connection **ret_connections;
    size_t *ret_count;
    gate_then_fn *then;
    void *state;
};

/* A connection without a name cannot be used in any call. */
static bool read_connection(gate_arena *arena, const gate_json *json, void *item,
                            const void *filter) {
    (void)arena;
    (void)filter;
    struct gate_scalekit_connection *connection = item;
    *connection = (struct gate_scalekit_connection){
        .id = gate_scalekit_text(json, WIRE_ID),
        .name = gate_scalekit_text(json, WIRE_KEY_ID),
        .provider = gate_scalekit_text(json, WIRE_PROVIDER_KEY),
        .type = gate_scalekit_text(json, WIRE_TYPE),
        .status = gate_scalekit_text(json, WIRE_STATUS),
        .enabled = gate_json_member_bool(json, WIRE_ENABLED),
        .created_at_ms = gate_scalekit_time(json, WIRE_CREATED_AT),
    };
    return !gate_text_is_empty(connection->name);
}

static void take_connections(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct connections_fetch *fetch = state;
    if (err == GATE_OK) {
        *fetch->ret_connections = fetch->listing.items;
        *fetch->ret_count = fetch->listing.count;
    }
    fetch->then(ctx, err, fetch->state);
}

void gate_scalekit_connections_fetch(struct gate_ctx *ctx, gate_scalekit *scalekit,
                                     struct gate_scalekit_connection **ret_connections,
                                     size_t *ret_count, gate_then_fn *then, void *state) {
    struct connections_fetch *fetch = gate_arena_make(ctx->arena, struct connections_fetch);
    fetch->ret_connections = ret_connections;
    fetch->ret_count = ret_count;
    fetch->then = then;
    fetch->state = state;
    fetch->listing = (struct gate_scalekit_listing){
        .scalekit = scalekit,
        .target = WIRE_CONNECTIONS_PATH,
        .page_size = PAGE_SIZE,
        .items_name = WIRE_CONNECTIONS,
        .item_bytes = sizeof(struct gate_scalekit_connection),
        .read_item = read_connection,
        .then = take_connections,
        .state = fetch,
    };
    gate_scalekit_listing_start(ctx, &fetch->listing);
}
