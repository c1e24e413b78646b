#include "web/page.h"

#include <stdio.h>
#include <string.h>

#include "core/encoding.h"
#include "core/text.h"
#include "portal/session.h"
#include "view/templates.gen.h"
#include "web/route.h"
#include "web/state.h"

#define BRAND "Gatehouse"
#define STYLE_URL "/static/portal.css"
#define SCRIPT_URL "/static/portal.js"
#define NOTICE_MAX_AGE_S 60

struct notice_row {
    const char *word; /* what the cookie holds */
    const char *kind;
    const char *format; /* takes the connection's name */
};

static const struct notice_row notice_rows[GATE_NOTICE_COUNT_] = {
    [GATE_NOTICE_NONE] = {"", NULL, NULL},
    [GATE_NOTICE_CONNECTED] = {"connected", "success", "%s is connected. You can use it now."},
    [GATE_NOTICE_DISCONNECTED] = {"disconnected", "success",
                                  "%s is disconnected. Nothing can use it until you reconnect it."},
    [GATE_NOTICE_REMOVED] = {"removed", "success",
                             "%s is removed. You can connect it again at any time."},
    [GATE_NOTICE_REFUSED] = {"refused", "info",
                             "%s was not connected, because you did not allow it. Nothing was "
                             "changed. You can try again whenever you like."},
    [GATE_NOTICE_STILL_WAITING] = {"waiting", "info",
                                   "%s is not connected yet. Choose Connect to finish."},
    [GATE_NOTICE_TRY_AGAIN] = {"later", "problem",
                               "%s could not be reached just now. Nothing was changed. Please try "
                               "again in a moment."},
    [GATE_NOTICE_KEY_REVOKED] = {"revoked", "success",
                                 "The access key “%s” is revoked. It no longer works anywhere."},
};

static void show_notice(struct gate_request *request, gate_view_dict *shell) {
    const char *cookie_name = gate_cookie_name(request, "notice");
    const char *cookie = gate_request_cookie(request, cookie_name);
    const char *dot = cookie == NULL ? NULL : strchr(cookie, '.');
    if (dot == NULL) {
        return;
    }
    gate_cookie_set(request, cookie_name, "", -1);
    char *name;
    if (gate_percent_parse(request->ctx->arena, dot + 1, strlen(dot + 1), 0, &name) != GATE_OK ||
        strlen(name) > GATE_CONNECTION_NAME_MAX_BYTES) {
        return;
    }
    for (int i = GATE_NOTICE_NONE + 1; i < GATE_NOTICE_COUNT_; i++) {
        const struct notice_row *row = &notice_rows[i];
        if (strlen(row->word) != (size_t)(dot - cookie) ||
            memcmp(row->word, cookie, (size_t)(dot - cookie)) != 0) {
            continue;
        }
        const char *at = strstr(row->format, "%s");
        gate_view_dict *notice = gate_view_add_section(shell, GATE_M_LAYOUT_NOTICE);
        gate_view_set(notice, GATE_M_LAYOUT_NOTICE_KIND, row->kind);
        gate_view_set(notice, GATE_M_LAYOUT_NOTICE_TEXT,
                      gate_arena_printf(request->ctx->arena, "%.*s%s%s", (int)(at - row->format),
                                        row->format, name, at + 2));
    }
}

void gate_page_leave_notice(struct gate_request *request, enum gate_notice notice,
                            const char *connection_name) {
    gate_arena *arena = request->ctx->arena;
    if (notice == GATE_NOTICE_NONE) {
        return;
    }
    const char *name = connection_name == NULL ? "The connector" : connection_name;
    gate_cookie_set(request, gate_cookie_name(request, "notice"),
                    gate_arena_printf(arena, "%s.%s", notice_rows[notice].word,
                                      gate_percent_format(arena, name)),
                    NOTICE_MAX_AGE_S);
}

