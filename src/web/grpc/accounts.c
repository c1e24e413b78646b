#include "portal/account_create.h"
#include "portal/account_end.h"
#include "portal/account_link.h"
#include "portal/account_list.h"
#include "portal/account_owner.h"
#include "web/grpc/call.h"
#include "web/grpc/grpc.h"
#include "web/route.h"
#include "web/state.h"

#define TEXT_MAX_BYTES 128
#define PAGE_TOKEN_MAX_BYTES 1024

/* One call about one account. */
struct operation {
    struct gate_request *request;
    struct gate_account_link_wish wish; /* of which all but the link takes the choice alone */
    struct gate_connector connector;
    const char *link;
};

struct listing {
    struct gate_request *request;
    struct gate_account_query query;
    struct gate_account_page page;
    struct gate_scalekit_accounts_query wide_query; /* when no user is named */
    struct gate_scalekit_accounts_page wide_page;
};

/* ---- as Scalekit writes it ---- */

/* Field by field, and none that could hold a credential is among them. */
static pb_account *make_account(const struct gate_request *request,
                                const struct gate_connector *connector) {
    gate_arena *arena = request->ctx->arena;
    const struct gate_account *from = &connector->account;
    pb_account *account = gate_arena_make(arena, pb_account);
    scalekit__v1__connected_accounts__connected_account__init(account);
    account->identifier = gate_message_text(request->caller.user.identifier);
    account->provider = gate_message_text(connector->provider);
    account->status = (Scalekit__V1__ConnectedAccounts__ConnectorStatus)gate_message_find_enum(
        &scalekit__v1__connected_accounts__connector_status__descriptor,
        gate_account_status_name(from->status));
    account->authorization_type =
        (Scalekit__V1__ConnectedAccounts__ConnectorType)gate_message_find_enum(
            &scalekit__v1__connected_accounts__connector_type__descriptor,
            from->authorization_type);
    account->token_expires_at = gate_message_make_time(arena, from->token_expires_at);
    account->updated_at = gate_message_make_time(arena, from->updated_at);
    account->last_used_at = gate_message_make_time(arena, connector->last_used_at);
    account->connector = gate_message_text(connector->name);
    account->id = gate_message_text(from->scalekit_id);
    return account;
}

static pb_listed_account *make_listed_account(const struct gate_request *request,
                                              const struct gate_connector *connector) {
    const pb_account *from = make_account(request, connector);
    pb_listed_account *account = gate_arena_make(request->ctx->arena, pb_listed_account);
    scalekit__v1__connected_accounts__connected_account_for_list__init(account);
    account->identifier = from->identifier;
    account->provider = from->provider;
    account->status = from->status;
    account->authorization_type = from->authorization_type;
    account->token_expires_at = from->token_expires_at;
    account->updated_at = from->updated_at;
    account->last_used_at = from->last_used_at;
    account->connector = from->connector;
    account->id = from->id;
    return account;
}

/* ---- lists ---- */

static void finish_list(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct listing *listing = state;
    const struct gate_account_page *page = &listing->page;
    if (err != GATE_OK) {
        gate_request_fail(listing->request, err);
        return;
    }
    pb_list_accounts_response output;
    scalekit__v1__connected_accounts__list_connected_accounts_response__init(&output);
    output.connected_accounts =
        gate_arena_alloc_array(ctx->arena, page->count, sizeof *output.connected_accounts);
    output.n_connected_accounts = page->count;
    for (size_t i = 0; i < page->count; i++) {
        output.connected_accounts[i] = make_listed_account(listing->request, &page->items[i]);
    }
    output.next_page_token = gate_message_text(page->next_page_token);
    output.total_size = (uint32_t)page->total;
    gate_grpc_finish(listing->request, &output.base);
}

