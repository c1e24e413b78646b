#include "portal/connectors.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/text.h"
#include "portal/connector_name.h"
#include "portal/refresh.h"
#include "portal/state.h"
#include "portal/token.h"
#include "store/authorization.h"
#include "store/connection.h"

/* How many connectors a page asks about, and how fresh an answer spares asking. */
#define ASKS_MAX 3
#define ASK_AGAIN_MS 1000

static const enum gate_connector_group groups[GATE_CONNECTOR_STATE_COUNT_] = {
    [GATE_CONNECTOR_NEVER] = GATE_CONNECTOR_GROUP_AVAILABLE,
    [GATE_CONNECTOR_CONNECTED] = GATE_CONNECTOR_GROUP_CONNECTED,
    [GATE_CONNECTOR_REFUSED] = GATE_CONNECTOR_GROUP_NEEDS_YOU,
    [GATE_CONNECTOR_NEEDS_RECONNECT] = GATE_CONNECTOR_GROUP_NEEDS_YOU,
    [GATE_CONNECTOR_WAITING] = GATE_CONNECTOR_GROUP_NEEDS_YOU,
    [GATE_CONNECTOR_NEEDS_VERIFICATION] = GATE_CONNECTOR_GROUP_NEEDS_YOU,
    [GATE_CONNECTOR_DISCONNECTED] = GATE_CONNECTOR_GROUP_AVAILABLE,
    [GATE_CONNECTOR_NEEDS_ATTENTION] = GATE_CONNECTOR_GROUP_NEEDS_YOU,
    [GATE_CONNECTOR_NOT_OFFERED] = GATE_CONNECTOR_GROUP_AVAILABLE,
};

static const char *const state_names[GATE_CONNECTOR_STATE_COUNT_] = {
    [GATE_CONNECTOR_NEVER] = "never_connected",
    [GATE_CONNECTOR_CONNECTED] = "connected",
    [GATE_CONNECTOR_REFUSED] = "provider_refuses",
    [GATE_CONNECTOR_NEEDS_RECONNECT] = "expired",
    [GATE_CONNECTOR_WAITING] = "waiting_for_user",
    [GATE_CONNECTOR_NEEDS_VERIFICATION] = "waiting_for_verification",
    [GATE_CONNECTOR_DISCONNECTED] = "disconnected",
    [GATE_CONNECTOR_NEEDS_ATTENTION] = "unknown",
    [GATE_CONNECTOR_NOT_OFFERED] = "not_offered",
};

const char *gate_connector_state_name(enum gate_connector_state state) {
    return state_names[state];
}

enum gate_connector_group gate_connector_group_get(enum gate_connector_state state) {
    return groups[state];
}

static enum gate_connector_state read_state(const struct gate_account *account) {
    switch (account->status) {
    case GATE_ACCOUNT_ACTIVE:
        return account->refused_at != 0 ? GATE_CONNECTOR_REFUSED : GATE_CONNECTOR_CONNECTED;
    case GATE_ACCOUNT_EXPIRED:
        return GATE_CONNECTOR_NEEDS_RECONNECT;
    case GATE_ACCOUNT_PENDING_AUTH:
        return GATE_CONNECTOR_WAITING;
    case GATE_ACCOUNT_PENDING_VERIFICATION:
        return GATE_CONNECTOR_NEEDS_VERIFICATION;
    case GATE_ACCOUNT_DISCONNECTED:
        return GATE_CONNECTOR_DISCONNECTED;
    case GATE_ACCOUNT_UNKNOWN:
    case GATE_ACCOUNT_STATUS_COUNT_:
        break;
    }
    return GATE_CONNECTOR_NEEDS_ATTENTION;
}

/* One look at connectors: a list, or (with `connection_name`) a single one. */
struct look {
    gate_portal *portal;
    const struct gate_caller *caller;
    const char *connection_name;
    struct gate_connector_list *ret_list;
    struct gate_connector_details *ret_details;
    gate_then_fn *then;
    void *state;

