/* Connected accounts: list, look at, connect, verify, disconnect, remove. */
#include "core/encoding.h"
#include "core/text.h"
#include "net/url.h"
#include "scalekit/client.h"
#include "scalekit/wire.h"

#define PAGE_SIZE 99 /* the largest that the descriptors allow: less than 100 */

struct accounts_fetch {
    struct gate_scalekit_listing listing;
    struct gate_scalekit_account **ret_accounts;
    size_t *ret_count;
    gate_then_fn *then;
    void *state;
};

/* An operation on one account. */
struct account_call {
    struct gate_scalekit_call *call;
    const char *connection_name; /* what was asked for; NULL: anything */
    const char *identifier;
    const char *id;
    struct gate_scalekit_account *ret_account;
    const char **ret_link;
    gate_then_fn *then;
    void *state;
};

/* Without an identifier Scalekit would answer for everybody. */
static bool require_texts(struct gate_ctx *ctx, const char *one, const char *other,
                          gate_then_fn *then, void *state) {
    if (!gate_text_is_empty(one) && !gate_text_is_empty(other)) {
        return true;
    }
    then(ctx, gate_fail(ctx, GATE_ERR_INPUT, "a call to Scalekit lacks a name or identifier"),
         state);
    return false;
}

static void read_account(const gate_json *json, struct gate_scalekit_account *account) {
    *account = (struct gate_scalekit_account){
        .id = gate_scalekit_text(json, WIRE_ID),
        .identifier = gate_scalekit_text(json, WIRE_IDENTIFIER),
        .connection_name = gate_scalekit_text(json, WIRE_CONNECTOR),
        .connection_id = gate_scalekit_text(json, WIRE_CONNECTION_ID),
        .provider = gate_scalekit_text(json, WIRE_PROVIDER),
        .authorization_type = gate_scalekit_text(json, WIRE_AUTHORIZATION_TYPE),
        .status = gate_account_status_parse(gate_json_member_text(json, WIRE_STATUS)),
        .token_expires_at_ms = gate_scalekit_time(json, WIRE_TOKEN_EXPIRES_AT),
        .updated_at_ms = gate_scalekit_time(json, WIRE_UPDATED_AT),
        .last_used_at_ms = gate_scalekit_time(json, WIRE_LAST_USED_AT),
    };
}

/* Another user's account is never passed on, whatever made Scalekit send it. */
static bool read_own_account(gate_arena *arena, const gate_json *json, void *item,
                             const void *identifier) {
    (void)arena;
    struct gate_scalekit_account *account = item;
    read_account(json, account);
    return !gate_text_is_empty(account->id) && gate_text_equal(account->identifier, identifier);
}

static void take_accounts(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct accounts_fetch *fetch = state;
    if (err == GATE_OK) {
        *fetch->ret_accounts = fetch->listing.items;
        *fetch->ret_count = fetch->listing.count;
    }
    fetch->then(ctx, err, fetch->state);
}

void gate_scalekit_accounts_fetch(struct gate_ctx *ctx, gate_scalekit *scalekit,
                                  const char *identifier,
                                  struct gate_scalekit_account **ret_accounts, size_t *ret_count,
                                  gate_then_fn *then, void *state) {
    if (!require_texts(ctx, identifier, identifier, then, state)) {
        return;
    }
    struct accounts_fetch *fetch = gate_arena_make(ctx->arena, struct accounts_fetch);
    fetch->ret_accounts = ret_accounts;
    fetch->ret_count = ret_count;
    fetch->then = then;
    fetch->state = state;
    fetch->listing = (struct gate_scalekit_listing){
        .scalekit = scalekit,
        .target = gate_arena_printf(ctx->arena, WIRE_ACCOUNTS_PATH "?" WIRE_IDENTIFIER "=%s",
                                    gate_percent_format(ctx->arena, identifier)),
        .page_size = PAGE_SIZE,
        .items_name = WIRE_ACCOUNTS,
        .item_bytes = sizeof(struct gate_scalekit_account),
        .read_item = read_own_account,
        .filter = identifier,
        .then = take_accounts,
        .state = fetch,
    };
    gate_scalekit_listing_start(ctx, &fetch->listing);
}

static bool is_wanted(const struct gate_scalekit_account *account, const struct account_call *one) {
    return !gate_text_is_empty(account->id) &&
           (one->id == NULL || gate_text_equal(account->id, one->id)) &&
           (one->identifier == NULL || gate_text_equal(account->identifier, one->identifier)) &&
           (one->connection_name == NULL ||
            gate_text_equal(account->connection_name, one->connection_name));
}

static void take_account(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct account_call *one = state;
    if (err != GATE_OK) {
        one->then(ctx, err, one->state);
        return;
    }
    struct gate_scalekit_account account;
    read_account(gate_json_member(one->call->json, WIRE_ACCOUNT), &account);
    if (!is_wanted(&account, one)) {
        enum gate_err kind =
            one->call->is_repeatable ? GATE_ERR_UPSTREAM : GATE_ERR_OUTCOME_UNKNOWN;
        err = gate_fail(ctx, kind, "Scalekit answered with another account or none");
    } else {
        *one->ret_account = account;
    }
    one->then(ctx, err, one->state);
}