static enum gate_err read_query(struct gate_request *request, const pb_list_accounts_request *input,
                                struct gate_account_query *query) {
    enum gate_err err = gate_grpc_check_scope(request, input->organization_id, input->user_id);
    if (err == GATE_OK) {
        err = gate_grpc_read_text(request, "connector", input->connector,
                                  GATE_CONNECTION_NAME_MAX_BYTES, &query->connection_name);
    }
    if (err == GATE_OK) {
        err = gate_grpc_read_texts(request, "connection_names", input->connection_names,
                                   input->n_connection_names, GATE_CONNECTION_NAME_MAX_BYTES,
                                   &query->connection_names);
    }
    if (err == GATE_OK) {
        err = gate_grpc_read_text(request, "provider", input->provider, TEXT_MAX_BYTES,
                                  &query->provider);
    }
    if (err == GATE_OK) {
        err = gate_grpc_read_text(request, "query", input->query, TEXT_MAX_BYTES, &query->text);
    }
    if (err == GATE_OK) {
        err = gate_grpc_read_text(request, "page_token", input->page_token, PAGE_TOKEN_MAX_BYTES,
                                  &query->page_token);
    }
    return err != GATE_OK ? err
                          : gate_grpc_read_page_size(request, input->page_size,
                                                     GATE_ACCOUNT_PAGE_MAX, &query->page_size);
}

static pb_listed_account *make_wide_account(gate_arena *arena,
                                            const struct gate_scalekit_account *from) {
    pb_listed_account *account = gate_arena_make(arena, pb_listed_account);
    scalekit__v1__connected_accounts__connected_account_for_list__init(account);
    account->identifier = gate_message_text(from->identifier);
    account->provider = gate_message_text(from->provider);
    account->status = (Scalekit__V1__ConnectedAccounts__ConnectorStatus)gate_message_find_enum(
        &scalekit__v1__connected_accounts__connector_status__descriptor,
        gate_account_status_name(from->status));
    account->authorization_type =
        (Scalekit__V1__ConnectedAccounts__ConnectorType)gate_message_find_enum(
            &scalekit__v1__connected_accounts__connector_type__descriptor,
            from->authorization_type);
    account->token_expires_at = gate_message_make_time(arena, from->token_expires_at_ms);
    account->updated_at = gate_message_make_time(arena, from->updated_at_ms);
    account->last_used_at = gate_message_make_time(arena, from->last_used_at_ms);
    account->connector = gate_message_text(from->connection_name);
    account->id = gate_message_text(from->id);
    account->connection_id = gate_message_text(from->connection_id);
    return account;
}

/* How many there are in all is not said: it would count what was left out. */
static void finish_wide_list(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct listing *listing = state;
    const struct gate_scalekit_accounts_page *page = &listing->wide_page;
    if (err != GATE_OK) {
        gate_request_fail(listing->request, err);
        return;
    }
    pb_list_accounts_response output;
    scalekit__v1__connected_accounts__list_connected_accounts_response__init(&output);
    output.connected_accounts =
        gate_arena_alloc_array(ctx->arena, page->count, sizeof *output.connected_accounts);
    output.n_connected_accounts = page->count;
    for (size_t i = 0; i < page->count; i++) {
        output.connected_accounts[i] = make_wide_account(ctx->arena, &page->items[i]);
    }
    output.next_page_token = gate_message_text(page->next_page_token);
    gate_grpc_finish(listing->request, &output.base);
}

static void list_widely(struct listing *listing) {
    struct gate_request *request = listing->request;
    listing->wide_query = (struct gate_scalekit_accounts_query){
        .connection_name = listing->query.connection_name,
        .connection_names = listing->query.connection_names,
        .provider = listing->query.provider,
        .text = listing->query.text,
        .page_size =
            listing->query.page_size == 0 ? GATE_ACCOUNT_PAGE_DEFAULT : listing->query.page_size,
        .page_token = listing->query.page_token,
    };
    gate_portal_everybodys_accounts_list(request->ctx, request->web->options.portal,
                                         &request->caller, &listing->wide_query,
                                         &listing->wide_page, finish_wide_list, listing);
}

