#include <stdlib.h>

#include "core/text.h"
#include "portal/account_create.h"
#include "portal/account_end.h"
#include "portal/account_link.h"
#include "portal/account_list.h"
#include "web/api/api.h"
#include "web/api/members.h"
#include "web/fields.h"
#include "web/route.h"
#include "web/state.h"
#include "json/writer.h"

/* In place of an id in a path: it is in the body. */
#define ID_IN_BODY "-"

/* One request about one account. */
struct operation {
    struct gate_request *request;
    struct gate_account_choice choice;
    struct gate_account_link_wish link_wish;
    struct gate_connector connector;
    const char *link;
    int status;
};

/* ---- as Scalekit writes it ---- */

static void write_known_text(struct gate_json_writer *writer, const char *name, const char *text) {
    if (!gate_text_is_empty(text)) {
        gate_json_write_text(writer, name, text);
    }
}

static void write_known_time(struct gate_json_writer *writer, const char *name, int64_t wall_ms) {
    if (wall_ms != 0) {
        gate_json_write_time(writer, name, wall_ms);
    }
}

static const char *status_name(enum gate_account_status status) {
    return status == GATE_ACCOUNT_UNKNOWN ? "CONNECTION_STATUS_UNSPECIFIED"
                                          : gate_account_status_name(status);
}

/* Member by member, so that no credential could ever be among them. */
static void write_account(struct gate_json_writer *writer, const char *name,
                          const struct gate_request *request,
                          const struct gate_connector *connector) {
    const struct gate_account *account = &connector->account;
    gate_json_open_object(writer, name);
    write_known_text(writer, "id", account->scalekit_id);
    gate_json_write_text(writer, "identifier", request->caller.user.identifier);
    write_known_text(writer, "provider", connector->provider);
    gate_json_write_text(writer, "connector", connector->name);
    gate_json_write_text(writer, "status", status_name(account->status));
    write_known_text(writer, "authorization_type", account->authorization_type);
    write_known_time(writer, "token_expires_at", account->token_expires_at);
    write_known_time(writer, "updated_at", account->updated_at);
    write_known_time(writer, "last_used_at", connector->last_used_at);
    gate_json_close_object(writer);
}

static void begin_answer(struct gate_request *request, int status,
                         struct gate_json_writer *writer) {
    gate_response_begin(&request->response, request->ctx->arena, status, "application/json");
    gate_json_writer_init(writer, &request->response.body);
    gate_json_open_object(writer, NULL);
}

static void end_answer(struct gate_request *request, struct gate_json_writer *writer) {
    gate_json_close_object(writer);
    gate_request_finish(request);
}

static void finish_account(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)ctx;
    struct operation *operation = state;
    if (err != GATE_OK) {
        gate_request_fail(operation->request, err);
        return;
    }
    struct gate_json_writer writer;
    begin_answer(operation->request, operation->status, &writer);
    write_account(&writer, "connected_account", operation->request, &operation->connector);
    end_answer(operation->request, &writer);
}

/* ---- lists ---- */

struct listing {
    struct gate_request *request;
    struct gate_account_query query;
    struct gate_account_page page;
};

static struct listing *make_listing(struct gate_request *request) {
    struct listing *listing = gate_arena_make(request->ctx->arena, struct listing);
    const char *page_size = gate_request_query(request, "page_size");
    listing->request = request;
    listing->query = (struct gate_account_query){
        .connection_name = gate_request_query(request, "connector"),
        .connection_names =
            gate_fields_collect(request->ctx->arena, &request->query, "connection_names"),
        .provider = gate_request_query(request, "provider"),
        .text = gate_request_query(request, "query"),
        .page_size = page_size == NULL ? 0 : atoi(page_size),
        .page_token = gate_request_query(request, "page_token"),
    };
    return listing;
}

static void write_page_end(struct gate_json_writer *writer, const struct gate_account_page *page) {
    gate_json_write_text(writer, "next_page_token",
                         page->next_page_token == NULL ? "" : page->next_page_token);
    gate_json_write_integer(writer, "total_size", (int64_t)page->total);
}

static void finish_accounts(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)ctx;
    struct listing *listing = state;
    if (err != GATE_OK) {
        gate_request_fail(listing->request, err);
        return;
    }
    struct gate_json_writer writer;
    begin_answer(listing->request, 200, &writer);
    gate_json_open_array(&writer, "connected_accounts");
    for (size_t i = 0; i < listing->page.count; i++) {
        write_account(&writer, NULL, listing->request, &listing->page.items[i]);
    }
    gate_json_close_array(&writer);
    write_page_end(&writer, &listing->page);
    end_answer(listing->request, &writer);
}