static void take_nothing(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct account_call *one = state;
    one->then(ctx, err, one->state);
}

static struct account_call *make_account_call(struct gate_ctx *ctx, gate_scalekit *scalekit,
                                              const char *method, const char *target,
                                              gate_then_fn *then, void *state) {
    struct account_call *one = gate_arena_make(ctx->arena, struct account_call);
    one->call = gate_scalekit_call_make(ctx, scalekit, method, target);
    one->call->state = one;
    one->call->then = take_nothing;
    one->then = then;
    one->state = state;
    return one;
}

void gate_scalekit_account_fetch(struct gate_ctx *ctx, gate_scalekit *scalekit,
                                 const char *connection_name, const char *identifier,
                                 struct gate_scalekit_account *ret_account, gate_then_fn *then,
                                 void *state) {
    if (!require_texts(ctx, connection_name, identifier, then, state)) {
        return;
    }
    struct account_call *one =
        make_account_call(ctx, scalekit, "GET", WIRE_ACCOUNT_DETAILS_PATH, then, state);
    one->connection_name = connection_name;
    one->identifier = identifier;
    one->ret_account = ret_account;
    one->call->then = take_account;
    gate_scalekit_call_query_add(ctx, one->call, WIRE_CONNECTOR, connection_name);
    gate_scalekit_call_query_add(ctx, one->call, WIRE_IDENTIFIER, identifier);
    gate_scalekit_call_start(ctx, one->call);
}

void gate_scalekit_account_by_id_fetch(struct gate_ctx *ctx, gate_scalekit *scalekit,
                                       const char *account_id,
                                       struct gate_scalekit_account *ret_account,
                                       gate_then_fn *then, void *state) {
    if (!require_texts(ctx, account_id, account_id, then, state)) {
        return;
    }
    struct account_call *one =
        make_account_call(ctx, scalekit, "GET", WIRE_ACCOUNT_DETAILS_PATH, then, state);
    one->id = account_id;
    one->ret_account = ret_account;
    one->call->then = take_account;
    gate_scalekit_call_query_add(ctx, one->call, WIRE_ID, account_id);
    gate_scalekit_call_start(ctx, one->call);
}

struct page_fetch {
    struct gate_scalekit_call *call;
    struct gate_scalekit_accounts_page *ret_page;
    gate_then_fn *then;
    void *state;
};

static void take_page(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct page_fetch *fetch = state;
    if (err == GATE_OK) {
        const gate_json *list = gate_json_member(fetch->call->json, WIRE_ACCOUNTS);
        const char *next = gate_json_member_text(fetch->call->json, WIRE_NEXT_PAGE_TOKEN);
        struct gate_scalekit_accounts_page page = {
            .items = gate_arena_alloc_array(ctx->arena, gate_json_length(list),
                                            sizeof(struct gate_scalekit_account)),
            .count = gate_json_length(list),
            .next_page_token = gate_text_is_empty(next) ? NULL : next,
        };
        for (size_t i = 0; i < page.count; i++) {
            read_account(gate_json_element(list, i), &page.items[i]);
        }
        *fetch->ret_page = page;
    }
    fetch->then(ctx, err, fetch->state);
}

void gate_scalekit_accounts_page_fetch(struct gate_ctx *ctx, gate_scalekit *scalekit,
                                       const struct gate_scalekit_accounts_query *query,
                                       struct gate_scalekit_accounts_page *ret_page,
                                       gate_then_fn *then, void *state) {
    struct page_fetch *fetch = gate_arena_make(ctx->arena, struct page_fetch);
    struct gate_scalekit_call *call =
        gate_scalekit_call_make(ctx, scalekit, "GET", WIRE_ACCOUNTS_PATH);
    *fetch = (struct page_fetch){call, ret_page, then, state};
    call->then = take_page;
    call->state = fetch;
    gate_scalekit_call_query_add(ctx, call, WIRE_CONNECTOR, query->connection_name);
    for (const char *const *name = query->connection_names; name != NULL && *name != NULL; name++) {
        gate_scalekit_call_query_add(ctx, call, WIRE_CONNECTION_NAMES, *name);
    }
    gate_scalekit_call_query_add(ctx, call, WIRE_PROVIDER, query->provider);
    gate_scalekit_call_query_add(ctx, call, WIRE_QUERY, query->text);
    if (query->page_size > 0) {
        int size = query->page_size < PAGE_SIZE ? query->page_size : PAGE_SIZE;
        gate_scalekit_call_query_add(ctx, call, WIRE_PAGE_SIZE,
                                     gate_arena_printf(ctx->arena, "%d", size));
    }
    gate_scalekit_call_query_add(ctx, call, WIRE_PAGE_TOKEN, query->page_token);
    gate_scalekit_call_start(ctx, call);
}