void gate_grpc_list_accounts_handle(struct gate_request *request) {
    struct listing *listing = gate_arena_make(request->ctx->arena, struct listing);
    listing->request = request;
    enum gate_err err = read_query(request, (const pb_list_accounts_request *)request->grpc->input,
                                   &listing->query);
    if (err != GATE_OK) {
        gate_request_fail(request, err);
        return;
    }
    if (!request->caller.has_user) {
        list_widely(listing);
        return;
    }
    gate_portal_accounts_list(request->ctx, request->web->options.portal, &request->caller,
                              &listing->query, &listing->page, finish_list, listing);
}

/* ---- one ---- */

static struct operation *make_operation(struct gate_request *request) {
    struct operation *operation = gate_arena_make(request->ctx->arena, struct operation);
    operation->request = request;
    return operation;
}

static enum gate_err read_choice(struct gate_request *request, const char *connector,
                                 const char *id, struct gate_account_choice *choice) {
    enum gate_err err = gate_grpc_read_text(
        request, "connector", connector, GATE_CONNECTION_NAME_MAX_BYTES, &choice->connection_name);
    return err != GATE_OK ? err
                          : gate_grpc_read_text(request, "id", id, GATE_ACCOUNT_ID_MAX_BYTES,
                                                &choice->account_id);
}

static void finish_details(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)ctx;
    struct operation *operation = state;
    if (err != GATE_OK) {
        gate_request_fail(operation->request, err);
        return;
    }
    pb_account_response output;
    scalekit__v1__connected_accounts__get_connected_account_by_identifier_response__init(&output);
    output.connected_account = make_account(operation->request, &operation->connector);
    gate_grpc_finish(operation->request, &output.base);
}

void gate_grpc_account_details_handle(struct gate_request *request) {
    const pb_account_request *input = (const pb_account_request *)request->grpc->input;
    struct operation *operation = make_operation(request);
    enum gate_err err = gate_grpc_check_scope(request, input->organization_id, input->user_id);
    if (err == GATE_OK) {
        err = read_choice(request, input->connector, input->id, &operation->wish.choice);
    }
    if (err != GATE_OK) {
        gate_request_fail(request, err);
        return;
    }
    gate_portal_account_find(request->ctx, request->web->options.portal, &request->caller,
                             &operation->wish.choice, &operation->connector, finish_details,
                             operation);
}

/* ---- making one ---- */

static void finish_create(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)ctx;
    struct operation *operation = state;
    if (err != GATE_OK) {
        gate_request_fail(operation->request, err);
        return;
    }
    pb_create_account_response output;
    scalekit__v1__connected_accounts__create_connected_account_response__init(&output);
    output.connected_account = make_account(operation->request, &operation->connector);
    gate_grpc_finish(operation->request, &output.base);
}

/* More than an empty message of some kind, which the SDKs send for what was not given. What a newer
 * one calls by a number that is not known here may be a credential as well. */
static bool has_credentials(const pb_authorization_details *details) {
    if (details == NULL || details->base.n_unknown_fields > 0) {
        return details != NULL;
    }
    if (details->details_case ==
        SCALEKIT__V1__CONNECTED_ACCOUNTS__AUTHORIZATION_DETAILS__DETAILS__NOT_SET) {
        return false;
    }
    /* All of the oneof's members are pointers to messages. */
    const ProtobufCMessage *inside = (const ProtobufCMessage *)details->oauth_token;
    return inside != NULL && protobuf_c_message_get_packed_size(inside) > 0;
}

/* The credentials of an app are given to Scalekit by the person whose they are, never to us. */
static enum gate_err check_no_credentials(struct gate_request *request,
                                          const pb_account_wish *wish) {
    if (wish == NULL || (!has_credentials(wish->authorization_details) &&
                         wish->api_config.len == 0 && wish->base.n_unknown_fields == 0)) {
        return GATE_OK;
    }
    return gate_fail(request->ctx, GATE_ERR_INPUT,
                     "This portal takes no credentials and no api_config: the user gives them at "
                     "the link that GetMagicLinkForConnectedAccount answers.");
}

