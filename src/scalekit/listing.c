#include <string.h>

#include "core/text.h"
#include "scalekit/client.h"
#include "scalekit/wire.h"

static void end_listing(struct gate_ctx *ctx, struct gate_scalekit_listing *listing,
                        enum gate_err err) {
    listing->then(ctx, err, listing->state);
}

static void *make_room(gate_arena *arena, struct gate_scalekit_listing *listing) {
    if (listing->count == listing->capacity) {
        size_t capacity = listing->capacity == 0 ? 16 : listing->capacity * 2;
        void *items = gate_arena_alloc_array(arena, capacity, listing->item_bytes);
        if (listing->count > 0) {
            memcpy(items, listing->items, listing->count * listing->item_bytes);
        }
        listing->items = items;
        listing->capacity = capacity;
    }
    return (char *)listing->items + listing->count * listing->item_bytes;
}

static enum gate_err take_items(struct gate_ctx *ctx, struct gate_scalekit_listing *listing) {
    const gate_json *array = gate_json_member(listing->call->json, listing->items_name);
    if (!gate_json_is_null(array) && !gate_json_is_array(array)) {
        return gate_fail(ctx, GATE_ERR_UPSTREAM, "Scalekit's %s are no list", listing->items_name);
    }
    for (size_t i = 0; i < gate_json_length(array); i++) {
        void *item = make_room(ctx->arena, listing);
        if (!listing->read_item(ctx->arena, gate_json_element(array, i), item, listing->filter)) {
            continue;
        }
        listing->count++;
        if (listing->count > GATE_CONNECTIONS_MAX) {
            return gate_fail(ctx, GATE_ERR_UPSTREAM, "Scalekit lists more than %d %s",
                             GATE_CONNECTIONS_MAX, listing->items_name);
        }
    }
    return GATE_OK;
}

static void fetch_page(struct gate_ctx *ctx, struct gate_scalekit_listing *listing);

static void take_page(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct gate_scalekit_listing *listing = state;
    if (err == GATE_OK) {
        err = take_items(ctx, listing);
    }
    if (err != GATE_OK) {
        end_listing(ctx, listing, err);
        return;
    }
    const char *next = gate_json_member_text(listing->call->json, WIRE_NEXT_PAGE_TOKEN);
    if (gate_text_is_empty(next)) {
        end_listing(ctx, listing, GATE_OK);
        return;
    }
    listing->pages++;
    if (listing->pages == GATE_UPSTREAM_PAGES_MAX || gate_text_equal(next, listing->page_token)) {
        end_listing(ctx, listing,
                    gate_fail(ctx, GATE_ERR_UPSTREAM, "Scalekit's list of %s has no end",
                              listing->items_name));
        return;
    }
    listing->page_token = next;
    fetch_page(ctx, listing);
}

static void fetch_page(struct gate_ctx *ctx, struct gate_scalekit_listing *listing) {
    struct gate_scalekit_call *call =
        gate_scalekit_call_make(ctx, listing->scalekit, "GET", listing->target);
    gate_scalekit_call_query_add(ctx, call, WIRE_PAGE_SIZE,
                                 gate_arena_printf(ctx->arena, "%d", listing->page_size));
    gate_scalekit_call_query_add(ctx, call, WIRE_PAGE_TOKEN, listing->page_token);
    call->then = take_page;
    call->state = listing;
    listing->call = call;
    gate_scalekit_call_start(ctx, call);
}

void gate_scalekit_listing_start(struct gate_ctx *ctx, struct gate_scalekit_listing *listing) {
    fetch_page(ctx, listing);
}