    struct gate_authorization *attempts; /* to connect, still open */
    size_t attempt_count;
    size_t asked_count;
    struct gate_account answer;
    int64_t deadline_ms; /* of the context, while asking has a shorter one */
};

/* ---- the answer, from one snapshot ---- */

static struct gate_connector make_offered(const struct gate_connection *connection) {
    return (struct gate_connector){
        .name = connection->name,
        .display_name = connection->display_name,
        .provider = connection->provider,
        .type = connection->type,
        .purpose = gate_connector_purpose_get(connection->provider),
        .state = connection->enabled ? GATE_CONNECTOR_NEVER : GATE_CONNECTOR_NOT_OFFERED,
    };
}

static struct gate_connector make_not_offered(gate_arena *arena, const char *name) {
    return (struct gate_connector){
        .name = name,
        .display_name = gate_connector_display_name_make(arena, NULL, name),
        .provider = "",
        .type = "",
        .purpose = gate_connector_purpose_get(NULL),
        .state = GATE_CONNECTOR_NOT_OFFERED,
    };
}

static void add_account(struct gate_connector *connector, const struct gate_account *account) {
    connector->has_account = true;
    connector->account = *account;
    if (connector->state != GATE_CONNECTOR_NOT_OFFERED) {
        connector->state = read_state(account);
    }
}

static void add_last_use(struct gate_connector *connector, const struct gate_tool_call_last *call) {
    connector->last_used_at = call->at;
    connector->last_used_by = call->token_label;
}

static struct gate_connector *find_by_name(struct gate_connector *items, size_t count,
                                           const char *name) {
    for (size_t i = 0; i < count; i++) {
        if (gate_text_equal(items[i].name, name)) {
            return &items[i];
        }
    }
    return NULL;
}

static int compare(const void *left, const void *right) {
    const struct gate_connector *a = left;
    const struct gate_connector *b = right;
    if (groups[a->state] != groups[b->state]) {
        return groups[a->state] < groups[b->state] ? -1 : 1;
    }
    if ((a->state == GATE_CONNECTOR_NOT_OFFERED) != (b->state == GATE_CONNECTOR_NOT_OFFERED)) {
        return a->state == GATE_CONNECTOR_NOT_OFFERED ? 1 : -1;
    }
    if (a->last_used_at != b->last_used_at) {
        return a->last_used_at > b->last_used_at ? -1 : 1;
    }
    int by_name = strcasecmp(a->display_name, b->display_name);
    return by_name != 0 ? by_name : strcmp(a->name, b->name);
}

/* Since when what is shown may be wrong: the older of the two readings that fail now. */
static enum gate_err find_stale_since(struct gate_ctx *ctx, gate_store_tx *tx,
                                      const struct look *look, int64_t *ret_at) {
    struct gate_user user;
    int64_t catalogue_read_at = 0;
    enum gate_err err = gate_store_connection_catalogue_read_at(ctx, tx, &catalogue_read_at);
    if (err == GATE_OK) {
        err = gate_store_user_find(ctx, tx, look->caller->user.id, &user);
    }
    if (err != GATE_OK) {
        return err;
    }
    int64_t stale_since = 0;
    if (gate_portal_refresh_is_failing(look->portal, 0)) {
        stale_since = catalogue_read_at;
    }
    if (gate_portal_refresh_is_failing(look->portal, user.id) &&
        (stale_since == 0 || user.accounts_read_at < stale_since)) {
        stale_since = user.accounts_read_at;
    }
    *ret_at = stale_since;
    return GATE_OK;
}

/* What the record has about one person. */
struct record {
    struct gate_connection *connections;
    size_t connection_count;
    struct gate_account *accounts;
    size_t account_count;
    struct gate_tool_call_last *calls;
    size_t call_count;
    int64_t stale_since;
    /* What is not offered any more, for each account that the list does not have: the connection as
     * it was, or all zero when it was never known. */
    struct gate_connection *former;
};