void gate_api_accounts_handle(struct gate_request *request) {
    struct listing *listing = make_listing(request);
    gate_portal_accounts_list(request->ctx, request->web->options.portal, &request->caller,
                              &listing->query, &listing->page, finish_accounts, listing);
}

/* What is offered is set up and switched on; its Scalekit id is nothing that a caller needs. */
static void finish_connections(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)ctx;
    struct listing *listing = state;
    if (err != GATE_OK) {
        gate_request_fail(listing->request, err);
        return;
    }
    struct gate_json_writer writer;
    begin_answer(listing->request, 200, &writer);
    gate_json_open_array(&writer, "connections");
    for (size_t i = 0; i < listing->page.count; i++) {
        const struct gate_connector *connector = &listing->page.items[i];
        gate_json_open_object(&writer, NULL);
        gate_json_write_text(&writer, "key_id", connector->name);
        gate_json_write_text(&writer, "provider_key", connector->provider);
        write_known_text(&writer, "type", connector->type);
        gate_json_write_text(&writer, "status", "COMPLETED");
        gate_json_write_bool(&writer, "enabled", true);
        gate_json_close_object(&writer);
    }
    gate_json_close_array(&writer);
    write_page_end(&writer, &listing->page);
    end_answer(listing->request, &writer);
}

void gate_api_app_connections_handle(struct gate_request *request) {
    struct listing *listing = make_listing(request);
    gate_portal_offered_list(request->ctx, request->web->options.portal, &request->caller,
                             &listing->query, &listing->page, finish_connections, listing);
}

/* ---- one ---- */

static struct operation *make_operation(struct gate_request *request, int status) {
    struct operation *operation = gate_arena_make(request->ctx->arena, struct operation);
    operation->request = request;
    operation->status = status;
    return operation;
}

static const char *text_or_null(const char *text) {
    return gate_text_is_empty(text) ? NULL : text;
}

void gate_api_account_details_handle(struct gate_request *request) {
    struct operation *operation = make_operation(request, 200);
    operation->choice = (struct gate_account_choice){
        .connection_name = text_or_null(gate_request_query(request, "connector")),
        .account_id = text_or_null(gate_request_query(request, "id")),
    };
    gate_portal_account_find(request->ctx, request->web->options.portal, &request->caller,
                             &operation->choice, &operation->connector, finish_account, operation);
}

static enum gate_err read_choice(struct gate_request *request, struct gate_account_choice *choice) {
    enum gate_err err = gate_members_read_field(
        request, "connector", GATE_CONNECTION_NAME_MAX_BYTES, &choice->connection_name);
    return err != GATE_OK ? err
                          : gate_members_read_field(request, "id", GATE_ACCOUNT_ID_MAX_BYTES,
                                                    &choice->account_id);
}

/* ---- making one ---- */

static bool is_blank(const gate_json *json);

static bool visit_blank(const char *name, const gate_json *value, void *state) {
    (void)name;
    bool *blank = state;
    *blank = is_blank(value);
    return *blank;
}

/* Nothing in it but empty messages and texts, as SDKs send them for what was not given. */
static bool is_blank(const gate_json *json) {
    bool blank = gate_json_is_null(json) || gate_text_equal(gate_json_text(json), "") ||
                 (gate_json_is_array(json) && gate_json_length(json) == 0);
    if (gate_json_is_object(json)) {
        blank = true;
        gate_json_each(json, visit_blank, &blank);
    }
    return blank;
}

/* The credentials of an app are given to Scalekit by the person whose they are, never to us. */
static enum gate_err check_no_credentials(struct gate_request *request) {
    const char *text;
    size_t length;
    const gate_json *account;
    if (gate_json_is_null(gate_json_member(request->json, "connected_account"))) {
        return GATE_OK;
    }
    enum gate_err err = gate_json_raw_member(request->body, request->body_length,
                                             "connected_account", &text, &length);
    if (err == GATE_OK) {
        err = gate_json_parse(request->ctx, text, length, &account);
    }
    if (err == GATE_OK && !(gate_json_is_object(account) && is_blank(account))) {
        err = gate_fail(request->ctx, GATE_ERR_INPUT,
                        "connected_account must be empty: this portal takes no credentials and no "
                        "api_config. Its user gives them at the link that magic_link answers.");
    }
    return err;
}

