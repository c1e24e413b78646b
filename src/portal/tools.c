#include "portal/tools.h"

#include <string.h>

#include "core/buffer.h"
#include "core/text.h"
#include "portal/refresh.h"
#include "portal/state.h"
#include "portal/token.h"
#include "portal/tool_cache.h"
#include "store/account.h"
#include "store/connection.h"
#include "json/json.h"

struct listing {
    gate_portal *portal;
    const struct gate_caller *caller;
    struct gate_scalekit_tools_query query;
    struct gate_scalekit_reply reply;
    struct gate_account *accounts; /* of the user's */
    size_t account_count;
    struct gate_connection *connections; /* that are offered, for available tools */
    size_t connection_count;
    struct gate_digest cache_key;
    struct gate_ctx *ctx;
    struct gate_tools_page page;
    size_t capacity;
    bool took_out;
    struct gate_tools_page *ret_page;
    gate_then_fn *then;
    void *state;
};

static const char *find_connection(const struct listing *listing, const char *account_id) {
    for (size_t i = 0; i < listing->account_count; i++) {
        if (gate_text_equal(listing->accounts[i].scalekit_id, account_id)) {
            return listing->accounts[i].connection_name;
        }
    }
    return NULL;
}

/* A tool whose connection is not on record is left out: deny by default. */
static bool may_show_scoped(const struct listing *listing, const gate_json *scoped) {
    const gate_json *tool = gate_json_member(scoped, "tool");
    const char *name = gate_json_member_text(gate_json_member(tool, "definition"), "name");
    const char *connection =
        find_connection(listing, gate_json_member_text(scoped, "connected_account_id"));
    return name != NULL && connection != NULL &&
           gate_portal_may_use_tool(listing->caller, connection, name);
}

static bool is_asked_about(const struct listing *listing, const char *connection_name) {
    const char *const *names = listing->query.connection_names;
    if (names == NULL) {
        return true;
    }
    while (*names != NULL && !gate_text_equal(*names, connection_name)) {
        names++;
    }
    return *names != NULL;
}

/* A tool that is not tied to an account yet: at least one connection of its app must allow it. */
static bool may_show_available(const struct listing *listing, const gate_json *tool) {
    const char *name = gate_json_member_text(gate_json_member(tool, "definition"), "name");
    const char *provider = gate_json_member_text(tool, "provider");
    for (size_t i = 0; name != NULL && i < listing->connection_count; i++) {
        const struct gate_connection *connection = &listing->connections[i];
        if (gate_text_equal_ignoring_case(connection->provider, provider) &&
            is_asked_about(listing, connection->name) &&
            gate_portal_may_use_tool(listing->caller, connection->name, name)) {
            return true;
        }
    }
    return false;
}

static bool may_show(const struct listing *listing, const gate_json *tool) {
    return listing->query.available ? may_show_available(listing, tool)
                                    : may_show_scoped(listing, tool);
}

static bool take_tool(const char *value, size_t length, void *state) {
    struct listing *listing = state;
    const gate_json *tool;
    bool shown = listing->caller->kind == GATE_CALLER_BROWSER;
    if (!shown) {
        shown = gate_json_parse(listing->ctx, value, length, &tool) == GATE_OK &&
                may_show(listing, tool);
    }
    if (!shown) {
        listing->took_out = true;
        return true;
    }
    if (listing->page.count < listing->capacity) {
        listing->page.tools[listing->page.count++] = (struct gate_tool_text){value, length};
    }
    return true;
}

static bool count_tool(const char *value, size_t length, void *state) {
    (void)value;
    (void)length;
    ((struct listing *)state)->capacity++;
    return true;
}

/* What decides which tools may be shown. */
static enum gate_err read_record(struct gate_ctx *ctx, struct listing *listing) {
    gate_store *store = listing->portal->parts.store;
    gate_store_tx *tx = gate_store_read_begin(store);
    enum gate_err err = gate_store_account_list(ctx, tx, listing->caller->user.id,
                                                &listing->accounts, &listing->account_count);
    if (err == GATE_OK && listing->query.available) {
        err =
            gate_store_connection_list(ctx, tx, &listing->connections, &listing->connection_count);
    }
    gate_store_read_end(store, tx);
    return err;
}

static enum gate_err take_reply(struct gate_ctx *ctx, struct listing *listing) {
    const struct gate_scalekit_reply *reply = &listing->reply;
    const gate_json *answer;
    const char *tools;
    size_t length;
    enum gate_err err = gate_json_parse(ctx, reply->body, reply->body_length, &answer);
    if (err != GATE_OK) {
        return err;
    }
    const char *next = gate_json_member_text(answer, "next_page_token");
    listing->page.next_page_token = gate_text_is_empty(next) ? NULL : next;
    if (gate_json_is_array(gate_json_member(answer, "tools")) &&
        gate_json_raw_member(reply->body, reply->body_length, "tools", &tools, &length) ==
            GATE_OK) {
        gate_json_raw_elements(tools, length, count_tool, listing);
        listing->page.tools =
            gate_arena_alloc_array(ctx->arena, listing->capacity, sizeof(struct gate_tool_text));
        gate_json_raw_elements(tools, length, take_tool, listing);
    }
    int64_t total = (int64_t)listing->page.count;
    (void)gate_json_member_integer(answer, "total_size", &total);
    listing->page.total_size = listing->took_out ? -1 : total;
    return GATE_OK;
}

static void answer(struct gate_ctx *ctx, struct listing *listing) {
    enum gate_err err = read_record(ctx, listing);
    if (err == GATE_OK) {
        err = take_reply(ctx, listing);
    }
    if (err == GATE_OK) {
        *listing->ret_page = listing->page;
    }
    listing->then(ctx, err, listing->state);
}

