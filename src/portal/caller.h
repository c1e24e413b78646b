/* Who is calling, as proven by a session or a token; never by anything else in a request.
 *
 * Owner: strings live in the request's arena. Threads: confined.
 */
#ifndef GATE_PORTAL_CALLER_H
#define GATE_PORTAL_CALLER_H

#include <stdbool.h>

#include "store/session.h"
#include "store/token.h"
#include "store/user.h"

struct gate_bearer;

enum gate_caller_kind {
    GATE_CALLER_NOBODY,
    GATE_CALLER_BROWSER,        /* a session cookie; `user` and `session` are set */
    GATE_CALLER_PERSONAL_TOKEN, /* `token` and its owner in `user` */
    GATE_CALLER_SERVICE_TOKEN,  /* `token`; `user` only once a user was named and allowed */
};

struct gate_caller {
    enum gate_caller_kind kind;
    bool has_user;
    struct gate_user user;
    struct gate_session session;
    struct gate_token token;
    const struct gate_bearer *bearer; /* NULL: the token itself was shown; else `token` is the one
                                         behind it, with no more scopes and time than it has */
};

#endif