void gate_api_account_create_handle(struct gate_request *request) {
    static const char *const known[] = {"connector", "identifier", "connected_account", NULL};
    struct operation *operation = make_operation(request, 201);
    enum gate_err err = gate_members_check_known(request, known);
    if (err == GATE_OK) {
        err = gate_members_read_field(request, "connector", GATE_CONNECTION_NAME_MAX_BYTES,
                                      &operation->choice.connection_name);
    }
    if (err == GATE_OK && operation->choice.connection_name == NULL) {
        err = gate_fail(request->ctx, GATE_ERR_INPUT, "connector is missing.");
    }
    if (err == GATE_OK) {
        err = check_no_credentials(request);
    }
    if (err != GATE_OK) {
        gate_request_fail(request, err);
        return;
    }
    gate_portal_account_create(request->ctx, request->web->options.portal, &request->caller,
                               operation->choice.connection_name, &operation->connector,
                               finish_account, operation);
}

/* ---- the link ---- */

/* Without `expiry`: the portal's page stands there for as long as the connection is offered. */
static void finish_link(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)ctx;
    struct operation *operation = state;
    if (err != GATE_OK) {
        gate_request_fail(operation->request, err);
        return;
    }
    struct gate_json_writer writer;
    begin_answer(operation->request, 200, &writer);
    gate_json_write_text(&writer, "link", operation->link);
    end_answer(operation->request, &writer);
}

/* Scalekit's `state` comes back to whoever verifies the user, which is the portal, by a state of
 * its own. */
void gate_api_magic_link_handle(struct gate_request *request) {
    static const char *const known[] = {"connector",       "identifier", "id",
                                        "user_verify_url", "state",      NULL};
    struct operation *operation = make_operation(request, 200);
    const char *unused;
    enum gate_err err = gate_members_check_known(request, known);
    if (err == GATE_OK) {
        err = read_choice(request, &operation->link_wish.choice);
    }
    if (err == GATE_OK) {
        err = gate_members_read_field(request, "user_verify_url", GATE_RETURN_TO_MAX_BYTES,
                                      &operation->link_wish.return_to);
    }
    if (err == GATE_OK) {
        err = gate_members_read_field(request, "state", GATE_RETURN_TO_MAX_BYTES, &unused);
    }
    if (err != GATE_OK) {
        gate_request_fail(request, err);
        return;
    }
    gate_portal_account_link_make(request->ctx, request->web->options.portal, &request->caller,
                                  &operation->link_wish, &operation->link, finish_link, operation);
}

/* ---- ending one ---- */

/* The id stands in the path, or in the body where the path has "-" for it. */
static enum gate_err read_disconnect_choice(struct gate_request *request,
                                            struct gate_account_choice *choice) {
    static const char *const known[] = {"id", "identifier", NULL};
    const char *path_id = request->route_value;
    const char *body_id = NULL;
    enum gate_err err = gate_members_check_known(request, known);
    if (err == GATE_OK) {
        err = gate_members_read_field(request, "id", GATE_ACCOUNT_ID_MAX_BYTES, &body_id);
    }
    if (err != GATE_OK) {
        return err;
    }
    bool is_in_body = gate_text_equal(path_id, ID_IN_BODY);
    if (!is_in_body && body_id != NULL && !gate_text_equal(body_id, path_id)) {
        return gate_fail(request->ctx, GATE_ERR_INPUT,
                         "The id in the body is another one than in the address.");
    }
    choice->account_id = is_in_body ? body_id : path_id;
    return GATE_OK;
}

void gate_api_account_disconnect_handle(struct gate_request *request) {
    struct operation *operation = make_operation(request, 200);
    enum gate_err err = read_disconnect_choice(request, &operation->choice);
    if (err != GATE_OK) {
        gate_request_fail(request, err);
        return;
    }
    gate_portal_account_disconnect(request->ctx, request->web->options.portal, &request->caller,
                                   &operation->choice, &operation->connector, finish_account,
                                   operation);
}

static void finish_delete(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)ctx;
    struct operation *operation = state;
    if (err != GATE_OK) {
        gate_request_fail(operation->request, err);
        return;
    }
    struct gate_json_writer writer;
    begin_answer(operation->request, 200, &writer);
    end_answer(operation->request, &writer);
}

void gate_api_account_delete_handle(struct gate_request *request) {
    static const char *const known[] = {"connector", "identifier", "id", NULL};
    struct operation *operation = make_operation(request, 200);
    enum gate_err err = gate_members_check_known(request, known);
    if (err == GATE_OK) {
        err = read_choice(request, &operation->choice);
    }
    if (err != GATE_OK) {
        gate_request_fail(request, err);
        return;
    }
    gate_portal_account_delete(request->ctx, request->web->options.portal, &request->caller,
                               &operation->choice, finish_delete, operation);
}
