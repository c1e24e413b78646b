#include <string.h>

#include "core/text.h"
#include "portal/connecting.h"
#include "portal/connectors.h"
#include "portal/return_target.h"
#include "view/templates.gen.h"
#include "web/page.h"
#include "web/pages/connector_problem.h"
#include "web/pages/connector_words.h"
#include "web/pages/pages.h"
#include "web/route.h"
#include "web/state.h"

/* Browsers cut longer ones to 400 days anyway. */
#define BROWSER_COOKIE_MAX_AGE_S ((int64_t)400 * 24 * 60 * 60)

static void refuse_return_to(struct gate_request *request, const char *connection_name) {
    gate_page_problem(request, 400, "That link does not work",
                      "It asks to send you to an address that this portal does not send people to. "
                      "Nothing was changed. You can connect from here instead.",
                      gate_connector_page_path(request->ctx->arena, connection_name),
                      "See the connector");
}

/* Send the browser on. A notice is for pages of ours only. */
static void go_on(struct gate_request *request, const char *return_to, enum gate_notice notice,
                  const char *display_name) {
    const char *target = return_to == NULL ? "/" : return_to;
    if (target[0] == '/') {
        gate_page_leave_notice(request, notice, display_name);
    }
    gate_response_redirect(&request->response, request->ctx->arena, target);
    gate_request_finish(request);
}

/* ---- GET /connect/{connection}: what is going to happen ---- */

struct deep_link {
    struct gate_request *request;
    const char *return_to; /* checked; NULL: none asked for */
    struct gate_connector_details details;
};

/* "https://agent.example/a/b" is https://agent.example to a person. */
static const char *describe_target(gate_arena *arena, const char *return_to) {
    if (return_to == NULL) {
        return "Your connectors, on this portal.";
    }
    const char *host = strstr(return_to, "://");
    if (return_to[0] == '/' || host == NULL) {
        return "Where you were, on this portal.";
    }
    size_t length = (size_t)(host - return_to) + 3;
    length += strcspn(return_to + length, "/?#");
    return gate_arena_printf(arena, "%.*s, where you came from.", (int)length, return_to);
}

static const char *choose_heading(enum gate_connector_state state) {
    switch (state) {
    case GATE_CONNECTOR_CONNECTED:
        return GATE_M_CONNECT_ALREADY;
    case GATE_CONNECTOR_NEVER:
    case GATE_CONNECTOR_WAITING:
        return GATE_M_CONNECT_FIRST_TIME;
    default:
        return GATE_M_CONNECT_AGAIN;
    }
}

static void show_actions(gate_view_dict *body, gate_arena *arena, const struct deep_link *link) {
    const struct gate_connector *connector = &link->details.connector;
    bool is_connected = connector->state == GATE_CONNECTOR_CONNECTED;
    gate_view_set(body, GATE_M_CONNECT_ACTION_URL,
                  gate_connector_connect_path(arena, connector->name));
    gate_view_set(body, GATE_M_CONNECT_ACTION_LABEL,
                  gate_arena_printf(arena, is_connected ? "Connect %s again" : "Connect %s",
                                    connector->display_name));
    gate_view_set(body, GATE_M_CONNECT_ACTION_CLASS, is_connected ? "secondary" : "primary");
    gate_view_set(body, GATE_M_CONNECT_RETURN_TO, link->return_to);
    gate_view_set(body, GATE_M_CONNECT_CANCEL_URL, link->return_to == NULL ? "/" : link->return_to);
    const char *back = link->return_to == NULL ? "See all connectors" : "Go back";
    gate_view_set(body, GATE_M_CONNECT_CANCEL_LABEL, is_connected ? back : "Not now");
}

