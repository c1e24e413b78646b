#include "portal/session.h"
#include "view/templates.gen.h"
#include "web/page.h"
#include "web/pages/pages.h"
#include "web/route.h"
#include "web/state.h"

struct signout {
    struct gate_request *request;
    const char *logout_url;
};

/* ---- POST /signout ---- */

static void send_away(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct signout *signout = state;
    struct gate_request *request = signout->request;
    if (err != GATE_OK) {
        /* The session is still there, so the cookie stays: saying "signed out" would be a lie. */
        gate_request_fail(request, err);
        return;
    }
    gate_cookie_set(request, gate_cookie_name(request, "session"), "", -1);
    gate_response_redirect(&request->response, ctx->arena,
                           signout->logout_url != NULL ? signout->logout_url : "/signed-out");
    gate_request_finish(request);
}

void gate_page_signout_handle(struct gate_request *request) {
    struct signout *signout = gate_arena_make(request->ctx->arena, struct signout);
    signout->request = request;
    gate_portal_session_end(request->ctx, request->web->options.portal, &request->caller,
                            &signout->logout_url, send_away, signout);
}

/* ---- GET /signed-out ---- */

void gate_page_signed_out_handle(struct gate_request *request) {
    struct gate_page page = gate_page_begin(request, GATE_TPL_SIGNED_OUT, "Signed out");
    gate_view_set(page.body, GATE_M_SIGNED_OUT_SIGNIN_URL, "/signin?go=1");
    gate_page_finish(request, &page, 200);
}