static void show_person(struct gate_request *request, gate_view_dict *shell) {
    const struct gate_caller *caller = &request->caller;
    const char *path = request->path == NULL ? "" : request->path;
    if (caller->kind != GATE_CALLER_BROWSER) {
        return;
    }
    const char *name =
        gate_text_is_empty(caller->user.name) ? caller->user.email : caller->user.name;
    gate_view_dict *person = gate_view_add_section(shell, GATE_M_LAYOUT_SIGNED_IN);
    gate_view_set(person, GATE_M_LAYOUT_PERSON_NAME,
                  gate_text_is_empty(name) ? caller->user.identifier : name);
    gate_view_set(person, GATE_M_LAYOUT_PERSON_EMAIL, caller->user.email);
    gate_view_set(person, GATE_M_LAYOUT_SIGNOUT_URL, "/signout");
    gate_view_set(person, GATE_M_LAYOUT_CONNECTORS_URL, "/");
    gate_view_set(person, GATE_M_LAYOUT_TOKENS_URL, "/tokens");
    if (gate_text_starts_with(path, "/tokens")) {
        gate_view_show_section(person, GATE_M_LAYOUT_AT_TOKENS);
    } else if (strcmp(path, "/") == 0 || gate_text_starts_with(path, "/connect")) {
        gate_view_show_section(person, GATE_M_LAYOUT_AT_CONNECTORS);
    }
    gate_view_set(shell, GATE_M_LAYOUT_CSRF,
                  gate_portal_csrf_make(request->ctx->arena, request->web->options.portal, caller));
}

struct gate_page gate_page_begin(struct gate_request *request, const char *template_name,
                                 const char *title) {
    gate_view_dict *shell = gate_view_dict_make(request->ctx->arena);
    gate_view_set(shell, GATE_M_LAYOUT_TITLE, title);
    gate_view_set(shell, GATE_M_LAYOUT_BRAND, BRAND);
    gate_view_set(shell, GATE_M_LAYOUT_STYLE_URL, STYLE_URL);
    gate_view_set(shell, GATE_M_LAYOUT_SCRIPT_URL, SCRIPT_URL);
    show_person(request, shell);
    show_notice(request, shell);
    return (struct gate_page){
        .shell = shell,
        .body = gate_view_add_include(shell, GATE_M_LAYOUT_BODY, template_name),
    };
}

void gate_page_finish(struct gate_request *request, const struct gate_page *page, int status) {
    struct gate_response *response = &request->response;
    gate_response_begin(response, request->ctx->arena, status, "text/html; charset=utf-8");
    enum gate_err err = gate_view_render(request->ctx, request->web->options.view, GATE_TPL_LAYOUT,
                                         page->shell, &response->body);
    if (err != GATE_OK) {
        /* Without templates there is no page to say it with. */
        gate_response_begin(response, request->ctx->arena, 500, "text/plain; charset=utf-8");
        gate_buffer_printf(&response->body,
                           "This page cannot be shown right now. Please try again later.\n"
                           "If you ask for help, quote %s\n",
                           request->ctx->request_id);
    }
    gate_request_finish(request);
}

void gate_page_problem(struct gate_request *request, int status, const char *heading,
                       const char *what_it_means, const char *action_url,
                       const char *action_label) {
    struct gate_page page = gate_page_begin(request, GATE_TPL_PROBLEM, heading);
    gate_view_set(page.body, GATE_M_PROBLEM_HEADING, heading);
    gate_view_set(page.body, GATE_M_PROBLEM_WHAT_IT_MEANS, what_it_means);
    gate_view_set(page.body, GATE_M_PROBLEM_REQUEST_ID, request->ctx->request_id);
    if (action_url != NULL) {
        gate_view_dict *action = gate_view_add_section(page.body, GATE_M_PROBLEM_ACTION);
        gate_view_set(action, GATE_M_PROBLEM_ACTION_URL, action_url);
        gate_view_set(action, GATE_M_PROBLEM_ACTION_LABEL, action_label);
    }
    gate_page_finish(request, &page, status);
}

const char *gate_page_relative_time(gate_arena *arena, int64_t then_ms, int64_t now_ms) {
    static const struct {
        int64_t seconds;
        const char *one;
        const char *many;
    } units[] = {
        {365 * 86400, "1 year ago", "%lld years ago"},
        {30 * 86400, "1 month ago", "%lld months ago"},
        {86400, "1 day ago", "%lld days ago"},
        {3600, "1 hour ago", "%lld hours ago"},
        {60, "1 minute ago", "%lld minutes ago"},
    };
    int64_t seconds = (now_ms - then_ms) / 1000;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        long long count = seconds / units[i].seconds;
        if (count == 1) {
            return units[i].one;
        }
        if (count > 1) {
            char text[32];
            snprintf(text, sizeof text, "%lld", count);
            return gate_arena_printf(arena, "%s%s", text, strchr(units[i].many, ' '));
        }
    }
    return "just now";
}