static void show_deep_link(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct deep_link *link = state;
    struct gate_request *request = link->request;
    const struct gate_connector *connector = &link->details.connector;
    if (err == GATE_OK && connector->state == GATE_CONNECTOR_NOT_OFFERED) {
        err = GATE_ERR_NOT_FOUND;
    }
    if (err != GATE_OK) {
        gate_connector_page_fail(
            request, err,
            gate_connector_deep_link_path(ctx->arena, request->route_value, link->return_to));
        return;
    }
    const struct gate_connector_tile tile = gate_connector_tile_make(ctx->arena, connector);
    struct gate_page page =
        gate_page_begin(request, GATE_TPL_CONNECT,
                        gate_arena_printf(ctx->arena, "Connect %s", connector->display_name));
    gate_view_set(page.body, GATE_M_CONNECT_NAME, connector->display_name);
    gate_view_set(page.body, GATE_M_CONNECT_INITIALS, tile.initials);
    gate_view_set_integer(page.body, GATE_M_CONNECT_TINT, tile.tint);
    gate_view_show_section(page.body, choose_heading(connector->state));
    gate_view_set(page.body, GATE_M_CONNECT_WHAT_FOR,
                  gate_arena_printf(ctx->arena,
                                    "%s, in your name, through the agents and services you use.",
                                    connector->purpose));
    gate_view_set(page.body, GATE_M_CONNECT_COME_BACK_TO,
                  describe_target(ctx->arena, link->return_to));
    show_actions(page.body, ctx->arena, link);
    gate_page_finish(request, &page, 200);
}

void gate_page_connect_deep_link_handle(struct gate_request *request) {
    struct deep_link *link = gate_arena_make(request->ctx->arena, struct deep_link);
    const char *return_to = gate_request_query(request, "return_to");
    link->request = request;
    if (!gate_text_is_empty(return_to) &&
        gate_portal_return_target_check(request->ctx->arena, request->web->options.config,
                                        return_to, &link->return_to) != GATE_OK) {
        refuse_return_to(request, request->route_value);
        return;
    }
    gate_portal_connector_find(request->ctx, request->web->options.portal, &request->caller,
                               request->route_value, &link->details, show_deep_link, link);
}

/* ---- POST /connectors/{connection}/connect: off to the provider ---- */

struct departure {
    struct gate_request *request;
    struct gate_connecting_start start;
};

static void depart(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct departure *departure = state;
    struct gate_request *request = departure->request;
    if (err == GATE_ERR_INPUT) {
        refuse_return_to(request, request->route_value);
        return;
    }
    if (err != GATE_OK) {
        gate_connector_page_fail(
            request, err,
            gate_connector_deep_link_path(ctx->arena, request->route_value,
                                          gate_request_form(request, "return_to")));
        return;
    }
    gate_cookie_set(request, gate_cookie_name(request, "browser"),
                    departure->start.browser_cookie_value, BROWSER_COOKIE_MAX_AGE_S);
    if (departure->start.link == NULL) {
        go_on(request, departure->start.return_to, GATE_NOTICE_CONNECTED,
              departure->start.display_name);
        return;
    }
    gate_response_redirect(&request->response, ctx->arena, departure->start.link);
    gate_request_finish(request);
}

void gate_page_connect_handle(struct gate_request *request) {
    struct departure *departure = gate_arena_make(request->ctx->arena, struct departure);
    departure->request = request;
    gate_portal_connecting_begin(request->ctx, request->web->options.portal, &request->caller,
                                 request->route_value, gate_request_form(request, "return_to"),
                                 gate_request_cookie(request, gate_cookie_name(request, "browser")),
                                 &departure->start, depart, departure);
}

/* ---- GET /connect/callback: back from the provider ---- */

struct arrival {
    struct gate_request *request;
    struct gate_connecting_answer answer;
    struct gate_connecting_result result;
};

/* Where the next step leads. */
enum next_step { NEXT_START_AGAIN, NEXT_LOOK, NEXT_ALL };

struct outcome_page {
    int status; /* 0: no page of its own */
    const char *heading;
    const char *what_it_means;
    enum next_step next;
};

