#include "portal/account_list.h"

#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "portal/page_token.h"
#include "portal/token.h"

struct listing {
    const struct gate_caller *caller;
    const struct gate_account_query *query;
    bool is_of_offers; /* not of accounts */
    const char *after; /* NULL: from the beginning */
    struct gate_connector_list list;
    struct gate_account_page *ret_page;
    gate_then_fn *then;
    void *state;
};

static bool is_listed(const char *const *names, const char *name) {
    for (; *names != NULL; names++) {
        if (strcmp(*names, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool fits(const struct listing *listing, const struct gate_connector *item) {
    const struct gate_account_query *query = listing->query;
    bool is_one =
        listing->is_of_offers ? item->state != GATE_CONNECTOR_NOT_OFFERED : item->has_account;
    if (!is_one ||
        (!gate_text_is_empty(query->connection_name) &&
         strcmp(query->connection_name, item->name) != 0) ||
        (query->connection_names != NULL && !is_listed(query->connection_names, item->name)) ||
        (!gate_text_is_empty(query->provider) &&
         !gate_text_equal_ignoring_case(query->provider, item->provider))) {
        return false;
    }
    return gate_text_is_empty(query->text) ||
           gate_text_contains_ignoring_case(item->name, query->text) ||
           gate_text_contains_ignoring_case(item->display_name, query->text) ||
           gate_text_contains_ignoring_case(item->provider, query->text) ||
           (!listing->is_of_offers &&
            gate_text_contains_ignoring_case(listing->caller->user.identifier, query->text));
}

static int compare_names(const void *left, const void *right) {
    const struct gate_connector *a = left;
    const struct gate_connector *b = right;
    return strcmp(a->name, b->name);
}

static void cut_page(struct gate_ctx *ctx, struct listing *listing) {
    int size = listing->query->page_size;
    size_t max = size == 0 ? GATE_ACCOUNT_PAGE_DEFAULT : (size_t)size;
    struct gate_connector *items = listing->list.items;
    struct gate_account_page page = {0};
    for (size_t i = 0; i < listing->list.count; i++) {
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

static enum gate_err check_query(struct gate_ctx *ctx, const struct gate_account_query *query,
                                 const char **ret_after) {
    size_t names = 0;
    while (query->connection_names != NULL && query->connection_names[names] != NULL) {
        names++;
    }
    if (names > GATE_ACCOUNT_FILTER_NAMES_MAX) {
        return gate_fail(ctx, GATE_ERR_INPUT, "More than %d connection_names.",
                         GATE_ACCOUNT_FILTER_NAMES_MAX);
    }
    if (names > 0 && !gate_text_is_empty(query->connection_name)) {
        return gate_fail(ctx, GATE_ERR_INPUT, "Send connector or connection_names, not both.");
    }
    if (query->page_size < 0 || query->page_size > GATE_ACCOUNT_PAGE_MAX) {
        return gate_fail(ctx, GATE_ERR_INPUT, "page_size is at most %d.", GATE_ACCOUNT_PAGE_MAX);
    }
    return gate_page_token_parse(ctx, query->page_token, ret_after);
}

static void start(struct gate_ctx *ctx, gate_portal *portal, const struct listing *wish,
                  const char *what) {
    struct listing *listing = gate_arena_make(ctx->arena, struct listing);
    *listing = *wish;
    enum gate_err err = gate_portal_scope_check(ctx, listing->caller, GATE_SCOPE_READ, what);
    if (err == GATE_OK) {
        err = check_query(ctx, listing->query, &listing->after);
    }
    if (err != GATE_OK) {
        listing->then(ctx, err, listing->state);
        return;
    }
    gate_portal_connectors_list(ctx, portal, listing->caller, &listing->list, take_list, listing);
}

void gate_portal_accounts_list(struct gate_ctx *ctx, gate_portal *portal,
                               const struct gate_caller *caller,
                               const struct gate_account_query *query,
                               struct gate_account_page *ret_page, gate_then_fn *then,
                               void *state) {
    start(ctx, portal,
          &(struct listing){
              .caller = caller, .query = query, .ret_page = ret_page, .then = then, .state = state},
          "list connected accounts");
}

void gate_portal_offered_list(struct gate_ctx *ctx, gate_portal *portal,
                              const struct gate_caller *caller,
                              const struct gate_account_query *query,
                              struct gate_account_page *ret_page, gate_then_fn *then, void *state) {
    start(ctx, portal,
          &(struct listing){.caller = caller,
                            .query = query,
                            .is_of_offers = true,
                            .ret_page = ret_page,
                            .then = then,
                            .state = state},
          "list connections");
}