static bool is_listed(const struct record *record, const char *name) {
    for (size_t i = 0; i < record->connection_count; i++) {
        if (gate_text_equal(record->connections[i].name, name)) {
            return true;
        }
    }
    return false;
}

static enum gate_err read_former(struct gate_ctx *ctx, gate_store_tx *tx, struct record *record) {
    enum gate_err err = GATE_OK;
    record->former =
        gate_arena_alloc_array(ctx->arena, record->account_count, sizeof *record->former);
    for (size_t i = 0; err == GATE_OK && i < record->account_count; i++) {
        const char *name = record->accounts[i].connection_name;
        if (!is_listed(record, name)) {
            err = gate_store_connection_find_former(ctx, tx, name, &record->former[i]);
            err = err == GATE_ERR_NOT_FOUND ? GATE_OK : err;
        }
    }
    return err;
}

static enum gate_err read_record(struct gate_ctx *ctx, gate_store_tx *tx, const struct look *look,
                                 struct record *record) {
    int64_t user_id = look->caller->user.id;
    enum gate_err err =
        gate_store_connection_list(ctx, tx, &record->connections, &record->connection_count);
    if (err == GATE_OK) {
        err = gate_store_account_list(ctx, tx, user_id, &record->accounts, &record->account_count);
    }
    if (err == GATE_OK) {
        err = read_former(ctx, tx, record);
    }
    if (err == GATE_OK) {
        err = gate_store_tool_call_last_list(ctx, tx, user_id, &record->calls, &record->call_count);
    }
    if (err == GATE_OK) {
        err = find_stale_since(ctx, tx, look, &record->stale_since);
    }
    return err;
}

static struct gate_connector_list join(gate_arena *arena, const struct look *look,
                                       const struct record *record) {
    struct gate_connector_list list = {.stale_since = record->stale_since};
    list.items = gate_arena_alloc_array(arena, record->connection_count + record->account_count,
                                        sizeof *list.items);
    for (size_t i = 0; i < record->connection_count; i++) {
        if (gate_portal_may_use_connection(look->caller, record->connections[i].name)) {
            list.items[list.count++] = make_offered(&record->connections[i]);
        }
    }
    for (size_t i = 0; i < record->account_count; i++) {
        const struct gate_account *account = &record->accounts[i];
        if (!gate_portal_may_use_connection(look->caller, account->connection_name)) {
            continue;
        }
        struct gate_connector *item =
            find_by_name(list.items, list.count, account->connection_name);
        if (item == NULL) {
            item = &list.items[list.count++];
            *item = record->former[i].name != NULL
                        ? make_offered(&record->former[i])
                        : make_not_offered(arena, account->connection_name);
        }
        add_account(item, account);
    }
    for (size_t i = 0; i < record->call_count; i++) {
        struct gate_connector *item =
            find_by_name(list.items, list.count, record->calls[i].connection_name);
        if (item != NULL) {
            add_last_use(item, &record->calls[i]);
        }
    }
    qsort(list.items, list.count, sizeof *list.items, compare);
    return list;
}

static enum gate_err read_list(struct gate_ctx *ctx, gate_store_tx *tx, const struct look *look) {
    struct record record = {0};
    enum gate_err err = read_record(ctx, tx, look, &record);
    if (err == GATE_OK) {
        *look->ret_list = join(ctx->arena, look, &record);
    }
    return err;
}