static const struct outcome_page outcome_pages[GATE_CONNECTING_OUTCOME_COUNT_] = {
    [GATE_CONNECTING_UNKNOWN] = {404, "That link does not work",
                                 "It does not belong to anything that was begun here, or that was "
                                 "very long ago. Nothing was connected. Please start again.",
                                 NEXT_ALL},
    [GATE_CONNECTING_EXPIRED] = {410, "That took too long",
                                 "For your safety, connecting has to be finished within a few "
                                 "minutes. Nothing was connected. Please start again.",
                                 NEXT_START_AGAIN},
    [GATE_CONNECTING_REPLAYED] =
        {409, "This was finished before",
         "Each attempt to connect counts once, and this one was used. Look "
         "at the connector to see how it is now.",
         NEXT_LOOK},
    [GATE_CONNECTING_OTHER_BROWSER] =
        {403, "Please stay in one browser",
         "You began to connect in another browser, or this one has forgotten it. For your safety "
         "nothing was connected. Please start again here.",
         NEXT_START_AGAIN},
    [GATE_CONNECTING_OTHER_USER] =
        {403, "Somebody else began this",
         "You are signed in as another person than the one who began to connect. For the safety of "
         "both, nothing was connected. Start from your own connectors.",
         NEXT_ALL},
    [GATE_CONNECTING_MISMATCH] =
        {403, "This was allowed by somebody else",
         "Whoever gave access is not who asked for it here, so nothing was "
         "connected. Please start again yourself.",
         NEXT_START_AGAIN},
    [GATE_CONNECTING_GONE] = {410, "This cannot be finished any more",
                              "The access you gave was taken up before, or it was too long ago. "
                              "Please start again.",
                              NEXT_START_AGAIN},
    [GATE_CONNECTING_UNREACHABLE] =
        {503, "It could not be finished just now",
         "You allowed it, but the service that keeps your connections did not answer, so nothing "
         "was connected. Please try again in a moment.",
         NEXT_START_AGAIN},
    [GATE_CONNECTING_UNCONFIRMED] =
        {503, "We cannot tell yet whether it is connected",
         "You allowed it, but we could not check how it ended. Look at the connector in a moment.",
         NEXT_LOOK},
};

static void show_outcome(struct gate_request *request,
                         const struct gate_connecting_result *result) {
    const struct outcome_page *page = &outcome_pages[result->outcome];
    gate_arena *arena = request->ctx->arena;
    const char *url = "/";
    const char *label = "See your connectors";
    if (result->connection_name != NULL && page->next == NEXT_START_AGAIN) {
        url = gate_connector_deep_link_path(arena, result->connection_name, result->return_to);
        label = "Start again";
    } else if (result->connection_name != NULL && page->next == NEXT_LOOK) {
        url = gate_connector_page_path(arena, result->connection_name);
        label = "See the connector";
    }
    gate_page_problem(request, page->status, page->heading, page->what_it_means, url, label);
}

static void arrive(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct arrival *arrival = state;
    struct gate_request *request = arrival->request;
    const struct gate_connecting_result *result = &arrival->result;
    if (err != GATE_OK) {
        gate_connector_page_fail(request, err, NULL);
        return;
    }
    switch (result->outcome) {
    case GATE_CONNECTING_CONNECTED:
        go_on(request, result->return_to, GATE_NOTICE_CONNECTED, result->display_name);
        return;
    case GATE_CONNECTING_REFUSED:
        go_on(request, gate_connector_page_path(ctx->arena, result->connection_name),
              GATE_NOTICE_REFUSED, result->display_name);
        return;
    case GATE_CONNECTING_WAITING:
        go_on(request, gate_connector_page_path(ctx->arena, result->connection_name),
              GATE_NOTICE_STILL_WAITING, result->display_name);
        return;
    default:
        show_outcome(request, result);
        return;
    }
}

void gate_page_connect_callback_handle(struct gate_request *request) {
    struct arrival *arrival = gate_arena_make(request->ctx->arena, struct arrival);
    arrival->request = request;
    arrival->answer = (struct gate_connecting_answer){
        .state = gate_request_query(request, "state"),
        .auth_request_id = gate_request_query(request, "auth_request_id"),
        .error = gate_request_query(request, "error"),
        .browser_cookie_value = gate_request_cookie(request, gate_cookie_name(request, "browser")),
    };
    gate_portal_connecting_finish(request->ctx, request->web->options.portal, &request->caller,
                                  &arrival->answer, &arrival->result, arrive, arrival);
}