/* The member connected_account is required, though there is nothing to say in it. */
static void set_new_account_body(struct gate_ctx *ctx, struct gate_scalekit_call *call,
                                 const char *connection_name, const char *identifier) {
    struct gate_json_writer writer;
    gate_scalekit_call_body_open(ctx, call, &writer);
    gate_json_write_text(&writer, WIRE_CONNECTOR, connection_name);
    gate_json_write_text(&writer, WIRE_IDENTIFIER, identifier);
    gate_json_open_object(&writer, WIRE_ACCOUNT);
    gate_json_close_object(&writer);
    gate_scalekit_call_body_close(call, &writer);
}

void gate_scalekit_account_create(struct gate_ctx *ctx, gate_scalekit *scalekit,
                                  const char *connection_name, const char *identifier,
                                  struct gate_scalekit_account *ret_account, gate_then_fn *then,
                                  void *state) {
    if (!require_texts(ctx, connection_name, identifier, then, state)) {
        return;
    }
    struct account_call *one =
        make_account_call(ctx, scalekit, "POST", WIRE_ACCOUNTS_PATH, then, state);
    one->connection_name = connection_name;
    one->identifier = identifier;
    one->ret_account = ret_account;
    one->call->then = take_account;
    set_new_account_body(ctx, one->call, connection_name, identifier);
    gate_scalekit_call_start(ctx, one->call);
}

static void take_link(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct account_call *one = state;
    if (err == GATE_OK) {
        const char *link = gate_json_member_text(one->call->json, WIRE_LINK);
        struct gate_url url;
        if (gate_url_parse(ctx->arena, link, &url) != GATE_OK ||
            (!gate_text_equal(url.scheme, "https") && !gate_url_is_loopback(&url))) {
            err = gate_fail(ctx, GATE_ERR_UPSTREAM, "Scalekit gave a link that is not https");
        } else {
            *one->ret_link = link;
        }
    }
    one->then(ctx, err, one->state);
}

void gate_scalekit_magic_link_make(struct gate_ctx *ctx, gate_scalekit *scalekit,
                                   const char *connection_name, const char *identifier,
                                   const char *user_verify_url, const char *state_text,
                                   const char **ret_link, gate_then_fn *then, void *state) {
    if (!require_texts(ctx, connection_name, identifier, then, state)) {
        return;
    }
    struct account_call *one =
        make_account_call(ctx, scalekit, "POST", WIRE_MAGIC_LINK_PATH, then, state);
    one->ret_link = ret_link;
    one->call->then = take_link;
    one->call->is_repeatable = true;
    gate_scalekit_call_body_set(ctx, one->call,
                                (const struct gate_scalekit_field[]){
                                    {WIRE_CONNECTOR, connection_name},
                                    {WIRE_IDENTIFIER, identifier},
                                    {WIRE_USER_VERIFY_URL, user_verify_url},
                                    {WIRE_STATE, state_text},
                                },
                                4);
    gate_scalekit_call_start(ctx, one->call);
}

void gate_scalekit_user_verify(struct gate_ctx *ctx, gate_scalekit *scalekit,
                               const char *auth_request_id, const char *identifier,
                               gate_then_fn *then, void *state) {
    if (!require_texts(ctx, auth_request_id, identifier, then, state)) {
        return;
    }
    struct account_call *one =
        make_account_call(ctx, scalekit, "POST", WIRE_USER_VERIFY_PATH, then, state);
    gate_scalekit_call_body_set(ctx, one->call,
                                (const struct gate_scalekit_field[]){
                                    {WIRE_AUTH_REQUEST_ID, auth_request_id},
                                    {WIRE_IDENTIFIER, identifier},
                                },
                                2);
    gate_scalekit_call_start(ctx, one->call);
}

void gate_scalekit_account_disconnect(struct gate_ctx *ctx, gate_scalekit *scalekit,
                                      const char *account_id,
                                      struct gate_scalekit_account *ret_account, gate_then_fn *then,
                                      void *state) {
    if (!require_texts(ctx, account_id, account_id, then, state)) {
        return;
    }
    const char *target =
        gate_arena_printf(ctx->arena, WIRE_ACCOUNTS_PATH "/%s" WIRE_DISCONNECT_VERB,
                          gate_percent_format(ctx->arena, account_id));
    struct account_call *one = make_account_call(ctx, scalekit, "POST", target, then, state);
    one->ret_account = ret_account;
    one->call->then = take_account;
    gate_scalekit_call_body_set(ctx, one->call, NULL, 0);
    gate_scalekit_call_start(ctx, one->call);
}

void gate_scalekit_account_delete(struct gate_ctx *ctx, gate_scalekit *scalekit,
                                  const char *connection_name, const char *identifier,
                                  gate_then_fn *then, void *state) {
    if (!require_texts(ctx, connection_name, identifier, then, state)) {
        return;
    }
    struct account_call *one =
        make_account_call(ctx, scalekit, "POST", WIRE_ACCOUNT_DELETE_PATH, then, state);
    gate_scalekit_call_body_set(ctx, one->call,
                                (const struct gate_scalekit_field[]){
                                    {WIRE_CONNECTOR, connection_name},
                                    {WIRE_IDENTIFIER, identifier},
                                },
                                2);
    gate_scalekit_call_start(ctx, one->call);
}
