#include "portal/tool_offers.h"

#include "core/text.h"
#include "portal/blame.h"
#include "portal/refresh.h"
#include "portal/state.h"
#include "portal/token.h"
#include "store/account.h"
#include "store/connection.h"
#include "json/json.h"

/* More accounts than this offer one tool to one user only if something is wrong. */
#define OFFERS_ASKED_FOR 100

struct finding {
    gate_portal *portal;
    const struct gate_caller *caller;
    const char *tool_name;
    struct gate_tool_offers *ret_offers;
    gate_then_fn *then;
    void *state;

    const char *tool_names[2];
    struct gate_scalekit_tools_query query;
    struct gate_scalekit_reply reply;
    struct gate_account *accounts;
    size_t account_count;
    struct gate_connection *connections; /* that are offered */
    size_t connection_count;
    bool has_refreshed;
};

static enum gate_err read_record(struct gate_ctx *ctx, struct finding *finding) {
    gate_store *store = finding->portal->parts.store;
    gate_store_tx *tx = gate_store_read_begin(store);
    enum gate_err err = gate_store_account_list(ctx, tx, finding->caller->user.id,
                                                &finding->accounts, &finding->account_count);
    if (err == GATE_OK) {
        err =
            gate_store_connection_list(ctx, tx, &finding->connections, &finding->connection_count);
    }
    gate_store_read_end(store, tx);
    return err;
}

static void end_finding(struct gate_ctx *ctx, enum gate_err err, struct finding *finding) {
    finding->then(ctx, err, finding->state);
}

static const struct gate_account *find_account(const struct finding *finding, const char *id) {
    for (size_t i = 0; i < finding->account_count; i++) {
        if (gate_text_equal(finding->accounts[i].scalekit_id, id)) {
            return &finding->accounts[i];
        }
    }
    return NULL;
}

static void add_offer(struct gate_tool_offers *offers, const char *connection_name) {
    for (size_t i = 0; i < offers->count; i++) {
        if (gate_text_equal(offers->connection_names[i], connection_name)) {
            return;
        }
    }
    offers->connection_names[offers->count++] = connection_name;
}

/* Scalekit's filter is not relied on: only a tool of exactly this name counts. Gives how many
 * belong to accounts that are not on record. */
static size_t collect(const struct finding *finding, const gate_json *tools,
                      struct gate_tool_offers *offers) {
    size_t unknown = 0;
    for (size_t i = 0; i < gate_json_length(tools); i++) {
        const gate_json *scoped = gate_json_element(tools, i);
        const gate_json *definition =
            gate_json_member(gate_json_member(scoped, "tool"), "definition");
        if (!gate_text_equal(gate_json_member_text(definition, "name"), finding->tool_name)) {
            continue;
        }
        const struct gate_account *account =
            find_account(finding, gate_json_member_text(scoped, "connected_account_id"));
        if (account == NULL) {
            unknown++;
        } else if (gate_portal_may_use_tool(finding->caller, account->connection_name,
                                            finding->tool_name)) {
            add_offer(offers, account->connection_name);
        }
    }
    return unknown;
}

static void take_offers(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct finding *finding = state;
    const gate_json *answer;
    if (err == GATE_OK) {
        err = read_record(ctx, finding);
    }
    if (err == GATE_OK) {
        err = gate_json_parse(ctx, finding->reply.body, finding->reply.body_length, &answer);
    }
    if (err != GATE_OK) {
        end_finding(ctx, err, finding);
        return;
    }
    const gate_json *tools = gate_json_member(answer, "tools");
    struct gate_tool_offers offers = {
        .connection_names = gate_arena_alloc_array(ctx->arena, gate_json_length(tools) + 1,
                                                   sizeof *offers.connection_names),
    };
    if (collect(finding, tools, &offers) > 0 && !finding->has_refreshed) {
        /* Scalekit knows of an account that the record lacks: read them all, then look again. */
        finding->has_refreshed = true;
        gate_portal_accounts_read(ctx, finding->portal, &finding->caller->user, take_offers,
                                  finding);
        return;
    }
    *finding->ret_offers = offers;
    end_finding(ctx, GATE_OK, finding);
}

/* On what the user has, or could come to have. */
static bool may_run_somewhere(const struct finding *finding) {
    const struct gate_caller *caller = finding->caller;
    for (size_t i = 0; i < finding->account_count; i++) {
        if (gate_portal_may_use_tool(caller, finding->accounts[i].connection_name,
                                     finding->tool_name)) {
            return true;
        }
    }
    for (size_t i = 0; i < finding->connection_count; i++) {
        if (gate_portal_may_use_tool(caller, finding->connections[i].name, finding->tool_name)) {
            return true;
        }
    }
    return false;
}

