#include "portal/connection_list.h"

#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "portal/page_token.h"
#include "portal/state.h"
#include "portal/token.h"

struct listing {
    const struct gate_caller *caller;
    const struct gate_connection_query *query;
    const char *after; /* NULL: from the beginning */
    struct gate_scalekit_connection *items;
    size_t count;
    struct gate_connection_page *ret_page;
    gate_then_fn *then;
    void *state;
};

static bool fits(const struct listing *listing, const struct gate_scalekit_connection *item) {
    const struct gate_connection_query *query = listing->query;
    return item->enabled && gate_portal_may_use_connection(listing->caller, item->name) &&
           (query->provider == NULL ||
            gate_text_equal_ignoring_case(query->provider, item->provider)) &&
           (query->text == NULL || gate_text_contains_ignoring_case(item->name, query->text) ||
            gate_text_contains_ignoring_case(item->provider, query->text));
}

static int compare_names(const void *left, const void *right) {
    const struct gate_scalekit_connection *a = left;
    const struct gate_scalekit_connection *b = right;
    return strcmp(a->name, b->name);
}

static void cut_page(struct gate_ctx *ctx, struct listing *listing) {
    int size = listing->query->page_size;
    size_t max = size == 0 ? GATE_CONNECTION_PAGE_DEFAULT : (size_t)size;
    struct gate_scalekit_connection *items = listing->items;
    struct gate_connection_page page = {0};
    for (size_t i = 0; i < listing->count; i++) {
        if (fits(listing, &items[i])) {
            items[page.total++] = items[i];
        }
    }
    if (page.total > 0) {
        qsort(items, page.total, sizeof *items, compare_names);
    }
    size_t begin = 0;
    while (listing->after != NULL && begin < page.total &&
           strcmp(items[begin].name, listing->after) <= 0) {
        begin++;
    }
    page.items = items + begin;
    page.count = page.total - begin < max ? page.total - begin : max;
    if (page.count > 0 && begin + page.count < page.total) {
        page.next_page_token = gate_page_token_make(ctx->arena, page.items[page.count - 1].name);
    }
    *listing->ret_page = page;
}

static void take_list(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct listing *listing = state;
    if (err == GATE_OK) {
        cut_page(ctx, listing);
    }
    listing->then(ctx, err, listing->state);
}

void gate_portal_connections_list(struct gate_ctx *ctx, gate_portal *portal,
                                  const struct gate_caller *caller,
                                  const struct gate_connection_query *query,
                                  struct gate_connection_page *ret_page, gate_then_fn *then,
                                  void *state) {
    struct listing *listing = gate_arena_make(ctx->arena, struct listing);
    enum gate_err err = gate_portal_scope_check(ctx, caller, GATE_SCOPE_READ, "list connections");
    if (err == GATE_OK) {
        err = gate_page_token_parse(ctx, query->page_token, &listing->after);
    }
    if (err != GATE_OK) {
        then(ctx, err, state);
        return;
    }
    listing->caller = caller;
    listing->query = query;
    listing->ret_page = ret_page;
    listing->then = then;
    listing->state = state;
    gate_scalekit_connections_fetch(ctx, portal->parts.scalekit, &listing->items, &listing->count,
                                    take_list, listing);
}