static void after_fetch(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct listing *listing = state;
    if (err != GATE_OK) {
        listing->then(ctx, err, listing->state);
        return;
    }
    gate_tool_cache_save(listing->portal->tool_cache, &listing->cache_key, listing->reply.body,
                         listing->reply.body_length, gate_clock_monotonic_ms(ctx->clock));
    answer(ctx, listing);
}

static void free_buffer(void *buffer) {
    gate_buffer_done(buffer);
}

/* With its length in front, so that no two lists look alike. */
static void add_text(struct gate_buffer *buffer, const char *text) {
    gate_buffer_printf(buffer, "%zu:%s", text == NULL ? 0 : strlen(text), text == NULL ? "" : text);
}

static void add_texts(struct gate_buffer *buffer, const char *const *texts) {
    for (; texts != NULL && *texts != NULL; texts++) {
        add_text(buffer, *texts);
    }
    gate_buffer_append_text(buffer, ";");
}

/* Everything that Scalekit's answer depends on, as far as we know of it. */
static struct gate_digest make_cache_key(struct gate_ctx *ctx, const struct listing *listing) {
    const struct gate_scalekit_tools_query *query = &listing->query;
    struct gate_buffer *buffer = gate_arena_make(ctx->arena, struct gate_buffer);
    gate_buffer_init(buffer, GATE_UPSTREAM_CONTROL_MAX_BYTES);
    gate_arena_defer(ctx->arena, free_buffer, buffer);
    gate_buffer_printf(buffer, "%lld %d %d %d ", (long long)listing->caller->user.id,
                       query->available, query->workspace, query->page_size);
    add_text(buffer, query->page_token);
    add_text(buffer, query->provider);
    add_text(buffer, query->text);
    add_texts(buffer, query->connection_names);
    add_texts(buffer, query->providers);
    add_texts(buffer, query->tool_names);
    for (size_t i = 0; i < listing->account_count; i++) {
        const struct gate_account *account = &listing->accounts[i];
        add_text(buffer, account->connection_name);
        add_text(buffer, account->scalekit_id);
        gate_buffer_printf(buffer, "%d %lld;", (int)account->status,
                           (long long)account->updated_at);
    }
    return gate_digest_make(gate_buffer_text(buffer), buffer->length);
}

static bool has_filter(const struct gate_scalekit_tools_query *query) {
    return query->connection_names != NULL || query->providers != NULL || query->tool_names != NULL;
}

/* Scalekit insists on a filter: without one of the caller's it is what this user has connected. */
static void filter_by_accounts(struct gate_ctx *ctx, struct listing *listing) {
    const char **names =
        gate_arena_alloc_array(ctx->arena, listing->account_count + 1, sizeof *names);
    size_t count = 0;
    for (size_t i = 0; i < listing->account_count; i++) {
        const struct gate_account *account = &listing->accounts[i];
        if (account->status == GATE_ACCOUNT_ACTIVE &&
            gate_portal_may_use_connection(listing->caller, account->connection_name)) {
            names[count++] = account->connection_name;
        }
    }
    names[count] = NULL;
    listing->query.connection_names = count == 0 ? NULL : names;
}

/* The record is read by now. */
static void fetch(struct gate_ctx *ctx, struct listing *listing) {
    listing->cache_key = make_cache_key(ctx, listing);
    if (gate_tool_cache_find(listing->portal->tool_cache, ctx->arena, &listing->cache_key,
                             gate_clock_monotonic_ms(ctx->clock), &listing->reply.body,
                             &listing->reply.body_length)) {
        answer(ctx, listing);
        return;
    }
    gate_scalekit_tools_fetch(ctx, listing->portal->parts.scalekit, &listing->query,
                              &listing->reply, after_fetch, listing);
}

static void after_catalogue(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct listing *listing = state;
    if (err == GATE_OK) {
        err = read_record(ctx, listing);
    }
    if (err != GATE_OK) {
        listing->then(ctx, err, listing->state);
        return;
    }
    fetch(ctx, listing);
}

static void after_accounts(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct listing *listing = state;
    if (err == GATE_OK) {
        err = read_record(ctx, listing);
    }
    if (err != GATE_OK) {
        listing->then(ctx, err, listing->state);
        return;
    }
    if (!has_filter(&listing->query)) {
        filter_by_accounts(ctx, listing);
    }
    if (!has_filter(&listing->query)) { /* nothing connected, so no tools */
        *listing->ret_page = (struct gate_tools_page){0};
        listing->then(ctx, GATE_OK, listing->state);
        return;
    }
    fetch(ctx, listing);
}

void gate_portal_tools_list(struct gate_ctx *ctx, gate_portal *portal,
                            const struct gate_caller *caller,
                            const struct gate_scalekit_tools_query *query,
                            struct gate_tools_page *ret_page, gate_then_fn *then, void *state) {
    enum gate_err err = gate_portal_scope_check(ctx, caller, GATE_SCOPE_READ, "list tools");
    if (err != GATE_OK) {
        then(ctx, err, state);
        return;
    }
    struct listing *listing = gate_arena_make(ctx->arena, struct listing);
    listing->portal = portal;
    listing->caller = caller;
    listing->query = *query;
    listing->query.identifier = caller->user.identifier;
    listing->ctx = ctx;
    listing->ret_page = ret_page;
    listing->then = then;
    listing->state = state;
    if (query->available) {
        gate_portal_catalogue_need(ctx, portal, after_catalogue, listing);
        return;
    }
    gate_portal_accounts_need(ctx, portal, &caller->user, after_accounts, listing);
}