static enum gate_err read_connector(struct gate_ctx *ctx, gate_store_tx *tx,
                                    const struct look *look, struct gate_connector *connector) {
    struct gate_connection connection;
    enum gate_err err =
        gate_store_connection_find_former(ctx, tx, look->connection_name, &connection);
    bool is_known = err == GATE_OK;
    if (err != GATE_OK && err != GATE_ERR_NOT_FOUND) {
        return err;
    }
    struct gate_account account;
    err = gate_store_account_find(ctx, tx, look->caller->user.id, look->connection_name, &account);
    if (err != GATE_OK && err != GATE_ERR_NOT_FOUND) {
        return err;
    }
    bool has_account = err == GATE_OK;
    if (!has_account && !(is_known && connection.enabled)) {
        return gate_fail(ctx, GATE_ERR_NOT_FOUND, "There is no connection of that name.");
    }
    *connector =
        is_known ? make_offered(&connection) : make_not_offered(ctx->arena, look->connection_name);
    if (has_account) {
        add_account(connector, &account);
    }
    return GATE_OK;
}

static enum gate_err read_details(struct gate_ctx *ctx, gate_store_tx *tx,
                                  const struct look *look) {
    struct gate_connector_details details = {0};
    const struct gate_tool_call_filter filter = {
        .user_id = look->caller->user.id,
        .connection_name = look->connection_name,
        .max = GATE_CONNECTOR_CALLS_MAX,
    };
    if (!gate_portal_may_use_connection(look->caller, look->connection_name)) {
        return gate_fail(ctx, GATE_ERR_NOT_FOUND, "There is no connection of that name.");
    }
    enum gate_err err = read_connector(ctx, tx, look, &details.connector);
    if (err == GATE_OK) {
        err = gate_store_account_event_list(ctx, tx, filter.user_id, look->connection_name,
                                            GATE_CONNECTOR_EVENTS_MAX, &details.events,
                                            &details.event_count);
    }
    if (err == GATE_OK) {
        err = gate_store_tool_call_list(ctx, tx, &filter, &details.calls, &details.call_count);
    }
    if (err == GATE_OK) {
        err = find_stale_since(ctx, tx, look, &details.stale_since);
    }
    if (err != GATE_OK) {
        return err;
    }
    if (details.call_count > 0) {
        details.connector.last_used_at = details.calls[0].at;
        details.connector.last_used_by = details.calls[0].token_label;
    }
    *look->ret_details = details;
    return GATE_OK;
}

static void answer(struct gate_ctx *ctx, struct look *look) {
    gate_store *store = look->portal->parts.store;
    gate_store_tx *tx = gate_store_read_begin(store);
    enum gate_err err =
        look->connection_name == NULL ? read_list(ctx, tx, look) : read_details(ctx, tx, look);
    gate_store_read_end(store, tx);
    look->then(ctx, err, look->state);
}

/* ---- asking about what is just being connected ---- */

struct finished {
    struct gate_digest state_hash;
};

static enum gate_err finish_attempt(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    const struct finished *finished = state;
    return gate_store_authorization_finish(ctx, tx, &finished->state_hash, "connected");
}

static void ask_next(struct gate_ctx *ctx, struct look *look);

static void take_answer(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct look *look = state;
    const struct gate_authorization *attempt = &look->attempts[look->asked_count++];
    gate_error_clear(&ctx->error); /* the record is good enough for a page */
    if (err == GATE_OK && look->answer.status == GATE_ACCOUNT_ACTIVE) {
        const struct finished finished = {.state_hash = attempt->state_hash};
        gate_store_write_later(look->portal->parts.store, finish_attempt, &finished,
                               sizeof finished);
    }
    bool may_go_on = err == GATE_OK || err == GATE_ERR_NOT_FOUND;
    if (!may_go_on) {
        look->asked_count = look->attempt_count;
    }
    ask_next(ctx, look);
}

static void ask_next(struct gate_ctx *ctx, struct look *look) {
    if (look->asked_count == look->attempt_count) {
        ctx->deadline_ms = look->deadline_ms;
        answer(ctx, look);
        return;
    }
    gate_portal_account_ask(ctx, look->portal, &look->caller->user,
                            look->attempts[look->asked_count].connection_name,
                            GATE_ACCOUNT_SOURCE_PAGE, &look->answer, take_answer, look);
}