static void after_accounts(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct finding *finding = state;
    if (err == GATE_OK) {
        err = read_record(ctx, finding);
    }
    if (err == GATE_OK && !may_run_somewhere(finding)) {
        err = gate_fail(ctx, GATE_ERR_FORBIDDEN,
                        "This token may not run that tool on any connection (rule: connections or "
                        "tools).");
    }
    if (err != GATE_OK) {
        end_finding(ctx, err, finding);
        return;
    }
    finding->tool_names[0] = finding->tool_name;
    finding->query = (struct gate_scalekit_tools_query){
        .identifier = finding->caller->user.identifier,
        .tool_names = finding->tool_names,
        .page_size = OFFERS_ASKED_FOR,
    };
    gate_scalekit_tools_fetch(ctx, finding->portal->parts.scalekit, &finding->query,
                              &finding->reply, take_offers, finding);
}

static struct finding *make_finding(struct gate_ctx *ctx, gate_portal *portal,
                                    const struct gate_caller *caller, const char *tool_name,
                                    struct gate_tool_offers *ret_offers, gate_then_fn *then,
                                    void *state) {
    struct finding *finding = gate_arena_make(ctx->arena, struct finding);
    finding->portal = portal;
    finding->caller = caller;
    finding->tool_name = tool_name;
    finding->ret_offers = ret_offers;
    finding->then = then;
    finding->state = state;
    return finding;
}

void gate_portal_tool_offers_find(struct gate_ctx *ctx, gate_portal *portal,
                                  const struct gate_caller *caller, const char *tool_name,
                                  struct gate_tool_offers *ret_offers, gate_then_fn *then,
                                  void *state) {
    struct finding *finding = make_finding(ctx, portal, caller, tool_name, ret_offers, then, state);
    gate_portal_accounts_need(ctx, portal, &caller->user, after_accounts, finding);
}

/* ---- what would offer it ---- */

static const struct gate_account *find_account_on(const struct finding *finding,
                                                  const char *connection_name) {
    for (size_t i = 0; i < finding->account_count; i++) {
        if (gate_text_equal(finding->accounts[i].connection_name, connection_name)) {
            return &finding->accounts[i];
        }
    }
    return NULL;
}

static bool is_of_provider(const gate_json *tools, const char *tool_name, const char *provider) {
    for (size_t i = 0; i < gate_json_length(tools); i++) {
        const gate_json *tool = gate_json_element(tools, i);
        const gate_json *definition = gate_json_member(tool, "definition");
        if (gate_text_equal(gate_json_member_text(definition, "name"), tool_name) &&
            gate_text_equal_ignoring_case(gate_json_member_text(tool, "provider"), provider)) {
            return true;
        }
    }
    return false;
}

/* An active account whose connection has the app, but not the tool, does not come to have it by
 * connecting. What the user has connected before goes before what they never touched. */
static void collect_prospects(const struct finding *finding, const gate_json *tools,
                              struct gate_tool_offers *offers) {
    const char *known_name = NULL;
    size_t known_count = 0;
    for (size_t i = 0; i < finding->connection_count; i++) {
        const struct gate_connection *connection = &finding->connections[i];
        const struct gate_account *account = find_account_on(finding, connection->name);
        if ((account != NULL && account->status == GATE_ACCOUNT_ACTIVE) ||
            !gate_portal_may_use_tool(finding->caller, connection->name, finding->tool_name) ||
            !is_of_provider(tools, finding->tool_name, connection->provider)) {
            continue;
        }
        add_offer(offers, connection->name);
        known_name = account != NULL ? connection->name : known_name;
        known_count += account != NULL;
    }
    if (known_count == 1) {
        offers->connection_names[0] = known_name;
        offers->connection_names[1] = NULL;
        offers->count = 1;
    }
}

static void take_prospects(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct finding *finding = state;
    const gate_json *answer = NULL;
    bool has_none = err == GATE_ERR_NOT_FOUND;
    if (has_none) {
        gate_error_clear(&ctx->error);
        err = GATE_OK;
    }
    if (err == GATE_OK) {
        err = read_record(ctx, finding);
    }
    if (err == GATE_OK && !has_none) {
        err = gate_json_parse(ctx, finding->reply.body, finding->reply.body_length, &answer);
    }
    if (err != GATE_OK) {
        end_finding(ctx, gate_blame_upstream(err), finding);
        return;
    }
    struct gate_tool_offers offers = {
        .connection_names = gate_arena_alloc_array(ctx->arena, finding->connection_count + 2,
                                                   sizeof *offers.connection_names),
    };
    collect_prospects(finding, gate_json_member(answer, "tools"), &offers);
    *finding->ret_offers = offers;
    end_finding(ctx, GATE_OK, finding);
}

void gate_portal_tool_prospects_find(struct gate_ctx *ctx, gate_portal *portal,
                                     const struct gate_caller *caller, const char *tool_name,
                                     struct gate_tool_offers *ret_offers, gate_then_fn *then,
                                     void *state) {
    struct finding *finding = make_finding(ctx, portal, caller, tool_name, ret_offers, then, state);
    gate_scalekit_tools_named_fetch(ctx, portal->parts.scalekit, tool_name, &finding->reply,
                                    take_prospects, finding);
}