void gate_grpc_create_account_handle(struct gate_request *request) {
    const pb_create_account_request *input =
        (const pb_create_account_request *)request->grpc->input;
    struct operation *operation = make_operation(request);
    struct gate_account_choice *choice = &operation->wish.choice;
    enum gate_err err = gate_grpc_check_scope(request, input->organization_id, input->user_id);
    if (err == GATE_OK) {
        err = read_choice(request, input->connector, "", choice);
    }
    if (err == GATE_OK && choice->connection_name == NULL) {
        err = gate_fail(request->ctx, GATE_ERR_INPUT, "connector is missing.");
    }
    if (err == GATE_OK) {
        err = check_no_credentials(request, input->connected_account);
    }
    if (err != GATE_OK) {
        gate_request_fail(request, err);
        return;
    }
    gate_portal_account_create(request->ctx, request->web->options.portal, &request->caller,
                               choice->connection_name, &operation->connector, finish_create,
                               operation);
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
    pb_link_response output;
    scalekit__v1__connected_accounts__get_magic_link_for_connected_account_response__init(&output);
    output.link = gate_message_text(operation->link);
    gate_grpc_finish(operation->request, &output.base);
}

/* Scalekit's `state` comes back to whoever verifies the user, which is the portal, by a state of
 * its own. */
void gate_grpc_magic_link_handle(struct gate_request *request) {
    const pb_link_request *input = (const pb_link_request *)request->grpc->input;
    struct operation *operation = make_operation(request);
    enum gate_err err = gate_grpc_check_scope(request, input->organization_id, input->user_id);
    if (err == GATE_OK) {
        err = read_choice(request, input->connector, input->id, &operation->wish.choice);
    }
    if (err == GATE_OK) {
        err = gate_grpc_read_text(request, "user_verify_url", input->user_verify_url,
                                  GATE_RETURN_TO_MAX_BYTES, &operation->wish.return_to);
    }
    if (err != GATE_OK) {
        gate_request_fail(request, err);
        return;
    }
    gate_portal_account_link_make(request->ctx, request->web->options.portal, &request->caller,
                                  &operation->wish, &operation->link, finish_link, operation);
}

/* ---- ending one ---- */

static void finish_disconnect(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)ctx;
    struct operation *operation = state;
    if (err != GATE_OK) {
        gate_request_fail(operation->request, err);
        return;
    }
    pb_disconnect_response output;
    scalekit__v1__connected_accounts__disconnect_connected_account_response__init(&output);
    output.connected_account = make_account(operation->request, &operation->connector);
    gate_grpc_finish(operation->request, &output.base);
}

void gate_grpc_disconnect_account_handle(struct gate_request *request) {
    const pb_disconnect_request *input = (const pb_disconnect_request *)request->grpc->input;
    struct operation *operation = make_operation(request);
    enum gate_err err = read_choice(request, "", input->id, &operation->wish.choice);
    if (err != GATE_OK) {
        gate_request_fail(request, err);
        return;
    }
    gate_portal_account_disconnect(request->ctx, request->web->options.portal, &request->caller,
                                   &operation->wish.choice, &operation->connector,
                                   finish_disconnect, operation);
}

static void finish_delete(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)ctx;
    struct operation *operation = state;
    if (err != GATE_OK) {
        gate_request_fail(operation->request, err);
        return;
    }
    pb_delete_account_response output;
    scalekit__v1__connected_accounts__delete_connected_account_response__init(&output);
    gate_grpc_finish(operation->request, &output.base);
}

void gate_grpc_delete_account_handle(struct gate_request *request) {
    const pb_delete_account_request *input =
        (const pb_delete_account_request *)request->grpc->input;
    struct operation *operation = make_operation(request);
    enum gate_err err = gate_grpc_check_scope(request, input->organization_id, input->user_id);
    if (err == GATE_OK) {
        err = read_choice(request, input->connector, input->id, &operation->wish.choice);
    }
    if (err != GATE_OK) {
        gate_request_fail(request, err);
        return;
    }
    gate_portal_account_delete(request->ctx, request->web->options.portal, &request->caller,
                               &operation->wish.choice, finish_delete, operation);
}
