#include <stdio.h>

#include "web/page.h"
#include "web/state.h"

/* Browsers take __Host- names only over https (RFC 6265bis section 4.1.3.2). */
const char *gate_cookie_name(const struct gate_request *request, const char *name) {
    bool is_https = request->web->options.config->public_is_https;
    return gate_arena_printf(request->ctx->arena, "%s%s", is_https ? "__Host-" : "gatehouse-",
                             name);
}

void gate_cookie_set(struct gate_request *request, const char *full_name, const char *value,
                     int64_t max_age_s) {
    gate_arena *arena = request->ctx->arena;
    bool is_https = request->web->options.config->public_is_https;
    char age[48] = "";
    if (max_age_s != 0) {
        snprintf(age, sizeof age, "; Max-Age=%lld", (long long)(max_age_s < 0 ? 0 : max_age_s));
    }
    gate_response_header_add(&request->response, arena, "Set-Cookie",
                             gate_arena_printf(arena, "%s=%s; Path=/; HttpOnly; SameSite=Lax%s%s",
                                               full_name, max_age_s < 0 ? "" : value,
                                               is_https ? "; Secure" : "", age));
}
