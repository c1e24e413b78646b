#include "portal/account_owner.h"

#include <string.h>

#include "core/text.h"
#include "portal/state.h"
#include "portal/token.h"

struct search {
    const struct gate_caller *caller;
    struct gate_scalekit_account account;
    const char **ret_identifier;
    gate_then_fn *then;
    void *state;
};

static void take_account(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct search *search = state;
    bool is_his =
        err == GATE_OK && gate_portal_may_act_for(search->caller, search->account.identifier);
    if (err == GATE_ERR_NOT_FOUND || (err == GATE_OK && !is_his)) {
        gate_error_clear(&ctx->error);
        err = gate_fail(ctx, GATE_ERR_NOT_FOUND,
                        "There is no connected account of that id, or none that this token may "
                        "use.");
    } else if (err == GATE_OK) {
        *search->ret_identifier = search->account.identifier;
    }
    search->then(ctx, err, search->state);
}

void gate_portal_account_owner_find(struct gate_ctx *ctx, gate_portal *portal,
                                    const struct gate_caller *caller, const char *account_id,
                                    const char **ret_identifier, gate_then_fn *then, void *state) {
    struct search *search = gate_arena_make(ctx->arena, struct search);
    search->caller = caller;
    search->ret_identifier = ret_identifier;
    search->then = then;
    search->state = state;
    gate_scalekit_account_by_id_fetch(ctx, portal->parts.scalekit, account_id, &search->account,
                                      take_account, search);
}

struct listing {
    const struct gate_caller *caller;
    struct gate_scalekit_accounts_query query;
    const char *text; /* to be looked for here; NULL: nothing */
    struct gate_scalekit_accounts_page page;
    struct gate_scalekit_accounts_page *ret_page;
    gate_then_fn *then;
    void *state;
};

static bool is_found(const struct listing *listing, const struct gate_scalekit_account *account) {
    return gate_text_is_empty(listing->text) ||
           gate_text_contains_ignoring_case(account->identifier, listing->text) ||
           gate_text_contains_ignoring_case(account->connection_name, listing->text) ||
           gate_text_contains_ignoring_case(account->provider, listing->text);
}

static bool may_show(const struct gate_caller *caller,
                     const struct gate_scalekit_account *account) {
    return !gate_text_is_empty(account->id) &&
           gate_portal_may_act_for(caller, account->identifier) &&
           gate_portal_may_use_connection(caller, account->connection_name);
}

static void take_page(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct listing *listing = state;
    struct gate_scalekit_accounts_page *page = &listing->page;
    if (err == GATE_OK) {
        size_t kept = 0;
        for (size_t i = 0; i < page->count; i++) {
            if (may_show(listing->caller, &page->items[i]) && is_found(listing, &page->items[i])) {
                page->items[kept++] = page->items[i];
            }
        }
        page->count = kept;
        *listing->ret_page = *page;
    }
    listing->then(ctx, err, listing->state);
}

void gate_portal_everybodys_accounts_list(struct gate_ctx *ctx, gate_portal *portal,
                                          const struct gate_caller *caller,
                                          const struct gate_scalekit_accounts_query *query,
                                          struct gate_scalekit_accounts_page *ret_page,
                                          gate_then_fn *then, void *state) {
    enum gate_err err =
        gate_portal_scope_check(ctx, caller, GATE_SCOPE_READ, "list connected accounts");
    if (err != GATE_OK) {
        then(ctx, err, state);
        return;
    }
    struct listing *listing = gate_arena_make(ctx->arena, struct listing);
    listing->caller = caller;
    listing->query = *query;
    listing->ret_page = ret_page;
    listing->then = then;
    listing->state = state;
    if (!gate_text_equal(caller->token.identifiers, "*")) {
        /* Scalekit would search everybody's accounts, and how many pages it fills, or whether there
         * is a next one, would tell letter by letter who the others are. */
        listing->text = query->text;
        listing->query.text = NULL;
    }
    gate_scalekit_accounts_page_fetch(ctx, portal->parts.scalekit, &listing->query, &listing->page,
                                      take_page, listing);
}
