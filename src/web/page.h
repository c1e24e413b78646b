/* Pages: the shell around every one of them, and the cookies they live by.
 *
 * Threads: confined with the request. Errors: a template that cannot be rendered ends in a plain
 * 500.
 */
#ifndef GATE_WEB_PAGE_H
#define GATE_WEB_PAGE_H

#include "view/view.h"
#include "web/request.h"

struct gate_page {
    gate_view_dict *shell; /* layout.tpl */
    gate_view_dict *body;  /* the page's own template, included at BODY */
};

/* Begin a page for this request: shell with brand, the signed-in person if any, CSRF token and a
 * notice if one is waiting in the notice cookie (which is then cleared). */
struct gate_page gate_page_begin(struct gate_request *request, const char *template_name,
                                 const char *title);

/* Render with a status and finish the request. */
void gate_page_finish(struct gate_request *request, const struct gate_page *page, int status);

/* Leave a notice for the next page: one of the closed list in page.c, plus the name of a connection
 * for its text, or NULL. Carried in a short-lived cookie; text is never taken from a URL. */
enum gate_notice {
    GATE_NOTICE_NONE,
    GATE_NOTICE_CONNECTED,
    GATE_NOTICE_DISCONNECTED,
    GATE_NOTICE_REMOVED,
    GATE_NOTICE_REFUSED,       /* the person said no on the provider's page */
    GATE_NOTICE_STILL_WAITING, /* came back without finishing */
    GATE_NOTICE_TRY_AGAIN,     /* Scalekit could not be reached */
    GATE_NOTICE_KEY_REVOKED,   /* the name is that of an access key */
    GATE_NOTICE_COUNT_,
};
void gate_page_leave_notice(struct gate_request *request, enum gate_notice notice,
                            const char *connection_name);

/* A page of plain words for what a person may meet: heading, what it means, one way on. */
void gate_page_problem(struct gate_request *request, int status, const char *heading,
                       const char *what_it_means, const char *action_url, const char *action_label);

/* "__Host-name" on https, the bare "gatehouse-name" on loopback http (where __Host- is not
 * accepted). */
const char *gate_cookie_name(const struct gate_request *request, const char *name);

/* Set or, with max_age_s < 0, delete a cookie: Path=/, HttpOnly, SameSite=Lax, Secure on https. 0:
 * until the browser ends. `name` is already full. */
void gate_cookie_set(struct gate_request *request, const char *full_name, const char *value,
                     int64_t max_age_s);

/* "3 minutes ago", for people; both in wall milliseconds. */
const char *gate_page_relative_time(gate_arena *arena, int64_t then_ms, int64_t now_ms);

#endif