static bool is_worth_asking(struct gate_ctx *ctx, gate_store_tx *tx, const struct look *look,
                            size_t count, const char *connection_name) {
    struct gate_account account;
    if (look->connection_name != NULL && !gate_text_equal(look->connection_name, connection_name)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (gate_text_equal(look->attempts[i].connection_name, connection_name)) {
            return false;
        }
    }
    enum gate_err err =
        gate_store_account_find(ctx, tx, look->caller->user.id, connection_name, &account);
    return err == GATE_ERR_NOT_FOUND ||
           (err == GATE_OK && gate_ctx_now_ms(ctx) - account.learned_at >= ASK_AGAIN_MS);
}

/* Some connections never lead back through our callback: whoever comes back by hand shall see the
 * truth. */
static enum gate_err find_attempts(struct gate_ctx *ctx, struct look *look) {
    gate_store *store = look->portal->parts.store;
    gate_store_tx *tx = gate_store_read_begin(store);
    size_t open_count = 0;
    enum gate_err err = gate_store_authorization_list_open(
        ctx, tx, look->caller->user.id, gate_ctx_now_ms(ctx),
        GATE_AUTHORIZATION_REQUESTS_PER_USER_MAX, &look->attempts, &open_count);
    size_t count = 0;
    for (size_t i = 0; err == GATE_OK && i < open_count && count < ASKS_MAX; i++) {
        if (is_worth_asking(ctx, tx, look, count, look->attempts[i].connection_name)) {
            look->attempts[count++] = look->attempts[i];
        }
    }
    gate_store_read_end(store, tx);
    look->attempt_count = count;
    return err;
}

static void after_accounts(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct look *look = state;
    if (err == GATE_OK) {
        err = find_attempts(ctx, look);
    }
    if (err != GATE_OK) {
        look->then(ctx, err, look->state);
        return;
    }
    if (look->connection_name != NULL) {
        /* Whoever opens a connector wants to know how it is now. */
        gate_portal_accounts_freshen(ctx, look->portal, &look->caller->user, ASK_AGAIN_MS);
    }
    bool is_hopeless = gate_portal_refresh_is_failing(look->portal, 0) ||
                       gate_portal_refresh_is_failing(look->portal, look->caller->user.id);
    if (is_hopeless) { /* nobody waits for what does not answer */
        look->attempt_count = 0;
    }
    look->deadline_ms = ctx->deadline_ms;
    ctx->deadline_ms =
        gate_clock_monotonic_ms(ctx->clock) + gate_ctx_time_left_ms(ctx, GATE_CONNECTORS_ASK_MS);
    ask_next(ctx, look);
}

static void after_catalogue(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct look *look = state;
    if (err != GATE_OK) {
        look->then(ctx, err, look->state);
        return;
    }
    gate_portal_accounts_need(ctx, look->portal, &look->caller->user, after_accounts, look);
}

static void start_look(struct gate_ctx *ctx, const struct look *wish) {
    assert(wish->caller->has_user);
    struct look *look = gate_arena_make(ctx->arena, struct look);
    *look = *wish;
    gate_portal_catalogue_need(ctx, look->portal, after_catalogue, look);
}

void gate_portal_connectors_list(struct gate_ctx *ctx, gate_portal *portal,
                                 const struct gate_caller *caller,
                                 struct gate_connector_list *ret_list, gate_then_fn *then,
                                 void *state) {
    start_look(ctx, &(struct look){.portal = portal,
                                   .caller = caller,
                                   .ret_list = ret_list,
                                   .then = then,
                                   .state = state});
}

void gate_portal_connector_find(struct gate_ctx *ctx, gate_portal *portal,
                                const struct gate_caller *caller, const char *connection_name,
                                struct gate_connector_details *ret_details, gate_then_fn *then,
                                void *state) {
    start_look(ctx, &(struct look){.portal = portal,
                                   .caller = caller,
                                   .connection_name = connection_name,
                                   .ret_details = ret_details,
                                   .then = then,
                                   .state = state});
}
